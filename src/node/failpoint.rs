//! Where a test lets the process of a node die, as `kill -9` does: `FORMIX_DEBUG_FAILPOINT`, which `docs/TESTING.md`
//! describes. Read once, when the node starts; unset, it costs nothing.

use std::time::Duration;

use crate::store::{Change, KnownPeer};
use crate::wire::RecordKind;

/// The variable that tests set.
const VARIABLE: &str = "FORMIX_DEBUG_FAILPOINT";
/// How long the network may take to send what a round has released before the process dies. A round trip on loopback
/// takes less than a millisecond.
const SEND_WAIT: Duration = Duration::from_millis(50);

/// Where the process dies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failpoint {
    /// The memory is open and read, and nothing has been taken up.
    Opened,
    /// The memory is taken up; what that brings about is neither written nor sent.
    Restored,
    /// At a commit.
    Commit {
        /// When.
        moment: Moment,
        /// With this in it.
        what: What,
        /// The how manyth such commit from now on.
        left: u32,
    },
}

/// What a commit has in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Any change to what is remembered of computations.
    Any,
    /// A record of this kind.
    Record(RecordKind),
    /// A peer that was met.
    Peers,
}

/// When the process dies, seen from one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Nothing of the round is on the disk.
    BeforeCommit,
    /// The round is on the disk, and nothing of it was sent.
    AfterCommit,
    /// Everything of the round was sent.
    AfterRelease,
}

impl Failpoint {
    /// What the environment says.
    ///
    /// # Errors
    /// The text, where it is not understood.
    pub(super) fn from_environment() -> Result<Option<Self>, String> {
        let Some(text) = std::env::var_os(VARIABLE) else { return Ok(None) };
        let text = text.to_string_lossy().into_owned();
        let failpoint = Self::parse(&text).ok_or_else(|| text.clone())?;
        tracing::warn!(failpoint = %text, "THIS NODE WILL KILL ITSELF: {VARIABLE} is set, which is for tests alone");
        Ok(Some(failpoint))
    }

    /// `opened`, `restored`, or `MOMENT:WHAT[:N]`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let moment = match parts.next()? {
            "opened" => return parts.next().is_none().then_some(Self::Opened),
            "restored" => return parts.next().is_none().then_some(Self::Restored),
            "before-commit" => Moment::BeforeCommit,
            "after-commit" => Moment::AfterCommit,
            "after-release" => Moment::AfterRelease,
            _ => return None,
        };
        let what = match parts.next()? {
            "any" => What::Any,
            "peers" => What::Peers,
            name => What::Record(kind_called(name)?),
        };
        let left = parts.next().map_or(Some(1), |number| number.parse().ok().filter(|number| *number > 0))?;
        parts.next().is_none().then_some(Self::Commit { moment, what, left })
    }

    /// Dies if this is the place.
    pub(super) fn pass(failpoint: Option<&Self>, place: &Self) {
        if failpoint == Some(place) {
            die();
        }
    }

    /// Counts a commit, and says when in it the process is to die.
    pub(super) fn strikes(&mut self, changes: &[Change], peers: &[KnownPeer]) -> Option<Moment> {
        let Self::Commit { moment, what, left } = self else { return None };
        let puts = |kind| {
            changes.iter().any(|change| matches!(change, Change::Put(record) if record.key().kind == kind))
        };
        let meant = match *what {
            What::Any => !changes.is_empty(),
            What::Record(kind) => puts(kind),
            What::Peers => !peers.is_empty(),
        };
        if !meant {
            return None;
        }
        *left = left.saturating_sub(1);
        (*left == 0).then_some(*moment)
    }
}

impl Moment {
    /// Dies if the round has come as far.
    pub(super) fn reached(struck: Option<Self>, now: Self) {
        if struck == Some(now) {
            die();
        }
    }

    /// Lets the network send, and dies, if that is wanted.
    pub(super) async fn released(struck: Option<Self>) {
        if struck == Some(Self::AfterRelease) {
            tokio::time::sleep(SEND_WAIT).await;
            die();
        }
    }
}

