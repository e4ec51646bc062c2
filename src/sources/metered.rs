//! A reader that keeps time, and the size of a record, while a source is read.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use std::time::Instant;

use super::error::SourceError;
use crate::domain::limits::SOURCE_RECORD_BYTES_MAX;

/// Bytes that are asked for at once.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// Passes bytes on until the time is over or a record grows too long.
pub(super) struct Metered<R> {
    inner: R,
    deadline: Instant,
    meter: Meter,
}

/// Says when a record has ended.
#[derive(Clone, Default)]
pub(super) struct Meter(Rc<Cell<u64>>);

/// The time that a source has.
#[derive(Clone, Copy)]
pub(super) struct Time {
    start: Instant,
    pub(super) deadline: Instant,
}

/// Why reading was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    #[error("the time is over")]
    Deadline,
    #[error("the record is too long")]
    TooLong,
}

impl From<Stop> for io::Error {
    fn from(stop: Stop) -> Self {
        Self::other(stop)
    }
}

impl Meter {
    /// From here on, bytes count for the next record.
    pub(super) fn record_ended(&self) {
        self.0.set(0);
    }
}

impl Time {
    /// From now until then.
    pub(super) fn until(deadline: Instant) -> Self {
        Self { start: Instant::now(), deadline }
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// That it was not enough.
    pub(super) fn exceeded(&self, origin: String) -> SourceError {
        let limit_ms = self.deadline.saturating_duration_since(self.start).as_millis();
        SourceError::TimedOut { origin, limit_ms }
    }
}

impl<R: Read> Metered<R> {
    pub(super) fn new(inner: R, time: Time) -> (Self, Meter) {
        let meter = Meter::default();
        (Self { inner, deadline: time.deadline, meter: meter.clone() }, meter)
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if Instant::now() >= self.deadline {
            return Err(Stop::Deadline.into());
        }
        if self.meter.0.get() > SOURCE_RECORD_BYTES_MAX {
            return Err(Stop::TooLong.into());
        }
        let read = self.inner.read(buffer)?;
        self.meter.0.set(self.meter.0.get() + read as u64);
        Ok(read)
    }
}

/// Which of our own reasons stands behind an error of reading; `None` for one of the operating system's.
pub(super) fn stop_behind(error: &io::Error) -> Option<Stop> {
    error.get_ref()?.downcast_ref::<Stop>().copied()
}
