//! Threshold sharing: going on without heavy nodes that are gone (docs/PROTOCOL.md).
//!
//! Three decrees, one after the other, say whose inputs count: whose lists, whose verifier shares, whose openings. An honest
//! node prepares a choice only if it holds every input of it (or the same list under another's close), so whoever vanishes
//! afterwards takes nothing with it. While all are reachable all count: without somebody a node goes on only after the grace,
//! which begins anew with each step.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Heavy;
use crate::domain::{Computation, ComputationId, PeerId, Sharing};
use crate::protocol::decree::{Decree, DecreeOutput, Judge};
use crate::protocol::entry::Entry;
use crate::protocol::event::Timer;
use crate::protocol::turn::Turn;
use crate::wire::{
    Choice, Dealt, Decided, DecreeFault, DecreeMemory, DecreeMessage, DecreeTerms, FaultProof, Message, Part,
    Record, Topic,
};

/// How long a view may take from the moment when its coordinator could propose: many round trips and commits on a LAN. Doubled
/// whenever every node has had its turn.
const VIEW_TIME: Duration = Duration::from_millis(300);
/// How long everybody's prepare is hoped for before a quorum's are enough to commit: a few round trips between distant places.
const ALL_TIME: Duration = Duration::from_millis(250);
/// The longest time for one view.
const VIEW_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a view is waited for whose coordinator this node has gone on without.
const VIEW_TIME_OF_MISSING: Duration = Duration::from_millis(50);

/// What a heavy node of a threshold computation knows besides.
#[derive(Debug)]
pub(super) struct Quorum {
    pub decrees: BTreeMap<Topic, Decree>,
    memories: BTreeMap<Topic, DecreeMemory>,
    pub dealt: Dealt,
    /// Whose shares of every ρ have come; each matches what its dealer signed.
    pub rho_parts: BTreeMap<PeerId, Vec<Part>>,
    grace: Grace,
    /// For what the timer was set last.
    timed: Option<Timed>,
}

/// For what the timer of a view was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timed {
    /// The prepares of all in the first view.
    All(Topic),
    /// The view.
    View(Topic, u32),
}

/// Whether heavy nodes that are missing in this step have been waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grace {
    Running,
    Over,
}

/// What this node holds, as a decree asks for it.
struct Bench<'a> {
    id: ComputationId,
    heavy: &'a Heavy,
    terms: &'a Computation,
    me: PeerId,
    topic: Topic,
    grace: Grace,
}

impl Quorum {
    pub fn new(dealt: Dealt) -> Self {
        Self {
            decrees: BTreeMap::new(),
            memories: BTreeMap::new(),
            dealt,
            rho_parts: BTreeMap::new(),
            grace: Grace::Running,
            timed: None,
        }
    }

    /// Takes up what was persisted of a decree.
    pub fn restore(&mut self, topic: Topic, memory: DecreeMemory) {
        self.memories.insert(topic, memory);
    }

    /// The decision of a decree, with its proof.
    pub fn decision(&self, topic: Topic) -> Option<&Decided> {
        self.decrees.get(&topic)?.decided()
    }

    /// What a decree has decided.
    pub fn decided(&self, topic: Topic) -> Option<&Choice> {
        Some(&self.decision(topic)?.choice)
    }

    pub fn grace_is_over(&self) -> bool {
        self.grace == Grace::Over
    }

    /// The decree that runs, with its topic.
    fn running(&self) -> Option<(Topic, &Decree)> {
        let (topic, decree) = self.decrees.last_key_value()?;
        decree.decided().is_none().then_some((*topic, decree))
    }
}

impl Entry {
    /// k, under threshold sharing.
    pub(super) fn threshold(&self) -> Option<usize> {
        match self.terms().sharing {
            Sharing::Threshold { k } => Some(k as usize),
            Sharing::Additive { .. } | Sharing::Prio3 => None,
        }
    }

