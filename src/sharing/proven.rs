//! Shares that carry a proof of range, under Prio3 and under the threshold scheme alike: what they are made of.
//!
//! A share is (measurement share ‖ proof share ‖ blind); of a seeded node it is (seed ‖ blind). The blind is there
//! only if the circuit needs joint randomness. Then every node's part, a commitment to its measurement share, makes up
//! the public share, and the prover has no say in the randomness that its proof is checked with.

use prio::field::FieldElement;
use zeroize::Zeroizing;

use super::circuit::{Circuit, Validity};
use super::element::Elements;
use super::error::ShareError;
use super::layout::Layout;
use super::prio3::Stock;
use super::xof::{Context, Derivation, SEED_BYTES, Seed, first_seed};

/// A scheme with proofs, over one circuit.
#[derive(Clone)]
pub(super) struct Proven<T: Validity> {
    /// What is proven.
    pub parameters: Circuit,
    /// The same, ready for proving.
    pub circuit: T,
    /// Who holds what.
    pub layout: Layout<T::Field>,
    /// How seeds are expanded.
    pub derivation: Derivation,
    /// Who checks it, and how many of them are needed.
    pub rule: Rule<T>,
}

/// How proofs are verified and sums added up.
#[derive(Clone)]
pub(super) enum Rule<T: Validity> {
    /// n of n, by the calls of the `prio` crate.
    Prio3(Stock<T>),
    /// `needed` of n, on Shamir shares.
    Threshold {
        /// Shares that rebuild a value.
        needed: usize,
    },
}

/// What a heavy node's share says.
pub(super) struct Opened<T: Validity> {
    pub measurement: Elements<T::Field>,
    pub proof: Elements<T::Field>,
    pub blind: Option<Zeroizing<Seed>>,
}

impl<T: Validity> Proven<T> {
    /// Prio3 with so many aggregators, 2 to 16. Nothing if `prio` refuses them.
    pub fn prio3(parameters: Circuit, circuit: T, parties: usize) -> Option<Self> {
        Some(Self {
            parameters,
            layout: Layout::additive(parties),
            derivation: Derivation::prio3(T::ALGORITHM),
            rule: Rule::Prio3(Stock::new(&circuit, parties)?),
            circuit,
        })
    }

    /// Shamir's sharing of measurement and proof.
    pub fn threshold(parameters: Circuit, circuit: T, needed: usize, parties: usize) -> Self {
        Self {
            parameters,
            layout: Layout::threshold(needed, parties),
            derivation: Derivation::threshold(T::ALGORITHM, needed, parties),
            rule: Rule::Threshold { needed },
            circuit,
        }
    }

    /// Heavy nodes whose answers make a verdict and a total.
    pub fn needed(&self) -> usize {
        match self.rule {
            Rule::Prio3(_) => self.layout.parties(),
            Rule::Threshold { needed } => needed,
        }
    }

    /// Whether reports have a public share and their shares a blind.
    pub fn has_joint_rand(&self) -> bool {
        self.circuit.joint_rand_len() > 0
    }

    /// Field elements that are worked through for one report.
    pub fn weight(&self) -> usize {
        self.circuit.input_len() + self.circuit.proof_len()
    }

    /// Bytes of a public share.
    pub fn public_bytes(&self) -> usize {
        if self.has_joint_rand() { self.layout.parties() * SEED_BYTES } else { 0 }
    }

    /// Bytes of a heavy node's share.
    pub fn share_bytes(&self, index: usize) -> usize {
        let blind = if self.has_joint_rand() { SEED_BYTES } else { 0 };
        let body = if self.layout.is_seeded(index) { SEED_BYTES } else { self.elements_bytes(self.weight()) };
        body + blind
    }

    /// Bytes of so many elements.
    pub fn elements_bytes(&self, elements: usize) -> usize {
        elements * T::Field::ENCODED_SIZE
    }

    /// Lengths and encodings: what `open` would refuse.
    pub fn check_share(&self, index: usize, public: &[u8], share: &[u8]) -> Result<(), ShareError> {
        let parties = self.layout.parties();
        if index >= parties {
            return Err(ShareError::NoSuchNode { index, parties });
        }
        let (expected, got) = (self.public_bytes(), public.len());
        if expected != got {
            return Err(ShareError::PublicLength { expected, got });
        }
        let (expected, got) = (self.share_bytes(index), share.len());
        if expected != got {
            return Err(ShareError::Length { expected, got });
        }
        if !self.layout.is_seeded(index) {
            let (body, _) = share.split_at(self.elements_bytes(self.weight()).min(got));
            Elements::<T::Field>::decode(body).ok_or(ShareError::NotCanonical)?;
        }
        Ok(())
    }

    /// Reads a share. Nothing if `check_share` refuses it.
    pub fn open(&self, ctx: &Context, index: usize, share: &[u8]) -> Option<Opened<T>> {
        let node = u8::try_from(index).ok()?;
        if index >= self.layout.parties() || share.len() != self.share_bytes(index) {
            return None;
        }
        let (inputs, proofs) = (self.circuit.input_len(), self.circuit.proof_len());
        if self.layout.is_seeded(index) {
            let seed = first_seed(share)?;
            return Some(Opened {
                measurement: self.derivation.measurement_share(&seed, ctx, node, inputs),
                proof: self.derivation.proof_share(&seed, ctx, node, proofs),
                blind: share.get(SEED_BYTES..).and_then(first_seed),
            });
        }
        let (measurement, rest) = share.split_at_checked(self.elements_bytes(inputs))?;
        let (proof, blind) = rest.split_at_checked(self.elements_bytes(proofs))?;
        Some(Opened {
            measurement: Elements::decode(measurement)?,
            proof: Elements::decode(proof)?,
            blind: first_seed(blind),
        })
    }

    /// Reads the measurement's part of a share alone. Nothing if the share has another shape.
    pub fn open_measurement(&self, ctx: &Context, index: usize, share: &[u8]) -> Option<Elements<T::Field>> {
        let (node, inputs) = (u8::try_from(index).ok()?, self.circuit.input_len());
        if index >= self.layout.parties() || share.len() != self.share_bytes(index) {
            return None;
        }
        if self.layout.is_seeded(index) {
            return Some(self.derivation.measurement_share(&*first_seed(share)?, ctx, node, inputs));
        }
        Elements::decode(share.get(..self.elements_bytes(inputs))?)
    }

    /// The joint randomness of all parts; none if the circuit needs none.
    pub fn joint_rands<'a>(&self, ctx: &Context, parts: impl Iterator<Item = &'a Seed>) -> Vec<T::Field> {
        match self.circuit.joint_rand_len() {
            0 => Vec::new(),
            length => self.derivation.joint_rands(ctx, parts, length),
        }
    }
}
