//! What a person types for a node: its UID, its name, its full PeerId, or a unique beginning of one of them.

use crate::domain::{PeerId, quoted};

/// A node that may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub peer: PeerId,
    /// What its owner calls it.
    pub name: String,
    /// Whether it is there now, as far as the asker knows.
    pub presence: CandidatePresence,
}

/// Whether a node is there: among nodes that fit alike, those that are there are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidatePresence {
    /// It is, or nobody minds.
    There,
    /// It was.
    Lost,
}

/// Why what was typed means no one node. Nodes are shown by UID and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// It fits none of these.
    Unknown(Vec<String>),
    /// It fits all of these.
    Ambiguous(Vec<String>),
}

/// Finds the one node that is meant. A whole PeerId, UID or name comes before a beginning; upper and lower case are the
/// same in a UID.
///
/// # Errors
/// `Unknown` or `Ambiguous`.
pub fn resolve<'a>(typed: &str, candidates: &'a [Candidate]) -> Result<&'a Candidate, Unresolved> {
    let typed = typed.trim();
    let upper = typed.to_ascii_uppercase();
    let whole = |candidate: &Candidate| {
        let Candidate { peer, name, .. } = candidate;
        name == typed || peer.uid().to_string() == upper || peer.to_string() == typed
    };
    let begins = |candidate: &Candidate| {
        let Candidate { peer, name, .. } = candidate;
        let uid = peer.uid().to_string();
        name.starts_with(typed) || uid.starts_with(&upper) || peer.to_string().starts_with(typed)
    };
    let mut meant = fitting(candidates, whole);
    if meant.is_empty() && !typed.is_empty() {
        meant = fitting(candidates, begins);
    }
    // A node whose settings cannot be read has no name.
    let shown = |node: &Candidate| match node.name.as_str() {
        "" => node.peer.uid().to_string(),
        name => format!("{} ({})", node.peer.uid(), quoted(name)),
    };
    match meant.as_slice() {
        [] => Err(Unresolved::Unknown(candidates.iter().map(shown).collect())),
        [one] => Ok(one),
        several => Err(Unresolved::Ambiguous(several.iter().map(|one| shown(one)).collect())),
    }
}

fn fitting(candidates: &[Candidate], fits: impl Fn(&Candidate) -> bool) -> Vec<&Candidate> {
    let all: Vec<_> = candidates.iter().filter(|candidate| fits(candidate)).collect();
    let there: Vec<_> =
        all.iter().copied().filter(|candidate| candidate.presence == CandidatePresence::There).collect();
    if there.is_empty() { all } else { there }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<Candidate> {
        (1..40_u8)
            .map(|byte| Candidate {
                peer: PeerId::from_public_key([byte; 32]),
                name: format!("node-{}", byte % 38),
                presence: CandidatePresence::There,
            })
            .collect()
    }

    #[test]
    fn every_way_to_name_a_node_works() {
        let candidates = candidates();
        let meant = &candidates[4];
        let uid = meant.peer.uid().to_string();
        for typed in
            [meant.peer.to_string(), uid.clone(), uid.to_lowercase(), uid[..6].to_owned(), meant.name.clone()]
        {
            assert_eq!(resolve(&typed, &candidates), Ok(meant), "{typed}");
        }
    }

    #[test]
    fn what_fits_several_nodes_is_refused_with_the_candidates() {
        // 39 UIDs begin with at most 32 characters, and node-1 is there twice.
        let candidates = candidates();
        let shared = candidates.iter().map(|one| one.peer.uid().to_string()[..1].to_owned()).find(|first| {
            candidates.iter().filter(|other| other.peer.uid().to_string().starts_with(first.as_str())).count()
                > 1
        });
        for typed in [shared.unwrap(), "node-1".to_owned(), "node".to_owned(), "12D3KooW".to_owned()] {
            let Err(Unresolved::Ambiguous(candidates)) = resolve(&typed, &candidates) else {
                panic!("{typed} is not ambiguous")
            };
            assert!(candidates.len() > 1);
        }
    }

    #[test]
    fn what_fits_none_is_refused() {
        for typed in ["", "nobody", "node-99"] {
            let refused = resolve(typed, &candidates()).unwrap_err();
            assert!(matches!(&refused, Unresolved::Unknown(known) if known.len() == 39), "{refused:?}");
        }
    }

    #[test]
    fn a_node_without_a_name_is_shown_by_its_uid_alone() {
        let mut candidates = candidates();
        for candidate in &mut candidates {
            candidate.name.clear();
        }
        let Err(Unresolved::Ambiguous(shown)) = resolve("12D3KooW", &candidates) else {
            panic!("not ambiguous")
        };
        assert_eq!(shown[0], candidates[0].peer.uid().to_string());
    }

    #[test]
    fn of_two_nodes_with_one_name_the_one_that_is_there_is_meant() {
        let mut candidates = candidates();
        candidates[0].presence = CandidatePresence::Lost;
        assert_eq!(candidates[0].name, "node-1");
        assert_eq!(resolve("node-1", &candidates), Ok(&candidates[38]));
    }
}
