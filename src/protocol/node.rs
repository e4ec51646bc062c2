//! One node: what it remembers of every computation, and who hears of what happens.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::action::{Action, Notice};
use super::certificate::outcome_of;
use super::comparison::Comparisons;
use super::early::Early;
use super::entry::{Entry, Outcome, Stage};
use super::event::{Command, Event, Timer};
use super::heavy::{Heavy, Load, deals_differ};
use super::invitation::Invited;
use super::ledger::Judgement;
use super::past::Past;
use super::remembered::Remembered;
use super::settings::Settings;
use super::shelf::Shelf;
use super::turn::Turn;
use super::view::{InvitationView, OwnPart, View};
use super::{restore, sync};
use crate::domain::limits::CLOCK_SKEW_MAX;
use crate::domain::{ComputationId, Digest, Failure, PeerId, Role, Timestamp};
use crate::statistics;
use crate::wire::{
    Announcement, Certificate, Comparison, DecreeMessage, Gossip, LedgerEntry, Message, Signed, Want,
};

/// The protocol of one node: no IO, no clock, no randomness but the seed.
#[derive(Debug)]
pub struct Node {
    settings: Settings,
    rng: ChaCha20Rng,
    pub(super) state: State,
}

/// What changes.
#[derive(Debug, Default)]
pub(super) struct State {
    pub entries: BTreeMap<ComputationId, Entry>,
    /// By the invitation's id, which is not that of the computation it becomes.
    pub invitations: BTreeMap<ComputationId, Invited>,
    /// Invitations in which an owner has said beforehand what it will answer.
    pub inputs: BTreeSet<ComputationId>,
    /// Those that the owner has forgotten, and when.
    pub forgotten: BTreeMap<ComputationId, Timestamp>,
    /// Those of others that were not kept, lately.
    pub dropped: VecDeque<ComputationId>,
    /// Those of which the store alone holds the end.
    pub past: Past,
    /// What the ledger says of older ones.
    pub ledger: Remembered,
    /// What the reports weigh that it holds as a heavy node.
    pub load: Load,
    /// Reports that came before the announcement.
    pub early: Early,
    /// Connected peers.
    pub peers: BTreeMap<PeerId, Role>,
    /// Unknown computations whose certificate was asked for.
    pub fetching: BTreeSet<ComputationId>,
    /// The sets of answered questions, beside each other.
    pub comparisons: Comparisons,
}

impl Node {
    /// A node that has not read its store yet: the first event must be [`Event::Restored`].
    pub fn new(settings: Settings) -> Self {
        let rng = ChaCha20Rng::from_seed(*settings.seed.expose());
        Self { settings, rng, state: State::default() }
    }

    /// Takes one event and gives what to do, in order. On the shelf is what earlier events had it persist and not erase.
    #[must_use]
    pub fn handle(&mut self, now: Timestamp, event: Event, shelf: &dyn Shelf) -> Vec<Action> {
        let mut turn = Turn::new(now, &self.settings, shelf, &mut self.rng);
        self.state.on_event(&mut turn, event);
        while let Some(message) = turn.next_to_self() {
            let me = turn.me();
            self.state.on_message(&mut turn, me, message);
        }
        self.state.drop_inputs(&mut turn);
        turn.into_actions()
    }

