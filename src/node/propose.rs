//! Whom a question is put to. It is checked already ([`crate::control::draft`]); now come the nodes, and then the network.

use std::time::Duration;

use super::directory::{Ahead, Directory, Known};
use super::references;
use crate::consent::{Policy, Trust};
use crate::control::{ApiError, Proposal, QuestionError};
use crate::domain::limits::HEAVY_MIN;
use crate::domain::{Computation, Failure, PeerId, Refusal, Role, Timestamp};
use crate::home::{Candidate, CandidatePresence};
use crate::statistics;

/// What to do about clocks that are too far apart.
const CLOCKS_HINT: &str = "set the clocks of both machines, for instance by NTP";

/// Who asks, and whom it knows.
pub(super) struct Asker<'a> {
    pub(super) own: PeerId,
    pub(super) role: Role,
    pub(super) name: &'a str,
    pub(super) policy: &'a Policy,
    pub(super) directory: &'a Directory,
    pub(super) now: Timestamp,
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
        asker.choose_heavy(draft.heavy.len())?
    } else {
        let heavy = resolve(&proposal.heavy)?;
        if let Some(light) = heavy.iter().find(|peer| asker.role_of(peer) == Some(Role::Light)) {
            let message = format!("{} is a light node; only heavy nodes add up shares", light.uid());
            return Err(usage("not_heavy", message, "leave --heavy out, or name heavy nodes"));
        }
        heavy
    };
    if draft.participants.is_some() {
        // Whoever is named in full may come later; a heavy node could not be asked to accept.
        let listed = |reference: &String| match reference.trim().parse() {
            Ok(peer) => Ok(peer),
            Err(_) => references::node(reference, &candidates),
        };
        let mut listed: Vec<_> = proposal.participants.iter().map(listed).collect::<Result<_, _>>()?;
        listed.sort_unstable();
        listed.dedup();
        draft.max_participants =
            proposal.max_participants.unwrap_or(u32::try_from(listed.len()).unwrap_or(u32::MAX));
        draft.participants = Some(listed);
    }
    match statistics::check(&draft) {
        Ok(()) => Ok(draft),
        Err(error) => Err(QuestionError::of_rule(error, &draft).into()),
    }
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

    /// So many heavy nodes that can be reached: others before this one, trusted before strangers, near before far.
    fn choose_heavy(&self, needed: usize) -> Result<Vec<PeerId>, ApiError> {
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
        if reachable.len() < needed {
            let known = others.len() + usize::from(own.is_some());
            return Err(match self.directory.heavy_ahead().next() {
                Some((peer, ahead)) => clocks_apart(needed, reachable.len(), peer, ahead, self.now),
                None => too_few(needed, known, reachable.len()),
            });
        }
        reachable.sort_unstable();
        Ok(reachable.into_iter().take(needed).map(|(_, _, _, peer)| peer).collect())
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
            Refusal::ClockSkew { .. } => CLOCKS_HINT,
            Refusal::Invalid(_) => "run the same version of formix-p2p on every node",
            Refusal::NotHeavy => "leave --heavy out, or name heavy nodes",
            Refusal::NoSeat | Refusal::Declined => "invite again, with a ticket for everybody who takes part",
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
        | Failure::NoiseUnsound { .. }
        | Failure::MemoryLost { .. }
        | Failure::NoContact => "propose it again",
    };
    refused("not_announced", format!("the computation was not announced: {failure}"), hint)
}

fn too_few(needed: usize, known: usize, reachable: usize) -> ApiError {
    let start = "start more with `formix-p2p start --role heavy --new`; on another network, give `--bootstrap` an \
                 address of one";
    let (question, hint) = if needed > HEAVY_MIN {
        ("with this --threshold and --survives a computation", format!("lower one of them, or {start}"))
    } else {
        ("a computation", start.to_owned())
    };
    let message =
        format!("{question} needs {needed} heavy nodes; this node knows {known} and can reach {reachable}");
    refused("too_few_heavy_nodes", message, &hint)
}

/// They are there, and what they say of themselves is not taken: the clock is to blame, not the network.
fn clocks_apart(needed: usize, reachable: usize, peer: PeerId, ahead: Ahead, now: Timestamp) -> ApiError {
    let message = format!(
        "a computation needs {needed} heavy nodes; this node can use {reachable}, and not {}, whose clock shows {} \
         when this node's shows {now}: they may be 30 s apart",
        peer.uid(),
        ahead.clock
    );
    refused("too_few_heavy_nodes", message, CLOCKS_HINT)
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
