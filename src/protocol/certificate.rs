//! Checking a certificate: the one way from openings to an answer, for the network and offline alike.

use std::collections::BTreeSet;

use super::heavy::opened_digest;
use crate::domain::{Computation, ComputationError, ComputationId, Failure, PeerId, Sharing};
use crate::sharing::{SchemeError, ShareError, TotalError};
use crate::statistics::{self, Answer, DecodeError};
use crate::wire::{
    Certificate, CodecError, Decided, DecreeTerms, Signed, Topic, from_bytes, partial_sum_commitment,
    votes_digest,
};

/// What a valid certificate says.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The computation's id.
    pub id: ComputationId,
    /// The question.
    pub computation: Computation,
    /// The answer.
    pub answer: Answer,
    /// How far it can be relied on.
    pub assurance: Assurance,
}

/// How far a result can be relied on, as its certificate shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assurance {
    /// Reports that were left out because their proofs did not verify.
    pub unverified: u32,
    /// Under threshold sharing: whether more partial sums than needed fit together, so that a false one would have shown.
    pub checked: Option<bool>,
    /// Heavy nodes whose partial sums do not fit the others; the result stands without them. With k + 2 e sums up to e of them
    /// are found; more liars than that, acting together, can point at somebody else.
    pub liars: Vec<PeerId>,
    /// The heavy nodes whose signatures it carries: all, or under threshold sharing at least n − f.
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
    /// No quorum has decided whose openings count, or somebody has where all must count.
    #[error("its heavy nodes have not decided whose partial sums count")]
    Undecided,
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
    let (answer, assurance) = answer_of(&certificate)?;
    let computation = certificate.computation.get().clone();
    Ok(Verified { id: certificate.computation.id(), computation, answer, assurance })
}

/// What a valid certificate says beside the answer; `None` for one that proves nothing.
pub fn assurance_of(certificate: &Certificate) -> Option<Assurance> {
    answer_of(certificate).ok().map(|(_, assurance)| assurance)
}

/// How a computation with this certificate has ended: with an answer, or with a total that is impossible. Every node
/// sees it alike.
///
/// # Errors
/// Why the certificate proves nothing.
pub(super) fn outcome_of(
    certificate: &Certificate,
) -> Result<Result<(Answer, Assurance), Failure>, CertificateError> {
    match answer_of(certificate) {
        Err(CertificateError::Total(_)) => Ok(Err(Failure::ImpossibleTotal)),
        Err(CertificateError::Sums(TotalError::Inconsistent)) => Ok(Err(Failure::SumsDisagree)),
        Ok(completed) => Ok(Ok(completed)),
        Err(invalid) => Err(invalid),
    }
}

/// Checks a certificate whose signatures hold, as those of every decoded one do, and decodes its total.
fn answer_of(certificate: &Certificate) -> Result<(Answer, Assurance), CertificateError> {
    let (id, computation) = (certificate.computation.id(), certificate.computation.get());
    let checked = statistics::checked(computation)?;
    let counted = counted(certificate)?;
    let (votes, openings) = (&certificate.votes, &certificate.openings);
    let first = votes.first().map(|vote| vote.get());
    let scheme = checked.scheme()?;
    let mut partial_sums = Vec::new();
    for (place, (position, heavy)) in counted.iter().enumerate() {
        let vote = votes.get(place).map(|vote| vote.get()).filter(|vote| vote.computation == id);
        let opening = openings.get(place).map(|opening| opening.get()).filter(|it| it.computation == id);
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
        scheme
            .check_partial_sum(&opening.partial_sum)
            .map_err(|error| CertificateError::Shape { heavy: *heavy, error })?;
        partial_sums.push((*position, opening.partial_sum.as_slice()));
    }
    let extra = votes.len().max(openings.len()) > counted.len();
    let last = computation.heavy.last().copied().filter(|_| extra);
    if let Some(last) = last {
        return Err(CertificateError::Incomplete(last));
    }
    // Where all open, an honest heavy node opens once: with its opening comes the one set of votes that it answered.
    let fixed = votes_digest(id, votes);
    let other = openings.iter().find(|opening| certificate.decided.is_none() && opening.get().votes != fixed);
    if let Some(other) = other {
        return Err(CertificateError::OtherVotes(other.signer()));
    }
    let participants = first.map_or(0, |vote| vote.participants);
    let (minimum, maximum) = (computation.min_participants, computation.max_participants);
    if !(minimum..=maximum).contains(&participants) {
        return Err(CertificateError::Participants { participants, minimum, maximum });
    }
    let total = scheme.total(&partial_sums)?;
    let answer = checked.decode(&total.slots, participants)?;
    let redundant = matches!(computation.sharing, Sharing::Threshold { .. });
    let assurance = Assurance {
        unverified: first.map_or(0, |vote| vote.unverified),
        checked: redundant.then_some(total.checked),
        liars: total.liars.iter().filter_map(|position| computation.heavy.get(*position).copied()).collect(),
        signed_by: signers(certificate),
    };
    Ok((answer, assurance))
}

/// Whose signed statements about this result it carries: votes, openings, and what the decision rests on.
fn signers(certificate: &Certificate) -> Vec<PeerId> {
    let decided = certificate.decided.iter().flat_map(Decided::signers);
    let signers: BTreeSet<_> = certificate.votes.iter().map(Signed::signer).chain(decided).collect();
    let heavy = certificate.computation.get().heavy.iter();
    heavy.filter(|node| signers.contains(node)).copied().collect()
}

/// Whose votes and openings count, with their places: all heavy nodes', or what a quorum has decided. Nothing else can be put beside
/// the decision, nor beside the votes that every opening names.
fn counted(certificate: &Certificate) -> Result<Vec<(usize, PeerId)>, CertificateError> {
    let (id, computation) = (certificate.computation.id(), certificate.computation.get());
    let (votes, openings) = (&certificate.votes, &certificate.openings);
    let places = computation.heavy.iter().copied().enumerate();
    if !matches!(computation.sharing, Sharing::Threshold { .. }) {
        let all = places.collect();
        return if certificate.decided.is_none() { Ok(all) } else { Err(CertificateError::Undecided) };
    }
    let terms = DecreeTerms {
        computation: id,
        topic: Topic::Openings,
        heavy: computation.heavy.clone(),
        faults: computation.survives(),
    };
    let decided = certificate.decided.as_ref().filter(|decided| decided.holds(&terms));
    let decided = decided.ok_or(CertificateError::Undecided)?;
    let inputs = decided.choice.inputs().iter();
    let counted: Vec<_> = places.zip(inputs).filter_map(|(place, digest)| Some((place, (*digest)?))).collect();
    for (at, ((_, heavy), digest)) in counted.iter().enumerate() {
        let opened =
            votes.get(at).zip(openings.get(at)).map(|(vote, opening)| opened_digest(id, vote, opening));
        if opened != Some(*digest) {
            return Err(CertificateError::Incomplete(*heavy));
        }
        let answers = votes
            .get(at)
            .zip(openings.get(at))
            .is_some_and(|(vote, opening)| opening.get().votes == votes_digest(id, std::slice::from_ref(vote)));
        if !answers {
            return Err(CertificateError::OtherVotes(*heavy));
        }
    }
    Ok(counted.into_iter().map(|(place, _)| place).collect())
}
