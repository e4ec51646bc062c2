//! Why sharing, adding up and decoding are refused. No error shows a measurement or a share.

use super::additive;
use super::circuit::CircuitError;

/// A scheme that there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// Nothing can be proven with the circuit's parameters.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// Too few or too many heavy nodes.
    #[error("{parties} heavy nodes were named: at least 2 and at most {limit} can share")]
    Parties {
        /// What was asked for.
        parties: usize,
        /// `HEAVY_MAX`.
        limit: usize,
    },
    /// A threshold at which one node reads everything, or that cannot be reached.
    #[error("a threshold must be from 2 to the number of heavy nodes, {parties}; {needed} is not")]
    Threshold {
        /// What was asked for.
        needed: usize,
        /// Heavy nodes.
        parties: usize,
    },
    /// Additive sharing of nothing.
    #[error("a measurement must have at least one slot")]
    NoSlots,
}

/// Bytes that are not what a heavy node should hold or send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// A share or a partial sum of another length.
    #[error("{expected} bytes were expected, not {got}")]
    Length {
        /// Bytes that the scheme gives this heavy node.
        expected: usize,
        /// Bytes that came.
        got: usize,
    },
    /// A public share of another length.
    #[error("a public share of {expected} bytes was expected, not {got}")]
    PublicLength {
        /// Bytes that the scheme gives.
        expected: usize,
        /// Bytes that came.
        got: usize,
    },
    /// An integer that is not below the field's prime.
    #[error("the bytes are not those of field elements")]
    NotCanonical,
    /// There is no such heavy node.
    #[error("there is no heavy node {index} among {parties}")]
    NoSuchNode {
        /// Who was meant, counted from 0.
        index: usize,
        /// Heavy nodes.
        parties: usize,
    },
}

impl From<additive::ShareError> for ShareError {
    fn from(error: additive::ShareError) -> Self {
        Self::Length { expected: error.expected, got: error.got }
    }
}

/// A measurement that is not split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// Another number of slots.
    #[error("a measurement of {expected} slots was expected, not {got}")]
    Slots {
        /// Slots of the scheme.
        expected: usize,
        /// Slots that came.
        got: usize,
    },
    /// A value that the circuit does not accept, or that is not below the modulus.
    #[error("the measurement is not one that can be shared: a value is out of range")]
    OutOfRange,
    /// The proof could not be made. No accepted measurement leads here.
    #[error("the proof could not be made")]
    Proof,
}

/// Verifier shares from which no verdicts can be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifierError {
    /// A batch of another length.
    #[error("heavy node {index} sent {got} bytes of verifier shares; {expected} were expected")]
    Length {
        /// Whose, counted from 0.
        index: usize,
        /// Reports times the bytes of a verifier share.
        expected: usize,
        /// Bytes that came.
        got: usize,
    },
    /// There is no such heavy node, or it is named twice.
    #[error("heavy node {index} is named twice or does not exist")]
    Node {
        /// Who was meant, counted from 0.
        index: usize,
    },
    /// Too few heavy nodes answered.
    #[error("verifier shares of {needed} heavy nodes are needed; {got} came")]
    TooFew {
        /// All of them, or the threshold.
        needed: usize,
        /// Heavy nodes that answered.
        got: usize,
    },
}

/// Partial sums that give no total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TotalError {
    /// Too few partial sums.
    #[error("partial sums of {needed} heavy nodes are needed; {got} came")]
    TooFew {
        /// All of them, or the threshold.
        needed: usize,
        /// Partial sums that came.
        got: usize,
    },
    /// There is no such heavy node, or it is named twice.
    #[error("heavy node {index} is named twice or does not exist")]
    Node {
        /// Who was meant, counted from 0.
        index: usize,
    },
    /// Bytes that are no partial sum.
    #[error("heavy node {index} sent no partial sum: {error}")]
    Malformed {
        /// Whose, counted from 0.
        index: usize,
        /// What is wrong with it.
        error: ShareError,
    },
    /// More partial sums are wrong than can be told from the right ones.
    #[error("the partial sums contradict each other, and it cannot be told which are wrong")]
    Inconsistent,
}

/// Noise that cannot be drawn or added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoiseError {
    /// ε or the sensitivity is zero, or the noise would not fit 127 bits.
    #[error("the privacy parameter and the sensitivity must be above zero, and the noise must fit 127 bits")]
    Parameters,
    /// Another number of slots.
    #[error("noise for {expected} slots was expected, not for {got}")]
    Slots {
        /// Slots of the scheme.
        expected: usize,
        /// Slots that came.
        got: usize,
    },
    /// Under a threshold scheme noise is dealt among the heavy nodes, under the others each adds its own.
    #[error("this scheme does not take noise in this way")]
    OtherScheme,
    /// Bytes that are no partial sum or no noise share.
    #[error(transparent)]
    Share(#[from] ShareError),
}
