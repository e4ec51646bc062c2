//! Tickets as text. `tests/golden/ticket.txt` is what people have pasted: when its test fails, the format has changed, and
//! that takes a new version. `FORMIX_BLESS=1 cargo test --test ticket` writes it anew; it is also a seed for fuzzing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use formix_p2p::domain::limits::TICKET_CHARS_MAX;
use formix_p2p::domain::{Digest, Invitation, Modulus, Query, Sharing, Statistic, Timestamp, VERSION};
use formix_p2p::sharing::Secret;
use formix_p2p::wire::{Identity, Signed, Ticket, TicketError, read_ticket, ticket_text};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn inviter() -> Identity {
    Identity::from_secret_key(&[9; 32])
}

/// The tutorial's question.
fn invitation() -> Invitation {
    Invitation {
        version: VERSION,
        nonce: [5; 16],
        inviter: inviter().peer(),
        created_at: NOW,
        prompt: "sum of value".to_owned(),
        query: Query::parse(Statistic::Sum, &["value".to_owned()], None).unwrap(),
        sharing: Sharing::Additive { modulus: Modulus::Bits64 },
        parties: 3,
        quorum: 3,
        expires: NOW + Duration::from_secs(3600),
        answer_within_ms: None,
        patience_ms: 60_000,
        grace_ms: 3_000,
        noise: None,
    }
}

fn ticket(invitation: Invitation) -> Signed<Ticket> {
    let addresses = ["/ip4/192.168.1.20/udp/8000/quic-v1", "/ip4/192.168.1.20/tcp/8000"];
    let addresses = addresses.map(str::to_owned).to_vec();
    Signed::sign(Ticket { invitation, addresses, secret: Secret::new([7; 16]) }, &inviter())
}

/// The text with this between prefix and checksum, the checksum made anew: what somebody who knows the format can make.
fn forged(covered: &[u8]) -> String {
    let digest = Digest::of("formix-p2p/ticket-text/1", &[covered]);
    let bytes = [covered, &digest.as_bytes()[..4]].concat();
    format!("formix1{}", BASE32_NOPAD.encode(&bytes).to_lowercase())
}

fn covered(text: &str) -> Vec<u8> {
    let bytes = BASE32_NOPAD.decode(text.strip_prefix("formix1").unwrap().to_uppercase().as_bytes()).unwrap();
    bytes[..bytes.len() - 4].to_vec()
}