    fn decree_terms(&self, topic: Topic) -> DecreeTerms {
        let terms = self.terms();
        DecreeTerms { computation: self.id, topic, heavy: terms.heavy.clone(), faults: terms.survives() }
    }

    /// Makes the decrees that can run: each begins where the one before has ended, with the first node that counted there.
    fn ensure_decrees(&mut self, me: PeerId) {
        let mut first = 0;
        for topic in [Topic::Lists, Topic::Verifiers, Topic::Openings] {
            let terms = self.decree_terms(topic);
            let Some(quorum) = self.heavy_mut().and_then(|heavy| heavy.quorum.as_mut()) else { return };
            let memory = quorum.memories.remove(&topic);
            let decree = quorum
                .decrees
                .entry(topic)
                .or_insert_with(|| Decree::restore(terms, first, me, memory.unwrap_or_default()));
            let Some(decided) = decree.decided() else { return };
            first = decided.choice.inputs().iter().position(Option::is_some).unwrap_or(0);
        }
    }

    /// A step was climbed: whoever is missing now is waited for anew.
    pub(super) fn restart_grace(&mut self, turn: &mut Turn<'_>) {
        let (id, grace) = (self.id, self.terms().grace());
        let Some(quorum) = self.heavy_mut().and_then(|heavy| heavy.quorum.as_mut()) else { return };
        quorum.grace = Grace::Running;
        turn.set_timer(Timer::Grace(id), turn.now + grace);
    }

    /// Whoever is missing is not waited for any more.
    pub fn on_grace_over(&mut self, turn: &mut Turn<'_>) {
        let Some(quorum) = self.heavy_mut().and_then(|heavy| heavy.quorum.as_mut()) else { return };
        quorum.grace = Grace::Over;
        self.advance(turn);
    }

    /// A view has taken too long, or its prepares have.
    pub fn on_view_over(&mut self, turn: &mut Turn<'_>) {
        let Some(quorum) = self.heavy_mut().and_then(|heavy| heavy.quorum.as_mut()) else { return };
        let Some((topic, view)) = quorum.running().map(|(topic, decree)| (topic, decree.view())) else {
            return;
        };
        let Some(decree) = quorum.decrees.get_mut(&topic) else { return };
        match quorum.timed {
            Some(Timed::All(of)) if of == topic => decree.wait_for_all_no_more(),
            Some(Timed::View(of, began)) if (of, began) == (topic, view) => decree.on_timeout(),
            // It was set for a view, or a decree, that is over.
            _ => return,
        }
        quorum.timed = None;
        self.advance(turn);
    }

    /// A heavy node speaks in a decree.
    pub fn on_decree(&mut self, turn: &mut Turn<'_>, from: PeerId, message: DecreeMessage) {
        let me = turn.me();
        if !self.terms().has_heavy(&from) {
            turn.ignore(from, "decree", "it is none of the heavy nodes");
            return;
        }
        self.ensure_decrees(me);
        let Some(quorum) = self.heavy_mut().and_then(|heavy| heavy.quorum.as_mut()) else { return };
        // One of a later decree: its sender will repeat it.
        let topic = message.decree().map(|(_, topic)| topic);
        let Some(decree) = topic.and_then(|topic| quorum.decrees.get_mut(&topic)) else { return };
        if let Some(answer) = decree.answer(&message) {
            turn.send(from, Message::Decree(answer));
        }
        let _ = decree.on_message(from, message);
        self.advance(turn);
        self.ask_for_inputs(turn, from);
    }

