//! Work that rests on what may change.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::*;
use crate::consent::Policy;
use crate::domain::{Query, Role, Sharing, Statistic, Timestamp, VERSION};
use crate::protocol::entry::{Due, Stage};
use crate::protocol::{Settings, Slice};
use crate::wire::{Identity, Record, RecordKey, Signed};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn identity(number: u8) -> Identity {
    Identity::from_secret_key(&[number; 32])
}

/// A heavy node that verifies a set of nobody.
fn verifying() -> Entry {
    let schema = r#"{"type":"number","minimum":0,"maximum":100}"#;
    let terms = Computation {
        version: VERSION,
        nonce: [0; 16],
        proposer: identity(1).peer(),
        proposed_at: NOW,
        prompt: String::new(),
        query: Query::parse(Statistic::Sum, &["n".to_owned()], Some(schema)).unwrap(),
        heavy: (2..5).map(|number| identity(number).peer()).collect(),
        sharing: Sharing::Threshold { k: 2 },
        min_participants: 1,
        max_participants: 10,
        deadline: NOW,
        patience_ms: 1_000,
        grace_ms: 1_000,
        participants: None,
        noise: None,
        invitation: None,
    };
    let mut entry = Entry::new(Signed::sign(terms, &identity(1)));
    let (list, frozen) = (List::default(), List::default());
    let heavy = Some(Box::new(Heavy { step: Step::Verifying { list, frozen }, ..Heavy::default() }));
    entry.stage = Stage::Running { acceptances: Vec::new(), heavy, light: None, due: Due::Passed };
    entry
}

#[test]
fn verdicts_begin_anew_where_others_count() {
    let settings = Settings {
        identity: identity(2),
        role: Role::Heavy,
        policy: Policy::default(),
        memory_since: None,
        seed: Secret::new([0; 32]),
        slice: Slice::default(),
    };
    let (mut rng, shelf) = (ChaCha20Rng::from_seed([0; 32]), BTreeMap::<RecordKey, Record>::new());
    let mut turn = Turn::new(NOW, &settings, &shelf, &mut rng);
    let counted = |places: &[usize]| {
        let node = |place: &usize| (*place, identity(u8::try_from(*place).unwrap() + 2).peer());
        Basis { counted: places.iter().map(node).collect(), digest: None }
    };
    let mut entry = verifying();
    let at_hand = |entry: &mut Entry| entry.heavy_mut().unwrap().work.task.take().unwrap();
    for places in [&[0, 1, 2][..], &[0, 2]] {
        assert!(entry.tally(&mut turn, counted(places)).is_none());
        let mut task = at_hand(&mut entry);
        assert_eq!(task.done, 0, "{places:?}");
        assert!(task.rests_on(Some(&counted(places))) && !task.rests_on(None));
        task.done = 5;
        entry.heavy_mut().unwrap().work.task = Some(task);
        // On the same basis it goes on.
        assert!(entry.tally(&mut turn, counted(places)).is_none());
        let task = at_hand(&mut entry);
        assert_eq!(task.done, 5);
        entry.heavy_mut().unwrap().work.task = Some(task);
    }
    // A turn to compute finds that nothing is decided any more.
    entry.on_work(&mut turn);
    assert!(entry.heavy().unwrap().work.task.is_none());
    let asked = turn.into_actions();
    assert_eq!(asked, [Action::Work { computation: entry.id }], "and a turn is asked for once");
}
