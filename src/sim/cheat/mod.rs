//! Nodes that break the protocol: each is a real node inside a wrapper that swallows, alters and adds messages, and
//! signs with the node's own key whatever suits it.

mod craft;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a cheat alters one kind of message and lets every other pass"
)]
mod heavy;
mod kind;
mod light;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a cheat alters one kind of message and lets every other pass"
)]
mod names;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a cheat alters one kind of message and lets every other pass"
)]
mod quorum;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a cheat alters one kind of message and lets every other pass"
)]
mod verifier;

use std::collections::{BTreeMap, BTreeSet};

use super::dice::Dice;
use super::scenario::NodeIndex;
use crate::domain::{Computation, ComputationId, Digest, PeerId};
use crate::protocol::{Action, Event};
use crate::wire::{Certificate, Entry, Identity, List, Message, Record, Submission};

pub use kind::{Cheat, Step};

use craft::Flaw;

/// What a cheat sends on its own account.
#[derive(Clone, Debug)]
pub(super) enum Sent {
    /// A well-formed message.
    Message(PeerId, Box<Message>),
    /// Bytes that must not decode.
    Forged(PeerId, Vec<u8>),
}

/// What a cheat does about an event.
#[derive(Debug, Default)]
pub(super) struct Reaction {
    /// Whether the node inside does not get to see it.
    pub swallowed: bool,
    /// What is sent besides.
    pub sent: Vec<Sent>,
}

/// What a cheat makes of its node's actions.
#[derive(Debug, Default)]
pub(super) struct Twisted {
    /// The actions instead.
    pub actions: Vec<Action>,
    /// Events that the node inside is made to believe.
    pub believed: Vec<Event>,
    /// Whether the node is stopped and started again, with what these actions leave in its store.
    pub restarts: bool,
}

/// A computation, as far as a cheat knows it.
#[derive(Clone, Debug)]
struct Known {
    computation: Computation,
    /// The reports that it holds.
    held: BTreeMap<PeerId, Digest>,
    /// Its own list, once it has closed.
    list: List,
    closed: bool,
    /// The frozen set, and whose reports in it did not verify.
    frozen: List,
    unverified: BTreeSet<PeerId>,
    /// A share that it holds, damaged.
    spoiled: Option<Submission>,
    /// The result, once it is out.
    certificate: Option<Certificate>,
    /// The set behind it, once it is known.
    members: Vec<Entry>,
    /// What it has prepared for later: another report, in the order of the heavy nodes.
    other_report: Vec<Submission>,
    /// Once is enough.
    done: bool,
}

/// The wrapper around a node that cheats.
#[derive(Debug)]
pub(super) struct Cheater {
    cheat: Cheat,
    identity: Identity,
    dice: Dice,
    known: BTreeMap<ComputationId, Known>,
    /// Other nodes' submissions that it got hold of, by whatever means.
    overheard: Vec<(PeerId, Submission)>,
    /// Whom it has met.
    met: BTreeSet<PeerId>,
    silent: bool,
}

impl Sent {
    fn message(to: PeerId, message: Message) -> Self {
        Self::Message(to, Box::new(message))
    }
}

impl Cheater {
    pub fn new(seed: u64, index: NodeIndex, cheat: Cheat, identity: Identity) -> Self {
        let dice = Dice::new(seed, &format!("cheat {}", index.0));
        Self {
            cheat,
            identity,
            dice,
            known: BTreeMap::new(),
            overheard: Vec::new(),
            met: BTreeSet::new(),
            silent: false,
        }
    }

    /// Sees an event before its node does.
    pub fn react(&mut self, event: &Event) -> Reaction {
        if let Event::Met { peer, .. } = event {
            self.met.insert(*peer);
        }
        match (self.cheat, event) {
            (Cheat::AsksForNames, event) => Self::stay_out(event),
            (Cheat::LeavesOut, Event::Message { from, message: Message::Submit(submission) }) => {
                self.leave_out(*from, submission)
            }
            // Its own node knows the truth, and would find it out.
            (Cheat::FalseSum, Event::Message { message: Message::Open { .. }, .. }) => {
                Reaction { swallowed: true, sent: Vec::new() }
            }
            _ => Reaction::default(),
        }
    }

    /// Sees a share on its way from one node to another, which no honest transport would show.
    pub fn overhear(&mut self, from: PeerId, to: PeerId, submission: &Submission) {
        let me = self.identity.peer();
        if self.cheat == Cheat::Replay && from != me && submission.manifest.signer() == from {
            self.overheard.push((to, submission.clone()));
        }
    }

