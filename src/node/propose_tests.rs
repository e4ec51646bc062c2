//! What may be asked of whom.

use super::*;
use crate::control::draft;
use crate::domain::Sharing;
use crate::domain::limits::REPORTS_PER_COMPUTATION_DEFAULT;
use crate::node::directory::Via;
use crate::wire::{Activity, Identity, Presence, Signed};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn identity(number: u8) -> Identity {
    Identity::from_secret_key(&[number; 32])
}

fn peer(number: u8) -> PeerId {
    identity(number).peer()
}

fn proposal() -> Proposal {
    Proposal::new("How many beds are free?", "sum", &["beds"])
}

/// Knows these nodes; those with a round trip are connected.
fn directory(nodes: &[(u8, Role, Option<u64>)]) -> Directory {
    let mut directory = Directory::new(peer(1), Role::Light);
    for (number, role, rtt) in nodes {
        let presence = Presence {
            peer: peer(*number),
            role: *role,
            name: format!("node-{number}"),
            activity: Activity::Active,
            addresses: Vec::new(),
            created_at: NOW,
            sent_at: NOW,
            lifetime_ms: 60_000,
        };
        directory.hear(Signed::sign(presence, &identity(*number)), Via::Itself, NOW);
        if let Some(millis) = rtt {
            directory.connect(peer(*number));
            directory.measure(peer(*number), Duration::from_millis(*millis));
        }
    }
    directory
}

fn asked(
    proposal: &Proposal,
    role: Role,
    directory: &Directory,
    policy: &Policy,
) -> Result<Computation, ApiError> {
    let asker = Asker { own: peer(1), role, name: "asker", policy, directory, now: NOW };
    with_nodes(draft(proposal, peer(1), NOW).map_err(ApiError::from)?, proposal, &asker)
}

fn names(numbers: &[u8]) -> Vec<String> {
    numbers.iter().map(|number| format!("node-{number}")).collect()
}

#[test]
fn trusted_heavy_nodes_come_first_then_near_ones() {
    let directory = directory(&[
        (2, Role::Heavy, Some(5)),
        (3, Role::Heavy, Some(90)),
        (4, Role::Heavy, Some(1)),
        (5, Role::Heavy, Some(2)),
        (6, Role::Heavy, None),
        (7, Role::Light, Some(1)),
    ]);
    let near = asked(&proposal(), Role::Light, &directory, &Policy::default()).unwrap();
    assert_eq!(near.heavy, [4, 5, 2].map(peer));
    let policy = Policy { trust: Trust::Listed([peer(3)].into()), ..Policy::default() };
    let trusted = asked(&proposal(), Role::Light, &directory, &policy).unwrap();
    assert_eq!(trusted.heavy, [3, 4, 5].map(peer));
}

#[test]
fn too_few_heavy_nodes_are_counted() {
    let known = directory(&[(2, Role::Heavy, Some(5)), (3, Role::Heavy, None)]);
    let error = asked(&proposal(), Role::Light, &known, &Policy::default()).unwrap_err();
    assert_eq!((error.code.as_str(), error.exit), ("too_few_heavy_nodes", 1));
    assert!(error.message.contains("knows 2 and can reach 1"), "{error}");
    assert!(may_come_right(&error));
    let two = directory(&[(2, Role::Heavy, Some(5)), (3, Role::Heavy, Some(5))]);
    let own = asked(&proposal(), Role::Heavy, &two, &Policy::default()).unwrap();
    assert_eq!(own.heavy, [2, 3, 1].map(peer), "a heavy node that asks is the last choice");
}

#[test]
fn a_threshold_takes_as_many_heavy_nodes_as_it_needs() {
    let schema = r#"{"type":"number","minimum":0,"maximum":9}"#.to_owned();
    let survives = Proposal { schema: Some(schema), survives: Some(2), ..proposal() };
    let heavy = |count: u8| -> Vec<_> { (2..2 + count).map(|number| (number, Role::Heavy, Some(1))).collect() };
    let found = asked(&survives, Role::Light, &directory(&heavy(6)), &Policy::default()).unwrap();
    assert_eq!((found.heavy.len(), found.sharing), (5, Sharing::Threshold { k: 3 }));
    let four = directory(&heavy(4));
    let error = asked(&survives, Role::Light, &four, &Policy::default()).unwrap_err();
    assert_eq!((error.code.as_str(), error.exit), ("too_few_heavy_nodes", 1));
    assert!(error.message.contains("needs 5 heavy nodes; this node knows 4 and can reach 4"), "{error}");
    assert!(error.hint.starts_with("lower one of them"), "{}", error.hint);
    assert!(may_come_right(&error));
    let own = asked(&survives, Role::Heavy, &four, &Policy::default()).unwrap();
    assert_eq!(own.heavy.last(), Some(&peer(1)));
}

