//! Products of a record's numbers.

use crate::domain::limits::MOMENTS_MAX;

/// Which numbers of a record are multiplied, each by its place, in ascending order: `x·x·y` is 0, 0, 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Monomial {
    factors: [u32; MOMENTS_MAX as usize],
    degree: usize,
}

impl Monomial {
    /// One number by itself.
    pub fn of(number: usize) -> Self {
        Self { factors: [0; MOMENTS_MAX as usize], degree: 0 }.times(number)
    }

    /// The k-th power of one number; the highest that there is for a larger k.
    pub fn power(number: usize, k: u8) -> Self {
        (1..k).fold(Self::of(number), |power, _| power.times(number))
    }

    /// This product and one more factor. A product that is full stays as it is: nothing here multiplies so much.
    #[must_use]
    pub fn times(mut self, number: usize) -> Self {
        if let Some(place) = self.factors.get_mut(self.degree) {
            *place = u32::try_from(number).unwrap_or(u32::MAX);
            self.degree += 1;
            if let Some(factors) = self.factors.get_mut(..self.degree) {
                factors.sort_unstable();
            }
        }
        self
    }

    /// The places of the numbers.
    pub fn factors(&self) -> impl Iterator<Item = usize> {
        self.factors.iter().take(self.degree).map(|place| *place as usize)
    }

    /// How many numbers are multiplied.
    pub const fn degree(&self) -> usize {
        self.degree
    }

    /// This product as one of two that are known before it; `None` for a number by itself.
    pub fn halves(&self) -> Option<(Self, usize)> {
        let all: Vec<_> = self.factors().collect();
        let (last, rest) = all.split_last()?;
        let (first, rest) = rest.split_first()?;
        Some((rest.iter().fold(Self::of(*first), |product, number| product.times(*number)), *last))
    }

    /// Every choice of factors, the empty one included, with those that are not chosen.
    pub fn choices(&self) -> impl Iterator<Item = (Option<Self>, Vec<usize>)> {
        let all: Vec<_> = self.factors().collect();
        (0..1_u32 << self.degree).map(move |chosen| {
            let (mut product, mut others) = (None, Vec::new());
            for (bit, number) in all.iter().enumerate() {
                if chosen >> bit & 1 == 0 {
                    others.push(*number);
                } else {
                    product =
                        Some(product.map_or_else(|| Self::of(*number), |product: Self| product.times(*number)));
                }
            }
            (product, others)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_factors_does_not_matter() {
        assert_eq!(Monomial::of(3).times(1), Monomial::of(1).times(3));
        assert_eq!(Monomial::power(2, 3), Monomial::of(2).times(2).times(2));
        assert_eq!(Monomial::power(0, 9).degree(), 6);
    }

    #[test]
    fn a_product_is_an_earlier_one_times_a_number() {
        assert_eq!(Monomial::of(1).halves(), None);
        assert_eq!(Monomial::power(0, 3).halves(), Some((Monomial::power(0, 2), 0)));
        assert_eq!(Monomial::of(0).times(2).halves(), Some((Monomial::of(0), 2)));
    }

    #[test]
    fn choices_are_all_subsets() {
        let choices: Vec<_> = Monomial::of(0).times(1).choices().collect();
        assert_eq!(choices.len(), 4);
        assert_eq!(choices[0], (None, vec![0, 1]));
        assert_eq!(choices[3], (Some(Monomial::of(0).times(1)), vec![]));
    }
}
