//! How far the people behind two totals differ. Whoever holds both totals can subtract one from the other, and is left
//! with a total over those alone who are in one set and not in the other.

use std::cmp::Ordering;

use crate::domain::PeerId;

/// How many are in exactly one of two sorted sets.
pub fn difference(a: &[PeerId], b: &[PeerId]) -> usize {
    let (mut left, mut right) = (a.iter().peekable(), b.iter().peekable());
    let mut differ = 0;
    while let (Some(in_a), Some(in_b)) = (left.peek(), right.peek()) {
        match in_a.cmp(in_b) {
            Ordering::Less => {
                left.next();
                differ += 1;
            }
            Ordering::Greater => {
                right.next();
                differ += 1;
            }
            Ordering::Equal => {
                left.next();
                right.next();
            }
        }
    }
    differ + left.count() + right.count()
}

/// By how many two sorted sets differ, if that is few: at least one, and fewer than `below`. Two totals over the same set
/// give nobody away.
pub fn is_revealing(a: &[PeerId], b: &[PeerId], below: u32) -> Option<usize> {
    let below = usize::try_from(below).unwrap_or(usize::MAX);
    // The lengths alone often say enough.
    let differ = if a.len().abs_diff(b.len()) < below { difference(a, b) } else { return None };
    (1..below).contains(&differ).then_some(differ)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(bytes: &[u8]) -> Vec<PeerId> {
        let mut peers: Vec<_> = bytes.iter().map(|byte| PeerId::from_public_key([*byte; 32])).collect();
        peers.sort();
        peers
    }

    #[test]
    fn a_difference_counts_both_sides() {
        for (a, b, expected) in [
            (&[][..], &[][..], 0),
            (&[1, 2, 3], &[1, 2, 3], 0),
            (&[1, 2, 3], &[1, 2], 1),
            (&[1, 2], &[1, 2, 3], 1),
            (&[1, 2, 3], &[1, 2, 4], 2),
            (&[1, 2, 3], &[4, 5], 5),
            (&[], &[7, 8], 2),
        ] {
            assert_eq!(difference(&set(a), &set(b)), expected, "{a:?} and {b:?}");
        }
    }

    #[test]
    fn equal_sets_and_far_ones_give_nobody_away() {
        let all = set(&[1, 2, 3, 4, 5, 6]);
        assert_eq!(is_revealing(&all, &all, 3), None);
        assert_eq!(is_revealing(&all, &set(&[1, 2, 3, 4, 5]), 3), Some(1));
        assert_eq!(is_revealing(&all, &set(&[1, 2, 3, 4, 5, 9]), 3), Some(2));
        assert_eq!(is_revealing(&all, &set(&[1, 2, 3]), 3), None);
        assert_eq!(is_revealing(&all, &set(&[1]), 3), None);
    }
}
