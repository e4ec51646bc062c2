//! Lists that differ, and what becomes of what is told of them on its way.

use std::cell::Cell;
use std::time::Duration;

use formix_p2p::domain::{Computation, Digest, Modulus, PeerId, Sharing};
use formix_p2p::protocol::{Command, Event};
use formix_p2p::wire::{Filled, Message, to_bytes};

use crate::bounded;
use crate::net::{Net, peer};
use crate::wild::{Sent, VALUES, Wild};

const SHARINGS: [Sharing; 2] = [Sharing::Additive { modulus: Modulus::Bits64 }, Sharing::Prio3];

/// The last light node's report never reaches H2, so that its list differs; its value is 25 of 42.
fn ends(sharing: Sharing, mut way: impl FnMut(PeerId, PeerId, Message) -> Sent) -> Vec<String> {
    let net = Net::with_heavy(3, &VALUES, &Net::open());
    let question = Computation { patience_ms: 60_000, ..bounded(&net, 3, sharing) };
    let (id, proposer) = (question.id_of(&to_bytes(&question)), question.proposer);
    let mut wild = Wild::new(net, |_: &Net, from, to, message| {
        if matches!(message, Message::Submit(_)) && (from, to) == (peer(6), peer(2)) {
            return Vec::new();
        }
        way(from, to, message)
    });
    wild.net.queue.push_back((proposer, Event::Command(Command::Propose(Box::new(question)))));
    wild.run_for(Duration::from_secs(120));
    wild.ends(id)
}

fn all(total: &str) -> Vec<String> {
    (0..3).map(|heavy| format!("H{heavy}: {total}")).collect()
}

fn lies(leaves: &mut [Filled]) {
    for entry in leaves.iter_mut().flat_map(|leaf| &mut leaf.entries).take(1) {
        entry.manifest = Digest::of("another report", &[]);
    }
}

#[test]
fn a_report_that_one_lacks_is_left_out_by_all() {
    for sharing in SHARINGS {
        assert_eq!(ends(sharing, |from, to, message| vec![(from, to, message)]), all("17"));
    }
}

#[test]
fn an_outline_and_leaves_that_are_lost_are_asked_for_again() {
    for sharing in SHARINGS {
        let (outlines, leaves) = (Cell::new(0), Cell::new(0));
        let lost = |seen: &Cell<u32>| {
            seen.set(seen.get() + 1);
            seen.get() <= 4
        };
        let ended = ends(sharing, |from, to, message| match message {
            Message::List { .. } if lost(&outlines) => Vec::new(),
            // Without the leaf that comes along, so that it is asked for.
            Message::List { close, outline, .. } => {
                vec![(from, to, Message::List { close, outline, leaves: Vec::new() })]
            }
            Message::Leaves { .. } if lost(&leaves) => Vec::new(),
            message => vec![(from, to, message)],
        });
        assert_eq!(ended, all("17"));
        assert!(outlines.get() > 4 && leaves.get() > 4, "{} {}", outlines.get(), leaves.get());
    }
}

#[test]
fn a_leaf_that_lies_once_costs_time_alone() {
    for sharing in SHARINGS {
        let lied = Cell::new(0);
        let ended = ends(sharing, |from, to, message| match message {
            Message::List { close, outline, mut leaves } if from == peer(2) && lied.get() < 2 => {
                lied.set(lied.get() + 1);
                lies(&mut leaves);
                vec![(from, to, Message::List { close, outline, leaves })]
            }
            message => vec![(from, to, message)],
        });
        assert_eq!((ended, lied.get()), (all("17"), 2));
    }
}

#[test]
fn a_node_whose_leaves_always_lie_is_missing() {
    for sharing in SHARINGS {
        let ended = ends(sharing, |from, to, message| match message {
            Message::List { close, outline, mut leaves } if from == peer(2) => {
                lies(&mut leaves);
                vec![(from, to, Message::List { close, outline, leaves })]
            }
            Message::Leaves { computation, owner, mut leaves } if from == peer(2) => {
                lies(&mut leaves);
                vec![(from, to, Message::Leaves { computation, owner, leaves })]
            }
            message => vec![(from, to, message)],
        });
        let missing = format!("Missing {{ heavy: [{:?}] }}", peer(2));
        assert!(ended[..2].iter().all(|end| end.contains(&missing)), "{missing}: {ended:?}");
    }
}

#[test]
fn leaves_that_nobody_asked_for_or_of_somebody_elses_list_change_nothing() {
    for sharing in SHARINGS {
        let ended = ends(sharing, |from, to, message| match message {
            Message::Close(close) => {
                let computation = close.get().computation;
                let entries = Vec::new();
                let leaves = |owner| {
                    let leaves = vec![Filled { leaf: 7, entries: Vec::clone(&entries) }];
                    (from, to, Message::Leaves { computation, owner, leaves })
                };
                let wants = Message::Lacking { computation, owner: to, leaves: vec![0, 9, 77] };
                vec![
                    leaves(from),
                    leaves(peer(1)),
                    leaves(to),
                    (from, to, wants),
                    (from, to, Message::Close(close)),
                ]
            }
            message => vec![(from, to, message)],
        });
        assert_eq!(ended, all("17"));
    }
}
