//! One sharing scheme for one computation: the interface that the protocol uses. Everything that goes in or comes out
//! is bytes, and heavy nodes are named by their position, counted from 0.
//!
//! ```text
//! light node    split         measurement        -> public share, a share for each heavy node
//! heavy node    check_share   what came in       -> taken or refused; what is taken gives no error later
//!               verifier_shares  key, its shares -> bytes for the other heavy nodes
//!               verdicts      everybody's bytes  -> one verdict a report, the same at every heavy node
//!               partial_sum   the valid reports  -> bytes that only their sum can be read from
//! anybody       total         partial sums       -> the total, slot by slot
//! ```
//!
//! `ctx` is the computation's id. Seeds, proofs and queries are bound to it, so a share proves nothing elsewhere.

use std::fmt;
use std::num::NonZeroUsize;

use rand_chacha::rand_core::Rng;

use super::Secret;
use super::circuit::{self, Built, Circuit};
use super::error::{NoiseError, SchemeError, ShareError, SplitError, TotalError, VerifierError};
use super::proven::Proven;
use super::split::Split;
use super::threads::{Threads, spread};
use super::unproven::Unproven;
use super::xof::Context;
use crate::domain::{Modulus, limits};

/// A sharing scheme with its parameters. It holds no secret.
#[derive(Clone)]
pub struct Scheme {
    kind: Kind,
    threads: Threads,
}

#[derive(Clone)]
enum Kind {
    Additive(Unproven),
    Count(Proven<circuit::Count>),
    Sum(Proven<circuit::Sum>),
    SumVec(Proven<circuit::SumVec>),
    Histogram(Proven<circuit::Histogram>),
    Relations(Proven<circuit::RelationsProof>),
}

/// The same expression for every kind: one for the additive scheme, one, generic over the circuit, for the others.
macro_rules! dispatch {
    ($scheme:expr, $additive:ident => $plain:expr, $proven:ident => $with_proof:expr $(,)?) => {
        match &$scheme.kind {
            Kind::Additive($additive) => $plain,
            Kind::Count($proven) => $with_proof,
            Kind::Sum($proven) => $with_proof,
            Kind::SumVec($proven) => $with_proof,
            Kind::Histogram($proven) => $with_proof,
            Kind::Relations($proven) => $with_proof,
        }
    };
}

mod dealing;

/// One report as one heavy node sees it.
#[derive(Clone, Copy)]
pub struct ReportShare<'a> {
    /// The manifest's nonce: no two reports of a computation have the same.
    pub nonce: &'a [u8; 16],
    /// What all heavy nodes got.
    pub public: &'a [u8],
    /// What this one got.
    pub share: &'a [u8],
}

/// What the verifier shares say of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The measurement is one that the circuit accepts.
    Valid,
    /// The proof does not hold, or a heavy node says that its share is not what the public share commits to.
    Invalid,
    /// Threshold only: the heavy nodes' shares lie on no one polynomial.
    Inconsistent,
}

/// What partial sums come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Total {
    /// The sum slot by slot, modulo the scheme's modulus.
    pub slots: Vec<u128>,
    /// Threshold: the heavy nodes whose partial sums are wrong, in order. The total is that of the others. True as long
    /// as no more are wrong than `Scheme::total` says.
    pub liars: Vec<usize>,
    /// Threshold: more partial sums came than are needed, so a wrong one would have shown.
    pub checked: bool,
}

impl Scheme {
    /// n of n modulo a power of two, nothing proven.
    ///
    /// # Errors
    /// `Parties`, `NoSlots`.
    pub fn additive(modulus: Modulus, slots: usize, parties: usize) -> Result<Self, SchemeError> {
        check_parties(parties)?;
        if slots == 0 {
            return Err(SchemeError::NoSlots);
        }
        Ok(Self::new(Kind::Additive(Unproven { modulus, slots, parties })))
    }

