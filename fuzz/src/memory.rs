//! An allocator that knows how much is held, so that a few bytes which make a decoder ask for a lot are a finding.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What any target may hold: buffers of a fixed size, most of it, and the machine's nodes.
const FIXED_BYTES: usize = 8 * 1024 * 1024;
/// What it may hold for each byte of its input. The dearest are lists: a byte of CBOR can stand for an element.
const BYTES_A_BYTE: usize = 1024;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.dealloc(place, layout) }
    }
}

/// How much is held before a run.
pub fn mark() -> usize {
    let held = HELD.load(Ordering::Relaxed);
    MOST.store(held, Ordering::Relaxed);
    held
}

/// # Panics
/// Where the run has held more, at its height, than its input is worth.
pub fn check(before: usize, input: usize) {
    let taken = MOST.load(Ordering::Relaxed).saturating_sub(before);
    let allowed = FIXED_BYTES + BYTES_A_BYTE * input;
    assert!(
        taken <= allowed,
        "{taken} bytes of memory for {input} bytes of input, where {allowed} are allowed"
    );
}