#[test]
fn a_ticket_is_the_line_that_it_was() {
    let text = ticket_text(&ticket(invitation()));
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/ticket.txt");
    if std::env::var_os("FORMIX_BLESS").is_some() {
        std::fs::write(&path, format!("{text}\n")).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(golden.trim(), text, "the text of a ticket has changed");
    assert_eq!(read_ticket(&golden).unwrap(), ticket(invitation()));
    assert!(text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{text}");
    // What docs/API.md says of the length.
    assert!(text.len() < 600, "{} characters", text.len());
}

#[test]
fn what_mail_and_terminals_do_to_a_line_does_not_hurt_it() {
    let text = ticket_text(&ticket(invitation()));
    let lines: Vec<_> = text.as_bytes().chunks(60).map(|line| std::str::from_utf8(line).unwrap()).collect();
    for mangled in [
        text.to_uppercase(),
        lines.join("\n"),
        lines.join("\r\n  "),
        format!("\u{a0}{text}\t\n"),
        text.chars().flat_map(|c| [c, ' ']).collect(),
    ] {
        assert_eq!(read_ticket(&mangled).unwrap(), ticket(invitation()));
    }
}

#[test]
fn every_character_that_is_changed_lost_or_added_is_noticed() {
    let text = ticket_text(&ticket(invitation()));
    for at in 0..text.len() {
        let (before, after) = (&text[..at], &text[at + 1..]);
        for other in ["a", "7", "0", "!", "ß", "-"] {
            if text[at..].starts_with(other) {
                continue;
            }
            let error = read_ticket(&format!("{before}{other}{after}")).unwrap_err();
            let expected = match at {
                0..6 => TicketError::NotATicket,
                6 if other == "7" => TicketError::Version(7),
                6 if other == "0" => TicketError::Version(0),
                6 => TicketError::NotATicket,
                _ => TicketError::Damaged,
            };
            assert_eq!(error, expected, "{other} at {at}");
        }
        let lost = read_ticket(&format!("{before}{after}")).unwrap_err();
        assert!(at < 7 || lost == TicketError::Damaged, "{lost:?} at {at}");
        let cut = read_ticket(&text[..at]).unwrap_err();
        assert_eq!(cut, if at < 7 { TicketError::NotATicket } else { TicketError::Damaged }, "cut at {at}");
        let swapped = format!("{before}{}{}", after.get(..1).unwrap_or("a"), &text[at..]);
        assert!(read_ticket(&swapped).is_err(), "more at {at}");
    }
    assert_eq!(read_ticket(&format!("{text}{text}")), Err(TicketError::Damaged));
}

#[test]
fn what_the_inviter_did_not_sign_is_tampered_with() {
    let text = ticket_text(&ticket(invitation()));
    let signed = covered(&text);
    assert_eq!(forged(&signed), text);
    for at in 1..signed.len() {
        let mut changed = signed.clone();
        changed[at] ^= 1;
        assert_eq!(read_ticket(&forged(&changed)), Err(TicketError::Tampered), "at {at}");
    }
    let of_another = Identity::from_secret_key(&[8; 32]);
    let other = Invitation { inviter: of_another.peer(), ..invitation() };
    assert!(
        read_ticket(&ticket_text(&Signed::sign(
            Ticket { invitation: other, addresses: Vec::new(), secret: Secret::new([7; 16]) },
            &of_another
        )))
        .is_ok()
    );
    assert_eq!(read_ticket(&forged(&[signed, vec![0]].concat())), Err(TicketError::Tampered));
    assert_eq!(read_ticket(&forged(&[1])), Err(TicketError::Tampered));
}

#[test]
fn what_nobody_may_ask_is_refused_though_it_is_signed() {
    for broken in [
        Invitation { parties: 1, quorum: 1, ..invitation() },
        Invitation { parties: 17, quorum: 17, ..invitation() },
        Invitation { quorum: 2, ..invitation() },
        Invitation { quorum: 1, ..invitation() },
        Invitation { expires: NOW, ..invitation() },
        Invitation { version: VERSION + 1, ..invitation() },
    ] {
        assert_eq!(read_ticket(&ticket_text(&ticket(broken))), Err(TicketError::Tampered));
    }
    for addresses in [vec![String::new(); 17], vec!["x".repeat(257)], vec!["/ip4/\u{1b}[2J".to_owned()]] {
        let ticket = Ticket { invitation: invitation(), addresses, secret: Secret::new([7; 16]) };
        let text = ticket_text(&Signed::sign(ticket, &inviter()));
        assert_eq!(read_ticket(&text), Err(TicketError::Tampered));
    }
}

#[test]
fn other_texts_are_named_for_what_they_are() {
    let text = ticket_text(&ticket(invitation()));
    let later = [&[2][..], &covered(&text)[1..]].concat();
    for (given, expected) in [
        (String::new(), TicketError::NotATicket),
        (" \n".to_owned(), TicketError::NotATicket),
        ("COMP-FZ375MV7".to_owned(), TicketError::NotATicket),
        ("formix".to_owned(), TicketError::NotATicket),
        ("formixé".to_owned(), TicketError::NotATicket),
        ("formix1".to_owned(), TicketError::Damaged),
        ("formix1aaaaaaaa".to_owned(), TicketError::Damaged),
        ("formix2aaaaaaaa".to_owned(), TicketError::Version(2)),
        (forged(&later), TicketError::Version(2)),
        (forged(&[]), TicketError::Damaged),
        ("x".repeat(TICKET_CHARS_MAX + 1), TicketError::TooLong(TICKET_CHARS_MAX + 1)),
        (" ".repeat(2 * TICKET_CHARS_MAX + 1), TicketError::TooLong(2 * TICKET_CHARS_MAX + 1)),
    ] {
        let error = read_ticket(&given).unwrap_err();
        assert_eq!(error, expected);
        assert!(!error.hint().is_empty() && !error.code().is_empty());
    }
}

#[test]
fn the_longest_question_still_fits() {
    let names: Vec<_> = (0..1_000).map(|number| format!("\"{number:06}\"")).collect();
    let schema = format!("{{\"type\":\"string\",\"enum\":[{}]}}", names.join(","));
    let query = Query::parse(Statistic::Frequency, &["f".repeat(64)], Some(&schema)).unwrap();
    let invitation = Invitation { prompt: "漢".repeat(500), query, ..invitation() };
    let addresses = vec!["/dns/".to_owned() + &"x".repeat(251); 16];
    let ticket = Ticket { invitation, addresses, secret: Secret::new([7; 16]) };
    let text = ticket_text(&Signed::sign(ticket, &inviter()));
    assert!(text.len() <= TICKET_CHARS_MAX, "{}", text.len());
    assert!(read_ticket(&text).is_ok());
}

#[test]
fn no_error_shows_the_ticket() {
    let text = ticket_text(&ticket(invitation()));
    let part = &text[200..240];
    for given in [&text[1..], &text[..text.len() - 1], &text.replace("formix1", "formix2"), &text.repeat(80)] {
        let error = read_ticket(given).unwrap_err();
        for shown in [format!("{error}"), format!("{error:?}"), error.hint().to_owned()] {
            assert!(!shown.contains(part) && shown.len() < 200, "{shown}");
        }
    }
    let shown = format!("{:?}", read_ticket(&text).unwrap());
    assert!(!shown.contains("7, 7, 7"), "{shown}");
}
