//! From a question as typed to a [`Computation`]: usage is checked first, then nodes, then the network.

use std::time::Duration;

use super::directory::{Directory, Known};
use super::references;
use crate::consent::{Policy, Trust};
use crate::control::{ApiError, Proposal};
use crate::domain::limits::{GRACE_DEFAULT, HEAVY_MIN, REPORTS_PER_COMPUTATION_DEFAULT};
use crate::domain::{
    Computation, ComputationError, Failure, Modulus, PeerId, Query, QueryError, Refusal, Role, Sharing,
    Statistic, Timestamp,
};
use crate::home::{Candidate, CandidatePresence};

/// Who asks, and whom it knows.
pub(super) struct Asker<'a> {
    pub(super) own: PeerId,
    pub(super) role: Role,
    pub(super) name: &'a str,
    pub(super) policy: &'a Policy,
    pub(super) directory: &'a Directory,
    pub(super) now: Timestamp,
}

/// A question whose every part but the nodes is checked. Nodes stand in for those that are not chosen yet.
///
/// # Errors
/// Exit 2, with the rule that is broken.
pub(super) fn draft(proposal: &Proposal, own: PeerId, now: Timestamp) -> Result<Computation, ApiError> {
    let statistic: Statistic = proposal.statistic.parse().map_err(|error| invalid_query(&error))?;
    let query = Query::parse(statistic, &proposal.fields, proposal.schema.as_deref())
        .map_err(|error| invalid_query(&error))?;
    let modulus = Modulus::from_bits(proposal.modulus_bits).ok_or_else(|| {
        let message = format!("{} is not a modulus; there are 32, 64 and 128 bits", proposal.modulus_bits);
        usage("invalid_modulus", message, "give --modulus-bits 32, 64 or 128")
    })?;
    let listed = proposal.participants.len();
    let everybody = u32::try_from(listed).ok().filter(|listed| *listed > 0);
    let heavy = if proposal.heavy.is_empty() { HEAVY_MIN } else { proposal.heavy.len() };
    let computation = Computation {
        version: 1,
        nonce: [0; 16],
        proposer: own,
        proposed_at: now,
        prompt: proposal.prompt.clone(),
        query,
        heavy: (0..heavy).map(stand_in).collect(),
        sharing: Sharing::Additive { modulus },
        min_participants: proposal.min_participants,
        max_participants: proposal.max_participants.or(everybody).unwrap_or(REPORTS_PER_COMPUTATION_DEFAULT),
        deadline: now + Duration::from_millis(proposal.deadline_ms),
        patience_ms: proposal.patience_ms,
        grace_ms: u64::try_from(GRACE_DEFAULT.as_millis()).unwrap_or(u64::MAX),
        participants: everybody.map(|_| (heavy..heavy + listed).map(stand_in).collect()),
        noise: None,
    };
    computation.check().map_err(|error| invalid_computation(&error))?;
    Ok(computation)
}

/// Puts the nodes that are meant, or the best that can be reached, into a draft.
///
/// # Errors
/// `no_such_node`, `ambiguous_node`, `not_heavy`, `too_few_heavy_nodes`, or a broken rule.
pub(super) fn with_nodes(
    mut draft: Computation,
    proposal: &Proposal,
    asker: &Asker<'_>,
) -> Result<Computation, ApiError> {
    let candidates = asker.candidates();
    let resolve = |references: &[String]| -> Result<Vec<PeerId>, ApiError> {
        references.iter().map(|reference| references::node(reference, &candidates)).collect()
    };
    draft.heavy = if proposal.heavy.is_empty() {
        asker.choose_heavy()?
    } else {
        let heavy = resolve(&proposal.heavy)?;
        if let Some(light) = heavy.iter().find(|peer| asker.role_of(peer) == Some(Role::Light)) {
            let message = format!("{} is a light node; only heavy nodes add up shares", light.uid());
            return Err(usage("not_heavy", message, "leave --heavy out, or name heavy nodes"));
        }
        heavy
    };
    if draft.participants.is_some() {
        let mut listed = resolve(&proposal.participants)?;
        listed.sort_unstable();
        listed.dedup();
        draft.max_participants =
            proposal.max_participants.unwrap_or(u32::try_from(listed.len()).unwrap_or(u32::MAX));
        draft.participants = Some(listed);
    }
    draft.check().map_err(|error| invalid_computation(&error))?;
    Ok(draft)
}

