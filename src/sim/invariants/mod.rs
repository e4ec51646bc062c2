//! The invariants, checked with every action: what is signed, sent, persisted, told and blamed is looked at when it
//! happens, so that a run of a thousand steps costs no more than its steps.
//!
//! The watch sees everything, knows who cheats, and speaks up only about honest nodes.

mod agreement;
mod circle;
mod intake;
mod order;
mod outcome;
mod verification;

use std::collections::{BTreeMap, BTreeSet};

use super::cheat::Cheat;
use super::machine::Store;
use super::scenario::NodeIndex;
use super::violation::{Check, Invariant};
use crate::domain::{Computation, ComputationId, Decimal, Digest, Evidence, PeerId, Sharing, Timestamp};
use crate::protocol::{Action, Notice};
use crate::statistics::Answer;
use crate::wire::{Fault, Message, Record, RecordKey, RecordKind, Signed};

/// What is known of one computation.
#[derive(Debug)]
pub(super) struct Case {
    pub computation: Computation,
    /// Who said "complete" or closed, over which lists: a cheat may name several.
    completes: BTreeMap<PeerId, BTreeSet<Digest>>,
    /// The set of each honest heavy node that has opened.
    opened: BTreeMap<PeerId, Digest>,
    /// The votes that reached each honest heavy node: whose, for which set. A liar's before a crash and after it may differ.
    votes: BTreeMap<NodeIndex, BTreeSet<(PeerId, Digest)>>,
    /// Whose freezes reached each honest heavy node.
    freezes: BTreeMap<NodeIndex, BTreeSet<PeerId>>,
    /// The members of every set that an honest heavy node voted for.
    accepted: BTreeMap<Digest, Vec<(PeerId, Digest)>>,
    /// The commitments to verifier shares that reached one node from another; a cheat may send several.
    verifications: BTreeMap<(PeerId, PeerId), BTreeSet<Vec<Digest>>>,
    /// The batches of verifier shares that reached one node from another, by what they would be promised as.
    verifiers: BTreeMap<(PeerId, PeerId), BTreeSet<(u32, Digest)>>,
    /// The one key under which reports are verified.
    key: Option<Digest>,
    /// The first result that an honest node reported.
    pub result: Option<Answer>,
}

/// One report as it was submitted.
#[derive(Debug)]
pub(super) struct Submitted {
    pub participant: PeerId,
    slots: Vec<u128>,
}

/// What a check needs to know of the node that acts.
#[derive(Clone, Copy)]
pub(super) struct Actor<'a> {
    pub index: NodeIndex,
    pub peer: PeerId,
    pub clock: Timestamp,
    /// Its store as it is right now, before this action.
    pub store: &'a Store,
    /// Who sent the message that the node answers to.
    pub cause: Option<PeerId>,
}

/// Everything that the watch has seen.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub cases: BTreeMap<ComputationId, Case>,
    pub submitted: BTreeMap<(ComputationId, Digest), Submitted>,
    /// Who cheats, and how.
    pub cheats: BTreeMap<PeerId, Cheat>,
    /// The value of each light node, as an exponent of two; cheats may say something else.
    pub exponents: BTreeMap<PeerId, u32>,
    /// What was ever durable at an honest node: digests of signed statements and reports.
    durable: BTreeSet<(NodeIndex, Digest)>,
    /// The one statement of its kind that an honest node signs about a computation.
    signed_once: BTreeMap<(PeerId, ComputationId, RecordKind), Digest>,
    /// The one report of each honest participant.
    reports: BTreeMap<(PeerId, ComputationId), Digest>,
    /// Which report each node was sent by its participant: it may take one in later than it came.
    handed_in: BTreeSet<(NodeIndex, Digest)>,
    /// Whom honest nodes blamed, and for what.
    pub blamed: BTreeSet<(PeerId, Evidence)>,
}

impl Watch {
    /// A question is about to be asked.
    pub fn ask(&mut self, id: ComputationId, computation: &Computation) {
        if self.cases.contains_key(&id) {
            return;
        }
        let case = Case {
            computation: computation.clone(),
            completes: BTreeMap::new(),
            opened: BTreeMap::new(),
            votes: BTreeMap::new(),
            freezes: BTreeMap::new(),
            accepted: BTreeMap::new(),
            verifications: BTreeMap::new(),
            verifiers: BTreeMap::new(),
            key: None,
            result: None,
        };
        self.cases.insert(id, case);
    }

