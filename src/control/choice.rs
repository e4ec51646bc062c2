//! Which sharing scheme a question gets, among how many heavy nodes, from what was typed.
//!
//! Without a word about it, inputs are proven where the schema has bounds, or where they are only counted. Private
//! against t and alive after losing f needs t + f ≤ n − 1 heavy nodes; what does not fit is refused with its numbers.

use super::proposal::Proposal;
use crate::domain::limits::{HEAVY_MAX, HEAVY_MIN};
use crate::domain::{Field, Modulus, Sharing, Statistic};

/// The modulus of additive sharing unless another is asked for: sums of ordinary numbers have room.
const MODULUS_DEFAULT: Modulus = Modulus::Bits64;

/// Why the options on sharing do not go together. Always wrong usage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// A name that means nothing.
    #[error("`{0}` is not a sharing scheme; schemes are additive, prio3 and threshold")]
    Unknown(String),
    /// Bits of no modulus.
    #[error("{0} is not a modulus; there are 32, 64 and 128 bits")]
    Modulus(u32),
    /// A modulus for a scheme that lives in a prime field.
    #[error("--modulus-bits is for additive sharing; {0} chooses its prime field itself")]
    ModulusOfProven(&'static str),
    /// An option of the threshold scheme for another one.
    #[error("{option} is for --sharing threshold; {sharing} needs every heavy node")]
    OnlyThreshold {
        /// The option.
        option: &'static str,
        /// The scheme.
        sharing: &'static str,
    },
    /// More heavy nodes may vanish than a majority can bear.
    #[error(
        "{survives} that may vanish are too many of {heavy} heavy nodes: a majority must be left, and \
         2 × {survives} + 1 = {needed} > {heavy}"
    )]
    Vanishing {
        /// How many may vanish.
        survives: usize,
        /// How many heavy nodes there are.
        heavy: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Private against t and alive after losing f, with t + f > n − 1.
    #[error(
        "private against {private} + {survives} that may vanish = {sum} > {heavy} − 1 heavy nodes",
        sum = private + survives
    )]
    TooMuch {
        /// t: how many colluding heavy nodes are to learn nothing.
        private: usize,
        /// f: how many may vanish.
        survives: usize,
        /// n: how many heavy nodes there are.
        heavy: usize,
    },
    /// It takes more heavy nodes than a computation may have.
    #[error("this takes {0} heavy nodes; a computation has at most {HEAVY_MAX}")]
    TooManyHeavy(usize),
}

impl ChoiceError {
    /// The word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "invalid_sharing",
            Self::Modulus(_) | Self::ModulusOfProven(_) => "invalid_modulus",
            Self::OnlyThreshold { .. } | Self::TooMuch { .. } | Self::TooManyHeavy(_) => "invalid_threshold",
            Self::Vanishing { .. } => "invalid_survives",
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown(_) => "leave --sharing out, or give additive, prio3 or threshold".to_owned(),
            Self::Modulus(_) => "give --modulus-bits 32, 64 or 128".to_owned(),
            Self::ModulusOfProven(_) => {
                "leave --modulus-bits out, or use --sharing additive, which proves nothing".to_owned()
            }
            Self::OnlyThreshold { option, .. } => format!("leave {option} out, or use --sharing threshold"),
            Self::Vanishing { heavy, needed, .. } if *needed <= HEAVY_MAX => {
                format!("lower --survives to {}, or use {needed} heavy nodes", heavy.saturating_sub(1) / 2)
            }
            Self::Vanishing { heavy, .. } => {
                format!("lower --survives to {}", heavy.saturating_sub(1) / 2)
            }
            Self::TooMuch { private, survives, .. } if private + survives < HEAVY_MAX => {
                format!("lower one of them, or use {} heavy nodes", private + survives + 1)
            }
            Self::TooMuch { .. } | Self::TooManyHeavy(_) => "lower --threshold or --survives".to_owned(),
        }
    }
}

