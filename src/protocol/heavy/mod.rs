//! The heavy node: accepts a computation, takes reports, agrees with the others on the set, reveals its partial sum.
//!
//! Intake (`intake`) ends with the close. Agreement (`agreement`) is a ladder of signed statements: close, freeze,
//! vote, opening. Each rung needs the one below from every heavy node, is persisted before it is sent, and is
//! made once, for ever.

mod agreement;
mod counting;
mod dealing;
mod evidence;
mod held;
mod inputs;
mod intake;
mod lists;
mod noise;
mod quorum;
mod reveal;
mod runs;
mod verify;
mod verifying;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::entry::{Entry, Stage};
use super::event::Timer;
use super::shelf::Unreadable;
use super::turn::Turn;
use crate::domain::limits::{
    ACCEPTANCE_WAIT, ANNOUNCEMENT_WAIT, CLOCK_SKEW_MAX, DEADLINE_MAX, REFUSAL_CHARS_MAX,
};
use crate::domain::{ClockSkew, Computation, ComputationId, Digest, PeerId, Refusal, Role};
use crate::sharing::{Scheme, Secret};
use crate::statistics;
use crate::wire::{
    Acceptance, Blind, Close, Dealt, Exclusion, Freeze, HeldShare, List, Manifest, Message, Opening, Record,
    Signed, Told, Vote, Want, rho_commitment,
};
use held::Held;
use quorum::Quorum;
use verifying::Verifying;
use work::Work;

pub(super) use dealing::{Dealing, deals_differ};
pub(super) use held::Load;
pub(super) use inputs::opened_digest;

/// What a heavy node holds of one running computation.
#[derive(Debug, Default)]
pub(in crate::protocol) struct Heavy {
    held: Held,
    /// Participants that sent two different reports.
    exclusions: BTreeMap<PeerId, Exclusion>,
    /// Whether the proposer will hear of new reports soon.
    progress: Progress,
    /// What the heavy nodes have signed, this one included.
    said: Said,
    verifying: Verifying,
    /// What it is computing.
    work: Work,
    /// This node's ρ and the random bytes of its commitment.
    rho: Option<(Secret<[u8; 32]>, Blind)>,
    /// Under threshold sharing.
    quorum: Option<Quorum>,
    /// How the computation is shared: made once, since every report and every step asks.
    scheme: OnceLock<Option<Arc<Scheme>>>,
    step: Step,
}

/// What a heavy node has bound itself to by accepting.
#[derive(Clone, Debug)]
pub(in crate::protocol) struct Promise {
    pub acceptance: Signed<Acceptance>,
    pub rho: Secret<[u8; 32]>,
    pub blind: Blind,
    /// Under threshold sharing: what it was dealt.
    pub dealt: Option<Dealt>,
}

/// The statements of all heavy nodes, as far as they have come.
#[derive(Debug, Default)]
struct Said {
    complete: BTreeMap<PeerId, Digest>,
    closes: BTreeMap<PeerId, Signed<Close>>,
    /// Lists that differ from this node's own, as far as they have come.
    lists: BTreeMap<PeerId, Told>,
    freezes: BTreeMap<PeerId, Signed<Freeze>>,
    votes: BTreeMap<PeerId, Signed<Vote>>,
    openings: BTreeMap<PeerId, Signed<Opening>>,
}

/// Whether the timer to tell the proposer is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Told,
    Due,
}

/// The highest rung that this node has reached.
#[derive(Debug, Default)]
enum Step {
    /// It takes reports.
    #[default]
    Collecting,
    /// It takes no report any more.
    Closed { list: List },
    /// It has seen every list.
    Frozen { list: List, frozen: List },
    /// It has fixed its verifier shares.
    Verifying { list: List, frozen: List },
    /// It has fixed its partial sum.
    Voted { list: List, frozen: List, accepted: List, partial_sum: Secret<Vec<u8>>, blind: Blind },
    /// Its partial sum may have left, against these votes.
    Opened { list: List, frozen: List, accepted: List, votes: Vec<Signed<Vote>> },
}

impl Step {
    const fn list(&self) -> Option<&List> {
        match self {
            Self::Collecting => None,
            Self::Closed { list }
            | Self::Frozen { list, .. }
            | Self::Verifying { list, .. }
            | Self::Voted { list, .. }
            | Self::Opened { list, .. } => Some(list),
        }
    }

    const fn frozen(&self) -> Option<&List> {
        match self {
            Self::Collecting | Self::Closed { .. } => None,
            Self::Frozen { frozen, .. }
            | Self::Verifying { frozen, .. }
            | Self::Voted { frozen, .. }
            | Self::Opened { frozen, .. } => Some(frozen),
        }
    }

