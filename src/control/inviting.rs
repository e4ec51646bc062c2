//! From an invitation as typed to one that can be made: the rules that need no node, each with its word for programs and
//! its hint, in words of parties.

use std::time::Duration;

use super::api::ApiError;
use super::choice;
use super::detail;
use super::invitation::Inviting;
use super::question::{self, QuestionError};
use super::words::of_parties;
use crate::domain::limits::{HEAVY_MAX, PARTIES_MIN};
use crate::domain::{
    Computation, ComputationError, ComputationId, Detail, Digest, Invitation, InvitationError, PeerId, Query,
    Timestamp, VERSION,
};

/// What a field is called unless the inviter says otherwise.
const FIELD_DEFAULT: &str = "value";

/// Why an invitation cannot be made, whoever would join it. Always wrong usage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvitingError {
    /// A rule of invitations.
    #[error(transparent)]
    Terms(#[from] InvitationError),
    /// A rule of the question.
    #[error("{}", in_words(.error, *.parties))]
    Question {
        /// The rule.
        error: Box<QuestionError>,
        /// How many parties there are.
        parties: u32,
        /// How many of them must answer.
        quorum: u32,
    },
}

/// The invitation that is asked for, checked, without the nonce that makes it one of its own.
///
/// # Errors
/// The first rule that is broken.
pub fn draft_invitation(
    inviting: &Inviting,
    inviter: PeerId,
    now: Timestamp,
) -> Result<Invitation, InvitingError> {
    let Inviting { question, parties, answer_within_ms, .. } = inviting;
    let parties = *parties;
    if !(PARTIES_MIN..=HEAVY_MAX as u32).contains(&parties) {
        return Err(InvitationError::Parties(parties).into());
    }
    let quorum = quorum_of(inviting);
    let refused = |error: QuestionError| InvitingError::Question { error: Box::new(error), parties, quorum };
    let mut asked = question.clone();
    if asked.fields.is_empty() {
        asked.fields.push(FIELD_DEFAULT.to_owned());
    }
    if quorum < parties && asked.sharing.is_none() {
        asked.sharing = Some("threshold".to_owned());
    }
    if asked.sharing.as_deref() == Some("threshold") && quorum < parties {
        asked.threshold = asked.threshold.or_else(|| u8::try_from(quorum).ok());
    }
    let (statistic, fields) = detail::fields(&asked)
        .map_err(|error| refused(QuestionError::Rule { error: error.into(), sharing: None }))?;
    let named = usize::try_from(parties).ok();
    let (sharing, _) =
        choice::scheme_of(&asked, named, statistic, &fields).map_err(|error| refused(error.into()))?;
    if asked.prompt.is_empty() {
        let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
        asked.prompt = format!("{statistic} of {}", names.join(", "));
    }
    let mut invitation = Invitation {
        version: VERSION,
        nonce: [0; 16],
        inviter,
        created_at: now,
        prompt: asked.prompt.clone(),
        // What it is told, and of how many records, follows from what fits.
        query: Query { statistic, fields, max_records: 1, detail: Detail::None },
        sharing,
        parties,
        quorum,
        expires: now + Duration::from_millis(inviting.expires_ms),
        answer_within_ms: *answer_within_ms,
        patience_ms: asked.patience_ms,
        grace_ms: question::grace_of(&asked),
        noise: question::noise_of(&asked).map_err(refused)?,
    };
    invitation.check_terms()?;
    invitation.query = detail::fitted(&asked, computation_of(&invitation)).map_err(refused)?.query;
    Ok(invitation)
}

/// The computation that an invitation becomes, with others in the place of its parties. Its id is none.
fn computation_of(invitation: &Invitation) -> Computation {
    invitation.draft(ComputationId::from_digest(Digest::from_bytes([0; 32])))
}

/// How many must answer: all, unless told otherwise.
fn quorum_of(inviting: &Inviting) -> u32 {
    let lost = inviting.question.survives.map_or(0, u32::from);
    inviting.quorum.unwrap_or_else(|| inviting.parties.saturating_sub(lost))
}

