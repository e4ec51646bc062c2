//! Who belongs to a closed network, looked up again while the node runs: whoever adds a node to the list need not start
//! anything anew.

use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;

use crate::domain::{PeerId, Timestamp};
use crate::home::{MemberList, MembershipError, MembershipSource};
use crate::network::{Admission, Network};

/// How often the file is looked at: a person who has changed it waits no longer.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// From when on the expiry of a signed list is told beforehand.
const EXPIRES_SOON: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What a node lets in, given the list.
pub(super) fn admission(list: Option<&MemberList>) -> Admission {
    list.map_or(Admission::Everybody, |list| Admission::Listed(list.nodes.clone()))
}

/// What the owner should know of the list at the start.
pub(super) fn tell(list: Option<&MemberList>, own: PeerId, now: Timestamp) {
    let Some(list) = list else { return };
    tracing::info!(
        nodes = list.nodes.len(),
        "a closed network: nodes that are not on the members list are kept out"
    );
    if !list.nodes.contains(&own) {
        tracing::warn!(
            hint = %format!("add {own} to the list of every node; the others keep this one out until then"),
            "this node is not on its own members list"
        );
    }
    if let Some(mandate) = list.signed
        && mandate.expires.since(now) < EXPIRES_SOON
    {
        tracing::warn!(
            hint = "let its signer sign a new one: formix-p2p members sign FILE --expires 90d",
            "the members list expires soon: {}; nobody is let in from then on",
            mandate.expires
        );
    }
}

/// Looks again and again, and lets in whoever belongs to the network then. Dropping what it gives ends it.
pub(super) fn watch(source: MembershipSource, first: Option<MemberList>, network: &Network) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if source.file.is_some() {
        let mut watcher = Watcher { source, counts: first, complaint: None };
        let admitter = network.admitter();
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(LOOK_AGAIN).await;
                let source = watcher.source.clone();
                let look = move || source.read(SystemTime::now().into());
                let Ok(found) = tokio::task::spawn_blocking(look).await else { return };
                if let Some(admission) = watcher.look(found) {
                    admitter.admit(admission).await;
                }
            }
        });
    }
    tasks
}

struct Watcher {
    source: MembershipSource,
    counts: Option<MemberList>,
    /// What was said last of a file that does not count.
    complaint: Option<MembershipError>,
}

impl Watcher {
    /// What counts from now on, where that has changed.
    fn look(&mut self, found: Result<Option<MemberList>, MembershipError>) -> Option<Admission> {
        let version = |list: &Option<MemberList>| list.as_ref()?.signed.map(|mandate| mandate.version);
        let found = match (found, version(&self.counts)) {
            (Ok(list), Some(known)) if version(&list).is_some_and(|found| found < known) => {
                let (path, found) = (self.source.file.clone().unwrap_or_default(), version(&list).unwrap_or(0));
                Err(MembershipError::Older { path, found, known })
            }
            (found, _) => found,
        };
        match found {
            Ok(list) if list == self.counts => {
                self.complaint = None;
                None
            }
            Ok(list) => {
                self.complaint = None;
                let nodes = list.as_ref().map_or(0, |list| list.nodes.len());
                tracing::info!(nodes, "another members list counts from now on");
                self.counts = list;
                Some(admission(self.counts.as_ref()))
            }
            Err(error) => self.complain(error),
        }
    }

    /// A file that does not count changes nothing, but for one whose time is over.
    fn complain(&mut self, error: MembershipError) -> Option<Admission> {
        if self.complaint.as_ref() == Some(&error) {
            return None;
        }
        let expired = matches!(error, MembershipError::Expired { .. });
        let follows = if expired { "nobody is let in" } else { "the list from before counts on" };
        tracing::error!(hint = %error.hint(), "{error}; {follows}");
        self.complaint = Some(error);
        expired.then(|| {
            let allowed = self.source.allow.iter().copied().collect();
            // The version stays: an older list must not come back.
            if let Some(counts) = &mut self.counts {
                counts.nodes.clone_from(&allowed);
            }
            Admission::Listed(allowed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Mandate;

    fn list(version: u64, nodes: &[u8]) -> MemberList {
        let peer = |seed: &u8| PeerId::from_public_key([*seed; 32]);
        let expires = Timestamp::from_millis(9);
        let mandate = Mandate { signer: peer(&9), version, expires };
        MemberList { nodes: nodes.iter().map(peer).collect(), signed: Some(mandate) }
    }

    fn watcher(counts: MemberList) -> Watcher {
        Watcher { source: MembershipSource::default(), counts: Some(counts), complaint: None }
    }

    #[test]
    fn a_newer_list_counts_and_an_older_one_does_not() {
        let mut watcher = watcher(list(2, &[1]));
        assert_eq!(watcher.look(Ok(Some(list(2, &[1])))), None);
        let newer = list(3, &[1, 2]);
        assert_eq!(watcher.look(Ok(Some(newer.clone()))), Some(Admission::Listed(newer.nodes)));
        assert_eq!(watcher.look(Ok(Some(list(2, &[1, 4])))), None);
        assert!(matches!(watcher.complaint, Some(MembershipError::Older { found: 2, known: 3, .. })));
    }

    #[test]
    fn a_damaged_file_changes_nothing_and_an_expired_one_lets_nobody_in() {
        let mut watcher = watcher(list(2, &[1]));
        let damaged = MembershipError::Altered("members".into());
        assert_eq!(watcher.look(Err(damaged)), None);
        let expired = MembershipError::Expired { path: "members".into(), at: Timestamp::from_millis(9) };
        assert_eq!(watcher.look(Err(expired.clone())), Some(Admission::Listed([].into())));
        assert_eq!(watcher.look(Err(expired)), None, "said once");
        assert_eq!(watcher.look(Ok(Some(list(1, &[1])))), None);
        let renewed = list(3, &[1]);
        assert_eq!(watcher.look(Ok(Some(renewed.clone()))), Some(Admission::Listed(renewed.nodes)));
    }
}