    /// Puts its own actions in the place of its node's.
    pub fn twist(&mut self, actions: Vec<Action>) -> Twisted {
        let mut twisted = Twisted::default();
        for action in actions {
            self.learn(&action, &mut twisted);
            match action {
                Action::Send { to, message } => {
                    let sent = self.altered(to, *message);
                    let sent = sent.into_iter().map(|message| Action::Send { to, message: Box::new(message) });
                    twisted.actions.extend(sent);
                }
                Action::Publish(gossip) if self.silent => drop(gossip),
                other @ (Action::Persist(_)
                | Action::Erase(_)
                | Action::Publish(_)
                | Action::SetTimer { .. }
                | Action::ReadSource { .. }
                | Action::Work { .. }
                | Action::Reach { .. }
                | Action::LetGo { .. }
                | Action::Tell(_)
                | Action::Blame(_)) => twisted.actions.push(other),
            }
        }
        twisted
    }

    /// Acts without a cause.
    pub fn act(&mut self) -> Vec<Sent> {
        match self.cheat {
            Cheat::Replay => self.replay(),
            Cheat::ForeignShare => self.send_foreign_shares(),
            Cheat::Forge => self.forge(),
            Cheat::AsksEarly => self.ask_early(),
            Cheat::TwoCertificates => self.spread_second_certificates(),
            Cheat::FalseAlarm => self.raise_false_alarms(),
            Cheat::FalseNames => self.spread_false_names(),
            Cheat::TellsNames => self.spread_names(),
            Cheat::AsksForNames => self.ask_for_names(),
            Cheat::TwoReports
            | Cheat::TwoReportsToOne
            | Cheat::OutOfRange
            | Cheat::BrokenProof
            | Cheat::OtherContext
            | Cheat::WrongPublic
            | Cheat::OtherShares
            | Cheat::OtherRho
            | Cheat::GarbageVerifiers
            | Cheat::ShortVerifiers
            | Cheat::SpoilsShare
            | Cheat::TwoVerifications
            | Cheat::WrongVerdict
            | Cheat::TwoDeals
            | Cheat::TwoProposals
            | Cheat::TwoBallots
            | Cheat::ListsUnknown
            | Cheat::LeavesOut
            | Cheat::TwoCloses
            | Cheat::TwoFreezes
            | Cheat::TwoVotes
            | Cheat::OpensOther
            | Cheat::FalseSum
            | Cheat::Whispers
            | Cheat::Silent(_)
            | Cheat::Anything => Vec::new(),
        }
    }

    fn altered(&mut self, to: PeerId, message: Message) -> Vec<Message> {
        if !self.is_own(&message) {
            return if self.silent { Vec::new() } else { vec![message] };
        }
        match self.cheat {
            Cheat::TwoReports | Cheat::TwoReportsToOne => self.second_report(to, message),
            Cheat::OutOfRange => self.flawed(to, Flaw::OutOfRange, message),
            Cheat::BrokenProof => self.flawed(to, Flaw::BrokenProof, message),
            Cheat::OtherContext => self.flawed(to, Flaw::OtherContext, message),
            Cheat::WrongPublic => self.flawed(to, Flaw::WrongPublic, message),
            Cheat::OtherShares => self.flawed(to, Flaw::OtherShares, message),
            Cheat::OtherRho => vec![Self::other_rho(message)],
            Cheat::GarbageVerifiers | Cheat::ShortVerifiers => self.garbage(message),
            Cheat::TwoVerifications => vec![self.second_verification(to, message)],
            Cheat::WrongVerdict => self.wrong_verdict(message),
            Cheat::TwoDeals => vec![self.second_deal(to, message)],
            Cheat::TwoProposals => vec![self.second_proposal(to, message)],
            Cheat::TwoBallots => vec![self.second_ballot(to, message)],
            Cheat::TwoCloses => vec![self.second_close(to, message)],
            Cheat::TwoFreezes => vec![self.second_freeze(to, message)],
            Cheat::TwoVotes => vec![self.second_vote(to, message)],
            Cheat::OpensOther => self.false_opening(message),
            Cheat::FalseSum => vec![self.false_sum(message)],
            Cheat::FalseNames => vec![self.false_names(message)],
            Cheat::TwoCertificates => vec![self.second_certificate(message)],
            Cheat::Silent(step) => self.silence(step, message),
            Cheat::Replay
            | Cheat::ForeignShare
            | Cheat::Forge
            | Cheat::ListsUnknown
            | Cheat::LeavesOut
            | Cheat::SpoilsShare
            | Cheat::FalseAlarm
            | Cheat::TellsNames
            | Cheat::AsksForNames
            | Cheat::AsksEarly
            | Cheat::Anything => vec![message],
            Cheat::Whispers => self.whisper(to, message),
        }
    }

