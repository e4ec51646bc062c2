//! Tickets, as an owner pastes them.

use formix_p2p::wire::{read_ticket, ticket_text};

use super::is_short;

/// Reads a ticket and writes it again.
pub fn feed(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match read_ticket(text) {
        Ok(ticket) => {
            let written = ticket_text(&ticket);
            assert_eq!(read_ticket(&written).as_ref(), Ok(&ticket), "it is written otherwise");
            let plain: String = text.split_whitespace().collect();
            assert!(plain.eq_ignore_ascii_case(&written), "two texts of one ticket");
            let shown = format!("{ticket:?}");
            assert!(!shown.contains(&format!("{:?}", ticket.get().secret.expose())), "its secret is shown");
        }
        Err(error) => {
            is_short(&error);
            let tail = text.get(text.len().saturating_sub(24)..).unwrap_or_default();
            assert!(tail.len() < 24 || !error.to_string().contains(tail), "a ticket is shown");
        }
    }
}