impl Asker<'_> {
    /// Every node that a reference may mean, this one included.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let presence = CandidatePresence::There;
        let own = Candidate { peer: self.own, name: self.name.to_owned(), presence };
        let others = self.directory.known(self.now).map(|known| Candidate {
            peer: known.presence.peer,
            name: known.presence.name.clone(),
            presence: if known.liveness.is_active() {
                CandidatePresence::There
            } else {
                CandidatePresence::Lost
            },
        });
        others.chain([own]).collect()
    }

    fn role_of(&self, peer: &PeerId) -> Option<Role> {
        if *peer == self.own {
            return Some(self.role);
        }
        self.directory
            .known(self.now)
            .find(|known| known.presence.peer == *peer)
            .map(|known| known.presence.role)
    }

    /// Three heavy nodes that can be reached: others before this one, trusted before strangers, near before far.
    fn choose_heavy(&self) -> Result<Vec<PeerId>, ApiError> {
        let is_heavy = |known: &Known<'_>| known.presence.role == Role::Heavy && known.liveness.is_active();
        let others: Vec<_> = self.directory.known(self.now).filter(is_heavy).collect();
        let mut reachable: Vec<_> = others
            .iter()
            .filter(|known| known.connected)
            .map(|known| {
                let peer = known.presence.peer;
                (false, !self.trusts(&peer), known.rtt.unwrap_or(Duration::MAX), peer)
            })
            .collect();
        let own = (self.role == Role::Heavy).then_some((true, false, Duration::ZERO, self.own));
        reachable.extend(own);
        if reachable.len() < HEAVY_MIN {
            return Err(too_few(others.len() + usize::from(own.is_some()), reachable.len()));
        }
        reachable.sort_unstable();
        Ok(reachable.into_iter().take(HEAVY_MIN).map(|(_, _, _, peer)| peer).collect())
    }

    fn trusts(&self, peer: &PeerId) -> bool {
        match &self.policy.trust {
            Trust::Listed(listed) => listed.contains(peer),
            Trust::WholeNetwork => true,
        }
    }
}

/// Whether waiting may help: a node that has just started does not know everybody yet.
pub(super) fn may_come_right(error: &ApiError) -> bool {
    matches!(error.code.as_str(), "too_few_heavy_nodes" | "no_such_node")
}

/// The error for a proposal that was made and not announced.
pub(super) fn not_announced(failure: &Failure) -> ApiError {
    let hint = match failure {
        Failure::Unreachable { .. } => "see with `formix-p2p view` that they run, or leave --heavy out",
        Failure::Refused { refusal, .. } => match refusal {
            Refusal::Busy { .. } | Refusal::ProposerBusy { .. } => {
                "wait until open computations have ended, or name other heavy nodes with --heavy"
            }
            Refusal::Deadline { .. } => "give a later --deadline, and compare the clocks of both machines",
            Refusal::ClockSkew { .. } => "set the clocks of both machines, for instance by NTP",
            Refusal::Invalid(_) => "run the same version of formix-p2p on every node",
            Refusal::NotHeavy => "leave --heavy out, or name heavy nodes",
        },
        Failure::DealsDiffer => "name other heavy nodes with --heavy; the logs of these say who dealt what",
        Failure::TooManyOpen { .. } => "wait until some of `formix-p2p status` have ended",
        Failure::InsufficientParticipants { .. }
        | Failure::Missing { .. }
        | Failure::NeverAnnounced
        | Failure::Withdrawn
        | Failure::Misconduct { .. }
        | Failure::Accused { .. }
        | Failure::ImpossibleTotal
        | Failure::SumsDisagree
        | Failure::MemoryLost { .. }
        | Failure::NoContact => "propose it again",
    };
    refused("not_announced", format!("the computation was not announced: {failure}"), hint)
}

