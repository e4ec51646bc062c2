//! Noise in a partial sum: n of n, this node's own; under threshold sharing, its shares of what every heavy node has dealt, so that
//! a node that vanishes takes no noise with it and partial sums still lie on one polynomial.
//!
//! Dealt noise is checked like reports are, without being shown: every heavy node opens one random combination of its shares from
//! each dealer, a mask included, and these must lie on one polynomial. A dealer whose shares do not is left out by everybody alike.

use super::Heavy;
use crate::domain::{Computation, ComputationId, Failure, PeerId};
use crate::protocol::turn::Turn;
use crate::sharing::{Scheme, Secret};
use crate::statistics;

impl Heavy {
    /// This node's check values for what it was dealt, one a dealer; nothing without dealt noise.
    pub(super) fn noise_verifiers(&self, scheme: &Scheme, key: &[u8; 32], id: ComputationId) -> Vec<u8> {
        let parts = self.quorum.iter().flat_map(|quorum| quorum.dealt.noise.iter().enumerate());
        parts
            .flat_map(|(dealer, part)| scheme.noise_verifier(key, id.as_bytes(), dealer, part.share.expose()))
            .collect()
    }

    /// Bytes of all check values of one heavy node.
    pub(super) fn noise_verifier_bytes(&self, scheme: &Scheme) -> usize {
        let dealers = self.quorum.as_ref().map_or(0, |quorum| quorum.dealt.noise.len());
        dealers * scheme.element_bytes()
    }

    /// Adds the noise that the computation asks for to this node's partial sum.
    pub(super) fn add_noise(
        &self,
        turn: &mut Turn<'_>,
        id: ComputationId,
        terms: &Computation,
        scheme: &Scheme,
        sum: &mut Secret<Vec<u8>>,
    ) -> Option<()> {
        if terms.noise.is_none() {
            return Some(());
        }
        let Some(quorum) = &self.quorum else {
            let noise = statistics::draw_noise(terms, turn.rng())?;
            return scheme.add_noise(sum, noise.expose()).ok();
        };
        for dealer in self.sound_dealers(id, turn.me(), terms)? {
            scheme.add_noise_share(sum, quorum.dealt.noise.get(dealer)?.share.expose()).ok()?;
        }
        Some(())
    }

    /// The end of a computation whose noise nobody can rely on: of the dealers that count, one must be honest, so there must be more than
    /// may collude. One lying heavy node can make everybody's noise look false.
    pub(super) fn unsound_noise(&self, id: ComputationId, me: PeerId, terms: &Computation) -> Option<Failure> {
        if terms.noise.is_none() || self.quorum.is_none() {
            return None;
        }
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let (sound, needed) = (self.sound_dealers(id, me, terms)?.len(), terms.private_against() + 1);
        (sound < needed).then(|| Failure::NoiseUnsound { sound: count(sound), needed: count(needed) })
    }

    /// The places of the dealers whose noise is consistent, as the verifier shares that count show.
    fn sound_dealers(&self, id: ComputationId, me: PeerId, terms: &Computation) -> Option<Vec<usize>> {
        let scheme = self.scheme(terms)?;
        let counted = self.counted_verifiers(id, me, terms)?;
        let each = scheme.element_bytes();
        // They stand behind the verifier shares of the reports.
        let begin = self.step.frozen()?.entries().len() * scheme.verifier_bytes();
        let bytes = begin..begin + self.noise_verifier_bytes(&scheme);
        let values: Vec<(usize, Vec<u8>)> = counted
            .into_iter()
            .map(|(position, node)| {
                Some((position, self.verifiers_in(me, &node, &scheme, bytes.clone())?.to_vec()))
            })
            .collect::<Option<_>>()?;
        let sound = |dealer: &usize| {
            let of_dealer: Vec<(usize, &[u8])> = values
                .iter()
                .filter_map(|(position, values)| {
                    Some((*position, values.get(dealer * each..(dealer + 1) * each)?))
                })
                .collect();
            scheme.noise_verdict(&of_dealer)
        };
        Some((0..terms.heavy.len()).filter(sound).collect())
    }
}
