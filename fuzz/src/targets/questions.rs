//! Computations that came from somewhere: whatever passes the rules can be planned, shared and encoded.

use formix_p2p::domain::Computation;
use formix_p2p::statistics;
use formix_p2p::wire::{from_bytes, to_bytes};

/// Slots of a question whose scheme is made here: those of larger ones cost more than they tell.
const SLOTS_MAX: usize = 64;

/// Asserts that a computation is refused by name, or can run.
pub fn check(computation: &Computation) {
    match statistics::check(computation) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(()) => {
            assert_eq!(from_bytes::<Computation>(&to_bytes(computation)).as_ref(), Ok(computation));
            let slots = statistics::slots(computation);
            assert!(!slots.is_empty(), "a question about nothing");
            if slots.len() <= SLOTS_MAX {
                assert!(statistics::scheme(computation).is_ok(), "what passes the rules has no scheme");
                let _ = statistics::noise_bounds(computation);
                let _ = statistics::noise_said(computation);
            }
        }
    }
}