    /// Carries every decree as far as it goes.
    pub(super) fn advance_decrees(&mut self, turn: &mut Turn<'_>) {
        let (id, me) = (self.id, turn.me());
        let closed = self.heavy().is_some_and(Heavy::is_closed);
        for topic in [Topic::Lists, Topic::Verifiers, Topic::Openings] {
            if !closed {
                return;
            }
            self.ensure_decrees(me);
            let terms = self.computation.get().clone();
            let Some(heavy) = self.heavy_mut() else { return };
            let Some(quorum) = heavy.quorum.as_mut() else { return };
            let grace = quorum.grace;
            // Taken out while it looks at what the node holds.
            let Some(mut decree) = quorum.decrees.remove(&topic) else { return };
            let bench = Bench { id, heavy, terms: &terms, me, topic, grace };
            let outputs = decree.advance(&bench, turn.identity());
            let decided = decree.decided().is_some();
            if let Some(quorum) = heavy.quorum.as_mut() {
                quorum.decrees.insert(topic, decree);
            }
            for output in outputs {
                match output {
                    DecreeOutput::Persist(memory) => {
                        turn.persist(Record::Decree { computation: id, topic, memory });
                    }
                    DecreeOutput::Broadcast(message) => {
                        for other in self.others(me) {
                            turn.send(other, Message::Decree((*message).clone()));
                        }
                    }
                    DecreeOutput::Decided => {
                        self.attempts = 0;
                        self.retry_later(turn);
                    }
                    DecreeOutput::Evidence(fault) => {
                        self.on_decree_fault(turn, fault);
                        if !self.is_running() {
                            return;
                        }
                    }
                }
            }
            if !decided {
                self.time_view(turn);
                return;
            }
        }
    }

    /// A view gets its time from when it has begun and something could be proposed; less if its coordinator is missing. First, all
    /// prepares get theirs, where they may be all that is needed.
    fn time_view(&mut self, turn: &mut Turn<'_>) {
        let (id, me) = (self.id, turn.me());
        let terms = self.computation.get().clone();
        let Some(heavy) = self.heavy_mut() else { return };
        let Some(quorum) = heavy.quorum.as_ref() else { return };
        let Some((topic, decree)) = quorum.running() else { return };
        let (view, leader) = (decree.view(), decree.leader());
        let bench = Bench { id, heavy, terms: &terms, me, topic, grace: quorum.grace };
        // To commit to what a quorum has prepared is right at any time.
        let may_be_proposed =
            view > 0 || decree.awaits_all() || (bench.own().is_some() && !bench.takes_a_word());
        let missing = leader.is_some_and(|leader| !heavy.expects(&terms, topic, &leader));
        let timed = if decree.awaits_all() { Timed::All(topic) } else { Timed::View(topic, view) };
        let waits_for_all = quorum.timed == Some(Timed::All(topic)) && view == 0;
        if quorum.timed != Some(timed) && !waits_for_all && may_be_proposed {
            let rounds = view / u32::try_from(terms.heavy.len()).unwrap_or(u32::MAX).max(1);
            let usual = (VIEW_TIME * 2_u32.saturating_pow(rounds.min(8))).min(VIEW_TIME_MAX);
            let time = match timed {
                Timed::All(_) => ALL_TIME,
                Timed::View(..) if missing => VIEW_TIME_OF_MISSING,
                Timed::View(..) => usual,
            };
            turn.set_timer(Timer::View(id), turn.now + time);
            if let Some(quorum) = heavy.quorum.as_mut() {
                quorum.timed = Some(timed);
            }
        }
    }

    /// A heavy node broke a decree's rules. Where one set is certain in spite of liars, the others go on; otherwise all end, and are
    /// shown why.
    fn on_decree_fault(&mut self, turn: &mut Turn<'_>, fault: Box<DecreeFault>) {
        let culprit = fault.culprit();
        if self.terms().sharing.one_set_against_liars(self.terms().heavy.len()) {
            // A party of an invitation may have sent two reports, too: the list stands on those until the end.
            if self.heavy().is_some_and(|heavy| heavy.exclusions.contains_key(&culprit)) {
                turn.name(self.id, culprit, FaultProof::Decree(fault));
            } else {
                turn.blame(self.id, culprit, FaultProof::Decree(fault));
            }
            return;
        }
        for other in self.others(turn.me()) {
            turn.send(other, Message::Fault(fault.clone()));
        }
        self.convict(turn, culprit, FaultProof::Decree(fault));
    }

