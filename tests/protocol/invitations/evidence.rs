//! A party is heavy node and participant, so one node can break the rules of both in one computation.

use std::time::Duration;

use formix_p2p::domain::{Consent, Digest, Invitation, Sharing, Status};
use formix_p2p::protocol::{Command, Event};
use formix_p2p::wire::{
    DecreeFault, FaultProof, Manifest, Message, Prepare, Record, RecordKey, RecordKind, Signed, Submission,
    Topic,
};

use super::{ALICE, BOB, CHARLIE, STRANGER, computation, invitation, invite, join, net, reading, say};
use crate::net::{Net, identity, peer};

/// Another report of Bob's than the one that Alice holds.
fn other_report(net: &Net, id: formix_p2p::domain::ComputationId) -> Message {
    let key = RecordKey { kind: RecordKind::Held, computation: id, peer: Some(peer(BOB)) };
    let Record::Held(held) = net.stores[&peer(ALICE)][&key].clone() else { panic!("no report") };
    let other = Manifest { nonce: [77; 16], ..held.manifest.get().clone() };
    Message::Submit(Submission { manifest: Signed::sign(other, &identity(BOB)), ..held })
}

/// Bob has prepared two choices in one view.
fn two_prepares(id: formix_p2p::domain::ComputationId) -> Message {
    let prepare = |choice: &str| {
        let (heavy, topic, choice) = (peer(BOB), Topic::Lists, Digest::of(choice, &[]));
        Signed::sign(Prepare { computation: id, heavy, topic, view: 0, choice }, &identity(BOB))
    };
    Message::Fault(Box::new(DecreeFault::TwoPrepares(prepare("one"), prepare("other"))))
}

/// Where one set is certain in spite of liars a fault in a decree ends nothing, and the list still stands on the two reports.
#[test]
fn two_reports_stay_proven_whatever_else_their_sender_does() {
    for reports_first in [true, false] {
        let mut net = net();
        let asked =
            Invitation { answer_within_ms: Some(5_000), ..invitation(&net, Sharing::Threshold { k: 2 }, 4, 3) };
        let tickets = invite(&mut net, &asked, Some(10));
        join(&mut net, BOB, &tickets[0], Consent::Anybody, Some(7));
        join(&mut net, CHARLIE, &tickets[1], Consent::Anybody, None);
        join(&mut net, STRANGER, &tickets[2], Consent::Anybody, Some(20));
        let id = computation(&net, ALICE, asked.id());
        let wrongs = [(BOB, other_report(&net, id)), (CHARLIE, two_prepares(id))];
        let mut order: Vec<_> = wrongs.into_iter().collect();
        if !reports_first {
            order.reverse();
        }
        for (from, message) in order {
            net.queue.push_back((peer(ALICE), Event::Message { from: peer(from), message }));
        }
        net.settle();
        let fault = RecordKey { kind: RecordKind::Fault, computation: id, peer: Some(peer(BOB)) };
        let Record::Fault(kept) = &net.stores[&peer(ALICE)][&fault] else { panic!("no fault") };
        assert!(matches!(kept.proof, FaultProof::TwoReports(_)), "{reports_first}: {:?}", kept.proof);
        say(&mut net, CHARLIE, Command::Answer(id, reading(&asked, 14)));
        // Alice closes over a list without Bob while nobody hears her, and starts again.
        net.parts.insert(peer(ALICE), 0);
        net.run_for(Duration::from_millis(5_100));
        let closed = RecordKey { kind: RecordKind::Closed, computation: id, peer: None };
        let Record::Closed { excluded, .. } = &net.stores[&peer(ALICE)][&closed] else { panic!("not closed") };
        assert_eq!(excluded, &[peer(BOB)]);
        net.parts.clear();
        net.restart(ALICE);
        net.run_for(Duration::from_secs(10));
        let view = net.nodes[&peer(ALICE)].view(id).unwrap();
        assert_eq!((view.status, view.failure), (Status::Completed, None), "{reports_first}");
    }
}