/// The kind with this name in lower case, its words joined by `-`.
fn kind_called(name: &str) -> Option<RecordKind> {
    let plain = name.replace('-', "");
    RecordKind::ALL.into_iter().find(|kind| format!("{kind:?}").to_lowercase() == plain)
}

/// Nothing is unwound, flushed or said any more.
fn die() -> ! {
    // If the system refuses, the process ends all the same.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ComputationId, Failure, PeerId, Role, Timestamp};
    use crate::wire::{Record, RecordKey};

    fn put(kind: RecordKind) -> Change {
        let computation = ComputationId::of_body(&[]);
        match kind {
            RecordKind::Members => Change::Put(Box::new(Record::Members { computation, entries: Vec::new() })),
            _ => Change::Put(Box::new(Record::Failed {
                computation,
                failure: Failure::NoContact,
                notice: None,
                at: Timestamp::from_millis(0),
            })),
        }
    }

    fn erase(kind: RecordKind) -> Change {
        Change::Erase(RecordKey { kind, computation: ComputationId::of_body(&[]), peer: None })
    }

    fn met() -> KnownPeer {
        KnownPeer {
            peer: PeerId::from_public_key([1; 32]),
            role: Role::Heavy,
            name: String::new(),
            addresses: Vec::new(),
            last_seen: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn every_kind_has_a_name() {
        for kind in RecordKind::ALL {
            let mut name = String::new();
            for letter in format!("{kind:?}").chars() {
                if letter.is_uppercase() && !name.is_empty() {
                    name.push('-');
                }
                name.extend(letter.to_lowercase());
            }
            assert_eq!(kind_called(&name), Some(kind), "{name}");
        }
    }

    #[test]
    fn places_are_understood_and_others_refused() {
        let commit = |moment, what, left| Some(Failpoint::Commit { moment, what, left });
        assert_eq!(Failpoint::parse("opened"), Some(Failpoint::Opened));
        assert_eq!(Failpoint::parse("restored"), Some(Failpoint::Restored));
        let closed = commit(Moment::BeforeCommit, What::Record(RecordKind::Closed), 1);
        assert_eq!(Failpoint::parse("before-commit:closed"), closed);
        let decree = commit(Moment::AfterRelease, What::Record(RecordKind::ListsDecree), 3);
        assert_eq!(Failpoint::parse("after-release:lists-decree:3"), decree);
        assert_eq!(Failpoint::parse("after-commit:any:2"), commit(Moment::AfterCommit, What::Any, 2));
        assert_eq!(Failpoint::parse("before-commit:peers"), commit(Moment::BeforeCommit, What::Peers, 1));
        for wrong in ["", "closed", "before:closed", "after-commit", "after-commit:close", "opened:1"] {
            assert_eq!(Failpoint::parse(wrong), None, "{wrong}");
        }
        for wrong in ["after-commit:any:0", "after-commit:any:x", "after-commit:any:1:1"] {
            assert_eq!(Failpoint::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn it_strikes_once_at_the_commit_that_is_meant() {
        let mut second = Failpoint::parse("after-commit:failed:2").unwrap();
        let (failed, members) = (put(RecordKind::Failed), put(RecordKind::Members));
        assert_eq!(second.strikes(std::slice::from_ref(&failed), &[]), None);
        assert_eq!(second.strikes(std::slice::from_ref(&members), &[]), None);
        assert_eq!(second.strikes(&[erase(RecordKind::Failed)], &[]), None);
        assert_eq!(second.strikes(&[members, failed], &[]), Some(Moment::AfterCommit));
        let mut any = Failpoint::parse("before-commit:any").unwrap();
        assert_eq!(any.strikes(&[], &[met()]), None);
        assert_eq!(any.strikes(&[erase(RecordKind::Held)], &[]), Some(Moment::BeforeCommit));
        assert_eq!(Failpoint::Opened.strikes(&[erase(RecordKind::Held)], &[]), None);
        let mut peers = Failpoint::parse("after-release:peers").unwrap();
        assert_eq!(peers.strikes(&[put(RecordKind::Failed)], &[]), None);
        assert_eq!(peers.strikes(&[], &[met()]), Some(Moment::AfterRelease));
    }
}