    /// Another heavy node shows that one broke a decree's rules.
    pub fn on_fault(&mut self, turn: &mut Turn<'_>, from: PeerId, fault: Box<DecreeFault>) {
        let fits = |topic| fault.holds(&self.decree_terms(topic));
        let holds = [Topic::Lists, Topic::Verifiers, Topic::Openings].into_iter().any(fits);
        if holds && self.terms().has_heavy(&from) && self.threshold().is_some() && self.heavy().is_some() {
            self.on_decree_fault(turn, fault);
        } else {
            turn.ignore(from, "fault", "it proves nothing");
        }
    }

    /// Whoever has not closed yet may lack what the lists were decided on: it takes that up when it closes.
    pub(super) fn send_decided_lists(&self, turn: &mut Turn<'_>, to: PeerId) {
        let quorum = self.heavy().and_then(|heavy| heavy.quorum.as_ref());
        if let Some(decided) = quorum.and_then(|quorum| quorum.decision(Topic::Lists)) {
            turn.send(to, Message::Decree(DecreeMessage::Decided(decided.clone())));
        }
    }

    /// What this node repeats until the decree that runs is decided.
    pub fn resend_decree(&self, turn: &mut Turn<'_>) {
        let Some(quorum) = self.heavy().and_then(|heavy| heavy.quorum.as_ref()) else { return };
        let Some((_, decree)) = quorum.running() else { return };
        for message in decree.resend() {
            for other in self.others(turn.me()) {
                turn.send(other, Message::Decree(message.clone()));
            }
        }
    }
}

impl Bench<'_> {
    /// Whether somebody's word counts as its close, while that is waited for: until it is there others may not have heard the word.
    fn takes_a_word(&self) -> bool {
        let promised = |node: &PeerId| self.heavy.list_promised_by(self.me, node).is_some();
        self.topic == Topic::Lists && self.grace == Grace::Running && self.terms.heavy.iter().any(promised)
    }
}

impl Judge for Bench<'_> {
    fn own(&self) -> Option<Choice> {
        let inputs: Vec<_> = self
            .terms
            .heavy
            .iter()
            .map(|node| {
                let expected = self.heavy.expects(self.terms, self.topic, node);
                expected.then(|| self.heavy.input(self.id, self.me, self.topic, node)).flatten()
            })
            .collect();
        let choice = Choice::new(inputs);
        self.allows(&choice).then_some(choice)
    }

    fn holds(&self, choice: &Choice) -> bool {
        self.terms.heavy.iter().zip(choice.inputs()).all(|(node, digest)| {
            digest.is_none_or(|digest| self.heavy.holds(self.id, self.me, self.topic, node, digest))
        })
    }

    fn allows(&self, choice: &Choice) -> bool {
        let mut as_expected = true;
        let mut nobody_left_out = true;
        for (node, digest) in self.terms.heavy.iter().zip(choice.inputs()) {
            let expected = self.heavy.expects(self.terms, self.topic, node);
            // One that was late here was in time elsewhere; nodes must not wait for each other for ever.
            as_expected &= digest.is_some() == expected;
            let said = self.heavy.input(self.id, self.me, self.topic, node);
            if self.topic == Topic::Lists && digest.is_some() && *digest != said {
                // This node may have that list; it is not that of the node for which it is named.
                return false;
            }
            if digest.is_none() && expected {
                nobody_left_out &= said.is_none();
            }
        }
        let least = match (self.topic, self.terms.sharing) {
            (Topic::Verifiers | Topic::Openings, Sharing::Threshold { k }) => usize::from(k),
            _ => self.terms.heavy.len() - self.terms.survives(),
        };
        choice.counted() >= least && (as_expected || (self.grace == Grace::Over && nobody_left_out))
    }
}
