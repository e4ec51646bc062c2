//! The bodies of the local API: a question, an owner's private answer, an invitation, a ticket with values; the first byte chooses.

use std::fmt::Debug;

use formix_p2p::control::{ApiError, draft, read_answer, read_inviting, read_joining, read_proposal};
use formix_p2p::domain::{PeerId, Timestamp};

use super::{is_discreet, questions};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Reads a body.
pub fn feed(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    // As in the inputs that were kept before there were four.
    match kind {
        254 => private(&read_inviting(body).map(|inviting| (inviting.values, inviting.parties))),
        255 => private(&read_joining(body).map(|joining| (joining.ticket, joining.values))),
        _ if kind.is_multiple_of(2) => {
            let Ok(proposal) = read_proposal(body) else { return };
            let again = serde_json::to_vec(&proposal).expect("what was read can be written");
            assert_eq!(read_proposal(&again).as_ref(), Ok(&proposal));
            match draft(&proposal, PeerId::from_public_key([9; 32]), NOW) {
                Ok(computation) => questions::check(&computation),
                Err(error) => assert!(!error.to_string().is_empty() && !error.hint().is_empty()),
            }
        }
        _ => private(&read_answer(body)),
    }
}

/// Neither what was read nor why it was not shows a value.
fn private<T: Debug>(read: &Result<T, ApiError>) {
    match read {
        Ok(read) => is_discreet(&format!("{read:?}")),
        Err(error) => {
            is_discreet(error);
            is_discreet(&format!("{error:?}"));
        }
    }
}
