//! What heavy nodes say in a decree, the proofs that one of them broke its rules, and what one remembers of it. The
//! first byte chooses.

use formix_p2p::domain::{ComputationId, PeerId};
use formix_p2p::wire::{
    DecreeFault, DecreeMemory, DecreeMessage, DecreeTerms, Identity, Topic, from_bytes, to_bytes,
};

use super::is_short;

/// Reads a message, a fault or a memory.
pub fn feed(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    match kind % 3 {
        0 => match from_bytes::<DecreeMessage>(body) {
            Ok(said) => {
                assert_eq!(to_bytes(&said), body);
                look_into(&said);
            }
            Err(error) => is_short(&error),
        },
        1 => match from_bytes::<DecreeFault>(body) {
            Ok(fault) => {
                assert_eq!(to_bytes(&fault), body);
                judge(&fault);
            }
            Err(error) => is_short(&error),
        },
        _ => match from_bytes::<DecreeMemory>(body) {
            Ok(memory) => {
                assert_eq!(to_bytes(&memory), body);
                if let Some(decided) = memory.decided() {
                    assert_eq!(memory.view(), decided.view);
                }
            }
            Err(error) => is_short(&error),
        },
    }
}

/// Judges a message's proofs.
pub fn look_into(said: &DecreeMessage) {
    let Some((computation, topic)) = said.decree() else { return };
    let terms = terms(computation, topic);
    match said {
        DecreeMessage::Proposal(justified) => {
            let _ = justified.changes.iter().filter(|change| change.get().holds(&terms)).count();
        }
        DecreeMessage::ViewChange(change) => {
            let _ = change.get().holds(&terms);
        }
        DecreeMessage::Decided(decided) => {
            if decided.holds(&terms) {
                let (commits, prepares) = (decided.commits.len(), decided.prepares.len());
                assert!(
                    commits >= terms.quorum() || prepares == terms.heavy.len(),
                    "a decision without a quorum"
                );
            }
        }
        DecreeMessage::Prepare(_) | DecreeMessage::Commit(_) => {}
    }
}

/// Judges a fault: what holds names one of the heavy nodes.
pub fn judge(fault: &DecreeFault) {
    for topic in [Topic::Lists, Topic::Verifiers, Topic::Openings] {
        let terms = terms(fault.computation(), topic);
        if fault.holds(&terms) {
            assert!(terms.position(fault.culprit()).is_some(), "somebody else is blamed");
        }
    }
}

/// Four heavy nodes, of which one may be gone; they are those of the golden bytes.
fn terms(computation: ComputationId, topic: Topic) -> DecreeTerms {
    static HEAVY: std::sync::OnceLock<Vec<PeerId>> = std::sync::OnceLock::new();
    let heavy =
        HEAVY.get_or_init(|| (1..=4).map(|seed| Identity::from_secret_key(&[seed; 32]).peer()).collect());
    DecreeTerms { computation, topic, heavy: heavy.clone(), faults: 1 }
}