    /// Prio3: n of n with a proof.
    ///
    /// # Errors
    /// `Parties`, `Circuit`.
    pub fn prio3(circuit: Circuit, parties: usize) -> Result<Self, SchemeError> {
        check_parties(parties)?;
        circuit.check()?;
        let kind = match circuit.build() {
            Some(Built::Count(built)) => Proven::prio3(circuit, built, parties).map(Kind::Count),
            Some(Built::Sum(built)) => Proven::prio3(circuit, built, parties).map(Kind::Sum),
            Some(Built::SumVec(built)) => Proven::prio3(circuit, built, parties).map(Kind::SumVec),
            Some(Built::Histogram(built)) => Proven::prio3(circuit, built, parties).map(Kind::Histogram),
            Some(Built::Relations(built)) => Proven::prio3(circuit, built, parties).map(Kind::Relations),
            None => None,
        };
        // Everything that `prio` refuses has been refused above.
        kind.map(Self::new).ok_or(SchemeError::Parties { parties, limit: limits::HEAVY_MAX })
    }

    /// Shamir's sharing with the proofs of Prio3: `needed` of `parties` heavy nodes make a total.
    ///
    /// # Errors
    /// `Parties`, `Threshold`, `Circuit`.
    pub fn threshold(circuit: Circuit, needed: usize, parties: usize) -> Result<Self, SchemeError> {
        check_parties(parties)?;
        if needed < 2 || needed > parties {
            return Err(SchemeError::Threshold { needed, parties });
        }
        circuit.check()?;
        let kind = circuit.build().map(|built| match built {
            Built::Count(built) => Kind::Count(Proven::threshold(circuit, built, needed, parties)),
            Built::Sum(built) => Kind::Sum(Proven::threshold(circuit, built, needed, parties)),
            Built::SumVec(built) => Kind::SumVec(Proven::threshold(circuit, built, needed, parties)),
            Built::Histogram(built) => Kind::Histogram(Proven::threshold(circuit, built, needed, parties)),
            Built::Relations(built) => Kind::Relations(Proven::threshold(circuit, built, needed, parties)),
        });
        kind.map(Self::new).ok_or(SchemeError::Threshold { needed, parties })
    }

    const fn new(kind: Kind) -> Self {
        Self { kind, threads: Threads::Available }
    }

