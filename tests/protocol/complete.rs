//! A closed list under threshold sharing: a heavy node that says that it lacks nobody has said what its list is.

use std::cell::Cell;
use std::time::Duration;

use formix_p2p::domain::{Computation, ComputationId, Digest, Sharing};
use formix_p2p::protocol::{Command, Event};
use formix_p2p::wire::{
    Choice, Close, DecreeMessage, JustifiedProposal, Message, Proposal, Record, Signed, Topic, to_bytes,
};

use crate::bounded;
use crate::net::{Net, identity, peer};
use crate::wild::{Sent, VALUES, Wild};

const DEADLINE: Duration = Duration::from_secs(60);

/// A question to a closed list under 2 of 3.
fn asked() -> (Net, ComputationId) {
    let net = Net::with_heavy(3, &VALUES, &Net::open());
    let terms = closed(&net, Sharing::Threshold { k: 2 });
    put(net, terms)
}

/// A question to everybody in this network, by name.
fn closed(net: &Net, sharing: Sharing) -> Computation {
    let mut listed: Vec<_> = net.values.keys().copied().collect();
    listed.sort();
    let deadline = net.now + DEADLINE;
    Computation { participants: Some(listed), deadline, ..bounded(net, net.heavy, sharing) }
}

fn put(mut net: Net, terms: Computation) -> (Net, ComputationId) {
    let (id, proposer) = (terms.id_of(&to_bytes(&terms)), terms.proposer);
    net.queue.push_back((proposer, Event::Command(Command::Propose(Box::new(terms)))));
    (net, id)
}

/// The same, announced; the last report is still on its way until this is false.
fn nearly_complete(late: &Cell<bool>) -> (Wild<'_>, ComputationId) {
    until_nearly_complete(asked(), late)
}

fn until_nearly_complete((net, id): (Net, ComputationId), late: &Cell<bool>) -> (Wild<'_>, ComputationId) {
    let mut wild = Wild::new(net, |_: &Net, from, to, message| {
        let is_late = late.get() && matches!(message, Message::Submit(_)) && from == peer(6);
        if is_late { Vec::new() } else { vec![(from, to, message)] }
    });
    wild.run_for(Duration::from_secs(1));
    late.set(false);
    (wild, id)
}

/// Whoever is up has the exact sum at this moment.
fn assert_finished(wild: &Wild<'_>, id: ComputationId, what: &str) {
    assert!(wild.all_read(id, "42"), "{what}: {:?}", wild.ends(id));
}

#[test]
fn the_word_is_enough_though_no_close_comes() {
    let (net, id) = asked();
    let (proposed, closes) = (Cell::new(0), Cell::new(0));
    let mut wild = Wild::new(net, |_: &Net, from, to, message| match message {
        Message::Close(_) => {
            closes.set(closes.get() + 1);
            Vec::new()
        }
        message => {
            let proposes = matches!(message, Message::Decree(DecreeMessage::Proposal(_)));
            proposed.set(proposed.get() + usize::from(proposes));
            vec![(from, to, message)]
        }
    });
    // Less than the time after which what is lacking would be asked for.
    wild.run_for(Duration::from_millis(100));
    assert_finished(&wild, id, "at once");
    drop(wild);
    assert_eq!((closes.get(), proposed.get()), (6, 6), "all have closed; three decrees, each proposed to two");
}

/// The list is decided on without waiting for the close of whoever gave its word and went; the next step waits for it once.
#[test]
fn whoever_goes_after_its_word_is_waited_for_once() {
    let late = Cell::new(true);
    let (mut wild, id) = nearly_complete(&late);
    let grace = Duration::from_millis(wild.net.nodes[&peer(0)].view(id).unwrap().computation.grace_ms);
    wild.way = Box::new(|_, from, to, message| {
        let gone = from == peer(2) && !matches!(message, Message::Complete { .. });
        if gone { Vec::new() } else { vec![(from, to, message)] }
    });
    wild.run_for(grace + Duration::from_secs(2));
    assert_finished(&wild, id, "a grace, and the waits for what is asked for again");
}

/// The node that coordinates goes before it proposes, having shown what it has to all but one: that one is told by the next view.
#[test]
fn who_lacks_an_input_when_the_coordinator_goes_is_not_left_behind() {
    let terms = |net: &Net| Computation {
        participants: None,
        deadline: net.now + Duration::from_secs(3),
        ..closed(net, Sharing::Threshold { k: 3 })
    };
    let net = Net::with_heavy(5, &VALUES, &Net::open());
    let terms = terms(&net);
    let grace = Duration::from_millis(terms.grace_ms);
    let (net, id) = put(net, terms);
    let mut wild = Wild::new(net, |_: &Net, from, to, message| {
        let lost = match &message {
            Message::Verifiers { .. } => to == peer(4),
            Message::Decree(said) => said.decree().is_some_and(|(_, topic)| topic >= Topic::Verifiers),
            _ => false,
        };
        if from == peer(0) && lost { Vec::new() } else { vec![(from, to, message)] }
    });
    // Less than the grace after the deadline, without which the node that lacks it would have nothing to choose.
    wild.run_for(Duration::from_secs(3) + grace.mul_f64(0.75));
    assert_finished(&wild, id, "before a grace was over");
}