    /// Every computation that this node has in memory, newest first.
    pub fn views(&self) -> Vec<View<'_>> {
        let mut views: Vec<_> = self.state.entries.values().map(|entry| self.shown(entry)).collect();
        views.sort_by_key(|view| (std::cmp::Reverse(view.computation.proposed_at), view.id));
        views
    }

    /// One computation.
    pub fn view(&self, id: ComputationId) -> Option<View<'_>> {
        self.state.entries.get(&id).map(|entry| self.shown(entry))
    }

    /// Every invitation that this node knows, newest first.
    pub fn invitations(&self) -> Vec<InvitationView<'_>> {
        let mut views: Vec<_> = self.state.invitations.values().map(Invited::view).collect();
        views.sort_by_key(|view| (std::cmp::Reverse(view.memory.invitation.created_at), view.id));
        views
    }

    /// One invitation.
    pub fn invitation(&self, id: ComputationId) -> Option<InvitationView<'_>> {
        self.state.invitations.get(&id).map(Invited::view)
    }

    fn shown<'a>(&'a self, entry: &'a Entry) -> View<'a> {
        View { similar: self.state.comparisons.similar_to(entry.id), ..entry.view() }
    }

    /// How the set of an answered question compared with those of other answers, once it was known; also when the
    /// computation itself is forgotten. [`View::similar`] has besides what was found from the other side.
    pub fn comparison(&self, id: ComputationId) -> Option<&Comparison> {
        self.state.comparisons.of(id)
    }

    /// Whether its owner has forgotten this computation or invitation.
    pub fn is_forgotten(&self, id: ComputationId) -> bool {
        self.state.is_forgotten(&id)
    }

    /// What would become of this question if it came now; `None` for one that this node does not know.
    pub fn judge(&self, id: ComputationId, now: Timestamp) -> Option<Judgement> {
        self.state.judge(&self.settings, id, now)
    }

    /// The comparisons that are in memory. The store has all.
    pub fn comparisons(&self) -> impl Iterator<Item = &Comparison> {
        self.state.comparisons.made()
    }

    /// What was done with the questions that this node has in memory, newest first. The store has all.
    pub fn ledger(&self) -> Vec<&LedgerEntry> {
        self.state.ledger()
    }

    /// Computations that have not ended.
    pub fn open_count(&self) -> usize {
        self.state.entries.values().filter(|entry| entry.is_open()).count()
    }
}

impl State {
    fn on_event(&mut self, turn: &mut Turn<'_>, event: Event) {
        match event {
            Event::Restored(records) => {
                self.comparisons = Comparisons::restored(&records);
                let sorted = restore::sorted(records);
                self.restore_forgotten(sorted.forgotten);
                for (id, mark, set) in sorted.past {
                    self.past.keep(id, mark, set);
                }
                (self.entries, self.ledger) = restore::entries(turn, sorted.others);
                let (entries, forgotten) = (&self.entries, &self.forgotten);
                self.comparisons.keep_only(|id| entries.contains_key(id) || forgotten.contains_key(id));
                self.restore_invitations(turn, sorted.invitations, sorted.inputs);
                self.weigh(&turn.me());
                self.compare_restored(turn);
                self.consider_undecided(turn);
                sync::schedule(turn);
            }
            Event::Message { from, message } => self.on_message(turn, from, message),
            Event::Gossip(Gossip::Announce(announcement)) => self.on_announce(turn, None, announcement),
            Event::Gossip(Gossip::Completed { computation }) => self.on_completed_hint(turn, computation),
            Event::Gossip(Gossip::Failed(notice)) => {
                self.with(notice.get().computation, |entry| entry.on_fail(turn, &notice));
            }
            Event::Gossip(Gossip::Presence(_)) => {}
            Event::Met { peer, role } => self.on_met(turn, peer, role),
            Event::Lost(peer) => {
                self.peers.remove(&peer);
            }
            Event::Command(command) => self.on_command(turn, command),
            Event::Expired(timer) => self.on_expired(turn, timer),
            Event::SourceRead { computation, outcome } => {
                self.with(computation, |entry| entry.on_source_read(turn, outcome));
            }
            Event::Work { computation } => self.with(computation, |entry| entry.on_work(turn)),
        }
    }