    /// An honest node is about to do something.
    pub fn act(&mut self, actor: Actor<'_>, action: &Action) -> Check {
        match action {
            Action::Persist(record) => self.persist(actor, record),
            Action::Erase(key) => Self::erase(actor, key),
            Action::Send { to, message } => self.send(actor, *to, message),
            Action::Publish(gossip) => self.publish(actor, gossip),
            Action::Tell(notice) => Self::tell(actor, notice),
            Action::Blame(fault) => self.blame(actor, fault),
            Action::SetTimer { .. }
            | Action::ReadSource { .. }
            | Action::Work { .. }
            | Action::Reach { .. }
            | Action::LetGo { .. } => Ok(()),
        }
    }

    /// A message reaches a node.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others carry nothing that others wait for")]
    pub fn deliver(&mut self, from: PeerId, (to, receiver): (NodeIndex, PeerId), message: &Message) {
        let votes = match message {
            Message::Complete { computation, list } => {
                return self.hear_complete(from, *computation, *list);
            }
            Message::Close(close) => {
                return self.hear_complete(close.signer(), close.get().computation, close.get().list);
            }
            Message::Freeze { freeze, .. } => {
                if let Some(case) = self.cases.get_mut(&freeze.get().computation) {
                    case.freezes.entry(to).or_default().insert(freeze.signer());
                }
                return;
            }
            Message::Submit(submission) => {
                let manifest = &submission.manifest;
                if manifest.get().participant == from {
                    self.handed_in.insert((to, manifest.digest()));
                }
                return;
            }
            Message::Verification(commitment) => return self.hear_verification(receiver, commitment),
            Message::Verifiers { computation, heavy, batch, blind, shares } => {
                return self.hear_verifiers((*heavy, receiver), *computation, *batch, blind, shares);
            }
            Message::Vote { vote, verifications } => {
                for commitment in verifications {
                    self.hear_verification(receiver, commitment);
                }
                std::slice::from_ref(vote)
            }
            Message::Open { votes, .. } => votes,
            _ => return,
        };
        for vote in votes {
            if let Some(case) = self.cases.get_mut(&vote.get().computation) {
                let heard = case.votes.entry(to).or_default();
                heard.insert((vote.signer(), vote.get().accepted));
            }
        }
    }

    fn persist(&mut self, actor: Actor<'_>, record: &Record) -> Check {
        self.note_durable(actor, record)?;
        match record {
            Record::Report(submissions) => self.report_made(actor, submissions),
            Record::Held(submission) => self.report_held(actor, submission),
            Record::Closed { close, reports, excluded } => self.closed(actor, close.get(), *reports, excluded),
            Record::Frozen { computation, freeze, participants, left_out, added, .. } => {
                let freeze = freeze.as_ref().map(Signed::get);
                self.frozen(actor, *computation, (freeze, *participants), (left_out, added))
            }
            Record::Verifying { verification, rhos, .. } => self.verifies(actor, verification.get(), rhos),
            Record::Voted { vote, unverified, partial_sum, blind, .. } => {
                self.voted(actor, vote.get(), unverified, partial_sum.expose(), blind.expose())
            }
            Record::Certificate(certificate) => self.certified(actor, certificate),
            Record::Failed { computation, failure, .. } => self.failed(*computation, failure),
            Record::Members { computation, entries } => self.learns_names(actor, *computation, entries),
            Record::Compared(comparison) => Self::compares(actor, comparison),
            Record::Proposed(_)
            | Record::Accepted { .. }
            | Record::Dealing { .. }
            | Record::Decree { .. }
            | Record::Announced(_)
            | Record::Receipts { .. }
            | Record::Opened { .. }
            | Record::Ledger(_)
            | Record::Fault(_)
            | Record::Invitation(_)
            | Record::Input { .. }
            | Record::Forgotten { .. }
            | Record::Pruned { .. }
            | Record::Summary(_) => Ok(()),
        }
    }

