//! A ticket as text: one line that survives being sent by mail, read out, or scanned.
//!
//! `formix1`, and then in lower-case base32 without padding: a version byte, the signed ticket in deterministic CBOR, and the
//! first four bytes of a labelled SHA-256 over both. Upper case and white space anywhere are read as well: what mail and
//! terminals do to a long line does not hurt it, and in upper case it makes a smaller QR code.

use data_encoding::BASE32_NOPAD;

use super::codec;
use super::invitation::Ticket;
use super::signed::Signed;
use crate::domain::Digest;
use crate::domain::limits::{PRESENCE_ADDRESS_CHARS_MAX, PRESENCE_ADDRESSES_MAX, TICKET_CHARS_MAX};

/// What every ticket begins with; the digit is that of the version.
const PREFIX: &str = "formix";
/// The version that this node writes and reads.
const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 4;
const CHECKSUM_LABEL: &str = "formix-p2p/ticket-text/1";

/// Why a text admits nobody. The text itself is a secret, so no variant carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Something else.
    #[error("this is no ticket: tickets begin with `formix1`")]
    NotATicket,
    /// A part is missing, or a character is another one.
    #[error("the ticket is damaged: its checksum does not hold")]
    Damaged,
    /// Of a later version of this program.
    #[error("the ticket is of version {0}; this node reads version {VERSION}")]
    Version(u8),
    /// Somebody has changed what the inviter signed, or the inviter has signed what nobody may.
    #[error("the ticket was tampered with: its inviter did not sign this, or asks what is not allowed")]
    Tampered,
    /// More characters than any ticket has.
    #[error("the text has {0} characters; a ticket has at most {TICKET_CHARS_MAX}")]
    TooLong(usize),
}

impl TicketError {
    /// The word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotATicket => "not_a_ticket",
            Self::Damaged => "ticket_damaged",
            Self::Version(_) => "ticket_version",
            Self::Tampered => "ticket_tampered",
            Self::TooLong(_) => "ticket_too_long",
        }
    }

    /// What to do next.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::NotATicket => "paste the whole line that `formix-p2p invite` printed",
            Self::Damaged => "copy it again, from `formix1` to its last character; line breaks do not matter",
            Self::Version(_) => "use the inviter's version of formix-p2p, or ask for a ticket from yours",
            Self::Tampered => "ask the inviter for another ticket, by a way that you trust",
            Self::TooLong(_) => "paste one ticket; each line of `formix-p2p invite` is one",
        }
    }
}

/// The one line that admits a party.
pub fn ticket_text(ticket: &Signed<Ticket>) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(codec::to_bytes(ticket));
    let checksum = checksum(&bytes);
    bytes.extend(checksum);
    format!("{PREFIX}{VERSION}{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
}

/// Reads a ticket, and checks all of it that can be checked without asking anybody.
///
/// # Errors
/// See [`TicketError`].
pub fn read_ticket(text: &str) -> Result<Signed<Ticket>, TicketError> {
    // Counted before it is copied; twice the room, for what mail puts between the characters.
    if text.len() > 2 * TICKET_CHARS_MAX {
        return Err(TicketError::TooLong(text.len()));
    }
    let text: String = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
    if text.len() > TICKET_CHARS_MAX {
        return Err(TicketError::TooLong(text.len()));
    }
    let numbered = text.strip_prefix(&PREFIX.to_ascii_uppercase()).ok_or(TicketError::NotATicket)?;
    let (version, encoded) = match numbered.split_at_checked(1) {
        Some((digit, encoded)) => (digit.parse::<u8>().map_err(|_| TicketError::NotATicket)?, encoded),
        None => return Err(TicketError::NotATicket),
    };
    if version != VERSION {
        return Err(TicketError::Version(version));
    }
    let bytes = BASE32_NOPAD.decode(encoded.as_bytes()).map_err(|_| TicketError::Damaged)?;
    let (covered, found) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(TicketError::Damaged)?;
    if checksum(covered) != *found {
        return Err(TicketError::Damaged);
    }
    match covered {
        [VERSION, signed @ ..] => {
            let ticket = codec::from_bytes(signed).map_err(|_| TicketError::Tampered)?;
            if is_in_order(&ticket) { Ok(ticket) } else { Err(TicketError::Tampered) }
        }
        [version, ..] => Err(TicketError::Version(*version)),
        [] => Err(TicketError::Damaged),
    }
}

/// What the signature does not say: an inviter may have signed anything.
fn is_in_order(ticket: &Signed<Ticket>) -> bool {
    let Ticket { invitation, addresses, secret: _ } = ticket.get();
    invitation.check_terms().is_ok()
        && addresses.len() <= PRESENCE_ADDRESSES_MAX
        && addresses.iter().all(|address| {
            address.chars().count() <= PRESENCE_ADDRESS_CHARS_MAX && !address.chars().any(char::is_control)
        })
}

fn checksum(covered: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Digest::of(CHECKSUM_LABEL, &[covered]);
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&digest.as_bytes()[..CHECKSUM_BYTES]);
    checksum
}
