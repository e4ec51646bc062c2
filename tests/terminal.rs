//! What a person at a terminal is asked, sees and may stop. The terminal is one that `script` (util-linux) makes; where there
//! is none, each test says by its name that it was not run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod lab;
#[path = "terminal/screen.rs"]
mod screen;

use lab::Lab;
use screen::Screen;

const ALONE: [&str; 6] = ["--role", "light", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--new"];

/// A node in a home of its own.
fn party() -> Lab {
    let lab = Lab::new();
    lab.start(&ALONE);
    lab
}

#[test]
fn the_tutorial_at_three_terminals() {
    let parties = [party(), party(), party()];
    let Some(mut alice) = Screen::open(&parties[0], &["invite", "--statistic", "sum", "--parties", "3"]) else {
        return;
    };
    alice.until("Ticket 2 of 2:");
    alice.until("Your value");
    alice.until_hidden();
    let tickets = alice.words_like("formix1");
    assert_eq!(tickets.len(), 2, "{}", alice.seen());
    alice.types("48151");
    let mut guests: Vec<_> = parties[1..]
        .iter()
        .zip(&tickets)
        .map(|(party, ticket)| {
            let mut screen = Screen::open(party, &["join"]).unwrap();
            screen.until("Paste the ticket");
            screen.types(ticket);
            screen.until("Take part?");
            screen.types("y");
            screen
        })
        .collect();
    for (guest, value) in guests.iter_mut().zip(["62342", "7"]) {
        guest.until("Your value");
        guest.until_hidden();
        guest.types(value);
    }
    for screen in guests.iter_mut().chain([&mut alice]) {
        // Whoever has agreed is asked about those who came later; the inviter has chosen them.
        if screen.until_one_of(["Compute with them?", "3 participants, 3 records"]) == 0 {
            screen.types("y");
        }
    }
    for screen in guests.iter_mut().chain([&mut alice]) {
        assert_eq!(screen.code(), 0, "{}", screen.seen());
        let shown: String = screen.seen().chars().filter(|letter| !letter.is_whitespace()).collect();
        assert!(shown.contains("sum1105003participants"), "{}", screen.seen());
        for value in ["48151", "62342"] {
            assert!(!screen.seen().contains(value), "a value is on the screen: {}", screen.seen());
        }
    }
}

#[test]
fn ctrl_c_leaves_the_invitation_as_it_is() {
    let party = party();
    let asked = ["invite", "--statistic", "sum", "--parties", "3", "--value", "1"];
    let Some(mut screen) = Screen::open(&party, &asked) else { return };
    screen.until("1 of 3 parties has joined");
    screen.interrupts();
    assert_ne!(screen.code(), 0, "{}", screen.seen());
    let listed = party.json(&["invitations"]).data();
    assert_eq!(listed["invitations"][0]["state"], "open", "{listed}");
    let id = listed["invitations"][0]["id"].as_str().unwrap();
    assert!(screen.seen().contains(id), "it says how to go on: {}", screen.seen());
}

#[test]
fn a_passphrase_is_typed_twice_and_asked_for_before_the_node_leaves_the_terminal() {
    let party = party();
    party.json(&["stop"]).data();
    let Some(mut screen) = Screen::open(&party, &["passphrase", "set"]) else { return };
    for (question, typed) in [("New passphrase:", "correct horse"), ("Once more:", "battery staple")] {
        screen.until(question);
        screen.until_hidden();
        screen.types(typed);
    }
    screen.until("the two passphrases differ");
    assert_eq!(screen.code(), 2);
    let mut screens = Vec::new();
    let mut screen = Screen::open(&party, &["passphrase", "set"]).unwrap();
    for question in ["New passphrase:", "Once more:"] {
        screen.until(question);
        screen.until_hidden();
        screen.types("correct horse");
    }
    screen.until("is under a passphrase");
    assert_eq!(screen.code(), 0);
    screens.push(screen);
    for (typed, code, said) in
        [("wrong", 1, "does not open the identity"), ("correct horse", 0, "running; stop it")]
    {
        let mut screen = Screen::open(&party, &["start", "--detach"]).unwrap();
        screen.until("Passphrase:");
        screen.until_hidden();
        screen.types(typed);
        screen.until(said);
        assert_eq!(screen.code(), code, "{}", screen.seen());
        screens.push(screen);
    }
    assert!(screens.iter().all(|screen| !screen.seen().contains("correct horse")), "it is on a screen");
    assert_eq!(party.json(&["status"]).code, 0, "the node runs");
}