/// The scheme, and how many heavy nodes the computation will have: those that are named, or as many as it takes.
///
/// # Errors
/// What does not go together.
pub(super) fn scheme_of(
    proposal: &Proposal,
    named: Option<usize>,
    statistic: Statistic,
    fields: &[Field],
) -> Result<(Sharing, usize), ChoiceError> {
    let Proposal { threshold, survives, modulus_bits, .. } = proposal;
    let wants_threshold = threshold.is_some() || survives.is_some();
    let sharing = match proposal.sharing.as_deref() {
        Some("additive") => Kind::Additive,
        Some("prio3") => Kind::Prio3,
        Some("threshold") => Kind::Threshold,
        Some(other) => return Err(ChoiceError::Unknown(other.to_owned())),
        None if wants_threshold => Kind::Threshold,
        None if modulus_bits.is_some() => Kind::Additive,
        None if may_be_proven(statistic, fields) => Kind::Prio3,
        None => Kind::Additive,
    };
    let only_threshold = |sharing| {
        let option = match (threshold, survives) {
            (Some(_), _) => "--threshold",
            (None, Some(_)) => "--survives",
            (None, None) => return Ok(()),
        };
        Err(ChoiceError::OnlyThreshold { option, sharing })
    };
    let heavy = named.unwrap_or(HEAVY_MIN);
    match sharing {
        Kind::Additive => {
            only_threshold("additive")?;
            let of_bits = |bits| Modulus::from_bits(bits).ok_or(ChoiceError::Modulus(bits));
            // Squares take twice the room.
            let default = if statistic.multiplies() { Modulus::Bits128 } else { MODULUS_DEFAULT };
            let modulus = modulus_bits.map_or(Ok(default), of_bits)?;
            Ok((Sharing::Additive { modulus }, heavy))
        }
        Kind::Prio3 => {
            only_threshold("prio3")?;
            no_modulus(proposal, "prio3").map(|()| (Sharing::Prio3, heavy))
        }
        Kind::Threshold => {
            no_modulus(proposal, "threshold")?;
            threshold_of(threshold.map(usize::from), survives.map(usize::from), named)
        }
    }
}

enum Kind {
    Additive,
    Prio3,
    Threshold,
}

/// Whether there are bounds to prove, or nothing but participants to count.
fn may_be_proven(statistic: Statistic, fields: &[Field]) -> bool {
    let bounded = |field: &Field| field.schema.number().is_none_or(|number| number.span_steps().is_some());
    statistic == Statistic::Count || statistic.is_table() || fields.iter().all(bounded)
}

fn no_modulus(proposal: &Proposal, sharing: &'static str) -> Result<(), ChoiceError> {
    if proposal.modulus_bits.is_some() { Err(ChoiceError::ModulusOfProven(sharing)) } else { Ok(()) }
}

