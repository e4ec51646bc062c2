//! What people and programs are shown.

use super::*;
use crate::domain::VERSION;
use crate::domain::{Digest, Failure, Modulus, Query, Standing, Statistic};
use crate::node::directory::Via;
use crate::wire::{Certificate, Entry, Identity, List, Signed, Vote};

fn identity(number: u8) -> Identity {
    Identity::from_secret_key(&[number; 32])
}

fn peer(number: u8) -> PeerId {
    identity(number).peer()
}

fn presence(number: u8, role: Role) -> Presence {
    Presence {
        peer: peer(number),
        role,
        name: format!("node-{number}"),
        activity: Activity::Active,
        addresses: vec!["/ip4/10.0.0.1/udp/8001/quic-v1".to_owned()],
        created_at: Timestamp::from_millis(u64::from(number)),
        sent_at: Timestamp::from_millis(1_000),
        lifetime_ms: 60_000,
    }
}

fn directory_of(nodes: &[(u8, Role)]) -> Directory {
    let mut directory = Directory::new(peer(1), Role::Light);
    for (number, role) in nodes {
        let signed = Signed::sign(presence(*number, *role), &identity(*number));
        directory.hear(signed, Via::Itself, Timestamp::from_millis(1_000));
    }
    directory
}

fn question() -> Computation {
    Computation {
        version: VERSION,
        nonce: [0; 16],
        proposer: peer(1),
        proposed_at: Timestamp::from_millis(1_000),
        prompt: "How many beds are free?".to_owned(),
        query: Query::parse(Statistic::Sum, &["beds".to_owned()], None).unwrap(),
        heavy: vec![peer(2), peer(3), peer(4)],
        sharing: Sharing::Additive { modulus: Modulus::Bits64 },
        min_participants: 3,
        max_participants: 100,
        deadline: Timestamp::from_millis(31_000),
        patience_ms: 60_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
        invitation: None,
    }
}