    pub fn on_message(&mut self, turn: &mut Turn<'_>, from: PeerId, message: Message) {
        match message {
            Message::Propose(computation) => self.on_propose(turn, from, computation),
            Message::Accept(acceptance) => {
                let id = acceptance.get().computation;
                let running = |state: &Self| state.entries.get(&id).is_some_and(Entry::is_running);
                let before = running(self);
                self.with(id, |entry| entry.on_accept(turn, from, acceptance));
                if !before && running(self) {
                    self.take_early(turn, id);
                    self.consider(turn, id);
                }
            }
            Message::Refuse { computation, refusal } => {
                self.with(computation, |entry| entry.on_refuse(turn, from, refusal));
            }
            Message::Withdraw { computation, failure } => {
                self.with(computation, |entry| entry.on_withdraw(turn, from, &failure));
                self.on_offer_withdrawn(turn, from, computation, &failure);
            }
            Message::Announce(announcement) => self.on_announce(turn, Some(from), announcement),
            Message::Deal { deal, rho, noise } => {
                let id = deal.get().computation;
                self.with(id, |entry| entry.on_deal(turn, from, deal, rho, noise));
            }
            Message::Submit(submission) => self.on_submit(turn, from, submission),
            Message::Receipt(receipt) => {
                self.with(receipt.get().computation, |entry| entry.on_receipt(turn, from, receipt));
            }
            Message::Reject { computation, rejection } => {
                self.with(computation, |entry| entry.on_reject(turn, from, rejection));
            }
            Message::Receipts(receipts) => {
                if let Some(id) = receipts.first().map(|receipt| receipt.get().computation) {
                    self.with(id, |entry| entry.on_receipts(turn, from, receipts));
                }
            }
            Message::Stand { computation, standing } => {
                self.with(computation, |entry| entry.on_stand(turn, from, standing));
            }
            Message::Progress { computation, reports } => {
                self.with(computation, |entry| entry.on_progress(turn, from, reports));
            }
            Message::Complete { computation, list } => self.on_complete(turn, from, computation, list),
            Message::Close(close) => {
                self.with(close.get().computation, |entry| entry.on_close(turn, from, close));
            }
            Message::List { close, outline, leaves } => {
                let id = close.get().computation;
                self.with(id, |entry| entry.on_list(turn, from, close, outline, leaves));
            }
            Message::Lacking { computation, owner, leaves } => {
                self.with(computation, |entry| entry.on_lacking(turn, from, owner, &leaves));
            }
            Message::Leaves { computation, owner, leaves } => {
                self.with(computation, |entry| entry.on_leaves(turn, from, owner, leaves));
            }
            Message::Conflict(manifest) => {
                let id = manifest.get().computation;
                self.with(id, |entry| entry.on_conflict(turn, &manifest));
            }
            Message::Freeze { freeze, closes } => {
                let id = freeze.get().computation;
                self.with(id, |entry| entry.on_freeze(turn, from, freeze, closes));
            }
            Message::Rho { computation, rho, blind } => {
                self.with(computation, |entry| entry.on_rho(turn, from, rho, &blind));
            }
            Message::Verification(commitment) => {
                let id = commitment.get().computation;
                self.with(id, |entry| entry.on_verification(turn, from, commitment));
            }
            Message::RhoParts { computation, parts } => {
                self.with(computation, |entry| entry.on_rho_parts(turn, from, parts));
            }
            Message::Decree(message) => self.on_decree(turn, from, message),
            Message::Fault(fault) => self.with(fault.computation(), |entry| entry.on_fault(turn, from, fault)),
            Message::Verifiers { computation, heavy, batch, blind, shares } => {
                self.with(computation, |entry| entry.on_verifiers(turn, from, heavy, batch, blind, shares));
            }
            Message::Vote { vote, verifications } => {
                let id = vote.get().computation;
                self.with(id, |entry| entry.on_vote(turn, from, vote, verifications));
            }
            Message::Open { opening, votes } => {
                let id = opening.get().computation;
                self.with(id, |entry| entry.on_open(turn, from, opening, votes));
            }
            Message::Certificate(certificate) => self.on_certificate(turn, from, certificate),
            Message::Fail(notice) => self.on_fail(turn, from, &notice),
            Message::Members { computation, entries } => self.on_members(turn, from, computation, entries),
            Message::Want { computation, want } => self.on_want(turn, from, computation, want),
            Message::Ask { clock } => self.on_ask(turn, from, clock),
            Message::Offer { clock, open, completed, failed } => {
                self.on_offer(turn, from, clock, &open, &completed, &failed);
            }
            // The runtime keeps the directory.
            Message::Presence(_) => {}
            Message::Join { invitation, secret, joining } => {
                self.on_join(turn, from, invitation, &secret, joining)
            }
            Message::Roster { invitation, joined } => self.on_roster(turn, from, invitation, joined),
            Message::Leave { invitation } => self.on_leave(turn, from, invitation),
            Message::NotAdmitted { invitation, refusal } => {
                self.on_not_admitted(turn, from, invitation, refusal)
            }
        }
    }