#[test]
fn named_nodes_are_resolved_and_must_be_heavy() {
    let directory = directory(&[
        (2, Role::Heavy, None),
        (3, Role::Heavy, None),
        (4, Role::Heavy, None),
        (5, Role::Light, None),
    ]);
    let named = |numbers: &[u8]| Proposal { heavy: names(numbers), ..proposal() };
    let policy = Policy::default();
    let found = asked(&named(&[4, 2, 3]), Role::Light, &directory, &policy).unwrap();
    assert_eq!(found.heavy, [4, 2, 3].map(peer), "in the order given");
    let code = |numbers: &[u8]| asked(&named(numbers), Role::Light, &directory, &policy).unwrap_err().code;
    assert_eq!(code(&[2, 3, 9]), "no_such_node");
    assert_eq!(code(&[2, 3, 5]), "not_heavy");
    assert_eq!(code(&[2, 3, 3]), "invalid_heavy");
}

#[test]
fn a_closed_list_is_sorted_and_bounds_the_participants() {
    let all = directory(&[
        (2, Role::Heavy, Some(1)),
        (3, Role::Heavy, Some(1)),
        (4, Role::Heavy, Some(1)),
        (5, Role::Light, None),
        (6, Role::Light, None),
    ]);
    let listed = ["node-6", "asker", "node-5", "node-6"].map(str::to_owned).to_vec();
    let closed = Proposal { participants: listed, ..proposal() };
    let closed = asked(&closed, Role::Light, &all, &Policy::default()).unwrap();
    let mut expected = [1, 5, 6].map(peer).to_vec();
    expected.sort_unstable();
    assert_eq!((closed.participants, closed.max_participants), (Some(expected), 3));
    // Who is named in full may come later.
    let late = |reference: &str| {
        let participants = vec!["node-5".to_owned(), "asker".to_owned(), reference.to_owned()];
        asked(&Proposal { participants, ..proposal() }, Role::Light, &all, &Policy::default())
    };
    assert!(late(&peer(9).to_string()).unwrap().participants.unwrap().contains(&peer(9)));
    assert_eq!(late(&peer(9).uid().to_string()).unwrap_err().code, "no_such_node");
    let open = asked(&proposal(), Role::Light, &all, &Policy::default()).unwrap();
    assert_eq!((open.participants, open.max_participants), (None, REPORTS_PER_COMPUTATION_DEFAULT));
}

#[test]
fn heavy_nodes_whose_clocks_are_ahead_are_named_with_what_they_show() {
    let mut directory = directory(&[(2, Role::Heavy, Some(1)), (3, Role::Heavy, Some(1))]);
    let ahead = NOW + Duration::from_secs(300);
    directory.connect(peer(4));
    let mut presence = Presence {
        peer: peer(4),
        role: Role::Heavy,
        name: "node-4".to_owned(),
        activity: Activity::Active,
        addresses: Vec::new(),
        created_at: NOW,
        sent_at: ahead,
        lifetime_ms: 60_000,
    };
    directory.hear(Signed::sign(presence.clone(), &identity(4)), Via::Itself, NOW);
    let refused = asked(&proposal(), Role::Light, &directory, &Policy::default()).unwrap_err();
    assert_eq!(refused.code, "too_few_heavy_nodes");
    for part in [peer(4).uid().to_string(), ahead.to_string(), NOW.to_string()] {
        assert!(refused.message.contains(&part), "{part}: {}", refused.message);
    }
    assert!(refused.hint.contains("clocks"), "{}", refused.hint);

    // Set right, it is one of three.
    presence.sent_at = NOW;
    directory.hear(Signed::sign(presence, &identity(4)), Via::Itself, NOW);
    assert!(asked(&proposal(), Role::Light, &directory, &Policy::default()).is_ok());
}
