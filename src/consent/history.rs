//! What rules look back at: earlier questions, what became of them at this node, and who was asked.

use std::borrow::Cow;
use std::time::Duration;

use super::sets::is_revealing;
use crate::domain::{ComputationId, Decimal, Noise, PeerId, Timestamp};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// ε has at most so many decimals.
const EPSILON_SCALE: u32 = 6;

/// One earlier question.
#[derive(Clone, Debug)]
pub struct Earlier<'a> {
    /// Which.
    pub computation: ComputationId,
    /// About which fields.
    pub fields: Cow<'a, [String]>,
    /// When it was answered, or what counts as an answer was told; none for a question that this node did not answer.
    pub answered_at: Option<Timestamp>,
    /// The noise of the result that this node's answer is in.
    pub noise: Option<Noise>,
    /// Of a question to a closed list: whose values its total may hold, sorted. This node is not among them if it did
    /// not answer.
    pub set: Option<Cow<'a, [PeerId]>>,
}

/// Earlier questions.
#[derive(Clone, Debug, Default)]
pub struct History<'a>(Vec<Earlier<'a>>);

impl<'a> FromIterator<Earlier<'a>> for History<'a> {
    fn from_iter<T: IntoIterator<Item = Earlier<'a>>>(earlier: T) -> Self {
        Self(earlier.into_iter().collect())
    }
}

impl Earlier<'_> {
    fn asks(&self, field: &str) -> bool {
        self.fields.iter().any(|known| known == field)
    }
}

impl History<'_> {
    /// Answers about a field within the last day.
    pub fn answers_within_a_day(&self, field: &str, now: Timestamp) -> usize {
        let counts = |earlier: &&Earlier<'_>| {
            earlier.asks(field) && earlier.answered_at.is_some_and(|at| now.since(at) < DAY)
        };
        self.0.iter().filter(counts).count()
    }

    /// The sum of ε of all noisy answers about a field; `None` for a sum beyond all numbers.
    pub fn spent(&self, field: &str) -> Option<Decimal> {
        let answered = self.0.iter().filter(|earlier| earlier.answered_at.is_some() && earlier.asks(field));
        let mut micros = 0_i128;
        for noise in answered.filter_map(|earlier| earlier.noise) {
            micros = micros.checked_add(noise.epsilon.at_scale(EPSILON_SCALE)?)?;
        }
        Decimal::new(micros, EPSILON_SCALE)
    }

    /// The earlier question about one of these fields whose people differ least from this sorted set, by fewer than
    /// `below`.
    pub fn nearest(&self, fields: &[&str], set: &[PeerId], below: usize) -> Option<(ComputationId, usize)> {
        let shares_field = |earlier: &&Earlier<'_>| fields.iter().any(|field| earlier.asks(field));
        let near = |earlier: &Earlier<'_>| {
            let differ = is_revealing(earlier.set.as_ref()?, set, below)?;
            Some((earlier.computation, differ))
        };
        let all = self.0.iter().filter(shares_field).filter_map(near);
        all.min_by_key(|(computation, differ)| (*differ, *computation))
    }
}