    /// Whether it can sign this anew: under a threshold, heavy nodes pass on what others have signed.
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is passed on")]
    fn is_own(&self, message: &Message) -> bool {
        let me = self.identity.peer();
        match message {
            Message::Close(close) | Message::List { close, .. } => close.signer() == me,
            Message::Verification(commitment) => commitment.signer() == me,
            Message::Verifiers { heavy, .. } => *heavy == me,
            Message::Vote { vote, .. } => vote.signer() == me,
            Message::Open { opening, .. } => opening.signer() == me,
            _ => true,
        }
    }

    /// Learns of computations from what its own node remembers.
    fn learn(&mut self, action: &Action, twisted: &mut Twisted) {
        let Action::Persist(record) = action else { return };
        if self.cheat == Cheat::SpoilsShare {
            self.spoil(record, twisted);
        }
        match &**record {
            Record::Accepted { computation, .. } | Record::Dealing { computation, .. } => {
                self.know(computation.id(), computation.get());
            }
            Record::Announced(announcement) => {
                let computation = announcement.computation.get();
                self.know(announcement.id(), computation);
                if self.cheat == Cheat::ListsUnknown {
                    twisted.believed.extend(self.imagined_report(announcement.id()));
                }
            }
            Record::Certificate(certificate) => {
                if let Some(known) = self.known.get_mut(&certificate.computation.id()) {
                    known.certificate = Some(certificate.clone());
                }
            }
            Record::Held(submission) => {
                let manifest = &submission.manifest;
                if let Some(known) = self.known.get_mut(&manifest.get().computation) {
                    known.held.insert(manifest.signer(), manifest.digest());
                }
            }
            Record::Closed { close, excluded, .. } => {
                if let Some(known) = self.known.get_mut(&close.get().computation) {
                    let mut reports = known.held.clone();
                    reports.retain(|participant, _| !excluded.contains(participant));
                    known.list = List::new(reports, BTreeMap::new());
                    known.closed = true;
                }
            }
            Record::Report(submissions) if self.cheat == Cheat::ForeignShare => {
                let id = submissions.first().map(|first| first.manifest.get().computation);
                if let Some(known) = id.and_then(|id| self.known.get_mut(&id)) {
                    known.other_report = submissions.clone();
                }
            }
            Record::Frozen { computation, left_out, added, .. } => {
                if let Some(known) = self.known.get_mut(computation) {
                    known.frozen = known.list.changed_by(left_out, added);
                }
            }
            Record::Members { computation, entries } => {
                if let Some(known) = self.known.get_mut(computation) {
                    known.members.clone_from(entries);
                }
            }
            Record::Voted { vote, unverified, .. } => {
                if let Some(known) = self.known.get_mut(&vote.get().computation) {
                    known.unverified = unverified.iter().copied().collect();
                }
            }
            Record::Proposed(_)
            | Record::Report(_)
            | Record::Receipts { .. }
            | Record::Decree { .. }
            | Record::Verifying { .. }
            | Record::Opened { .. }
            | Record::Failed { .. }
            | Record::Ledger(_)
            | Record::Fault(_)
            | Record::Compared(_)
            | Record::Invitation(_)
            | Record::Input { .. }
            | Record::Forgotten { .. }
            | Record::Pruned { .. }
            | Record::Summary(_) => {}
        }
    }

    fn know(&mut self, id: ComputationId, computation: &Computation) {
        self.known.entry(id).or_insert_with(|| Known {
            computation: computation.clone(),
            held: BTreeMap::new(),
            list: List::default(),
            closed: false,
            frozen: List::default(),
            unverified: BTreeSet::new(),
            spoiled: None,
            certificate: None,
            members: Vec::new(),
            other_report: Vec::new(),
            done: false,
        });
    }

    /// The heavy nodes of a computation.
    fn known_heavy(&self, computation: ComputationId) -> Vec<PeerId> {
        self.known.get(&computation).map(|known| known.computation.heavy.clone()).unwrap_or_default()
    }

    /// Whether this heavy node is one of those that are told the other story.
    fn is_told_otherwise(&self, computation: ComputationId, to: PeerId) -> bool {
        let heavy = self.known.get(&computation).map(|known| &known.computation.heavy);
        let others = heavy.into_iter().flatten().filter(|heavy| **heavy != self.identity.peer());
        others.into_iter().position(|heavy| *heavy == to).is_some_and(|position| position % 2 == 1)
    }
}
