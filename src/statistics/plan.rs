//! How one computation's measurements are laid out, proven and kept from overflowing.
//!
//! Values are counted in steps from the schema's offset. Totals are residues, modulo 2^bits or a prime; what is added
//! up, and the noise on top of it, must fit below.

use std::collections::BTreeMap;

use super::definition::definition;
use super::family::{Family, Slot, What};
use super::monomial::Monomial;
use crate::domain::limits::{NOISE_SLOTS_MAX, PARTIAL_SUMS_BYTES_MAX, REPORTS_PER_COMPUTATION_DEFAULT};
use crate::domain::{Computation, ComputationError, Noise, NumberSchema, PrimeField, Sharing, Statistic};
use crate::sharing::{Circuit, Relations, Scheme, SchemeError, Slot as SlotRule};

/// Proofs for values up to here are cheapest in the smaller field: 2^31 − 1.
const SMALL_VALUE_MAX: u128 = (1 << 31) - 1;
/// What a decoded total stays below: it is an `i128`.
const TOTAL_LIMIT: u128 = 1 << 127;

/// The layout of a computation's measurements.
pub(super) struct Plan<'c> {
    /// The computation.
    pub computation: &'c Computation,
    /// What is added up.
    pub family: Family,
    /// Where.
    pub slots: Vec<Slot>,
    /// What the numbers look like that are added up.
    pub numbers: Vec<&'c NumberSchema>,
}

impl<'c> Plan<'c> {
    pub fn of(computation: &'c Computation) -> Self {
        let family = definition(computation.query.statistic).family(&computation.query);
        let numbers: Vec<_> = computation.query.numbers().collect();
        Self { computation, slots: family.slots(computation, &numbers), family, numbers }
    }

    /// The sharing scheme.
    ///
    /// # Errors
    /// For no computation that keeps every rule.
    pub fn scheme(&self) -> Result<Scheme, SchemeError> {
        let parties = self.computation.heavy.len();
        match self.computation.sharing {
            Sharing::Additive { modulus } => Scheme::additive(modulus, self.slots.len(), parties),
            Sharing::Prio3 => Scheme::prio3(self.circuit(), parties),
            Sharing::Threshold { k } => Scheme::threshold(self.circuit(), usize::from(k), parties),
        }
    }

    /// What is proven of each measurement.
    ///
    /// One record a participant: values lie within their bounds, products are products, and a table has its one record in one
    /// cell. Several: every sum lies within R times its bounds, and a table has at most R records in all.
    pub fn circuit(&self) -> Circuit {
        let records = u128::from(self.computation.query.max_records);
        let ranged = || self.slots.iter().map(|slot| SlotRule::Ranged { max: slot.most.unwrap_or(0) });
        if let Family::Cells(_) = self.family {
            return if records == 1 {
                Circuit::Histogram { length: self.slots.len() }
            } else {
                Circuit::Relations(Relations { slots: ranged().collect(), whole: Some(records) })
            };
        }
        let first = self.slots.first().and_then(|slot| slot.most).unwrap_or(0);
        let products = records == 1 && self.slots.iter().any(|slot| slot.degree() > 1);
        if !products && self.slots.iter().all(|slot| slot.most == Some(first)) {
            return match (self.slots.len(), u64::try_from(first)) {
                (1, Ok(1))
                    if self.fits_small_field() && self.computation.query.statistic == Statistic::Count =>
                {
                    Circuit::Count
                }
                (1, Ok(max)) if self.fits_small_field() => Circuit::Sum { max },
                (length, _) => Circuit::SumVec { max: first, length },
            };
        }
        let places = self.places();
        let rule = |slot: &Slot| match slot.what {
            What::Sum(product) if products => product_rule(product, &places),
            What::Records | What::Sum(_) | What::Cell(_) => None,
        };
        let slots = self.slots.iter().zip(ranged()).map(|(slot, ranged)| rule(slot).unwrap_or(ranged));
        Circuit::Relations(Relations { slots: slots.collect(), whole: None })
    }

    /// Where each product is.
    fn places(&self) -> BTreeMap<Monomial, usize> {
        let place_of = |(place, slot): (usize, &Slot)| match slot.what {
            What::Sum(product) => Some((product, place)),
            What::Records | What::Cell(_) => None,
        };
        self.slots.iter().enumerate().filter_map(place_of).collect()
    }

    /// Whether a single slot's values and totals fit the smaller field, where the proof is cheapest.
    fn fits_small_field(&self) -> bool {
        self.slots.iter().all(|slot| {
            let total = self.width(slot).is_some_and(|width| width <= PrimeField::Field64.largest());
            total && slot.most.is_some_and(|most| most <= SMALL_VALUE_MAX)
        })
    }

    /// The largest residue: a total and every share of it is one.
    pub fn largest_residue(&self) -> u128 {
        match self.computation.sharing {
            Sharing::Additive { modulus } => modulus.mask(),
            Sharing::Prio3 | Sharing::Threshold { .. } => self.circuit().modulus() - 1,
        }
    }

