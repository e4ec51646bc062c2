//! Signatures that a node has made or checked lately: the same bytes under the same signature are not checked twice.
//!
//! Statements travel together: a freeze shows every close, a vote what it judges by, an opening every vote, and whoever hears nothing
//! says everything again. Most of what a heavy node reads it has read before. What is remembered is a digest of all that a check
//! looks at (key, signature, what is covered), so a remembered signature is one that was found to hold by the same rule.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::Digest;
use crate::domain::limits::SIGNATURES_REMEMBERED_MAX;

/// What one node remembers; clones are the same memory.
#[derive(Clone, Default)]
pub struct Checked(Arc<Mutex<Generations>>);

/// The newer half, and the older one, which goes when the newer one is full.
#[derive(Default)]
struct Generations {
    newer: BTreeSet<Digest>,
    older: BTreeSet<Digest>,
}

thread_local! {
    /// Whose memory counts while this thread decodes.
    static IN_USE: RefCell<Option<Checked>> = const { RefCell::new(None) };
}

/// Puts back what was in use before, whatever happens in between.
struct Before(Option<Checked>);

impl Drop for Before {
    fn drop(&mut self) {
        IN_USE.set(self.0.take());
    }
}

impl Checked {
    /// Decodes on behalf of the node whose memory this is.
    pub fn while_decoding<R>(&self, decode: impl FnOnce() -> R) -> R {
        let _before = Before(IN_USE.replace(Some(self.clone())));
        decode()
    }

    /// Remembers a signature that holds.
    pub(super) fn note(&self, signature: Digest) {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if generations.newer.len() >= SIGNATURES_REMEMBERED_MAX / 2 {
            generations.older = std::mem::take(&mut generations.newer);
        }
        generations.newer.insert(signature);
    }

    fn knows(&self, signature: &Digest) -> bool {
        let generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        generations.newer.contains(signature) || generations.older.contains(signature)
    }
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked").finish_non_exhaustive()
    }
}

/// All that a check of a signature looks at.
pub(super) fn of_check(public: &[u8; 32], signature: &[u8; 64], covered: &[u8]) -> Digest {
    Digest::of("formix-p2p/checked/1", &[public, signature, covered])
}

/// Checks a signature, unless the node that decodes on this thread remembers that it holds.
pub(super) fn check_once<E>(
    public: &[u8; 32],
    signature: &[u8; 64],
    covered: &[u8],
    check: impl FnOnce() -> Result<(), E>,
) -> Result<(), E> {
    let Some(memory) = IN_USE.with_borrow(Clone::clone) else { return check() };
    let digest = of_check(public, signature, covered);
    if memory.knows(&digest) {
        return Ok(());
    }
    check()?;
    memory.note(digest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a check was made, and what came of it.
    fn checked(signature: u8, covered: &[u8], holds: Result<(), ()>) -> (bool, Result<(), ()>) {
        let mut made = false;
        let outcome = check_once(&[1; 32], &[signature; 64], covered, || {
            made = true;
            holds
        });
        (made, outcome)
    }

    #[test]
    fn what_holds_is_checked_once_and_what_does_not_every_time() {
        let memory = Checked::default();
        memory.while_decoding(|| {
            assert_eq!(checked(1, b"a", Ok(())), (true, Ok(())));
            assert_eq!(checked(1, b"a", Err(())), (false, Ok(())), "it held a moment ago");
            assert_eq!(checked(2, b"a", Err(())), (true, Err(())), "another signature");
            assert_eq!(checked(2, b"a", Err(())), (true, Err(())));
            assert_eq!(checked(1, b"b", Err(())), (true, Err(())), "about something else");
        });
    }

    #[test]
    fn nodes_do_not_share_what_they_have_checked() {
        let (one, other) = (Checked::default(), Checked::default());
        one.while_decoding(|| {
            assert_eq!(checked(1, b"a", Ok(())), (true, Ok(())));
            other.while_decoding(|| assert_eq!(checked(1, b"a", Err(())), (true, Err(()))));
            assert_eq!(checked(1, b"a", Err(())), (false, Ok(())), "its own memory is in use again");
        });
        assert_eq!(checked(1, b"a", Err(())), (true, Err(())), "nobody decodes");
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let memory = Checked::default();
        let digest = |number: usize| Digest::of("x", &[&number.to_be_bytes()]);
        for number in 0..2 * SIGNATURES_REMEMBERED_MAX {
            memory.note(digest(number));
        }
        let generations = memory.0.lock().unwrap();
        assert!(generations.newer.len() + generations.older.len() <= SIGNATURES_REMEMBERED_MAX);
        drop(generations);
        assert!(memory.knows(&digest(2 * SIGNATURES_REMEMBERED_MAX - 1)) && !memory.knows(&digest(0)));
    }
}
