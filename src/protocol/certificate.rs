//! Checking a certificate: the one way from openings to an answer, for the network and offline alike.

use crate::domain::{Computation, ComputationError, ComputationId, Failure, PeerId};
use crate::sharing::{SchemeError, ShareError, TotalError};
use crate::statistics::{self, Answer, DecodeError};
use crate::wire::{Certificate, CodecError, from_bytes, partial_sum_commitment, votes_digest};

/// What a valid certificate says.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The computation's id.
    pub id: ComputationId,
    /// The question.
    pub computation: Computation,
    /// The answer.
    pub answer: Answer,
    /// The heavy nodes whose votes it carries: all of them.
    pub signed_by: Vec<PeerId>,
}

/// Why a certificate proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Its bytes are damaged, or a signature does not hold.
    #[error("it is damaged: {0}")]
    Damaged(#[from] CodecError),
    /// Its computation breaks a rule.
    #[error("its computation could not have run: {0}")]
    Computation(#[from] ComputationError),
    /// A heavy node's vote or opening is missing, out of order, or about something else.
    #[error("the vote or opening of heavy node {} is missing or about something else", .0.uid())]
    Incomplete(PeerId),
    /// A heavy node voted for another set than the first one.
    #[error("heavy node {} voted for another set of participants", .0.uid())]
    OtherSet(PeerId),
    /// Fewer or more participants than the computation allows.
    #[error("{participants} participants, but the computation asks for {minimum} to {maximum}")]
    Participants {
        /// How many the votes name.
        participants: u32,
        /// The minimum.
        minimum: u32,
        /// The maximum.
        maximum: u32,
    },
    /// A heavy node's opening answers other votes than the ones beside it.
    #[error("the opening of heavy node {} answers other votes", .0.uid())]
    OtherVotes(PeerId),
    /// A heavy node opened something else than it had committed to.
    #[error("heavy node {} opened something else than it had committed to", .0.uid())]
    Opening(PeerId),
    /// A partial sum of another shape.
    #[error("the partial sum of heavy node {} has a wrong shape: {error}", heavy.uid())]
    Shape {
        /// Whose.
        heavy: PeerId,
        /// What is wrong with it.
        error: ShareError,
    },
    /// There is no scheme for its parameters.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The partial sums do not make a total.
    #[error(transparent)]
    Sums(#[from] TotalError),
    /// Everything holds, and the total is none that true inputs could add up to.
    #[error(transparent)]
    Total(#[from] DecodeError),
}

/// Checks an encoded certificate, offline.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn verify_certificate(bytes: &[u8]) -> Result<Verified, CertificateError> {
    let certificate: Certificate = from_bytes(bytes)?;
    let answer = answer_of(&certificate)?;
    let computation = certificate.computation.get().clone();
    let signed_by = computation.heavy.clone();
    Ok(Verified { id: certificate.computation.id(), computation, answer, signed_by })
}

/// How a computation with this certificate has ended: with an answer, or with a total that is impossible. Every node
/// sees it alike.
///
/// # Errors
/// Why the certificate proves nothing.
pub(super) fn outcome_of(certificate: &Certificate) -> Result<Result<Answer, Failure>, CertificateError> {
    match answer_of(certificate) {
        Err(CertificateError::Total(_)) => Ok(Err(Failure::ImpossibleTotal)),
        Ok(answer) => Ok(Ok(answer)),
        Err(invalid) => Err(invalid),
    }
}

/// Checks a certificate whose signatures hold, as those of every decoded one do, and decodes its total.
fn answer_of(certificate: &Certificate) -> Result<Answer, CertificateError> {
    let (id, computation) = (certificate.computation.id(), certificate.computation.get());
    computation.check()?;
    let (votes, openings) = (&certificate.votes, &certificate.openings);
    let first = votes.first().map(|vote| vote.get());
    let mut partial_sums = Vec::new();
    for (index, heavy) in computation.heavy.iter().enumerate() {
        let vote = votes.get(index).map(|vote| vote.get()).filter(|vote| vote.computation == id);
        let opening = openings.get(index).map(|opening| opening.get()).filter(|it| it.computation == id);
        let (vote, opening) = vote
            .zip(opening)
            .filter(|(vote, opening)| vote.heavy == *heavy && opening.heavy == *heavy)
            .ok_or(CertificateError::Incomplete(*heavy))?;
        if first.is_none_or(|first| !first.is_for_the_set_of(vote)) {
            return Err(CertificateError::OtherSet(*heavy));
        }
        let committed = partial_sum_commitment(id, *heavy, &opening.blind, &opening.partial_sum);
        if committed != vote.partial_sum {
            return Err(CertificateError::Opening(*heavy));
        }
        partial_sums.push((index, opening.partial_sum.as_slice()));
    }
    let extra = votes.len().max(openings.len()) > computation.heavy.len();
    let last = computation.heavy.last().copied().filter(|_| extra);
    if let Some(last) = last {
        return Err(CertificateError::Incomplete(last));
    }
    // An honest heavy node opens once: with its opening comes the one set of votes that it answered.
    let fixed = votes_digest(id, votes);
    if let Some(other) = openings.iter().find(|opening| opening.get().votes != fixed) {
        return Err(CertificateError::OtherVotes(other.signer()));
    }
    let participants = first.map_or(0, |vote| vote.participants);
    let (minimum, maximum) = (computation.min_participants, computation.max_participants);
    if !(minimum..=maximum).contains(&participants) {
        return Err(CertificateError::Participants { participants, minimum, maximum });
    }
    let scheme = statistics::scheme(computation)?;
    for (heavy, (_, sum)) in computation.heavy.iter().zip(&partial_sums) {
        scheme.check_partial_sum(sum).map_err(|error| CertificateError::Shape { heavy: *heavy, error })?;
    }
    let total = scheme.total(&partial_sums)?;
    Ok(statistics::decode(computation, &total.slots, participants)?)
}
