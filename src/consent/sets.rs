//! Whether two sets of participants are so near that two totals over them tell about few.
//!
//! Two totals over sets that differ by one participant give that participant's number, whatever the minimum of participants.
//! Two over the same set give nothing about one that one of them would not give.

use std::cmp::Ordering;

use crate::domain::PeerId;

/// How many participants are in one of two sets alone. Both are sorted, each participant once.
pub fn difference(left: &[PeerId], right: &[PeerId]) -> usize {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    let mut apart = 0;
    while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
        match one.cmp(other) {
            Ordering::Less => {
                left.next();
                apart += 1;
            }
            Ordering::Greater => {
                right.next();
                apart += 1;
            }
            Ordering::Equal => {
                left.next();
                right.next();
            }
        }
    }
    apart + left.count() + right.count()
}

/// By how many participants two sets differ, if totals over both tell about fewer than `below`; `None` for equal sets, and for
/// sets that are far enough apart.
pub fn is_revealing(left: &[PeerId], right: &[PeerId], below: usize) -> Option<usize> {
    if left.len().abs_diff(right.len()) >= below {
        return None;
    }
    Some(difference(left, right)).filter(|apart| (1..below).contains(apart))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(members: &[u8]) -> Vec<PeerId> {
        members.iter().map(|member| PeerId::from_public_key([*member; 32])).collect()
    }

    #[test]
    fn the_same_set_twice_reveals_nothing_more() {
        assert_eq!(difference(&set(&[1, 2, 3]), &set(&[1, 2, 3])), 0);
        assert_eq!(is_revealing(&set(&[1, 2, 3]), &set(&[1, 2, 3]), 3), None);
        assert_eq!(is_revealing(&[], &[], 3), None);
    }

    #[test]
    fn one_more_one_fewer_and_one_exchanged_are_revealing() {
        assert_eq!(is_revealing(&set(&[1, 2, 3]), &set(&[1, 2, 3, 4]), 3), Some(1));
        assert_eq!(is_revealing(&set(&[1, 2, 3]), &set(&[2, 3]), 3), Some(1));
        assert_eq!(is_revealing(&set(&[1, 2, 3]), &set(&[2, 3, 4]), 3), Some(2));
    }

    #[test]
    fn sets_as_far_apart_as_told_are_not_revealing() {
        assert_eq!(is_revealing(&set(&[1, 2, 3]), &set(&[1, 4, 5]), 3), None);
        assert_eq!(is_revealing(&set(&[1, 2]), &set(&[1, 2, 3, 4, 5]), 3), None);
        assert_eq!(is_revealing(&set(&[1, 2]), &set(&[1, 2, 3]), 1), None);
        assert_eq!(is_revealing(&set(&[1, 2]), &set(&[1, 2, 3]), 0), None);
    }

    proptest! {
        #[test]
        fn the_difference_is_what_sets_say(
            left in prop::collection::btree_set(0_u8..20, 0..12),
            right in prop::collection::btree_set(0_u8..20, 0..12),
        ) {
            let sorted = |set: &BTreeSet<u8>| -> Vec<PeerId> {
                set.iter().map(|member| PeerId::from_public_key([*member; 32])).collect()
            };
            let expected = left.symmetric_difference(&right).count();
            prop_assert_eq!(difference(&sorted(&left), &sorted(&right)), expected);
            prop_assert_eq!(difference(&sorted(&right), &sorted(&left)), expected);
        }
    }
}
