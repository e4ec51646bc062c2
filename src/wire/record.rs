//! What a node remembers across restarts, one type a fact. The store writes these and hands them back unread.

use serde::{Deserialize, Serialize};

use super::certificate::Certificate;
use super::commitment::Blind;
use super::deal::{Deal, Dealt, Part};
use super::decree::{DecreeMemory, Topic};
use super::fault::Fault;
use super::invitation::{Input, InvitationMemory};
use super::list::Entry;
use super::message::{Announcement, Submission};
use super::record_key::RecordKey;
use super::signed::Signed;
use super::statement::{Acceptance, Close, FailureNotice, Freeze, Opening, Receipt, Verification, Vote};
use super::summary::Summary;
use crate::domain::{Computation, ComputationId, Failure, Noise, PeerId, Standing, Statistic, Timestamp};
use crate::sharing::Secret;

/// One fact that survives a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// Proposer: this was proposed.
    Proposed(Signed<Computation>),
    /// Heavy node: this was accepted, with this ρ.
    Accepted {
        /// The computation.
        computation: Signed<Computation>,
        /// What was signed.
        acceptance: Signed<Acceptance>,
        /// ρ.
        rho: Secret<[u8; 32]>,
        /// The random bytes of its commitment.
        blind: Blind,
        /// Under threshold sharing: what the heavy nodes have dealt each other.
        dealt: Option<Dealt>,
    },
    /// Heavy node, under threshold sharing, before it accepts: what it deals.
    Dealing {
        /// The computation.
        computation: Signed<Computation>,
        /// What was signed.
        deal: Signed<Deal>,
        /// ρ, from which its shares follow.
        rho: Secret<[u8; 32]>,
        /// The shares of the noise, in the order of the heavy nodes; none without noise.
        noise: Vec<Part>,
    },
    /// Everybody: this runs.
    Announced(Announcement),
    /// Light node: the whole report, one submission a heavy node, in their order.
    Report(Vec<Submission>),
    /// Heavy node: one report held.
    Held(Submission),
    /// Heavy node: the receipts that the heavy nodes gave a participant whose report this node holds.
    Receipts {
        /// In which computation.
        computation: ComputationId,
        /// To whom.
        participant: PeerId,
        /// Those of the others, at most one each.
        receipts: Vec<Signed<Receipt>>,
    },
    /// Heavy node: intake is over.
    Closed {
        /// What was signed.
        close: Signed<Close>,
        /// How many reports are on the list.
        reports: u32,
        /// Whose held reports are not on it: the evidence against them is on it instead.
        excluded: Vec<PeerId>,
    },
    /// Heavy node, under threshold sharing: where it stands in a decree.
    Decree {
        /// Which computation.
        computation: ComputationId,
        /// Which decree of it.
        topic: Topic,
        /// What it must not forget.
        memory: Box<DecreeMemory>,
    },
    /// Heavy node: the set is frozen.
    Frozen {
        /// Which computation.
        computation: ComputationId,
        /// What was signed; nothing under threshold sharing, where the decree is.
        freeze: Option<Signed<Freeze>>,
        /// How many reports are in the set.
        participants: u32,
        /// Whose reports of this node's own list are not in it.
        left_out: Vec<PeerId>,
        /// What is in it and not on this node's own list: under threshold sharing, where that need not count.
        added: Vec<Entry>,
        /// The closes that it follows from, in the order of the heavy nodes.
        closes: Vec<Signed<Close>>,
    },
    /// Heavy node: its verifier shares are fixed. They follow from the reports and everybody's ρ.
    Verifying {
        /// What was signed.
        verification: Signed<Verification>,
        /// The random bytes of each batch's commitment.
        blinds: Vec<Blind>,
        /// ρ of every heavy node, in their order.
        rhos: Vec<Secret<[u8; 32]>>,
    },
    /// Heavy node: the partial sum is fixed.
    Voted {
        /// What was signed.
        vote: Signed<Vote>,
        /// What the proofs were judged by, in the order of the heavy nodes; empty without proofs, or where a decree says it.
        verifications: Vec<Signed<Verification>>,
        /// Whose reports of the frozen set did not verify.
        unverified: Vec<PeerId>,
        /// The partial sum, until it is opened.
        partial_sum: Secret<Vec<u8>>,
        /// The random bytes of its commitment.
        blind: Blind,
    },
    /// Heavy node: the partial sum may have left, with this opening, against these votes.
    Opened {
        /// What was signed.
        opening: Signed<Opening>,
        /// The votes that it answers, in the order of the heavy nodes.
        votes: Vec<Signed<Vote>>,
    },
    /// Everybody: the result.
    Certificate(Certificate),
    /// Everybody: there is no result.
    Failed {
        /// Which computation.
        computation: ComputationId,
        /// Why.
        failure: Failure,
        /// The word of the node that said so, if this one did not find out itself.
        notice: Option<Signed<FailureNotice>>,
        /// When this node learned of it.
        at: Timestamp,
    },
    /// Light node: what was done with a question: the owner's ledger. Kept for ever, but for old refusals.
    Ledger(LedgerEntry),
    /// Anybody: a node broke the protocol.
    Fault(Fault),
    /// Proposer, heavy nodes, participants: whose reports were added up, as the certificate's votes name them.
    Members {
        /// Which computation.
        computation: ComputationId,
        /// The accepted set.
        entries: Vec<Entry>,
    },
    /// Light node: its set, compared with the sets of its other answers about the same field. Kept for ever, as the ledger.
    Compared(Comparison),
    /// Inviter and invited: where an invitation stands.
    Invitation(Box<InvitationMemory>),
    /// Inviter and invited: what their owners will answer, until the report is made.
    Input {
        /// In which invitation.
        invitation: ComputationId,
        /// What.
        input: Input,
    },
    /// Anybody: its owner has forgotten this computation. It is not taken up again.
    Forgotten {
        /// Which.
        computation: ComputationId,
        /// When.
        at: Timestamp,
    },
    /// Anybody: of this computation, which ended long ago, memory holds no more than this. It is not taken up again.
    Pruned {
        /// Which.
        computation: ComputationId,
        /// When it was proposed.
        at: Timestamp,
        /// Bytes of its certificate and its summary, which are in the store too.
        bytes: u64,
    },
    /// Anybody: what a pruned computation was, beside its certificate. Read when somebody asks for it.
    Summary(Box<Summary>),
}

