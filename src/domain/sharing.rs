//! How measurements are split among the heavy nodes, and what each way promises.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The numbers modulo a power of two, in which additive shares live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Modulus {
    /// 2^32, as in Formix.
    Bits32,
    /// 2^64.
    Bits64,
    /// 2^128.
    Bits128,
}

/// The prime field in which proven shares live; both have the roots of unity that the proofs need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrimeField {
    /// 2^64 − 2^32 + 1.
    Field64,
    /// 2^66 · 4611686018427387897 + 1, a little below 2^128.
    Field128,
}

/// How measurements are split among the n heavy nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sharing {
    /// n of n: every share but one is random, and together they sum to the measurement.
    Additive {
        /// Modulo what.
        modulus: Modulus,
    },
    /// n of n in a prime field, with a proof that the measurement lies within its bounds.
    Prio3,
    /// k of n: points of a polynomial of degree k − 1 over the same field, with the same proof.
    Threshold {
        /// How many heavy nodes are needed, and enough, to rebuild a total.
        k: u8,
    },
}

/// Why a sharing scheme cannot run among so many heavy nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SharingError {
    /// k = 0 or 1: each heavy node alone could read every value.
    #[error("threshold {k} keeps nothing private: {k} heavy node alone could read every value")]
    NothingPrivate {
        /// The threshold.
        k: u8,
    },
    /// k > n.
    #[error(
        "threshold {k} of {n} cannot hold: private against {t} colluding heavy nodes and alive after losing {f} \
         needs t + f ≤ n − 1, and {t} + {f} > {n} − 1", t = k.saturating_sub(1), f = 0
    )]
    AboveHeavyNodes {
        /// The threshold.
        k: u8,
        /// How many heavy nodes there are.
        n: usize,
    },
}

impl Modulus {
    /// The modulus of this many bits.
    pub const fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            32 => Some(Self::Bits32),
            64 => Some(Self::Bits64),
            128 => Some(Self::Bits128),
            _ => None,
        }
    }

    /// Bits of a residue.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Bits32 => 32,
            Self::Bits64 => 64,
            Self::Bits128 => 128,
        }
    }

    /// Bytes of a residue.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bits32 => 4,
            Self::Bits64 => 8,
            Self::Bits128 => 16,
        }
    }

    /// The largest residue, 2^bits − 1.
    pub const fn mask(self) -> u128 {
        u128::MAX >> (128 - self.bits())
    }
}

impl PrimeField {
    /// The largest residue, p − 1.
    pub const fn largest(self) -> u128 {
        match self {
            Self::Field64 => (1 << 64) - (1 << 32),
            Self::Field128 => (1 << 66) * 4_611_686_018_427_387_897,
        }
    }
}

impl Sharing {
    /// k of n such that as many heavy nodes as agreement allows may vanish: ⌊(n − 1) / 2⌋.
    pub fn threshold_of(heavy: usize) -> Self {
        let k = heavy - heavy.saturating_sub(1) / 2;
        Self::Threshold { k: u8::try_from(k).unwrap_or(u8::MAX) }
    }

    /// t: how many colluding heavy nodes of `heavy` learn nothing about one value.
    pub fn private_against(self, heavy: usize) -> usize {
        match self {
            Self::Additive { .. } | Self::Prio3 => heavy.saturating_sub(1),
            Self::Threshold { k } => usize::from(k).saturating_sub(1),
        }
    }

    /// f: how many heavy nodes of `heavy` may be gone for good, at any moment after the announcement, and the
    /// result still comes. n − k can rebuild the total; a majority must be left to agree.
    pub fn survives(self, heavy: usize) -> usize {
        match self {
            Self::Additive { .. } | Self::Prio3 => 0,
            Self::Threshold { k } => heavy.saturating_sub(usize::from(k)).min(heavy.saturating_sub(1) / 2),
        }
    }

    /// Whether one set is guaranteed even against t heavy nodes that lie on a split network: t + 2f ≤ n − 1.
    pub fn one_set_against_liars(self, heavy: usize) -> bool {
        self.private_against(heavy) + 2 * self.survives(heavy) < heavy
    }

    /// Whether a report carries a proof that its measurement lies within bounds.
    pub const fn is_proven(self) -> bool {
        match self {
            Self::Additive { .. } => false,
            Self::Prio3 | Self::Threshold { .. } => true,
        }
    }

    /// Checks it against the number of heavy nodes.
    ///
    /// # Errors
    /// The arithmetic that does not hold.
    pub fn check(self, heavy: usize) -> Result<(), SharingError> {
        match self {
            Self::Threshold { k } if k < 2 => Err(SharingError::NothingPrivate { k }),
            Self::Threshold { k } if usize::from(k) > heavy => {
                Err(SharingError::AboveHeavyNodes { k, n: heavy })
            }
            Self::Additive { .. } | Self::Prio3 | Self::Threshold { .. } => Ok(()),
        }
    }

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Additive { .. } => "additive",
            Self::Prio3 => "prio3",
            Self::Threshold { .. } => "threshold",
        }
    }
}

impl fmt::Display for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privacy_and_survival_never_exceed_the_heavy_nodes() {
        for n in 3..=16_usize {
            for k in 2..=u8::try_from(n).unwrap() {
                let sharing = Sharing::Threshold { k };
                sharing.check(n).unwrap();
                let (t, f) = (sharing.private_against(n), sharing.survives(n));
                assert!(t + f < n && t == usize::from(k) - 1, "{k} of {n}");
                // A majority is left, so two quorums meet.
                assert!(2 * (n - f) > n, "{k} of {n}");
            }
            assert_eq!(Sharing::Prio3.private_against(n), n - 1);
            assert_eq!(Sharing::threshold_of(n).survives(n), (n - 1) / 2);
        }
    }

    #[test]
    fn the_cases_that_people_meet() {
        let cases = [(2, 3, 1, 1, false), (3, 5, 2, 2, false), (2, 4, 1, 1, true), (2, 5, 1, 2, false)];
        for (k, n, t, f, one_set) in cases {
            let sharing = Sharing::Threshold { k };
            let got = (sharing.private_against(n), sharing.survives(n), sharing.one_set_against_liars(n));
            assert_eq!(got, (t, f, one_set), "{k} of {n}");
        }
        assert!(Sharing::Prio3.one_set_against_liars(3));
    }

    #[test]
    fn a_threshold_that_cannot_hold_is_refused_with_the_arithmetic() {
        let above = Sharing::Threshold { k: 4 }.check(3).unwrap_err().to_string();
        assert!(above.contains("3 + 0 > 3 − 1"), "{above}");
        let alone = Sharing::Threshold { k: 1 }.check(3).unwrap_err().to_string();
        assert!(alone.contains("1 heavy node alone"), "{alone}");
    }

    #[test]
    fn the_fields_are_those_of_the_proofs() {
        use prio::field::{Field64, Field128, FieldElementWithInteger};
        assert_eq!(u128::from(Field64::modulus()), PrimeField::Field64.largest() + 1);
        assert_eq!(Field128::modulus(), PrimeField::Field128.largest() + 1);
    }
}