    /// 7, one half: proofs stay.
    fn erase(actor: Actor<'_>, key: &RecordKey) -> Check {
        let stays = match key.kind {
            RecordKind::Certificate | RecordKind::Ledger | RecordKind::Fault | RecordKind::Compared => true,
            RecordKind::Proposed
            | RecordKind::Accepted
            | RecordKind::Announced
            | RecordKind::Report
            | RecordKind::Held
            | RecordKind::Receipts
            | RecordKind::Closed
            | RecordKind::Frozen
            | RecordKind::Dealing
            | RecordKind::ListsDecree
            | RecordKind::VerifiersDecree
            | RecordKind::OpeningsDecree
            | RecordKind::Verifying
            | RecordKind::Voted
            | RecordKind::Opened
            | RecordKind::Failed
            | RecordKind::Members
            | RecordKind::Invitation
            | RecordKind::Input
            | RecordKind::Forgotten
            | RecordKind::Pruned
            | RecordKind::Summary => false,
        };
        let there = stays && actor.store.contains_key(key);
        Invariant::SharesGone.check(!there, || format!("{} erases {:?}", actor.index, key.kind))
    }

    /// Who is told of an end can rely on it.
    fn tell(actor: Actor<'_>, notice: &Notice) -> Check {
        let (kind, computation) = match notice {
            Notice::Completed(computation) => (RecordKind::Certificate, *computation),
            Notice::Failed { computation, .. } => (RecordKind::Failed, *computation),
            Notice::Answered(computation) => (RecordKind::Report, *computation),
            Notice::Changed(_)
            | Notice::Announced(_)
            | Notice::WaitsForOwner { .. }
            | Notice::Declined { .. }
            | Notice::LeftOut { .. }
            | Notice::SimilarSets { .. }
            | Notice::InvitationChanged(_)
            | Notice::PartyJoined { .. }
            | Notice::PartyLeft { .. }
            | Notice::TicketRefused { .. }
            | Notice::RosterAsks { .. }
            | Notice::InvitationEnded { .. }
            | Notice::ClockSkew { .. }
            | Notice::Ignored { .. } => return Ok(()),
        };
        // An impossible total fails, and its certificate says why.
        let kept = |kind| actor.store.contains_key(&RecordKey { kind, computation, peer: None });
        let impossible = kind == RecordKind::Failed && kept(RecordKind::Certificate);
        Invariant::PersistedFirst.check(kept(kind) || impossible, || {
            format!("{} tells of {computation} without a {kind:?} record", actor.index)
        })
    }

    /// 6: blame falls on who cheats, and for what it did.
    fn blame(&mut self, actor: Actor<'_>, fault: &Fault) -> Check {
        let evidence = fault.proof.evidence();
        let cheat = self.cheats.get(&fault.culprit);
        // By invitation a cheat takes in its true report, and sends the others another one.
        let party = self.cases.get(&fault.computation).is_some_and(|case| case.computation.is_by_invitation());
        let two_reports = party && evidence == Evidence::TwoReports;
        let just = cheat.is_some_and(|cheat| two_reports || cheat.leaves_evidence().contains(&evidence));
        Invariant::JustBlame.check(just, || {
            format!("{} blames {:?} ({cheat:?}) for {evidence:?}", actor.index, fault.culprit)
        })?;
        self.blamed.insert((fault.culprit, evidence));
        Ok(())
    }

    /// Whether a total of so many partial sums must be true: nobody lies about his own, or a lie would show.
    fn totals_are_true(&self, computation: &Computation, openings: usize) -> bool {
        let cheats = computation.heavy.iter().filter_map(|heavy| self.cheats.get(heavy));
        let liars = cheats.filter(|cheat| cheat.can_falsify(computation.sharing)).count();
        let noticed = match computation.sharing {
            Sharing::Threshold { k } => openings.saturating_sub(k.into()),
            Sharing::Additive { .. } | Sharing::Prio3 => 0,
        };
        liars <= noticed
    }

    /// The value of a light node, in steps.
    fn steps_of(&self, participant: &PeerId) -> Option<i128> {
        self.exponents.get(participant).map(|exponent| 1 << exponent)
    }
}

/// What a node has persisted of this kind about a computation, before it acts.
fn statement_of(actor: Actor<'_>, computation: ComputationId, kind: RecordKind) -> Option<&Record> {
    actor.store.get(&RecordKey { kind, computation, peer: None })
}

/// How many steps a sum is; `None` if it is none.
fn in_steps(sum: Decimal, step: Decimal) -> Option<i128> {
    sum.at_scale(step.scale()).map(|mantissa| mantissa / step.mantissa())
}
