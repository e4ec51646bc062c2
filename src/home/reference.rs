//! What a person types for a node: its UID, a unique beginning of it, its name, or its full PeerId.

use super::error::HomeError;
use crate::domain::PeerId;

/// A node that may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub peer: PeerId,
    /// What its owner calls it.
    pub name: String,
}

/// Finds the one node that is meant. A whole PeerId, UID or name comes before a beginning of a UID; upper and lower
/// case are the same in a UID.
///
/// # Errors
/// `NoSuchNode`, or `Ambiguous` with the candidates.
pub fn resolve<'a>(typed: &str, candidates: &'a [Candidate]) -> Result<&'a Candidate, HomeError> {
    let upper = typed.to_ascii_uppercase();
    if let Some(meant) = candidates.iter().find(|candidate| candidate.peer.to_string() == typed) {
        return Ok(meant);
    }
    let whole = |candidate: &&Candidate| candidate.name == typed || candidate.peer.uid().to_string() == upper;
    let begins = |candidate: &&Candidate| candidate.peer.uid().to_string().starts_with(&upper);
    let mut meant: Vec<_> = candidates.iter().filter(whole).collect();
    if meant.is_empty() && !typed.is_empty() {
        meant = candidates.iter().filter(begins).collect();
    }
    match meant.as_slice() {
        [] => Err(HomeError::NoSuchNode(typed.to_owned())),
        [one] => Ok(one),
        several => Err(HomeError::Ambiguous {
            typed: typed.to_owned(),
            candidates: several.iter().map(|one| format!("{} ({})", one.peer.uid(), one.name)).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<Candidate> {
        (1..40_u8)
            .map(|byte| Candidate {
                peer: PeerId::from_public_key([byte; 32]),
                name: format!("node-{}", byte % 38),
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
        for typed in [shared.unwrap(), "node-1".to_owned()] {
            let Err(HomeError::Ambiguous { candidates, .. }) = resolve(&typed, &candidates) else {
                panic!("{typed} is not ambiguous")
            };
            assert!(candidates.len() > 1);
        }
    }

    #[test]
    fn what_fits_none_is_refused() {
        for typed in ["", "nobody", "node", "12D3KooW"] {
            assert_eq!(resolve(typed, &candidates()), Err(HomeError::NoSuchNode(typed.to_owned())));
        }
    }
}