    /// A heavy node that still agrees hears how it has ended.
    fn on_decree(&mut self, turn: &mut Turn<'_>, from: PeerId, message: DecreeMessage) {
        let Some((id, _)) = message.decree() else { return };
        match self.entries.get_mut(&id) {
            Some(entry) if entry.is_running() => entry.on_decree(turn, from, message),
            Some(_) => self.on_want(turn, from, id, Want::Outcome),
            None => {}
        }
    }

    /// A heavy node that still collects hears how it has ended.
    fn on_complete(&mut self, turn: &mut Turn<'_>, from: PeerId, id: ComputationId, list: Digest) {
        match self.entries.get_mut(&id) {
            Some(entry) if entry.is_open() => entry.on_complete(turn, from, list),
            Some(_) => self.on_want(turn, from, id, Want::Outcome),
            None => {}
        }
    }

    fn on_command(&mut self, turn: &mut Turn<'_>, command: Command) {
        match command {
            Command::Propose(computation) => self.on_propose_command(turn, *computation),
            Command::Invite { invitation, name, addresses, input } => {
                self.on_invite_command(turn, *invitation, (name, addresses), input.as_ref());
            }
            Command::Join { ticket, name, addresses, consent, input } => {
                self.on_join_command(turn, ticket.get(), (name, addresses), consent, input.as_ref());
            }
            Command::Revoke(id) => self.revoke(turn, id),
            Command::Forget(id) => self.on_forget_command(turn, id),
            Command::ForgetPruned { computation, invitation, ledger } => {
                self.on_forget_pruned(turn, computation, invitation, ledger.map(|entry| *entry));
            }
            Command::Approve(id) => {
                if !self.on_approve_roster(turn, id) {
                    self.on_approve(turn, id);
                }
            }
            Command::Decline(id) => {
                if !self.on_leave_command(turn, id) {
                    self.with(id, |entry| entry.on_decline(turn));
                }
            }
            Command::Answer(id, value) => {
                if !self.on_early_answer(turn, id, &value) {
                    self.on_answer(turn, id, &value);
                }
            }
        }
    }

    fn on_expired(&mut self, turn: &mut Turn<'_>, timer: Timer) {
        match timer {
            Timer::Sync => self.on_sync_due(turn),
            Timer::AcceptanceWait(id) => self.with(id, |entry| entry.on_acceptance_wait_over(turn)),
            Timer::Deadline(id) => self.with(id, |entry| entry.on_deadline(turn)),
            Timer::Retry(id) => self.on_retry(turn, id),
            Timer::Patience(id) => self.with(id, |entry| entry.on_patience_over(turn)),
            Timer::Grace(id) => self.with(id, |entry| entry.on_grace_over(turn)),
            Timer::View(id) => self.with(id, |entry| entry.on_view_over(turn)),
            Timer::NoContact(id) => self.with(id, |entry| entry.on_no_contact(turn)),
            Timer::Progress(id) => self.with(id, |entry| entry.on_progress_due(turn)),
            Timer::Invitation(id) => self.on_invitation_over(turn, id),
            Timer::Joining(id) => self.on_joining_due(turn, id),
        }
    }