    /// The same scheme with another limit to its threads. Results do not depend on it.
    #[must_use]
    pub fn with_threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// Applies `work` to runs of these items, each of which stands for a report, and to the place at which a run begins. Runs keep their
    /// order, and each has a thread; the scheme that is handed to `work` takes no others.
    pub fn spread<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&Self, usize, &[T]) -> R + Sync,
    ) -> Vec<R> {
        let weight = dispatch!(self, it => it.slots, it => it.weight());
        let alone = self.clone().with_threads(Threads::AtMost(NonZeroUsize::MIN));
        spread(self.threads, weight, items, |begin, run| work(&alone, begin, run))
    }

    /// Heavy nodes.
    pub fn parties(&self) -> usize {
        dispatch!(self, it => it.parties, it => it.layout.parties())
    }

    /// Heavy nodes whose verifier shares make verdicts and whose partial sums make a total.
    pub fn needed(&self) -> usize {
        dispatch!(self, it => it.parties, it => it.needed())
    }

    /// Slots of a measurement and of a total.
    pub fn slots(&self) -> usize {
        dispatch!(self, it => it.slots, it => it.parameters.slots())
    }

    /// What totals are taken modulo; `None` is 2^128.
    pub fn modulus(&self) -> Option<u128> {
        dispatch!(self, it => it.modulus.mask().checked_add(1), it => Some(it.parameters.modulus()))
    }

    /// Whether reports carry a proof.
    pub fn is_proven(&self) -> bool {
        dispatch!(self, _it => false, _it => true)
    }

    /// Bytes of a public share.
    pub fn public_bytes(&self) -> usize {
        dispatch!(self, _it => 0, it => it.public_bytes())
    }

    /// Bytes of one heavy node's share.
    pub fn share_bytes(&self, index: usize) -> usize {
        dispatch!(self, it => it.share_bytes(index), it => it.share_bytes(index))
    }

    /// Bytes of one residue or field element.
    pub fn element_bytes(&self) -> usize {
        self.sum_bytes() / self.slots().max(1)
    }

    /// Bytes of a partial sum.
    pub fn sum_bytes(&self) -> usize {
        dispatch!(self, it => it.sum_bytes(), it => it.sum_bytes())
    }

    /// Bytes of one report's verifier share; 0 without proofs.
    pub fn verifier_bytes(&self) -> usize {
        dispatch!(self, _it => 0, it => it.verifier_bytes())
    }

    /// Bytes of every batch of verifier shares but the last: whole ones, as many as a batch takes.
    pub fn batch_bytes(&self) -> usize {
        let one = self.verifier_bytes().max(1);
        (limits::VERIFIER_BATCH_BYTES / one).max(1) * one
    }

    /// Of how many reports, at most, the verifier shares can be told, with the check values of noise behind them.
    pub fn reports_verified_max(&self) -> u64 {
        let room = limits::VERIFIER_BATCHES_MAX * self.batch_bytes() - self.parties() * self.element_bytes();
        room.checked_div(self.verifier_bytes()).map_or(u64::MAX, |fitting| fitting as u64)
    }

    /// Splits a measurement: one number a slot.
    ///
    /// # Errors
    /// `Slots`, `OutOfRange`: the measurement is not one that the scheme takes.
    pub fn split(
        &self,
        ctx: &Context,
        nonce: &[u8; 16],
        measurement: &Secret<Vec<u128>>,
        rng: &mut impl Rng,
    ) -> Result<Split, SplitError> {
        dispatch!(
            self,
            it => it.split(ctx, measurement, rng),
            it => it.split(ctx, nonce, measurement.expose(), rng),
        )
    }

    /// Splits any numbers, out of range or not, as a cheat would: with the proof that the honest prover makes, over an
    /// encoding whose sum comes out as the numbers say. Honest code never calls it; the simulator's cheats and tests do.
    ///
    /// # Errors
    /// `Proof`: none could be made.
    pub fn split_unchecked(
        &self,
        ctx: &Context,
        nonce: &[u8; 16],
        measurement: &Secret<Vec<u128>>,
        rng: &mut impl Rng,
    ) -> Result<Split, SplitError> {
        dispatch!(
            self,
            it => Ok(it.split_unchecked(ctx, measurement, rng)),
            it => it.split_unchecked(ctx, nonce, measurement.expose(), rng),
        )
    }

    /// Whether bytes are what the heavy node `index` can take in: lengths, and elements of the field. What passes gives
    /// no error later, only a verdict.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check_share(&self, index: usize, public: &[u8], share: &[u8]) -> Result<(), ShareError> {
        dispatch!(self, it => it.check_share(index, public, share), it => it.check_share(index, public, share))
    }

    /// Whether bytes are a partial sum.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check_partial_sum(&self, partial_sum: &[u8]) -> Result<(), ShareError> {
        dispatch!(
            self,
            it => Ok(super::additive::check(partial_sum, it.slots, it.modulus)?),
            it => it.read_sum(partial_sum).map(drop),
        )
    }

    /// The verifier shares of the heavy node `index` over these reports, in their order, `verifier_bytes` each. In the
    /// place of one that cannot be made stand bytes that decode nowhere (0xff), so that no heavy node sees it as valid.
    pub fn verifier_shares(
        &self,
        key: &[u8; 32],
        ctx: &Context,
        index: usize,
        reports: &[ReportShare<'_>],
    ) -> Vec<u8> {
        dispatch!(self, _it => Vec::new(), it => it.verifier_shares(key, ctx, index, reports, self.threads))
    }

    /// One verdict a report, from the reports' public shares and from what heavy nodes sent: (position, verifier shares
    /// over these reports in this order). They depend on nothing else, and not on the order of the heavy nodes; so
    /// whoever holds the same bytes reaches the same verdicts. Without proofs everything is valid.
    ///
    /// # Errors
    /// `TooFew`, `Node`, `Length`: this is not what enough heavy nodes sent.
    pub fn verdicts(
        &self,
        ctx: &Context,
        publics: &[&[u8]],
        verifiers: &[(usize, &[u8])],
    ) -> Result<Vec<Verdict>, VerifierError> {
        dispatch!(
            self,
            _it => Ok(vec![Verdict::Valid; publics.len()]),
            it => it.verdicts(ctx, publics, &in_order(verifiers), self.threads),
        )
    }

    /// The sum of one heavy node's shares of exactly these reports, `sum_bytes` long, little-endian.
    ///
    /// # Errors
    /// A share that `check_share` refuses.
    pub fn partial_sum<'a>(
        &self,
        ctx: &Context,
        index: usize,
        shares: impl IntoIterator<Item = ReportShare<'a>>,
    ) -> Result<Secret<Vec<u8>>, ShareError> {
        let shares: Vec<_> = shares.into_iter().collect();
        dispatch!(
            self,
            it => it.partial_sum(ctx, index, &shares, self.threads),
            it => it.partial_sum(ctx, index, &shares, self.threads),
        )
    }

    /// Adds the partial sum over some reports to that over others, both of one heavy node.
    ///
    /// # Errors
    /// Bytes that are no partial sum.
    pub fn add_partial_sum(&self, sum: &mut Secret<Vec<u8>>, more: &Secret<Vec<u8>>) -> Result<(), ShareError> {
        dispatch!(self, it => it.add_partial_sum(sum, more), it => it.add_partial_sum(sum, more))
    }

    /// Takes the partial sum over some reports away from one that these are in, both of one heavy node.
    ///
    /// # Errors
    /// Bytes that are no partial sum.
    pub fn subtract_partial_sum(
        &self,
        sum: &mut Secret<Vec<u8>>,
        less: &Secret<Vec<u8>>,
    ) -> Result<(), ShareError> {
        dispatch!(self, it => it.subtract_partial_sum(sum, less), it => it.subtract_partial_sum(sum, less))
    }

    /// n of n: adds this heavy node's own noise to its partial sum, one number a slot.
    ///
    /// # Errors
    /// `Slots`; `Share` for bytes that are no partial sum; `OtherScheme` under a threshold scheme.
    pub fn add_noise(&self, partial_sum: &mut Secret<Vec<u8>>, noise: &[i128]) -> Result<(), NoiseError> {
        dispatch!(self, it => it.add_noise(partial_sum, noise), it => it.add_noise(partial_sum, noise))
    }

    /// The total of partial sums, each with its heavy node's position.
    ///
    /// n of n takes all of them and cannot tell a wrong one. With m sums under a threshold of k, up to ⌊(m − k) / 2⌋
    /// wrong ones are named and left out, and up to ⌈(m − k) / 2⌉ never lead to a wrong total or a wrong name. Beyond
    /// that liars who agree among themselves can pass for honest and have an honest node named.
    ///
    /// # Errors
    /// `TooFew`, `Node`, `Malformed`; `Inconsistent` when sums are wrong and it cannot be told which.
    pub fn total(&self, partial_sums: &[(usize, &[u8])]) -> Result<Total, TotalError> {
        let partial_sums = in_order(partial_sums);
        if let Some(index) = twice_or_unknown(&partial_sums, self.parties()) {
            return Err(TotalError::Node { index });
        }
        let (needed, got) = (self.needed(), partial_sums.len());
        if got < needed {
            return Err(TotalError::TooFew { needed, got });
        }
        dispatch!(self, it => it.total(&partial_sums), it => it.total(&partial_sums))
    }
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parties, needed) = (self.parties(), self.needed());
        let mut shown = f.debug_struct("Scheme");
        dispatch!(
            self,
            it => shown.field("modulus", &it.modulus).field("slots", &it.slots),
            it => shown.field("circuit", &it.parameters),
        );
        shown.field("needed", &needed).field("parties", &parties).finish()
    }
}

const fn check_parties(parties: usize) -> Result<(), SchemeError> {
    if parties < 2 || parties > limits::HEAVY_MAX {
        return Err(SchemeError::Parties { parties, limit: limits::HEAVY_MAX });
    }
    Ok(())
}

/// By heavy node.
fn in_order<'a>(bytes: &[(usize, &'a [u8])]) -> Vec<(usize, &'a [u8])> {
    let mut bytes = bytes.to_vec();
    bytes.sort_by_key(|(index, _)| *index);
    bytes
}

/// The first heavy node that is there twice or is none of `parties`; `sent` is in order.
pub(super) fn twice_or_unknown(sent: &[(usize, &[u8])], parties: usize) -> Option<usize> {
    let twice = sent.windows(2).find_map(|pair| match pair {
        [(one, _), (other, _)] if one == other => Some(*one),
        _ => None,
    });
    twice.or_else(|| sent.last().map(|(index, _)| *index).filter(|index| *index >= parties))
}
