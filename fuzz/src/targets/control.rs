//! The bodies of the local API: a question, or an owner's private answer; the first byte chooses.

use formix_p2p::control::{draft, read_answer, read_proposal};
use formix_p2p::domain::{PeerId, Timestamp};

use super::{is_discreet, questions};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Reads a body.
pub fn feed(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    if kind.is_multiple_of(2) {
        let Ok(proposal) = read_proposal(body) else { return };
        let again = serde_json::to_vec(&proposal).expect("what was read can be written");
        assert_eq!(read_proposal(&again).as_ref(), Ok(&proposal));
        match draft(&proposal, PeerId::from_public_key([9; 32]), NOW) {
            Ok(computation) => questions::check(&computation),
            Err(error) => assert!(!error.to_string().is_empty() && !error.hint().is_empty()),
        }
    } else {
        match read_answer(body) {
            Ok(values) => is_discreet(&format!("{values:?}")),
            Err(error) => {
                is_discreet(&error);
                is_discreet(&format!("{error:?}"));
            }
        }
    }
}
