//! The statements as bytes: each comes back as it was, and nothing else is taken.

use formix_p2p::wire::{DecreeFault, DecreeMessage, from_bytes, to_bytes};

use super::*;

fn messages() -> Vec<DecreeMessage> {
    let some = choice(3, &[0, 2]);
    let lock = change(2, 1, Some(prepared(&[0, 2], 0, &some)));
    vec![
        propose(0, 0, &some, []),
        propose(1, 1, &some, [change(1, 1, None), lock.clone()]),
        DecreeMessage::Prepare(prepare(0, u32::MAX, &some)),
        DecreeMessage::Commit(commit(1, 2, &some)),
        DecreeMessage::ViewChange(lock),
        DecreeMessage::ViewChange(change_with(1, 4, None, Some(first(1, &some)))),
        DecreeMessage::Decided(decided(&[0, 2], 3, &some)),
        DecreeMessage::Decided(unanimous(&[0, 1, 2], &choice(3, &[0, 1, 2]))),
    ]
}

#[test]
fn messages_memory_and_evidence_survive_their_bytes() {
    for message in messages() {
        assert_eq!(from_bytes(&to_bytes(&message)), Ok(message.clone()));
        assert_eq!(message.decree(), Some((id(), TOPIC)));
    }
    let some = choice(3, &[0, 2]);
    let mut node = Machine::new(3, 1, 1);
    node.hear([propose(0, 0, &some, []), DecreeMessage::Prepare(prepare(0, 0, &some))]);
    node.advance(&WAITS);
    node.time_out(&WAITS);
    node.hear([DecreeMessage::ViewChange(change(0, 1, None))]);
    node.advance(&WAITS);
    assert_eq!(from_bytes(&to_bytes(&node.disk)), Ok(node.disk.clone()));
    let mut node = Machine::new(3, 1, 1);
    node.advance(&wants(&choice(3, &[0, 1, 2])));
    assert_eq!(from_bytes(&to_bytes(&node.disk)), Ok(node.disk.clone()));
    for fault in [
        DecreeFault::HiddenCommit(commit(0, 0, &some), change(0, 1, None)),
        DecreeFault::HiddenPrepare(prepare(0, 0, &some), change(0, 1, None)),
    ] {
        assert_eq!(from_bytes(&to_bytes(&fault)), Ok(fault));
    }
}

#[test]
fn a_changed_byte_is_refused() {
    for message in messages() {
        let bytes = to_bytes(&message);
        for at in (0..bytes.len()).step_by(bytes.len() / 24) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            // Outside the signed bytes stand only the kind of the message and what a decision repeats of its commits.
            match from_bytes::<DecreeMessage>(&changed) {
                Err(_) => {}
                Ok(DecreeMessage::Decided(decided)) => assert!(!decided.holds(&terms(3, 1)), "byte {at}"),
                Ok(taken) => panic!("byte {at} of {message:?}: {taken:?}"),
            }
        }
    }
}

#[test]
fn lists_stop_at_sixteen() {
    let wide = Choice::new(vec![None; 17]);
    assert!(from_bytes::<Choice>(&to_bytes(&wide)).is_err());
    assert!(from_bytes::<Choice>(&to_bytes(&Choice::new(vec![None; 16]))).is_ok());
    let some = choice(3, &[0, 2]);
    for length in [16, 17] {
        let within = length == 16;
        let commits = Decided { commits: vec![commit(0, 0, &some); length], ..decided(&[], 0, &some) };
        assert_eq!(from_bytes::<Decided>(&to_bytes(&commits)).is_ok(), within);
        let prepares = Decided { prepares: vec![prepare(0, 0, &some); length], ..decided(&[], 0, &some) };
        assert_eq!(from_bytes::<Decided>(&to_bytes(&prepares)).is_ok(), within);
        let prepares = Prepared { prepares: vec![prepare(0, 0, &some); length], ..prepared(&[], 0, &some) };
        assert_eq!(from_bytes::<Prepared>(&to_bytes(&prepares)).is_ok(), within);
        let message = propose(1, 1, &some, vec![change(0, 1, None); length]);
        assert_eq!(from_bytes::<DecreeMessage>(&to_bytes(&message)).is_ok(), within);
    }
}

/// What is empty is left out, so there is one form of it.
#[test]
fn empty_lists_of_prepares_have_no_bytes() {
    let (without, with) =
        (decided(&[0, 2], 3, &choice(3, &[0, 2])), unanimous(&[0, 1, 2], &choice(3, &[0, 1, 2])));
    let bytes = to_bytes(&without);
    assert_eq!((bytes[0], to_bytes(&with)[0]), (0xa3, 0xa4), "maps of three and of four");
    let written_out = [&[0xa4], &bytes[1..], &[0x03, 0x80]].concat();
    assert!(from_bytes::<Decided>(&written_out).is_err());
}

#[test]
fn a_choice_has_one_name_in_each_decree() {
    let some = choice(3, &[0, 2]);
    let names = [
        some.digest(id(), Topic::Lists),
        some.digest(id(), Topic::Verifiers),
        some.digest(ComputationId::of_body(b"another"), Topic::Lists),
        choice(3, &[0, 1]).digest(id(), Topic::Lists),
        choice(4, &[0, 2]).digest(id(), Topic::Lists),
    ];
    assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
    assert_eq!((some.counted(), some.inputs().len()), (2, 3));
}

#[test]
fn the_form_is_pinned() {
    let some = choice(3, &[0, 2]);
    let body = format!(
        "a5005820{}015820{}02000302045820{}",
        hex(id().as_bytes()),
        hex(peer(1).public_key()),
        hex(some.digest(id(), TOPIC).as_bytes())
    );
    assert_eq!(hex(commit(1, 2, &some).body()), body);
    let inputs = format!("835820{}f65820{}", "01".repeat(32), "03".repeat(32));
    assert_eq!(hex(&to_bytes(&some)), inputs);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
