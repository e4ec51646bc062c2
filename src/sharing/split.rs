//! Splits one measurement into shares with a proof. Under Prio3 this is the specification's sharding, byte for byte,
//! but for the source of randomness: all of it comes from the generator that the caller passes in.

use rand_chacha::rand_core::Rng;
use zeroize::Zeroizing;

use super::Secret;
use super::circuit::Validity;
use super::element::{Element, Elements, encode_into};
use super::error::SplitError;
use super::proven::Proven;
use super::xof::{Context, SEED_BYTES, Seed};

/// One measurement, split: bytes for everybody, and bytes for each heavy node alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The public share: every heavy node's part of the joint randomness. Empty when the scheme has none.
    pub public: Vec<u8>,
    /// The shares, in the order of the heavy nodes.
    pub shares: Vec<Secret<Vec<u8>>>,
}

/// What is drawn for one heavy node.
struct Drawn {
    node: u8,
    seed: Option<Zeroizing<Seed>>,
    blind: Option<Zeroizing<Seed>>,
}

impl<T: Validity> Proven<T> {
    /// Splits a measurement that the circuit accepts.
    ///
    /// # Errors
    /// `Slots`, `OutOfRange`: it is none. `Proof`: never, for one that is.
    pub fn split(
        &self,
        ctx: &Context,
        nonce: &[u8; 16],
        slots: &[u128],
        rng: &mut impl Rng,
    ) -> Result<Split, SplitError> {
        if !self.parameters.accepts(slots) {
            let (expected, got) = (self.circuit.output_len(), slots.len());
            return Err(if expected == got {
                SplitError::OutOfRange
            } else {
                SplitError::Slots { expected, got }
            });
        }
        let encoded = self.circuit.encode(slots).ok_or(SplitError::OutOfRange)?;
        self.deal(ctx, nonce, &encoded, rng)
    }

    /// Splits any slots, as the honest prover would if it did not look at them.
    ///
    /// # Errors
    /// `Proof`: it could not be made.
    pub fn split_unchecked(
        &self,
        ctx: &Context,
        nonce: &[u8; 16],
        slots: &[u128],
        rng: &mut impl Rng,
    ) -> Result<Split, SplitError> {
        self.deal(ctx, nonce, &self.circuit.encode_false(slots), rng)
    }

    /// Splits an encoded measurement, whatever it is.
    ///
    /// # Errors
    /// `Proof`: it could not be made.
    pub fn deal(
        &self,
        ctx: &Context,
        nonce: &[u8; 16],
        encoded: &[T::Field],
        rng: &mut impl Rng,
    ) -> Result<Split, SplitError> {
        let (drawn, prove_seed) = self.draw(rng);
        let inputs = self.circuit.input_len();
        let measurements = self.layout.complete(
            encoded,
            expand(&drawn, |seed, node| self.derivation.measurement_share(seed, ctx, node, inputs)),
        );
        let parts: Vec<Seed> = drawn
            .iter()
            .zip(&measurements)
            .filter_map(|(drawn, share)| {
                let blind = drawn.blind.as_ref()?;
                Some(self.derivation.joint_rand_part(blind, ctx, drawn.node, nonce, share))
            })
            .collect();
        let proof = self.prove(ctx, encoded, &prove_seed, &parts)?;
        let proofs = self.layout.complete(
            &proof,
            expand(&drawn, |seed, node| self.derivation.proof_share(seed, ctx, node, proof.len())),
        );
        let shares = drawn.iter().zip(measurements.iter().zip(&proofs)).map(|(drawn, (measurement, proof))| {
            let mut share = Vec::with_capacity(self.share_bytes(drawn.node.into()));
            if let Some(seed) = &drawn.seed {
                share.extend_from_slice(&**seed);
            } else {
                encode_into(measurement, &mut share);
                encode_into(proof, &mut share);
            }
            share.extend_from_slice(drawn.blind.as_ref().map_or(&[][..], |blind| &**blind));
            Secret::new(share)
        });
        Ok(Split { public: parts.concat(), shares: shares.collect() })
    }

    /// Seeds and blinds, in the order of the nodes, and what blinds the proof. They are drawn in the order of the
    /// specification: seed and blind of each seeded node, the blinds of the others, the proof's.
    fn draw(&self, rng: &mut impl Rng) -> (Vec<Drawn>, Zeroizing<Seed>) {
        let mut seed = || {
            let mut seed = Zeroizing::new([0; SEED_BYTES]);
            rng.fill_bytes(&mut *seed);
            seed
        };
        let mut drawn = Vec::with_capacity(self.layout.parties());
        for index in self.layout.seeded().chain(self.layout.full()) {
            drawn.push(Drawn {
                // There are at most 16.
                node: index as u8,
                seed: self.layout.is_seeded(index).then(&mut seed),
                blind: self.has_joint_rand().then(&mut seed),
            });
        }
        drawn.sort_unstable_by_key(|drawn| drawn.node);
        (drawn, seed())
    }

    fn prove(
        &self,
        ctx: &Context,
        encoded: &[T::Field],
        seed: &Seed,
        parts: &[Seed],
    ) -> Result<Elements<T::Field>, SplitError> {
        let joint_rands = self.joint_rands(ctx, parts.iter());
        let prove_rands = self.derivation.prove_rands(seed, ctx, self.circuit.prove_rand_len());
        // The error's text could show the measurement.
        let proof = self.circuit.prove(encoded, &prove_rands, &joint_rands).map_err(|_| SplitError::Proof)?;
        Ok(proof.into())
    }
}

/// What the seeds stand for, in the order of the nodes.
fn expand<F: Element>(drawn: &[Drawn], share: impl Fn(&Seed, u8) -> Elements<F>) -> Vec<Elements<F>> {
    drawn.iter().filter_map(|drawn| Some(share(drawn.seed.as_ref()?, drawn.node))).collect()
}