fn in_words(error: &QuestionError, parties: u32) -> String {
    match error {
        QuestionError::Rule {
            error: ComputationError::Overflow { slot, largest, noise, modulus, fitting, .. },
            ..
        } => format!(
            "the total of {slot} of {parties} parties could overflow: {parties} × {largest}{noise} do not stay below \
             {modulus}; {fitting} would fit"
        ),
        QuestionError::Rule { error: ComputationError::Deadline(within), .. } => {
            format!("answers are due {within} after everybody has joined; it must be between 500ms and 30days")
        }
        other => of_parties(&other.to_string()),
    }
}

impl InvitingError {
    /// With times as they were typed, rather than as they were understood: 31d is 1month 13h 26m 24s.
    #[must_use]
    pub fn as_typed(self, expires: Option<&str>, within: Option<&str>, patience: Option<&str>) -> Self {
        match self {
            Self::Terms(InvitationError::Expires(read)) => {
                Self::Terms(InvitationError::Expires(expires.map_or(read, str::to_owned)))
            }
            Self::Terms(other) => Self::Terms(other),
            Self::Question { error, parties, quorum } => {
                Self::Question { error: Box::new(error.as_typed(within, patience)), parties, quorum }
            }
        }
    }

    /// The word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Terms(InvitationError::Parties(_)) => "invalid_parties",
            Self::Terms(InvitationError::Quorum { .. } | InvitationError::QuorumSharing { .. }) => {
                "invalid_quorum"
            }
            Self::Terms(InvitationError::Threshold { .. }) => "invalid_threshold",
            Self::Terms(InvitationError::Expires(_)) => "invalid_expires",
            Self::Terms(InvitationError::Rule(error)) => question::code_of(error),
            Self::Question { error, .. } => error.code(),
        }
    }

    /// What to do next; never empty.
    pub fn hint(&self) -> String {
        match self {
            Self::Terms(error) => hint_of(error),
            Self::Question { error, parties, quorum } => hint_of_question(error, *parties, *quorum),
        }
    }
}

fn hint_of(error: &InvitationError) -> String {
    match error {
        InvitationError::Parties(_) => "choose --parties 2 to 16; you are one of them".to_owned(),
        InvitationError::Quorum { parties, .. } if parties / 2 + 1 == *parties => {
            format!("leave --quorum out: all {parties} parties must answer")
        }
        InvitationError::Quorum { parties, .. } => {
            format!("choose --quorum {} to {parties}, or leave it out: then all must answer", parties / 2 + 1)
        }
        InvitationError::QuorumSharing { .. } => {
            "leave --sharing out, or leave --quorum and --survives out: then all must answer".to_owned()
        }
        InvitationError::Threshold { quorum, .. } => {
            format!("lower --threshold to {quorum}, or raise --quorum")
        }
        InvitationError::Expires(_) => "choose --expires like 15m, 1h or 2d".to_owned(),
        InvitationError::Rule(_) => "run the same version of formix-p2p everywhere".to_owned(),
    }
}

fn hint_of_question(error: &QuestionError, parties: u32, quorum: u32) -> String {
    match error {
        QuestionError::Rule { error: ComputationError::Overflow { noise, fitting, .. }, sharing } => {
            let fewer = (PARTIES_MIN..parties).contains(fitting).then(|| format!("--parties {fitting}"));
            let noise = (!noise.is_empty()).then_some("a larger --epsilon");
            question::room(fewer, noise, *sharing)
        }
        QuestionError::Rule { error: ComputationError::Deadline(_), .. } => {
            "choose a --deadline like 5m or 2h".to_owned()
        }
        QuestionError::Rule { error: ComputationError::NeedsBounds { .. }, .. } if quorum < parties => {
            "give a --schema with \"minimum\" and \"maximum\", or leave --quorum and --survives out: then all must answer"
                .to_owned()
        }
        other => of_parties(&other.hint()),
    }
}

impl From<InvitingError> for ApiError {
    fn from(error: InvitingError) -> Self {
        Self { code: error.code().to_owned(), message: error.to_string(), hint: error.hint(), exit: 2 }
    }
}

#[cfg(test)]
#[path = "inviting_tests.rs"]
mod tests;