    /// What the noise of all heavy nodes in a slot stays below in magnitude, in steps; `None` if absurdly large.
    pub fn noise_bound(&self, slot: &Slot) -> Option<u128> {
        match (self.computation.noise, slot.spread) {
            (None, _) => Some(0),
            (Some(noise), Some(spread)) => noise.bound(spread, self.computation.heavy.len()),
            // Public, or refused for want of bounds.
            (Some(_), None) => Some(0),
        }
    }

    /// The standard deviation of the noise in a slot, in steps.
    pub fn deviation(&self, noise: Noise, slot: &Slot) -> f64 {
        slot.spread.map_or(0.0, |spread| noise.standard_deviation(spread, self.computation.heavy.len()))
    }

    /// The width of the range of a slot's totals: `max_participants` times the most, and the noise to both sides.
    fn width(&self, slot: &Slot) -> Option<u128> {
        let plain = slot.most?.checked_mul(u128::from(self.computation.max_participants))?;
        plain.checked_add(self.noise_bound(slot)?.checked_mul(2)?)
    }

    /// The magnitude that one participant's number in a slot stays below: the most and one, or without bounds
    /// 2^(bits − 1) / `max_participants`, and never so much that the decoded total would not fit.
    pub fn limit(&self, slot: &Slot) -> u128 {
        if let Some(most) = slot.most {
            return most.saturating_add(1);
        }
        let step = match slot.what {
            What::Sum(product) => product
                .factors()
                .filter_map(|place| self.numbers.get(place))
                .map(|number| number.step().mantissa().unsigned_abs().max(1))
                .fold(1, u128::saturating_mul),
            What::Records | What::Cell(_) => 1,
        };
        let half = self.largest_residue() / 2 + 1;
        half.min(i128::MAX.unsigned_abs() / step) / u128::from(self.computation.max_participants.max(1))
    }

    /// A slot's total from its residue; `None` for one that true inputs of `participants` and noise within its bound cannot
    /// give. Noise may make it negative.
    pub fn total_of(&self, slot: &Slot, residue: u128, participants: u32, largest: u128) -> Option<i128> {
        let Some(most) = slot.most else {
            // Without bounds, the upper half of the ring is negative.
            return if residue > largest / 2 {
                i128::try_from(largest - residue).ok()?.checked_add(1)?.checked_neg()
            } else {
                i128::try_from(residue).ok()
            };
        };
        let noise = self.noise_bound(slot)?;
        let highest = most.checked_mul(u128::from(participants))?.checked_add(noise)?;
        if residue <= highest {
            return i128::try_from(residue).ok();
        }
        let below = largest.checked_sub(residue)?.checked_add(1)?;
        (below <= noise).then(|| i128::try_from(below).ok()?.checked_neg()).flatten()
    }

