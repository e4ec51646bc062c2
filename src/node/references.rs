//! What a person typed, resolved to a node or a computation.
//!
//! What fits more than one is refused with the candidates.

use std::collections::BTreeSet;

use crate::control::ApiError;
use crate::domain::{ComputationId, PeerId};
use crate::home::{Candidate, Unresolved, resolve};

const COMPUTATION_PREFIX: &str = "COMP-";
/// Candidates that an error lists.
const CANDIDATES_SHOWN_MAX: usize = 8;

/// The computation that a reference means.
///
/// # Errors
/// `ambiguous_computation`, `no_such_computation`.
pub(super) fn computation(
    reference: &str,
    known: impl IntoIterator<Item = ComputationId>,
) -> Result<ComputationId, ApiError> {
    let typed = reference.trim().to_ascii_uppercase();
    let wanted = typed.strip_prefix(COMPUTATION_PREFIX).unwrap_or(&typed);
    let fits = |id: &ComputationId| {
        let shown = id.to_string();
        !wanted.is_empty() && shown.strip_prefix(COMPUTATION_PREFIX).is_some_and(|id| id.starts_with(wanted))
    };
    let found: Vec<_> = known.into_iter().filter(fits).collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(no_such_computation(reference)),
        several => Err(ApiError {
            code: "ambiguous_computation".to_owned(),
            message: format!("`{reference}` may mean {}", listed(several)),
            hint: "type more of the id".to_owned(),
            exit: 2,
        }),
    }
}

/// The error for a computation that this node does not know.
pub(super) fn no_such_computation(reference: &str) -> ApiError {
    ApiError {
        code: "no_such_computation".to_owned(),
        message: format!("this node knows no computation `{reference}`"),
        hint: "`formix-p2p status` lists the computations that it knows".to_owned(),
        exit: 3,
    }
}

/// The node that a reference means: a UID, a name or a PeerId, or a unique beginning of one.
///
/// # Errors
/// `ambiguous_node`, `no_such_node`.
pub(super) fn node(reference: &str, known: &[Candidate]) -> Result<PeerId, ApiError> {
    match resolve(reference, known) {
        Ok(candidate) => Ok(candidate.peer),
        Err(Unresolved::Ambiguous(candidates)) => Err(ApiError {
            code: "ambiguous_node".to_owned(),
            message: format!("`{reference}` may mean {}", listed(&candidates)),
            hint: "type more of it, or the UID".to_owned(),
            exit: 2,
        }),
        Err(Unresolved::Unknown(_)) => Err(ApiError {
            code: "no_such_node".to_owned(),
            message: format!("no node `{reference}` is known here"),
            hint: "`formix-p2p view` lists the nodes that this one knows".to_owned(),
            exit: 3,
        }),
    }
}

/// The node that a person agrees to compute with: a PeerId, or a whole UID of one of these. A name is what a node calls
/// itself, and anybody can call itself anything; a beginning is no more than a few tries away.
///
/// # Errors
/// `ambiguous_node`, `no_such_node`.
pub(super) fn party(reference: &str, known: &BTreeSet<PeerId>) -> Result<PeerId, ApiError> {
    let typed = reference.trim();
    if let Ok(peer) = typed.parse() {
        return Ok(peer);
    }
    let uid = typed.to_ascii_uppercase();
    let found: Vec<_> = known.iter().filter(|peer| peer.uid().to_string() == uid).copied().collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(ApiError {
            code: "no_such_node".to_owned(),
            message: format!("`{reference}` is no PeerId, and no UID of a node that is known here"),
            hint: "give the UID, all 8 characters, or the PeerId, as `formix-p2p id` shows them at the other node; \
                   names are not taken, and a party that is not known here yet has a PeerId alone"
                .to_owned(),
            exit: 3,
        }),
        several => Err(ApiError {
            code: "ambiguous_node".to_owned(),
            message: format!("`{reference}` may mean {}", listed(several)),
            hint: "give the PeerId, as `formix-p2p id` shows it at the other node".to_owned(),
            exit: 2,
        }),
    }
}