/// How the accepted set of an answered question compares with those of other answers about the same field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Which computation.
    pub computation: ComputationId,
    /// How many participants its set has.
    pub members: u32,
    /// The sets that were known by then and are so near that two results tell about few; the nearest first.
    pub similar: Vec<Similar>,
    /// When they were compared.
    pub at: Timestamp,
}

/// Another computation over nearly the same participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Similar {
    /// How many participants are in one of the two sets alone.
    pub difference: u32,
    /// Which.
    pub other: ComputationId,
}

/// What a light node did with one question, and what its owner may want to know of it later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Which computation.
    pub computation: ComputationId,
    /// Who asked.
    pub proposer: PeerId,
    /// The question in words.
    pub prompt: String,
    /// What was asked.
    pub statistic: Statistic,
    /// Of which fields.
    pub fields: Vec<String>,
    /// No total over fewer.
    pub min_participants: u32,
    /// How many it was put to by a closed list.
    pub listed: Option<u32>,
    /// That list; sorted.
    pub participants: Option<Vec<PeerId>>,
    /// The noise in its result.
    pub noise: Option<Noise>,
    /// When it was answered or declined.
    pub at: Timestamp,
    /// Whether.
    pub decision: LedgerDecision,
    /// Who decided.
    pub decider: Decider,
    /// The rule that declined it, or over which the owner decided; none where every rule was kept.
    pub reason: Option<LedgerReason>,
    /// Own records in the answer.
    pub records: Option<u64>,
}

/// Who decided about a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decider {
    /// The owner's policy, unattended.
    Policy,
    /// The owner.
    Owner,
    /// The owner, by asking the question.
    Asker,
    /// The node, which could not answer.
    Node,
}

/// A rule, and what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerReason {
    /// Its name in `node.toml`.
    pub rule: String,
    /// What it said, in words.
    pub words: String,
}

/// Whether a question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LedgerDecision {
    /// A report was made; it is never taken back.
    Answered,
    /// No report was made, and none will be.
    Declined(Standing),
}

/// Which table a record belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// [`Record::Proposed`].
    Proposed,
    /// [`Record::Dealing`].
    Dealing,
    /// [`Record::Accepted`].
    Accepted,
    /// [`Record::Announced`].
    Announced,
    /// [`Record::Report`].
    Report,
    /// [`Record::Held`].
    Held,
    /// [`Record::Receipts`].
    Receipts,
    /// [`Record::Closed`].
    Closed,
    /// [`Record::Decree`] about lists.
    ListsDecree,
    /// [`Record::Frozen`].
    Frozen,
    /// [`Record::Verifying`].
    Verifying,
    /// [`Record::Decree`] about verifier shares.
    VerifiersDecree,
    /// [`Record::Voted`].
    Voted,
    /// [`Record::Opened`].
    Opened,
    /// [`Record::Decree`] about openings.
    OpeningsDecree,
    /// [`Record::Certificate`].
    Certificate,
    /// [`Record::Failed`].
    Failed,
    /// [`Record::Ledger`].
    Ledger,
    /// [`Record::Fault`].
    Fault,
    /// [`Record::Members`].
    Members,
    /// [`Record::Compared`].
    Compared,
    /// [`Record::Invitation`].
    Invitation,
    /// [`Record::Input`].
    Input,
    /// [`Record::Forgotten`].
    Forgotten,
    /// [`Record::Pruned`].
    Pruned,
    /// [`Record::Summary`].
    Summary,
}