#[test]
fn one_of_three_may_vanish_after_any_action_once_the_list_is_nearly_complete() {
    let mut moments = 0;
    for victim in 0..3 {
        for actions in 0.. {
            let late = Cell::new(true);
            let (mut wild, id) = nearly_complete(&late);
            wild.net.vanish.insert(peer(victim), actions);
            wild.run_for(DEADLINE + Duration::from_secs(15));
            if !wild.net.down.contains(&peer(victim)) {
                break;
            }
            assert_finished(&wild, id, &format!("without H{victim} after {actions} actions"));
            moments += 1;
        }
    }
    assert!(moments > 90, "{moments}");
}

#[test]
fn any_may_restart_after_any_action_once_the_list_is_nearly_complete() {
    for victims in [&[0][..], &[1], &[2], &[0, 1], &[1, 2], &[0, 1, 2]] {
        for actions in 0.. {
            let late = Cell::new(true);
            let (mut wild, id) = nearly_complete(&late);
            wild.net.vanish.extend(victims.iter().map(|victim| (peer(*victim), actions)));
            let mut killed = 0;
            for _ in 0..30 {
                wild.run_for(Duration::from_millis(500));
                for victim in
                    victims.iter().filter(|victim| wild.net.down.contains(&peer(**victim))).collect::<Vec<_>>()
                {
                    killed += 1;
                    wild.restart(*victim);
                }
            }
            wild.run_for(DEADLINE);
            assert_finished(&wild, id, &format!("{victims:?} back after {actions} actions"));
            if killed == 0 {
                assert!(actions > 30, "{actions}");
                break;
            }
        }
    }
}

/// H2 says that it lacks nobody, and shows another close: what it signs counts, its word no more.
#[test]
fn a_close_that_belies_the_word_costs_time_alone() {
    let (net, id) = asked();
    let way = |_: &Net, from, to, message: Message| -> Sent {
        let message = match message {
            Message::Close(close) if from == peer(2) => {
                let said = Close { list: Digest::of("another list", &[]), ..close.get().clone() };
                Message::Close(Signed::sign(said, &identity(2)))
            }
            // It brings the close that H2 has really made.
            Message::List { .. } if from == peer(2) => return Vec::new(),
            message => message,
        };
        vec![(from, to, message)]
    };
    let mut wild = Wild::new(net, way);
    wild.run_for(Duration::from_secs(15));
    assert_finished(&wild, id, "without H2's list");
}

/// H1 lacks a report. H2 gives its word to H0 and never closes: H1 has that list from H0, and goes on, so that H2's part of the total does not
/// stand unchecked.
#[test]
fn a_word_without_a_close_shuts_nobody_out() {
    let (net, id) = asked();
    let voted = Cell::new(false);
    let mut wild = Wild::new(net, |_: &Net, from, to, message| {
        let lost = match &message {
            Message::Submit(_) => (from, to) == (peer(6), peer(1)),
            Message::Complete { .. } | Message::Close(_) => from == peer(2) && to != peer(0),
            Message::List { .. } | Message::Leaves { .. } => from == peer(2),
            _ => false,
        };
        let close_of_h2 = matches!(message, Message::Close(_)) && from == peer(2);
        voted.set(voted.get() || (matches!(message, Message::Vote { .. }) && from == peer(1)));
        if lost || close_of_h2 { Vec::new() } else { vec![(from, to, message)] }
    });
    wild.run_for(DEADLINE + Duration::from_secs(15));
    let ends = wild.ends(id);
    drop(wild);
    // Without the report that H1 lacks, whose value is 25 of 42.
    assert!(ends.iter().all(|end| end.ends_with(": 17")), "{ends:?}");
    assert!(voted.get(), "H1 has no part in it");
}

/// The same among five, of which two may go: H2 after its word, H4 at any of its actions.
#[test]
fn two_of_five_may_go_one_of_them_after_its_word() {
    for actions in (0..90).step_by(3) {
        let net = Net::with_heavy(5, &VALUES, &Net::open());
        let terms = closed(&net, Sharing::Threshold { k: 3 });
        let (net, id) = put(net, terms);
        let mut wild = Wild::new(net, |_: &Net, from, to, message| {
            let lost = match &message {
                Message::Submit(_) => (from, to) == (peer(8), peer(1)),
                Message::Close(_) | Message::List { .. } => from == peer(2),
                _ => false,
            };
            if lost { Vec::new() } else { vec![(from, to, message)] }
        });
        wild.run_for(Duration::from_secs(1));
        wild.net.down.push(peer(2));
        wild.net.vanish.insert(peer(4), actions);
        wild.run_for(DEADLINE + Duration::from_secs(20));
        assert!(wild.all_read(id, "17"), "after {actions} actions of H4: {:?}", wild.ends(id));
    }
}