/// "A, B or C", or the first few "and 12 more".
fn listed(candidates: &[impl ToString]) -> String {
    let shown: Vec<_> = candidates.iter().take(CANDIDATES_SHOWN_MAX).map(ToString::to_string).collect();
    match shown.split_last() {
        Some((last, rest)) if !rest.is_empty() && candidates.len() <= CANDIDATES_SHOWN_MAX => {
            format!("{} or {last}", rest.join(", "))
        }
        _ if candidates.len() > shown.len() => {
            format!("{} and {} more", shown.join(", "), candidates.len() - shown.len())
        }
        _ => shown.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Digest;
    use crate::home::CandidatePresence;

    fn id(first: u8, second: u8) -> ComputationId {
        let mut bytes = [0; 32];
        (bytes[0], bytes[1]) = (first, second);
        ComputationId::from_digest(Digest::from_bytes(bytes))
    }

    fn candidate(number: u8, name: &str) -> Candidate {
        Candidate {
            peer: PeerId::from_public_key([number; 32]),
            name: name.to_owned(),
            presence: CandidatePresence::There,
        }
    }

    #[test]
    fn a_computation_is_found_by_a_unique_beginning_in_any_case() {
        let known = [id(0, 0), id(0xff, 0), id(0xff, 0xff)];
        let shown = known[0].to_string();
        for typed in
            [shown.clone(), shown.to_lowercase(), shown[5..].to_owned(), "comp-a".to_owned(), "a".into()]
        {
            assert_eq!(computation(&typed, known), Ok(known[0]), "{typed}");
        }
    }

    #[test]
    fn an_ambiguous_or_unknown_computation_is_refused() {
        let known = [id(0, 0), id(0xff, 0), id(0xff, 0xff)];
        let error = computation("7", known).unwrap_err();
        assert_eq!((error.code.as_str(), error.exit), ("ambiguous_computation", 2));
        let (one, other) = (known[1].to_string(), known[2].to_string());
        assert!(error.message.contains(&one) && error.message.contains(&other), "{error}");
        for typed in ["B", "", "COMP-", "FX-1"] {
            let error = computation(typed, known).unwrap_err();
            assert_eq!((error.code.as_str(), error.exit), ("no_such_computation", 3), "{typed}");
        }
    }

    #[test]
    fn a_node_is_found_by_uid_name_or_peer_id() {
        let known = [candidate(1, "north"), candidate(2, "northern"), candidate(3, "south")];
        let south = known[2].peer;
        let (uid, full) = (south.uid().to_string(), south.to_string());
        for typed in ["south", "s", &uid, &uid.to_lowercase(), &uid[..7], &full, &full[..50]] {
            assert_eq!(node(typed, &known), Ok(south), "{typed}");
        }
        assert_eq!(node("north", &known), Ok(known[0].peer), "an exact name wins over a beginning");
    }

    #[test]
    fn a_party_is_a_whole_uid_or_peer_id_and_never_a_name() {
        let known: BTreeSet<_> = [1, 2, 3].map(|number| PeerId::from_public_key([number; 32])).into();
        let meant = PeerId::from_public_key([2; 32]);
        let (uid, full) = (meant.uid().to_string(), meant.to_string());
        for typed in [&uid, &uid.to_lowercase(), &format!(" {uid} "), &full] {
            assert_eq!(party(typed, &known), Ok(meant), "{typed}");
        }
        let stranger = PeerId::from_public_key([4; 32]);
        assert_eq!(party(&stranger.to_string(), &known), Ok(stranger), "a PeerId needs nobody who knows it");
        for typed in ["", "north", &uid[..7], &full[..50], &stranger.uid().to_string()] {
            let error = party(typed, &known).unwrap_err();
            assert_eq!((error.code.as_str(), error.exit), ("no_such_node", 3), "{typed}");
        }
    }

    #[test]
    fn an_ambiguous_or_unknown_node_is_refused_with_the_candidates() {
        let known = [candidate(1, "north"), candidate(2, "northern")];
        let error = node("nor", &known).unwrap_err();
        assert_eq!((error.code.as_str(), error.exit), ("ambiguous_node", 2));
        assert!(error.message.contains("(`north`)") && error.message.contains("(`northern`)"), "{error}");
        let error = node("", &known).unwrap_err();
        assert_eq!((error.code.as_str(), error.exit), ("no_such_node", 3));
    }
}