/// How long a record is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Until its computation ends, and then nobody may read it any more: shares, ρ, partial sums, and what was said
    /// around them.
    UntilTheEnd,
    /// Longer: what the owner and others may ask for later.
    Beyond,
}

impl RecordKind {
    /// Every kind, in the order of the enum.
    pub const ALL: [Self; 26] = [
        Self::Proposed,
        Self::Dealing,
        Self::Accepted,
        Self::Announced,
        Self::Report,
        Self::Held,
        Self::Receipts,
        Self::Closed,
        Self::ListsDecree,
        Self::Frozen,
        Self::Verifying,
        Self::VerifiersDecree,
        Self::Voted,
        Self::Opened,
        Self::OpeningsDecree,
        Self::Certificate,
        Self::Failed,
        Self::Ledger,
        Self::Fault,
        Self::Members,
        Self::Compared,
        Self::Invitation,
        Self::Input,
        Self::Forgotten,
        Self::Pruned,
        Self::Summary,
    ];
}

impl RecordKind {
    /// The kind of a decree's memory.
    pub const fn of_decree(topic: Topic) -> Self {
        match topic {
            Topic::Lists => Self::ListsDecree,
            Topic::Verifiers => Self::VerifiersDecree,
            Topic::Openings => Self::OpeningsDecree,
        }
    }

    /// How long rows of this kind are kept.
    pub const fn keeping(self) -> Keeping {
        match self {
            Self::Dealing
            | Self::Accepted
            | Self::Report
            | Self::Held
            | Self::Receipts
            | Self::Closed
            | Self::ListsDecree
            | Self::Frozen
            | Self::Verifying
            | Self::VerifiersDecree
            | Self::Voted
            | Self::Opened
            | Self::OpeningsDecree
            | Self::Input => Keeping::UntilTheEnd,
            Self::Proposed
            | Self::Announced
            | Self::Certificate
            | Self::Failed
            | Self::Ledger
            | Self::Fault
            | Self::Members
            | Self::Compared
            | Self::Invitation
            | Self::Forgotten
            | Self::Pruned
            | Self::Summary => Keeping::Beyond,
        }
    }
}

impl Record {
    /// Where it stands.
    pub fn key(&self) -> RecordKey {
        let key = |kind, computation| RecordKey { kind, computation, peer: None };
        match self {
            Self::Proposed(computation) => key(RecordKind::Proposed, computation.id()),
            Self::Accepted { computation, .. } => key(RecordKind::Accepted, computation.id()),
            Self::Dealing { computation, .. } => key(RecordKind::Dealing, computation.id()),
            Self::Decree { computation, topic, .. } => key(RecordKind::of_decree(*topic), *computation),
            Self::Announced(announcement) => key(RecordKind::Announced, announcement.id()),
            Self::Report(submissions) => {
                let computation = submissions.first().map(|first| first.manifest.get().computation);
                // A report has at least one share: a computation has at least three heavy nodes.
                key(RecordKind::Report, computation.unwrap_or_else(|| ComputationId::of_body(&[])))
            }
            Self::Held(submission) => {
                let manifest = submission.manifest.get();
                RecordKey { peer: Some(manifest.participant), ..key(RecordKind::Held, manifest.computation) }
            }
            Self::Receipts { computation, participant, .. } => {
                RecordKey { peer: Some(*participant), ..key(RecordKind::Receipts, *computation) }
            }
            Self::Closed { close, .. } => key(RecordKind::Closed, close.get().computation),
            Self::Frozen { computation, .. } => key(RecordKind::Frozen, *computation),
            Self::Verifying { verification, .. } => key(RecordKind::Verifying, verification.get().computation),
            Self::Voted { vote, .. } => key(RecordKind::Voted, vote.get().computation),
            Self::Opened { opening, .. } => key(RecordKind::Opened, opening.get().computation),
            Self::Certificate(certificate) => key(RecordKind::Certificate, certificate.computation.id()),
            Self::Failed { computation, .. } => key(RecordKind::Failed, *computation),
            Self::Ledger(entry) => key(RecordKind::Ledger, entry.computation),
            Self::Fault(fault) => {
                RecordKey { peer: Some(fault.culprit), ..key(RecordKind::Fault, fault.computation) }
            }
            Self::Members { computation, .. } => key(RecordKind::Members, *computation),
            Self::Compared(comparison) => key(RecordKind::Compared, comparison.computation),
            Self::Invitation(memory) => key(RecordKind::Invitation, memory.id()),
            Self::Input { invitation, .. } => key(RecordKind::Input, *invitation),
            Self::Forgotten { computation, .. } => key(RecordKind::Forgotten, *computation),
            Self::Pruned { computation, .. } => key(RecordKind::Pruned, *computation),
            Self::Summary(summary) => key(RecordKind::Summary, summary.computation),
        }
    }
}