/// k of n: k as typed, or what is left when f of n vanish.
fn threshold_of(
    threshold: Option<usize>,
    survives: Option<usize>,
    named: Option<usize>,
) -> Result<(Sharing, usize), ChoiceError> {
    let (asked, lost) = (threshold.unwrap_or(0), survives.unwrap_or(0));
    // Who loses f must be left with a majority, and with k.
    let majority = 2 * lost + 1;
    let heavy = named.unwrap_or_else(|| HEAVY_MIN.max(asked + lost).max(majority));
    if named.is_none() && heavy > HEAVY_MAX {
        return Err(ChoiceError::TooManyHeavy(heavy));
    }
    // A count of heavy nodes that no computation has is refused by its own rule.
    if heavy >= HEAVY_MIN {
        if majority > heavy {
            return Err(ChoiceError::Vanishing { survives: lost, heavy, needed: majority });
        }
        if survives.is_some() && threshold.is_some() && asked + lost > heavy {
            return Err(ChoiceError::TooMuch { private: asked.saturating_sub(1), survives: lost, heavy });
        }
    }
    let of = |k: usize| Sharing::Threshold { k: u8::try_from(k).unwrap_or(u8::MAX) };
    let sharing = match (threshold, survives) {
        (Some(k), _) => of(k),
        (None, Some(lost)) => of(heavy.saturating_sub(lost)),
        (None, None) => Sharing::threshold_of(heavy),
    };
    Ok((sharing, heavy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::proposal;
    use crate::domain::Query;

    const BOUNDED: &str = r#"{"type":"number","minimum":0,"maximum":9}"#;

    fn scheme(proposal: &Proposal) -> Result<(Sharing, usize), ChoiceError> {
        let fields = Query::fields(&proposal.fields, proposal.schema.as_deref()).unwrap();
        let named = Some(proposal.heavy.len()).filter(|named| *named > 0);
        scheme_of(proposal, named, proposal.statistic.parse().unwrap(), &fields)
    }

    fn bounded() -> Proposal {
        Proposal { schema: Some(BOUNDED.to_owned()), modulus_bits: None, heavy: Vec::new(), ..proposal() }
    }

    fn with_heavy(proposal: Proposal, heavy: usize) -> Proposal {
        Proposal { heavy: (0..heavy).map(|number| number.to_string()).collect(), ..proposal }
    }

    fn threshold(k: u8) -> Sharing {
        Sharing::Threshold { k }
    }

    #[test]
    fn inputs_are_proven_wherever_that_is_possible() {
        let additive = |modulus| Sharing::Additive { modulus };
        assert_eq!(scheme(&bounded()), Ok((Sharing::Prio3, 3)));
        let unbounded = Proposal { schema: None, ..bounded() };
        assert_eq!(scheme(&unbounded), Ok((additive(Modulus::Bits64), 3)));
        let half = r#"{"type":"number","minimum":0}"#.to_owned();
        let half = Proposal { schema: Some(half), ..unbounded.clone() };
        assert_eq!(scheme(&half), Ok((additive(Modulus::Bits64), 3)));
        let count = Proposal { statistic: "count".to_owned(), ..unbounded };
        assert_eq!(scheme(&with_heavy(count, 5)), Ok((Sharing::Prio3, 5)));
        let modulus = Proposal { modulus_bits: Some(32), ..bounded() };
        assert_eq!(scheme(&modulus), Ok((additive(Modulus::Bits32), 3)), "a modulus means additive");
        for (name, sharing) in [("additive", additive(Modulus::Bits64)), ("threshold", threshold(2))] {
            let named = Proposal { sharing: Some(name.to_owned()), ..bounded() };
            assert_eq!(scheme(&named), Ok((sharing, 3)));
        }
    }

    #[test]
    fn a_threshold_takes_as_many_heavy_nodes_as_it_needs() {
        for (k, f, chosen) in [
            (Some(2), None, (2, 3)),
            (Some(3), None, (3, 3)),
            (Some(5), None, (5, 5)),
            (None, Some(0), (3, 3)),
            (None, Some(1), (2, 3)),
            (None, Some(2), (3, 5)),
            (None, Some(7), (8, 15)),
            (Some(3), Some(1), (3, 4)),
            (Some(2), Some(2), (2, 5)),
        ] {
            let typed = Proposal { threshold: k, survives: f, ..bounded() };
            let (k, heavy) = chosen;
            assert_eq!(scheme(&typed), Ok((threshold(k), heavy)), "{:?} {f:?}", typed.threshold);
        }
        let named = with_heavy(Proposal { survives: Some(1), ..bounded() }, 5);
        assert_eq!(scheme(&named), Ok((threshold(4), 5)), "k = n − f");
        let all = with_heavy(Proposal { sharing: Some("threshold".to_owned()), ..bounded() }, 5);
        assert_eq!(scheme(&all), Ok((threshold(3), 5)), "as many as agreement allows may vanish");
    }

    #[test]
    fn what_cannot_hold_is_refused_with_the_arithmetic() {
        let of = |k, f| Proposal { threshold: k, survives: f, ..bounded() };
        for (typed, code, message, hint) in [
            (
                with_heavy(of(Some(3), Some(1)), 3),
                "invalid_threshold",
                "private against 2 + 1 that may vanish = 3 > 3 − 1 heavy nodes",
                "lower one of them, or use 4 heavy nodes",
            ),
            (
                with_heavy(of(None, Some(2)), 4),
                "invalid_survives",
                "2 that may vanish are too many of 4 heavy nodes: a majority must be left, and 2 × 2 + 1 = 5 > 4",
                "lower --survives to 1, or use 5 heavy nodes",
            ),
            (
                of(None, Some(8)),
                "invalid_threshold",
                "this takes 17 heavy nodes; a computation has at most 16",
                "lower --threshold or --survives",
            ),
            (
                of(Some(17), None),
                "invalid_threshold",
                "this takes 17 heavy nodes; a computation has at most 16",
                "lower --threshold or --survives",
            ),
        ] {
            let error = scheme(&typed).unwrap_err();
            assert_eq!((error.code(), error.to_string().as_str()), (code, message));
            assert_eq!(error.hint(), hint);
        }
    }

    #[test]
    fn options_of_another_scheme_are_refused() {
        let named = |name: &str| Proposal { sharing: Some(name.to_owned()), ..bounded() };
        for (typed, code, names) in [
            (named("secret"), "invalid_sharing", "`secret`"),
            (Proposal { modulus_bits: Some(48), ..bounded() }, "invalid_modulus", "48"),
            (Proposal { modulus_bits: Some(64), ..named("prio3") }, "invalid_modulus", "prio3"),
            (Proposal { modulus_bits: Some(64), ..named("threshold") }, "invalid_modulus", "threshold"),
            (
                Proposal { modulus_bits: Some(64), threshold: Some(2), ..bounded() },
                "invalid_modulus",
                "threshold",
            ),
            (Proposal { threshold: Some(2), ..named("prio3") }, "invalid_threshold", "--threshold"),
            (Proposal { survives: Some(1), ..named("additive") }, "invalid_threshold", "--survives"),
        ] {
            let error = scheme(&typed).unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains(names) && !error.hint().is_empty(), "{error}");
        }
    }
}
