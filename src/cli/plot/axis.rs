//! A scale from numbers to pixels, with round numbers to read it by.

/// So many intervals between round numbers, more or less.
const INTERVALS: f64 = 6.0;

/// A scale whose ends are round numbers, or those that were given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    step: f64,
}

impl Axis {
    /// From a round number below to one above all of these; none without a number.
    pub fn around(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let exact = Self::between(numbers)?;
        let Self { low, high, step } = exact;
        let round = Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step };
        // Numbers near the end of what a double holds cannot be rounded outwards.
        Some(if round.low.is_finite() && round.high.is_finite() { round } else { exact })
    }

    /// From the lowest of these to the highest; none without a number.
    pub fn between(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let both = |(low, high): (f64, f64), number: f64| (low.min(number), high.max(number));
        let (mut low, mut high) = numbers.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), both);
        if low > high {
            return None;
        }
        // One number alone, or several that a double hardly tells apart, get room on either side.
        let size = low.abs().max(high.abs());
        if high - low <= size * 1e-12 {
            let room = if size > 0.0 { size * 0.1 } else { 1.0 };
            (low, high) = (low - room, high + room);
        }
        let span = high - low;
        span.is_finite().then(|| Self { low, high, step: round_step(span / INTERVALS) })
    }

    /// Where a number is, between these pixels.
    pub fn place(&self, number: f64, from: f64, to: f64) -> f64 {
        from + (number - self.low) / (self.high - self.low) * (to - from)
    }

    /// Round numbers on it, as numbers and as words.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        // A hair of room, since a third is no double.
        let first = (self.low / self.step - 1e-9).ceil();
        let last = (self.high / self.step + 1e-9).floor();
        let count = (last - first).clamp(0.0, 4.0 * INTERVALS) as u32;
        (0..=count)
            .map(|at| (first + f64::from(at)) * self.step)
            .map(|number| (number, self.words(number)))
            .collect()
    }

    /// With as many decimals as the step has.
    fn words(&self, number: f64) -> String {
        let size = self.low.abs().max(self.high.abs());
        if !(1e-3..1e9).contains(&size) {
            let text = format!("{:.*e}", (size / self.step).log10().ceil().clamp(0.0, 12.0) as usize, number);
            let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
            let digits =
                if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
            return if power == "0" { digits.to_owned() } else { format!("{digits}e{power}") };
        }
        let decimals = (-self.step.log10().floor()).clamp(0.0, 12.0) as usize;
        let text = format!("{number:.decimals$}");
        // A rounded zero has no sign.
        if text.trim_start_matches('-').chars().all(|c| matches!(c, '0' | '.')) {
            text.trim_start_matches('-').to_owned()
        } else {
            text
        }
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not below this.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= least * (1.0 - 1e-9)).unwrap_or(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(numbers: [f64; 2]) -> Vec<String> {
        Axis::around(numbers).unwrap().ticks().into_iter().map(|(_, words)| words).collect()
    }

    #[test]
    fn numbers_to_read_by_are_round() {
        assert_eq!(words([0.0, 17.0]), ["0", "5", "10", "15", "20"]);
        assert_eq!(words([-0.3, 0.2]), ["-0.3", "-0.2", "-0.1", "0.0", "0.1", "0.2"]);
        assert_eq!(words([0.0, 3e12]), ["0", "5e11", "1e12", "1.5e12", "2e12", "2.5e12", "3e12"]);
        assert_eq!(words([7.0, 7.0]).first().unwrap(), "6.0");
    }

    #[test]
    fn ends_meet_the_pixels() {
        let axis = Axis::around([0.0, 100.0]).unwrap();
        assert_eq!((axis.place(0.0, 40.0, 240.0), axis.place(100.0, 40.0, 240.0)), (40.0, 240.0));
        assert_eq!(axis.place(25.0, 240.0, 40.0), 190.0);
    }

    #[test]
    fn extreme_numbers_make_a_scale_or_none() {
        assert_eq!(Axis::around([]), None);
        assert_eq!(Axis::around([f64::MIN, f64::MAX]), None);
        for numbers in [[1e9, 1e9 + 1e-9], [f64::MAX, f64::MAX], [1e-300, 2e-300], [0.0, 0.0], [-5e17, 5e17]] {
            let Some(axis) = Axis::around(numbers) else { continue };
            let ticks = axis.ticks();
            assert!(!ticks.is_empty() && ticks.len() < 30, "{numbers:?}: {ticks:?}");
            assert!(axis.place(numbers[0], 0.0, 1.0).is_finite(), "{numbers:?}");
        }
    }
}