/// H2 lacks a report. H0 coordinates and lies: in its proposal H2's list is that of H0 and H1, so that H2 would add nothing to the total.
#[test]
fn what_a_node_holds_is_prepared_only_for_whom_has_said_so() {
    let net = Net::with_heavy(3, &VALUES, &Net::open());
    let terms = bounded(&net, 3, Sharing::Threshold { k: 2 });
    let id = terms.id_of(&to_bytes(&terms));
    let (list, lies, believed) = (Cell::new(None), Cell::new(0), Cell::new(false));
    let way = |_: &Net, from, to, message: Message| -> Sent {
        let message = match message {
            Message::Submit(_) if (from, to) == (peer(6), peer(2)) => return Vec::new(),
            // H1 hears of H2's list later than of the lie.
            Message::Close(_) | Message::List { .. } if (from, to) == (peer(2), peer(1)) && lies.get() < 3 => {
                return Vec::new();
            }
            Message::Close(close) if from == peer(0) => {
                list.set(Some(close.get().list));
                Message::Close(close)
            }
            Message::Decree(DecreeMessage::Proposal(proposed)) if from == peer(0) => {
                lies.set(lies.get() + 1);
                let said = proposed.proposal.get();
                let proposal = Proposal { choice: Choice::new(vec![list.get(); 3]), ..said.clone() };
                let proposal = Signed::sign(proposal, &identity(0));
                Message::Decree(DecreeMessage::Proposal(JustifiedProposal { proposal, ..proposed }))
            }
            Message::Decree(DecreeMessage::Prepare(prepare)) if from == peer(1) => {
                let forged = Choice::new(vec![list.get(); 3]).digest(id, Topic::Lists);
                believed.set(believed.get() || prepare.get().choice == forged);
                Message::Decree(DecreeMessage::Prepare(prepare))
            }
            message => message,
        };
        vec![(from, to, message)]
    };
    let mut wild = Wild::new(net, way);
    let propose = Command::Propose(Box::new(terms));
    wild.net.queue.push_back((peer(3), Event::Command(propose)));
    wild.run_for(Duration::from_secs(30));
    drop(wild);
    assert!(lies.get() > 0 && list.get().is_some());
    assert!(!believed.get(), "H1 has prepared a list that is not H2's");
}

/// H0 and H1 decide on H2's word, H0 goes for good, and H2 is back before it has closed: it hears of the decision at once, or it would wait
/// one grace for H0's close and another one for H0.
#[test]
fn whoever_is_back_before_it_closes_hears_what_was_decided() {
    let net = Net::with_heavy(3, &VALUES, &Net::open());
    // No longer than two graces and what the network takes.
    let terms = Computation { patience_ms: 6_000, ..closed(&net, Sharing::Threshold { k: 2 }) };
    let late = Cell::new(true);
    let (mut wild, id) = until_nearly_complete(put(net, terms), &late);
    wild.way = Box::new(|_, from, to, message| {
        let is_gone = from == peer(2) && !matches!(message, Message::Complete { .. });
        let is_later = matches!(message, Message::RhoParts { .. });
        if is_gone || is_later { Vec::new() } else { vec![(from, to, message)] }
    });
    wild.run_for(Duration::from_secs(5));
    let decided = |record: &Record| matches!(record, Record::Frozen { .. });
    assert!(wild.net.stores[&peer(1)].values().any(decided));
    wild.net.down.extend([peer(0), peer(2)]);
    // What H2 kept of its close is lost with its disk's last write.
    wild.net.stores.get_mut(&peer(2)).unwrap().retain(|_, record| {
        !matches!(record, Record::Closed { .. } | Record::Decree { .. } | Record::Frozen { .. })
    });
    wild.way = Box::new(|_, from, to, message| vec![(from, to, message)]);
    wild.restart(2);
    wild.run_for(DEADLINE + Duration::from_secs(10));
    assert_finished(&wild, id, "H1 and H2");
}

/// H2 gives its word and goes before it closes. H1, which forgets that word, is back after any action: what was decided on is its own list.
#[test]
fn whoever_forgets_the_word_knows_the_list_that_was_decided_on() {
    for actions in 0.. {
        let late = Cell::new(true);
        let (mut wild, id) = nearly_complete(&late);
        wild.way = Box::new(|_, from, to, message| {
            let is_last = from == peer(2) && !matches!(message, Message::Complete { .. });
            if is_last { Vec::new() } else { vec![(from, to, message)] }
        });
        wild.net.vanish.insert(peer(1), actions);
        wild.run_for(Duration::from_millis(500));
        wild.net.down.push(peer(2));
        let mut killed = false;
        for _ in 0..30 {
            if wild.net.down.contains(&peer(1)) {
                killed = true;
                wild.restart(1);
            }
            wild.run_for(Duration::from_secs(5));
        }
        assert_finished(&wild, id, &format!("H0 and H1, which is back after {actions} actions"));
        if !killed {
            assert!(actions > 30, "{actions}");
            break;
        }
    }
}