    /// Every rule that depends on the statistic: there is something to prove, the noise hides something, and N times the most
    /// and the noise stay below the modulus, and the sums can be written as exact decimals.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), ComputationError> {
        let computation = self.computation;
        let mut schemas = computation.query.fields.iter().filter_map(|field| field.schema.number());
        let bounded = schemas.all(|number| number.span_steps().is_some()) || self.sums_nothing();
        if computation.sharing.is_proven() {
            if !bounded {
                return Err(ComputationError::NeedsBounds { sharing: computation.sharing.name() });
            }
            if self.slots.iter().any(|slot| slot.most == Some(0)) {
                return Err(ComputationError::OneValue);
            }
        }
        if computation.noise.is_some() {
            if self.slots.iter().all(|slot| slot.what == What::Records && slot.spread.is_none()) {
                return Err(ComputationError::NoiseOnCount);
            }
            if !bounded {
                return Err(ComputationError::NoiseNeedsBounds);
            }
            if self.slots.len() > NOISE_SLOTS_MAX {
                return Err(ComputationError::NoiseSlots(self.slots.len()));
            }
        }
        // Once: it asks what is proven, which looks at every slot.
        let largest = self.largest_residue();
        let mut before = None;
        for slot in &self.slots {
            if !before.is_some_and(|before| self.are_alike(before, slot)) {
                self.check_slot(slot, largest)?;
            }
            before = Some(slot);
        }
        self.check_result(largest)?;
        if computation.sharing.is_proven() {
            self.circuit().check().map_err(|error| ComputationError::TooLong(error.to_string()))?;
            self.check_verifiers()?;
        }
        Ok(())
    }

    /// Whether heavy nodes can tell each other their verifier shares of as many reports as are allowed: else a set that has grown
    /// too large would be frozen, and never verified.
    fn check_verifiers(&self) -> Result<(), ComputationError> {
        let maximum = self.computation.max_participants;
        // Of so many everything can be verified, and most questions allow no more.
        if maximum <= REPORTS_PER_COMPUTATION_DEFAULT {
            return Ok(());
        }
        let scheme = self.scheme().map_err(|error| ComputationError::TooLong(error.to_string()))?;
        let fitting = scheme.reports_verified_max();
        if u64::from(maximum) > fitting {
            return Err(ComputationError::TooManyToVerify { maximum, fitting });
        }
        Ok(())
    }

    /// Everybody's partial sums must fit one certificate.
    fn check_result(&self, largest: u128) -> Result<(), ComputationError> {
        let bytes = if largest > u64::MAX.into() {
            16
        } else if largest > u32::MAX.into() {
            8
        } else {
            4
        };
        let (slots, heavy) = (self.slots.len(), self.computation.heavy.len());
        let fitting = PARTIAL_SUMS_BYTES_MAX / (bytes * heavy.max(1));
        if slots > fitting {
            return Err(ComputationError::ResultTooLong { heavy, slots, bytes, fitting });
        }
        Ok(())
    }

    /// Whether two slots add up elements of one vector: what holds of one holds of the other.
    fn are_alike(&self, one: &Slot, other: &Slot) -> bool {
        let number = |slot: &Slot| match slot.what {
            What::Sum(product) if product.degree() == 1 => self.numbers.get(product.factors().next()?).copied(),
            What::Sum(_) | What::Records | What::Cell(_) => None,
        };
        number(one).zip(number(other)).is_some_and(|(one, other)| std::ptr::eq(one, other))
    }

    fn check_slot(&self, slot: &Slot, largest: u128) -> Result<(), ComputationError> {
        let unbounded =
            |place: usize| self.numbers.get(place).is_none_or(|number| number.span_steps().is_none());
        if matches!(slot.what, What::Sum(product) if product.factors().any(unbounded)) {
            return if self.limit(slot) == 0 { Err(self.overflow(slot, largest)) } else { Ok(()) };
        }
        let width = self.width(slot).filter(|width| *width < TOTAL_LIMIT);
        if width.is_none_or(|width| width > largest) || self.exact(slot).is_none() {
            return Err(self.overflow(slot, largest));
        }
        Ok(())
    }

    /// Whether the largest sum, counted from zero, can be written as an exact decimal.
    fn exact(&self, slot: &Slot) -> Option<()> {
        let What::Sum(product) = slot.what else { return Some(()) };
        if product.degree() > 1 {
            return Some(());
        }
        let number = self.numbers.get(product.factors().next()?)?;
        let most = i128::try_from(slot.most?).ok()?;
        let (records, participants) =
            (i128::from(self.computation.query.max_records), i128::from(self.computation.max_participants));
        let noise = |slot: &Slot| i128::try_from(self.noise_bound(slot)?).ok();
        // Noise in the number of records counts as many times as the offset has steps.
        let counted = self.slots.first().filter(|slot| slot.what == What::Records);
        let records = (records * participants).checked_add(counted.map_or(Some(0), noise)?)?;
        let offset = number.offset_steps().checked_abs()?.checked_mul(records)?;
        let steps = most.checked_mul(participants)?.checked_add(offset)?.checked_add(noise(slot)?)?;
        number.value_of(steps).map(drop)
    }

    /// Whether no number is added up, only records counted.
    fn sums_nothing(&self) -> bool {
        self.slots.iter().all(|slot| matches!(slot.what, What::Records | What::Cell(_)))
    }

    fn overflow(&self, slot: &Slot, largest: u128) -> ComputationError {
        let modulus = match self.computation.sharing {
            Sharing::Additive { modulus } => format!("2^{}", modulus.bits()),
            Sharing::Prio3 | Sharing::Threshold { .. } => "the field's prime, a little below 2^128".to_owned(),
        };
        let bound = self.noise_bound(slot);
        let noise = match (self.computation.noise, bound) {
            (None, _) => String::new(),
            (Some(_), Some(bound)) => format!(" and noise up to {bound}"),
            (Some(_), None) => " and noise beyond 2^128".to_owned(),
        };
        // With exact numbers in i128, half of a 128-bit range is what a total may use.
        let room = largest.min(i128::MAX.unsigned_abs());
        let room = room.saturating_sub(bound.unwrap_or(u128::MAX).saturating_mul(2));
        let fitting = slot.most.map_or(0, |most| u32::try_from(room / most.max(1)).unwrap_or(u32::MAX));
        let largest = match slot.most {
            Some(most) => format!("{most} steps"),
            None => "more than 2^128 steps".to_owned(),
        };
        let slot = slot.name(&self.computation.query);
        ComputationError::Overflow {
            slot,
            participants: self.computation.max_participants,
            largest,
            noise,
            modulus,
            fitting,
        }
    }
}

/// A product as one of two slots before it.
fn product_rule(product: Monomial, places: &BTreeMap<Monomial, usize>) -> Option<SlotRule> {
    let (rest, number) = product.halves()?;
    Some(SlotRule::Product { left: *places.get(&rest)?, right: *places.get(&Monomial::of(number))? })
}

impl Slot {
    const fn degree(&self) -> usize {
        match &self.what {
            What::Sum(product) => product.degree(),
            What::Records | What::Cell(_) => 1,
        }
    }
}