    pub fn on_announce(&mut self, turn: &mut Turn<'_>, from: Option<PeerId>, announcement: Announcement) {
        let id = announcement.id();
        let known = self.entries.get(&id);
        if known.is_some_and(|entry| !matches!(entry.stage, Stage::Proposed { .. })) {
            return;
        }
        let (me, terms) = (turn.me(), announcement.computation.get());
        let ahead = terms.proposed_at.since(turn.now) > CLOCK_SKEW_MAX;
        if ahead {
            turn.tell(Notice::ClockSkew { peer: terms.proposer, clock: terms.proposed_at });
        }
        let (unknown, deadline) = (known.is_none(), terms.deadline);
        let entry = Entry::new(announcement.computation.clone());
        if !terms.is_known_to(&me) || self.is_over(&id) {
            return;
        }
        if !is_founded(&announcement) || turn.now > entry.settled_at() || ahead {
            return;
        }
        if unknown && !self.make_room(turn, deadline) {
            return;
        }
        let entry = self.entries.entry(id).or_insert(entry);
        let mine = announcement.acceptances.iter().find(|acceptance| acceptance.signer() == me).cloned();
        let accepted = match &entry.stage {
            Stage::Proposed { accepted: Some(promise), .. } => Some(promise.acceptance.clone()),
            Stage::Proposed { accepted: None, .. } | Stage::Running { .. } | Stage::Ended(_) => None,
        };
        entry.announce(turn, announcement.clone());
        if mine.is_some() && mine != accepted {
            entry.fail(turn, Failure::MemoryLost { heavy: me });
        } else if mine.is_some() && from.is_some() {
            entry.publish(turn, Gossip::Announce(announcement));
        }
        self.take_early(turn, id);
        self.consider(turn, id);
    }

    /// After a restart: what was announced and not decided.
    fn consider_undecided(&mut self, turn: &mut Turn<'_>) {
        let undecided: Vec<_> = self
            .entries
            .values()
            .filter(|entry| entry.is_running() && entry.own == OwnPart::None)
            .map(|entry| entry.id)
            .collect();
        for id in undecided {
            self.consider(turn, id);
        }
    }

    pub fn on_certificate(&mut self, turn: &mut Turn<'_>, from: PeerId, certificate: Certificate) {
        let id = certificate.computation.id();
        let asked = self.fetching.remove(&id)
            && !self.is_over(&id)
            // Of a computation by invitation its parties know.
            && !certificate.computation.get().is_by_invitation()
            && certificate.computation.get().proposed_at.since(turn.now) <= CLOCK_SKEW_MAX;
        match self.entries.get(&id).map(|entry| &entry.stage) {
            Some(Stage::Ended(Outcome::Completed { .. } | Outcome::Impossible { .. })) => {
                return;
            }
            None if !asked => return,
            None | Some(_) => {}
        }
        let Ok(answer) = outcome_of(&certificate) else {
            turn.ignore(from, "certificate", "it is not valid");
            return;
        };
        let entry = self.entries.entry(id).or_insert_with(|| Entry::new(certificate.computation.clone()));
        // A heavy node that hears of the end from another one tells its part of the participants all the same.
        let participants = entry.heavy().map(Heavy::accepted_participants);
        entry.complete(turn, certificate, answer);
        if let Some(participants) = participants {
            entry.spread_certificate(turn, &participants);
        }
        entry.ask_again_for_members(turn);
    }

    pub fn with(&mut self, id: ComputationId, act: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(&id) {
            act(entry);
        }
    }
}

/// Whether a computation is one that can run, with every heavy node's acceptance, in their order.
fn is_founded(announcement: &Announcement) -> bool {
    let (id, terms) = (announcement.id(), announcement.computation.get());
    let acceptances = &announcement.acceptances;
    let fits = |(heavy, acceptance): (&PeerId, &Signed<crate::wire::Acceptance>)| {
        acceptance.get().heavy == *heavy && acceptance.get().computation == id
    };
    statistics::check(terms).is_ok()
        && acceptances.len() == terms.heavy.len()
        && terms.heavy.iter().zip(acceptances).all(fits)
        && deals_differ(terms.sharing, acceptances).is_none()
}