/// About so many numbers of every participant.
pub fn vector(length: usize) -> Computation {
    let schema =
        format!(r#"{{"type":"array","items":{{"type":"integer"}},"minItems":{length},"maxItems":{length}}}"#);
    let query = Query::parse(Statistic::VectorMean, &["update".to_owned()], Some(&schema)).unwrap();
    Computation { query, ..question() }
}

fn view<'a>(computation: &'a Computation, standings: &'a BTreeMap<PeerId, Standing>) -> View<'a> {
    View {
        id: ComputationId::of_body(b"x"),
        computation,
        status: Status::Pending,
        certificate: None,
        answer: None,
        assurance: None,
        failure: None,
        participants: 2,
        own: OwnPart::None,
        ledger: None,
        standings,
        members: None,
        similar: Vec::new(),
        revision: 7,
    }
}

#[test]
fn the_network_lists_this_node_too_by_creation() {
    let directory = directory_of(&[(3, Role::Heavy), (2, Role::Heavy), (4, Role::Light)]);
    let shown = network(&presence(1, Role::Light), &directory, Timestamp::from_millis(2_000));
    let uids: Vec<_> = shown.nodes.iter().map(|node| node.uid.clone()).collect();
    assert_eq!(uids, [1, 2, 3, 4].map(|number| peer(number).uid().to_string()));
    assert_eq!((shown.heavy, shown.light), (2, 2));
    assert_eq!(shown.nodes[0].port, Some(8001));
    assert_eq!(shown.nodes[0].created_at, "1970-01-01T00:00:00.001Z");
    assert_eq!(shown.nodes[1].addresses, [format!("/ip4/10.0.0.1/udp/8001/quic-v1/p2p/{}", peer(2))]);
    assert!(shown.nodes.iter().all(|node| node.status == "active"));
    let later = network(&presence(1, Role::Light), &directory, Timestamp::from_millis(90_000));
    assert_eq!((later.heavy, later.light, later.nodes.len()), (0, 1, 4));
}

#[test]
fn a_computation_names_who_cannot_be_reached_and_counts_standings() {
    let mut directory = directory_of(&[(2, Role::Heavy)]);
    directory.connect(peer(2));
    let standings = [(peer(5), Standing::WaitsForOwner), (peer(6), Standing::WaitsForOwner)].into();
    let shown = computation(&view(&question(), &standings), peer(1), &directory, 5);
    assert_eq!(shown.unreachable, [3, 4].map(|number| peer(number).uid().to_string()));
    assert_eq!(shown.standings, [("waits for its owner".to_owned(), 2)].into());
    assert_eq!((shown.expected, shown.participants, shown.revision), (5, 2, 7));
    assert_eq!((shown.result, shown.reason, shown.own_answer.as_str()), (None, None, "none"));
    assert_eq!((shown.private_against, shown.survives, shown.sharing.as_str()), (2, 0, "additive"));
    assert_eq!((shown.threshold, shown.proven, shown.noise), (None, false, None));
    let closed = Computation { participants: Some(vec![peer(5)]), ..question() };
    let shown = computation(&view(&closed, &standings), peer(1), &directory, 5);
    assert_eq!(shown.expected, 1);
}

/// Two votes of three, which leave out two reports.
fn certificate(question: &Computation) -> Certificate {
    let id = ComputationId::of_body(b"x");
    let nothing = Digest::from_bytes([0; 32]);
    let vote = |number: u8| {
        let vote = Vote {
            computation: id,
            heavy: peer(number),
            accepted: nothing,
            participants: 5,
            unverified: 2,
            verifications: None,
            partial_sum: nothing,
        };
        Signed::sign(vote, &identity(number))
    };
    let computation = Signed::sign(question.clone(), &identity(1));
    Certificate { computation, votes: vec![vote(2), vote(4)], openings: Vec::new(), decided: None }
}

#[test]
fn the_scheme_its_noise_and_what_did_not_verify_are_shown() {
    let (directory, standings) = (directory_of(&[]), BTreeMap::new());
    let noise = Noise { epsilon: "0.5".parse().unwrap() };
    let sharing = Sharing::Threshold { k: 2 };
    let question = Computation { sharing, noise: Some(noise), ..question() };
    let running = computation(&view(&question, &standings), peer(1), &directory, 5);
    assert_eq!((running.sharing.as_str(), running.threshold, running.proven), ("threshold", Some(2), true));
    assert_eq!((running.private_against, running.survives), (1, 1));
    assert_eq!((running.unverified, running.checked, running.liars.len()), (None, None, 0));
    let said = serde_json::to_value(&running.noise).unwrap().to_string();
    assert_eq!(said, r#"{"mechanism":"discrete-laplace","epsilon":0.5}"#);
    let proof = certificate(&question);
    let completed =
        View { status: Status::Completed, certificate: Some(&proof), ..view(&question, &standings) };
    let completed = computation(&completed, peer(1), &directory, 5);
    assert_eq!(completed.unverified, Some(2));
    assert_eq!(completed.signed_by, [2, 4].map(|number| peer(number).uid().to_string()));
    let announced = announced(ComputationId::of_body(b"x"), &question);
    assert_eq!((announced.threshold, announced.proven, announced.survives), (Some(2), true, 1));
    assert_eq!(announced.noise, running.noise);
}

#[test]
fn who_was_in_the_set_is_shown_where_it_is_known() {
    let (directory, standings, question) = (directory_of(&[]), BTreeMap::new(), question());
    let unknown = computation(&view(&question, &standings), peer(1), &directory, 5);
    assert_eq!((unknown.members, unknown.similar), (None, Vec::new()));
    let entry = |number| Entry { participant: peer(number), manifest: Digest::from_bytes([0; 32]) };
    let list = List::accepted(vec![entry(5), entry(6)]);
    let similar = Similar { difference: 1, other: ComputationId::of_body(b"y") };
    let known = View { members: Some(&list), similar: vec![similar], ..view(&question, &standings) };
    let shown = computation(&known, peer(1), &directory, 5);
    assert_eq!(shown.members, Some([5, 6].map(|number| peer(number).uid().to_string()).to_vec()));
    assert_eq!(shown.similar, [SimilarView { id: similar.other.to_string(), difference: 1 }]);
}

#[test]
fn a_failure_gives_its_reason_before_this_nodes_own() {
    let (directory, standings, question) = (directory_of(&[]), BTreeMap::new(), question());
    let own = OwnPart::Declined(Standing::NoSuchField);
    let declined = View { own, ..view(&question, &standings) };
    let shown = computation(&declined, peer(1), &directory, 0);
    assert_eq!(shown.reason.as_deref(), Some("this node has no such field"));
    let failure = Failure::InsufficientParticipants { accepted: 1, minimum: 3 };
    let failed = View { status: Status::Failed, failure: Some(&failure), ..declined };
    let shown = computation(&failed, peer(1), &directory, 0);
    assert_eq!(shown.reason.as_deref(), Some("insufficient participants: 1 of 3"));
    assert!(shown.unreachable.is_empty());
}

#[test]
fn a_waiting_question_says_why_and_what_to_type() {
    let (standings, question) = (BTreeMap::new(), question());
    assert_eq!(pending(&view(&question, &standings)), None);
    let id = ComputationId::of_body(b"x");
    let waiting = |doubt| View { own: OwnPart::Waiting(doubt), ..view(&question, &standings) };
    let shown = pending(&waiting(Doubt::NoSource)).unwrap();
    assert_eq!(shown.command, format!("formix-p2p answer {id} VALUE"));
    let shown = pending(&waiting(Doubt::NoTrustedHeavy { colluders: 3, trusted: 0, required: 1 })).unwrap();
    assert_eq!(shown.command, format!("formix-p2p approve {id}"));
    assert!(shown.reason.contains("trust list"), "{}", shown.reason);
}

#[test]
fn ports_are_read_from_addresses() {
    assert_eq!(port("/ip4/1.2.3.4/tcp/8000"), Some(8000));
    assert_eq!(port("/ip6/::1/udp/9/quic-v1"), Some(9));
    assert_eq!(port("/dns/example.org"), None);
}
