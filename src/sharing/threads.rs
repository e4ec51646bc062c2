//! Spreads work over reports, not inside one: each thread takes a run of them, and results keep their order.

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::thread;

/// Field elements that are worth a thread of their own: about half a millisecond of verification.
const ELEMENTS_PER_THREAD_MIN: usize = 16_384;

/// What the machine runs at once, asked once: the answer takes several system calls, and a slice is worked on for a few milliseconds.
static AVAILABLE: OnceLock<usize> = OnceLock::new();

/// How many threads a batch may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// As many as the machine runs at once.
    Available,
    /// At most this many.
    AtMost(NonZeroUsize),
}

impl Threads {
    fn count(self) -> usize {
        match self {
            Self::Available => {
                *AVAILABLE.get_or_init(|| thread::available_parallelism().map_or(1, NonZeroUsize::get))
            }
            Self::AtMost(count) => count.get(),
        }
    }
}

/// Applies `work` to runs of `items`, in order, and to the place at which each begins. `weight` is the field elements of one item:
/// small batches stay on the caller's thread. What comes out does not depend on the number of threads, up to where the runs end.
pub(super) fn spread<T: Sync, R: Send>(
    threads: Threads,
    weight: usize,
    items: &[T],
    work: impl Fn(usize, &[T]) -> R + Sync,
) -> Vec<R> {
    let least = ELEMENTS_PER_THREAD_MIN.div_ceil(weight.max(1)).max(1);
    let threads = if items.len() < 2 * least { 1 } else { threads.count() };
    let run = items.len().div_ceil(threads).max(least);
    if items.len() <= run {
        return vec![work(0, items)];
    }
    let work = &work;
    let (own, others) = items.split_at(run);
    thread::scope(|scope| {
        let handles: Vec<_> = others
            .chunks(run)
            .zip((run..).step_by(run))
            .map(|(chunk, begin)| {
                (chunk, begin, thread::Builder::new().spawn_scoped(scope, move || work(begin, chunk)))
            })
            .collect();
        // The caller's thread is one of them.
        let mut results = Vec::with_capacity(handles.len() + 1);
        results.push(work(0, own));
        results.extend(handles.into_iter().map(|(chunk, begin, handle)| match handle {
            Ok(handle) => handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // The system gives no more threads.
            Err(_) => work(begin, chunk),
        }));
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_stays_whatever_the_threads() {
        let items: Vec<u32> = (0..1000).collect();
        for threads in [1, 2, 3, 7, 2000] {
            let threads = Threads::AtMost(NonZeroUsize::new(threads).unwrap());
            let doubled = spread(threads, ELEMENTS_PER_THREAD_MIN, &items, |begin, run| {
                assert_eq!(usize::try_from(run[0]), Ok(begin));
                run.iter().map(|item| item * 2).collect::<Vec<_>>()
            });
            assert_eq!(doubled.concat(), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_small_batch_stays_where_it_is() {
        let here = thread::current().id();
        let ids = spread(Threads::Available, 100, &[1, 2, 3], |_, _| thread::current().id());
        assert_eq!(ids, [here]);
        assert_eq!(spread(Threads::Available, 100, &[], |_, run: &[u8]| run.len()), [0]);
    }
}