    const fn accepted(&self) -> Option<&List> {
        match self {
            Self::Collecting | Self::Closed { .. } | Self::Frozen { .. } | Self::Verifying { .. } => None,
            Self::Voted { accepted, .. } | Self::Opened { accepted, .. } => Some(accepted),
        }
    }
}

impl Heavy {
    /// How many reports it holds.
    pub fn reports(&self) -> u32 {
        u32::try_from(self.held.len()).unwrap_or(u32::MAX)
    }

    /// Takes up what it holds.
    pub fn restore_held(&mut self, turn: &Turn<'_>, id: ComputationId) -> Result<(), Unreadable> {
        turn.each_held(id, &mut |report| self.held.insert(report))
    }

    /// What a heavy node that accepted begins with.
    pub fn with_promise(promise: Promise) -> Self {
        let quorum = promise.dealt.map(Quorum::new);
        Self { rho: Some((promise.rho, promise.blind)), quorum, ..Self::default() }
    }

    /// How these terms, which are this computation's, are shared.
    fn scheme(&self, terms: &Computation) -> Option<Arc<Scheme>> {
        self.scheme.get_or_init(|| statistics::scheme(terms).ok().map(Arc::new)).clone()
    }

    /// The accepted set's participants, once there is one.
    pub fn accepted_participants(&self) -> Vec<PeerId> {
        let entries = self.step.accepted().map(List::entries).unwrap_or_default();
        entries.iter().map(|entry| entry.participant).collect()
    }

    /// Rebuilds what was persisted, rung after rung.
    pub fn restore(&mut self, me: PeerId, heavy_nodes: &[PeerId], record: Record) {
        match record {
            Record::Held(submission) => self.held.insert(&HeldShare::of(&submission)),
            Record::Closed { close, excluded, .. } => self.restore_close(me, close, &excluded),
            Record::Decree { topic, memory, .. } => {
                if let Some(quorum) = &mut self.quorum {
                    quorum.restore(topic, *memory);
                }
            }
            Record::Frozen { freeze, left_out, added, closes, .. } => {
                self.said.freezes.extend(freeze.map(|freeze| (me, freeze)));
                self.said.closes.extend(closes.into_iter().map(|close| (close.signer(), close)));
                if let Step::Closed { list } = std::mem::take(&mut self.step) {
                    let frozen = list.changed_by(&left_out, &added);
                    self.step = Step::Frozen { list, frozen };
                }
            }
            Record::Verifying { verification, blinds, rhos } => {
                self.verifying.restore(me, heavy_nodes, verification, blinds, rhos);
                if let Step::Frozen { list, frozen } = std::mem::take(&mut self.step) {
                    self.step = Step::Verifying { list, frozen };
                }
            }
            Record::Voted { vote, verifications, unverified, partial_sum, blind } => {
                self.said.votes.insert(me, vote);
                self.verifying.restore_commitments(verifications);
                let step = std::mem::take(&mut self.step);
                if let Step::Frozen { list, frozen } | Step::Verifying { list, frozen } = step {
                    let accepted = frozen.without(&unverified.into_iter().collect());
                    self.step = Step::Voted { list, frozen, accepted, partial_sum, blind };
                }
            }
            Record::Opened { opening, votes } => {
                if let Step::Voted { list, frozen, accepted, .. } = std::mem::take(&mut self.step) {
                    self.said.openings.insert(me, opening);
                    self.said.votes.extend(votes.iter().map(|vote| (vote.signer(), vote.clone())));
                    self.step = Step::Opened { list, frozen, accepted, votes };
                }
            }
            Record::Proposed(_)
            | Record::Dealing { .. }
            | Record::Accepted { .. }
            | Record::Announced(_)
            | Record::Report(_)
            | Record::Receipts { .. }
            | Record::Certificate(_)
            | Record::Failed { .. }
            | Record::Ledger(_)
            | Record::Fault(_)
            | Record::Members { .. }
            | Record::Compared(_)
            | Record::Invitation(_)
            | Record::Input { .. }
            | Record::Forgotten { .. }
            | Record::Pruned { .. }
            | Record::Summary(_) => {}
        }
    }

    /// Its accepted, frozen or closed set, whichever has this digest.
    pub fn set_of(&self, id: ComputationId, digest: Digest) -> Option<&List> {
        let sets = [self.step.accepted(), self.step.frozen(), self.step.list()];
        sets.into_iter().flatten().find(|list| list.digest(id) == digest)
    }