fn too_few(known: usize, reachable: usize) -> ApiError {
    let message = format!(
        "a computation needs {HEAVY_MIN} heavy nodes; this node knows {known} and can reach {reachable}"
    );
    let hint = "start more with `formix-p2p start --role heavy --new`; on another network, give \
                `--bootstrap` an address of one";
    refused("too_few_heavy_nodes", message, hint)
}

/// A node that stands in for one that is chosen later; they sort by their number.
fn stand_in(number: usize) -> PeerId {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&(number as u64).to_be_bytes());
    PeerId::from_public_key(key)
}

fn invalid_query(error: &QueryError) -> ApiError {
    let (code, hint) = match error {
        QueryError::UnknownStatistic(_) => ("invalid_statistic", "give --statistic count, sum or mean"),
        QueryError::FieldCount { .. } => ("invalid_field", "give --field once"),
        QueryError::FieldName(_) | QueryError::FieldTwice(_) => {
            ("invalid_field", "give the name under which the participants keep the field")
        }
        QueryError::SchemaForOtherField(_) => {
            ("invalid_schema", "use the same names in --field and in --schema")
        }
        QueryError::Schema(_) => {
            ("invalid_schema", "a schema looks like {\"type\":\"number\",\"minimum\":0,\"maximum\":120}")
        }
    };
    usage(code, error.to_string(), hint)
}

fn invalid_computation(error: &ComputationError) -> ApiError {
    let (code, hint) = match error {
        ComputationError::Query(error) => return invalid_query(error),
        ComputationError::Version(_) => ("invalid_version", "run the same version of formix-p2p everywhere"),
        ComputationError::Prompt(_) => ("invalid_prompt", "put the question into one line with --prompt"),
        ComputationError::HeavyCount(_) | ComputationError::HeavyTwice(_) => {
            ("invalid_heavy", "name 3 to 16 different nodes with --heavy, or none: then three are chosen")
        }
        ComputationError::MinimumZero => ("invalid_minimum", "give --min-participants 3 or more"),
        ComputationError::MinimumAboveMaximum { .. } => {
            ("invalid_minimum", "lower --min-participants, or allow more participants")
        }
        ComputationError::MaximumTooLarge(_) => ("invalid_maximum", "lower --max-participants"),
        ComputationError::ClosedList => ("invalid_participants", "name 1 to 1000 nodes with --participants"),
        ComputationError::HeavyParticipates(_) => {
            ("invalid_participants", "leave it out of --participants, or choose other nodes with --heavy")
        }
        ComputationError::Deadline(_) => ("invalid_deadline", "give for instance --deadline 30s"),
        ComputationError::Patience(_) => ("invalid_patience", "give for instance --patience 60s"),
        ComputationError::Sharing(_) => {
            ("invalid_threshold", "choose --threshold between 2 and the number of heavy nodes")
        }
        ComputationError::NeedsBounds { .. } => (
            "invalid_schema",
            "give a --schema with \"minimum\" and \"maximum\", or use --sharing additive, which proves nothing",
        ),
        ComputationError::OneValue => ("invalid_schema", "give the schema a maximum above its minimum"),
        ComputationError::NoiseNeedsBounds => {
            ("invalid_schema", "give a --schema with \"minimum\" and \"maximum\"")
        }
        ComputationError::Noise(_) => ("invalid_epsilon", "choose an --epsilon like 1 or 0.5"),
        ComputationError::Overflow { .. } => {
            ("overflow", "raise --modulus-bits, lower --max-participants, or narrow the schema's bounds")
        }
    };
    usage(code, error.to_string(), hint)
}

fn usage(code: &str, message: String, hint: &str) -> ApiError {
    ApiError { code: code.to_owned(), message, hint: hint.to_owned(), exit: 2 }
}

fn refused(code: &str, message: String, hint: &str) -> ApiError {
    ApiError { code: code.to_owned(), message, hint: hint.to_owned(), exit: 1 }
}

#[cfg(test)]
#[path = "propose_tests.rs"]
mod tests;