    /// Restores the evidence against a participant.
    pub fn restore_exclusion(&mut self, exclusion: Exclusion) {
        self.exclusions.insert(exclusion.participant(), exclusion);
    }

    /// What this node lacks from another heavy node to climb the next rung.
    fn lacks_from(&self, me: PeerId, other: &PeerId, terms: &Computation) -> Option<Want> {
        if self.quorum.is_some() {
            return self.quorum_lacks_from(me, other, terms);
        }
        let proven = terms.sharing.is_proven();
        let own_vote = self.said.votes.get(&me);
        match &self.step {
            Step::Collecting => None,
            Step::Closed { .. } => self.lacks_list_of(me, other),
            Step::Frozen { .. } if !self.said.freezes.contains_key(other) => Some(Want::Freeze),
            // Without proofs, what comes next needs the freezes alone.
            Step::Frozen { .. } | Step::Verifying { .. } => {
                proven.then(|| self.verifying.lacks_from(me, other, None)).flatten()
            }
            Step::Voted { .. } => match self.said.votes.get(other).map(Signed::get) {
                None => Some(Want::Vote),
                Some(vote) if own_vote.is_some_and(|own| own.get().is_for_the_set_of(vote)) => None,
                // Its freeze, which a restart may have lost, or what it judges by shows whether it contradicts itself.
                Some(_) if !self.said.freezes.contains_key(other) => Some(Want::Freeze),
                Some(_) => proven.then_some(Want::Vote),
            },
            Step::Opened { .. } => (!self.said.openings.contains_key(other)).then_some(Want::Opening),
        }
    }

    /// What is lacking of another heavy node's list.
    fn lacks_list_of(&self, me: PeerId, other: &PeerId) -> Option<Want> {
        let own_list = self.said.closes.get(&me).map(|close| close.get().list);
        match self.said.closes.get(other) {
            None => Some(Want::Close),
            Some(close) if Some(close.get().list) == own_list => None,
            Some(_) => {
                let known = self.said.lists.get(other).is_some_and(Told::is_complete);
                (!known).then_some(Want::List)
            }
        }
    }

    /// The closes that are known, in the order of the heavy nodes.
    fn closes(&self, heavy_nodes: &[PeerId]) -> Vec<Signed<Close>> {
        heavy_nodes.iter().filter_map(|heavy| self.said.closes.get(heavy).cloned()).collect()
    }

    /// The statement of this node that another heavy node asks for, if it has been made.
    fn statement(&self, me: PeerId, heavy_nodes: &[PeerId], want: Want) -> Option<Message> {
        match want {
            Want::Close => self.said.closes.get(&me).cloned().map(Message::Close),
            Want::Freeze => {
                let freeze = self.said.freezes.get(&me)?.clone();
                Some(Message::Freeze { freeze, closes: self.closes(heavy_nodes) })
            }
            Want::Verification => self.verifying.commitments.get(&me).cloned().map(Message::Verification),
            Want::Vote => {
                let vote = self.said.votes.get(&me)?.clone();
                let judged_by = &self.verifying.commitments;
                let verifications = match vote.get().verifications {
                    Some(_) if self.quorum.is_none() => {
                        heavy_nodes.iter().filter_map(|heavy| judged_by.get(heavy).cloned()).collect()
                    }
                    Some(_) | None => Vec::new(),
                };
                Some(Message::Vote { vote, verifications })
            }
            Want::Opening => {
                let Step::Opened { votes, .. } = &self.step else { return None };
                // Under threshold sharing a decree fixes the others' votes.
                let own = self.quorum.is_some();
                let votes = votes.iter().filter(|vote| !own || vote.signer() == me).cloned().collect();
                Some(Message::Open { opening: self.said.openings.get(&me)?.clone(), votes })
            }
            Want::Announcement
            | Want::Outcome
            | Want::List
            | Want::Deal
            | Want::Rho
            | Want::Verifiers
            | Want::Input { .. }
            | Want::Members => None,
        }
    }
}

impl Entry {
    /// A proposer asks. Accepting persists ρ and its commitment first.
    pub fn on_propose(&mut self, turn: &mut Turn<'_>) {
        let Stage::Proposed { accepted, dealing, .. } = &self.stage else { return };
        let proposer = self.computation.get().proposer;
        if dealing.is_some() && accepted.is_none() {
            self.deal_again(turn);
            return;
        }
        if let Some(promise) = accepted {
            turn.send(proposer, Message::Accept(promise.acceptance.clone()));
            return;
        }
        if self.threshold().is_some() {
            self.begin_dealing(turn);
            return;
        }
        let Stage::Proposed { accepted, .. } = &mut self.stage else { return };
        let (id, heavy) = (self.id, turn.me());
        let (rho, blind) = (turn.secret_bytes(), turn.secret_bytes());
        let commitment = rho_commitment(id, heavy, &blind, &rho);
        let acceptance = turn.sign(Acceptance { computation: id, heavy, rho_commitment: commitment });
        *accepted = Some(Box::new(Promise {
            acceptance: acceptance.clone(),
            rho: rho.clone(),
            blind: blind.clone(),
            dealt: None,
        }));
        turn.persist(Record::Accepted {
            computation: self.computation.clone(),
            acceptance: acceptance.clone(),
            rho,
            blind,
            dealt: None,
        });
        turn.send(proposer, Message::Accept(acceptance));
        self.await_announcement(turn);
        self.changed(turn);
    }

    /// Sets the timers of an accepted computation that is not announced yet.
    pub fn await_announcement(&mut self, turn: &mut Turn<'_>) {
        // By invitation acceptances are awaited until the deadline; whoever asks gives up first, and says why.
        let by_invitation = self.terms().is_by_invitation();
        let wait =
            if by_invitation { self.terms().deadline + ACCEPTANCE_WAIT } else { turn.now + ANNOUNCEMENT_WAIT };
        let announced_by = self.terms().patience_ends().min(wait);
        turn.set_timer(Timer::Patience(self.id), announced_by);
        self.retry_later(turn);
    }

    /// Why this node does not take a proposal on, if so.
    pub fn refusal(&self, turn: &Turn<'_>) -> Option<Refusal> {
        let (terms, clock) = (self.terms(), turn.now);
        if turn.role() != Role::Heavy && !terms.is_by_invitation() {
            return Some(Refusal::NotHeavy);
        }
        if let Err(broken) = statistics::check(terms) {
            return Some(Refusal::Invalid(broken.to_string().chars().take(REFUSAL_CHARS_MAX).collect()));
        }
        if !terms.has_heavy(&turn.me()) {
            return Some(Refusal::Invalid("this node is not among its heavy nodes".to_owned()));
        }
        // By invitation owners decide, some of them later: then it may be old, but not of the future.
        let skew = match clock.skew_of(terms.proposed_at) {
            ClockSkew::OtherIsBehind(_) if terms.is_by_invitation() => Duration::ZERO,
            skew => skew.distance(),
        };
        if skew > CLOCK_SKEW_MAX {
            return Some(Refusal::ClockSkew { clock });
        }
        if terms.deadline <= clock || terms.deadline.since(clock) > DEADLINE_MAX + CLOCK_SKEW_MAX {
            return Some(Refusal::Deadline { clock });
        }
        if turn.settings().forgets(terms.proposed_at) {
            return Some(Refusal::Invalid("this node's store is younger than the proposal".to_owned()));
        }
        None
    }

    /// The answer to a heavy node of this computation that lacks something.
    pub fn on_want_statement(&mut self, turn: &mut Turn<'_>, from: PeerId, want: Want) {
        if !self.terms().has_heavy(&from) {
            return;
        }
        if want == Want::Deal {
            self.deal_to(turn, Some(from));
        } else if let Want::Input { topic, owner } = want {
            self.send_input(turn, from, topic, owner);
        } else if want == Want::List {
            self.send_list_of(turn, from, turn.me());
        } else if want == Want::Verifiers {
            self.send_verifiers(turn, from);
        } else if let Some(statement) = self.statement(turn.me(), want) {
            turn.send(from, statement);
        }
    }

    /// The statement of this node that another heavy node asks for, if it may be shown.
    fn statement(&self, me: PeerId, want: Want) -> Option<Message> {
        if want == Want::Rho {
            return if self.threshold().is_some() { self.rho_parts_message() } else { self.rho_message() };
        }
        self.heavy().and_then(|heavy| heavy.statement(me, &self.terms().heavy, want))
    }

    /// A participant's report that differs from the one on this node's list.
    pub fn on_conflict(&mut self, turn: &mut Turn<'_>, other: &Signed<Manifest>) {
        let (id, shares) = (self.id, self.terms().heavy.len());
        let Some(heavy) = self.heavy_mut() else { return };
        let said = other.get();
        let Some(held) = heavy.held.get(&other.signer()) else { return };
        // What is held is read back only where it may prove something.
        let same = held == other.digest() || said.shares.len() != shares || said.computation != id;
        if same || !heavy.may_exclude(&other.signer()) {
            return;
        }
        let held = turn.manifest(id, other.signer());
        if let Some(exclusion) = held.and_then(|held| Exclusion::new(&held, other)) {
            heavy.keep_exclusion(turn, id, exclusion);
        }
    }
}
