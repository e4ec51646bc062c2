//! The loop: take what happens next, let the node act, carry out its actions one by one, and watch.

use std::collections::{BTreeMap, BTreeSet};

use super::dice::derive;
use super::invariants::{Actor, Watch};
use super::machine::{Machine, Machines, leaves_a_mark};
use super::network::{Happening, Network, Queue};
use super::records;
use super::report::Report;
use super::scenario::{Moment, NodeIndex, Question, Scenario, Source, StoreFate};
use super::trace::{Keep, Trace};
use super::violation::{Broken, Check, Invariant, Violation};
use crate::domain::{Computation, ComputationId, PeerId, Role, VERSION};
use crate::protocol::{Action, Event, Node};
use crate::wire::{Message, Record};

/// No crash happens later than this, so that a run ends.
const CRASHES_END_MS: u64 = 25_000;
/// How long after everything could be over it must be over: the margin for "no contact", one round of asking, and the
/// furthest that two clocks are apart.
const MARGIN_MS: u64 = 60_000;
/// How long a run goes on when everything is over, to catch what comes too late.
const LINGER_MS: u64 = 1_500;
/// More things than this happen only when nodes answer each other for ever: so many, or so many a node.
const STEPS_MAX: u64 = 300_000;
const STEPS_PER_NODE_MAX: u64 = 2_000;
/// More deeds than this upon one event are a flood: the most is a list of [`Scenario`]'s fifty light nodes told to seven
/// heavy ones, a few times over after a restart.
const DEEDS_MAX: usize = 4_096;
/// How often the end is looked for.
const LOOK_EVERY_MS: u64 = 250;

/// A run in progress.
#[derive(Debug)]
pub struct Run {
    pub(super) scenario: Scenario,
    pub(super) now: u64,
    pub(super) step: u64,
    pub(super) messages: u64,
    pub(super) machines: Machines,
    pub(super) places: BTreeMap<PeerId, NodeIndex>,
    pub(super) queue: Queue,
    pub(super) network: Network,
    pub(super) watch: Watch,
    pub(super) trace: Trace,
    pub(super) settings: u64,
    /// The ids of the questions that were asked.
    pub(super) asked: Vec<Option<ComputationId>>,
    /// When each node had the result of each.
    pub(super) completed: BTreeMap<(ComputationId, NodeIndex), u64>,
    /// When everything must be over.
    pub(super) horizon: u64,
    /// When everything was first seen to be over, and when the end was last looked for.
    over_since: Option<u64>,
    looked_at: u64,
}

impl Run {
    /// The run of this scenario.
    pub fn new(scenario: Scenario, keep: Keep) -> Self {
        let seed = scenario.seed;
        let nodes = scenario.nodes.iter().enumerate();
        let machines = Machines::new(
            nodes.map(|(index, plan)| Machine::new(seed, NodeIndex(index), plan.clone())).collect(),
        );
        let places = machines.iter().map(|machine| (machine.identity.peer(), machine.index)).collect();
        let network = Network::new(seed, scenario.weather, scenario.cuts.clone());
        let asked = vec![None; scenario.questions.len()];
        let mut run = Self {
            now: 0,
            step: 0,
            messages: 0,
            machines,
            places,
            queue: Queue::default(),
            network,
            watch: Watch::default(),
            trace: Trace::new(keep),
            settings: 0,
            asked,
            completed: BTreeMap::new(),
            horizon: scenario.settles_at(),
            over_since: None,
            looked_at: 0,
            scenario,
        };
        run.plan();
        run
    }

    /// Puts everything that the scenario says into the queue.
    fn plan(&mut self) {
        for machine in self.machines.iter() {
            let (peer, index) = (machine.identity.peer(), machine.index);
            if let Some(cheat) = machine.plan.cheat {
                self.watch.cheats.insert(peer, cheat);
            }
            let invites = self.scenario.questions.iter().any(|question| question.guests.is_some());
            if machine.plan.role == Role::Light || invites {
                self.watch.exponents.insert(peer, self.scenario.exponent(index));
            }
            self.queue.add(machine.plan.starts_at, Happening::Start(index));
            if machine.cheater.is_some() {
                self.queue.add(machine.plan.starts_at, Happening::Cheat(index));
            }
        }
        for (index, question) in self.scenario.questions.iter().enumerate() {
            self.queue.add(question.asked_at, Happening::Ask(index));
            self.horizon = self.horizon.max(question.asked_at + question.open_for);
        }
        for (index, crash) in self.scenario.crashes.iter().enumerate() {
            if let Moment::At(at) = crash.moment {
                self.queue.add(at, Happening::Crash(index));
            }
        }
        for cut in &self.scenario.cuts {
            self.queue.add(cut.from, Happening::Weather);
            self.queue.add(cut.until, Happening::Weather);
        }
        let patience = self.scenario.questions.iter().map(|question| question.patience).max();
        self.horizon += patience.unwrap_or(0) + MARGIN_MS;
    }

    /// Everything that is open now may take its whole time from here.
    pub(super) fn extend_horizon(&mut self) {
        let questions = self.scenario.questions.iter();
        let longest = questions.map(|question| question.open_for + question.patience).max().unwrap_or(0);
        let back = self.scenario.crashes.iter().filter_map(|crash| crash.down_for).max().unwrap_or(0);
        self.horizon = self.horizon.max(self.now + longest + back + MARGIN_MS);
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// The first violation.
    pub fn finish(mut self) -> Result<Report, Box<Violation>> {
        self.run_out()?;
        Ok(Report::of(self))
    }

    /// The same without the report.
    pub(super) fn run_out(&mut self) -> Result<(), Box<Violation>> {
        while let Some((at, happening)) = self.queue.next() {
            if at > self.horizon {
                break;
            }
            self.now = at;
            self.step += 1;
            self.happen(happening).map_err(|broken| self.violation(broken))?;
            let most = STEPS_MAX.max(STEPS_PER_NODE_MAX * self.machines.len() as u64);
            let settles = Invariant::Ends.check(self.step < most, || format!("more than {most} steps"));
            settles.map_err(|broken| self.violation(broken))?;
            if self.is_over() {
                break;
            }
        }
        self.check_end().map_err(|broken| self.violation(broken))
    }

    pub(super) fn violation(&self, broken: Broken) -> Box<Violation> {
        let Broken { invariant, what } = broken;
        let (seed, step, recent) = (self.scenario.seed, self.step, self.trace.recent());
        Box::new(Violation { seed, step, invariant, what, recent })
    }

    /// Whether every live node has nothing open and nothing will come from outside; looked at now and then.
    fn is_over(&mut self) -> bool {
        if self.now < self.looked_at + LOOK_EVERY_MS {
            return false;
        }
        self.looked_at = self.now;
        let idle = self
            .machines
            .iter()
            .filter(|machine| machine.is_honest())
            .all(|machine| machine.node.as_ref().is_none_or(|node| node.open_count() == 0));
        let over = idle
            && !self.has_open_invitations()
            && !self.queue.outside_waits()
            && self.all_agree()
            && self.all_know_names();
        if !over {
            self.over_since = None;
            return false;
        }
        self.now >= *self.over_since.get_or_insert(self.now) + LINGER_MS
    }

    /// Whether nobody still lacks a result that somebody has.
    fn all_agree(&self) -> bool {
        let results = self.watch.cases.iter().filter(|(_, case)| case.result.is_some());
        let ids: Vec<_> = results.map(|(id, _)| *id).collect();
        let honest = self.machines.iter().filter(|machine| machine.is_honest());
        honest
            .filter_map(|machine| machine.node.as_ref())
            .all(|node| ids.iter().all(|id| node.view(*id).is_none_or(|view| view.certificate.is_some())))
    }

    /// Whether everybody knows whose reports were added up, who has a part and could be told.
    fn all_know_names(&self) -> bool {
        let told = self.told_sets();
        self.honest().all(|(machine, node)| {
            let peer = machine.identity.peer();
            !node.views().iter().any(|view| self.watch.lacks_names(&peer, view, &told))
        })
    }

    /// The computations whose set an honest heavy node of theirs can tell.
    fn told_sets(&self) -> BTreeSet<ComputationId> {
        let views = self.honest().flat_map(|(machine, node)| {
            let peer = machine.identity.peer();
            node.views().into_iter().filter(move |view| view.computation.has_heavy(&peer))
        });
        views.filter(|view| view.members.is_some()).map(|view| view.id).collect()
    }

    /// Every honest node that is up.
    fn honest(&self) -> impl Iterator<Item = (&Machine, &Node)> {
        let honest = self.machines.iter().filter(|machine| machine.is_honest());
        honest.filter_map(|machine| Some((machine, machine.node.as_ref()?)))
    }

    fn check_end(&self) -> Check {
        let told = self.told_sets();
        for (machine, node) in self.honest() {
            self.watch.at_end(machine, &node.views())?;
            self.watch.names_at_end(machine, &node.views(), &told)?;
        }
        Ok(())
    }

    /// The machine at a place.
    pub(super) fn machine(&mut self, index: NodeIndex) -> &mut Machine {
        self.machines.at_mut(index)
    }

    /// Gives a node an event, and carries out what it wants.
    pub(super) fn give(&mut self, index: NodeIndex, event: Event) -> Check {
        let now = self.now;
        let (mut events, mut restarts) = (vec![event], false);
        while let Some(event) = events.pop() {
            let cause = if let Event::Message { from, .. } = &event { Some(*from) } else { None };
            let machine = self.machine(index);
            let clock = machine.clock(now);
            if let Some(cheater) = &mut machine.cheater {
                let reaction = cheater.react(&event);
                if reaction.swallowed {
                    self.send_cheats(index, reaction.sent);
                    continue;
                }
            }
            let machine = self.machine(index);
            let Some(node) = &mut machine.node else { return Ok(()) };
            let mut actions = node.handle(clock, event, &machine.store);
            if let Some(cheater) = &mut machine.cheater {
                let twisted = cheater.twist(actions);
                actions = twisted.actions;
                events.extend(twisted.believed);
                restarts |= twisted.restarts;
                for report in cheater.other_reports().cloned().collect::<Vec<_>>() {
                    self.watch.register(&report);
                }
            }
            self.carry_out(index, cause, actions)?;
        }
        if restarts {
            self.restart(index);
        }
        Ok(())
    }

    fn carry_out(&mut self, index: NodeIndex, cause: Option<PeerId>, actions: Vec<Action>) -> Check {
        let mut ended = false;
        Invariant::FewDeeds
            .check(actions.len() <= DEEDS_MAX, || format!("{} deeds of {index}", actions.len()))?;
        for action in actions {
            // Checked and carried out one by one: what a crash cuts off never happens.
            if let Action::Persist(record) = &action {
                self.note_invited(record);
            }
            let machine = self.machines.at(index);
            if machine.is_honest() {
                let actor = Actor {
                    index,
                    peer: machine.identity.peer(),
                    clock: machine.clock(self.now),
                    store: &machine.store,
                    cause,
                };
                self.watch.act(actor, &action)?;
            } else if let Action::Persist(record) = &action
                && let Record::Report(report) = &**record
            {
                self.watch.register(report);
            }
            let marked = leaves_a_mark(&action);
            ended |= matches!(action, Action::Tell(_));
            self.perform(index, action)?;
            if marked && self.crashes_after_mark(index) {
                return Ok(());
            }
        }
        if ended { self.look_at_views(index) } else { Ok(()) }
    }

    fn look_at_views(&mut self, index: NodeIndex) -> Check {
        let machine = self.machines.at(index);
        if let Some(node) = machine.node.as_ref().filter(|_| machine.is_honest()) {
            for view in node.views() {
                self.watch.shown(&view)?;
            }
        }
        Ok(())
    }

    /// Counts an action that left a mark; crashes the node if the scenario wants it now.
    fn crashes_after_mark(&mut self, index: NodeIndex) -> bool {
        let machine = self.machine(index);
        machine.marks += 1;
        let marks = machine.marks;
        let due = self
            .scenario
            .crashes
            .iter()
            .position(|crash| crash.node == index && crash.moment == Moment::AfterAction(marks));
        let Some(crash) = due.filter(|_| self.now < CRASHES_END_MS) else { return false };
        self.crash(crash);
        true
    }

    /// A node stops; its peers notice some time later.
    pub(super) fn crash(&mut self, position: usize) {
        let Some(crash) = self.scenario.crashes.get(position).copied() else { return };
        let now = self.now;
        let machine = self.machine(crash.node);
        if !machine.is_up() {
            return;
        }
        machine.crash(now, crash.store);
        let back = crash.down_for.map(|length| now + length);
        let wiped = if crash.store == StoreFate::Wiped { " and loses its store" } else { "" };
        let name = self.scenario.name(crash.node);
        self.trace.line(now, format_args!("{name} stops{wiped}"));
        if let Some(back) = back {
            self.queue.add(back, Happening::Start(crash.node));
            let patience = self.scenario.questions.iter().map(|question| question.patience).max();
            self.horizon = self.horizon.max(back + patience.unwrap_or(0) + MARGIN_MS);
        }
        self.look_at_links(crash.node, 3_000);
    }

    /// A cheat stops its own node and starts it again.
    fn restart(&mut self, index: NodeIndex) {
        let now = self.now;
        self.machine(index).crash(now, StoreFate::Kept);
        self.queue.add(now + 1, Happening::Start(index));
        self.look_at_links(index, 3_000);
    }

    /// Everybody who has to do with a node looks, within so long, whether they are still connected.
    pub(super) fn look_at_links(&mut self, index: NodeIndex, within: u64) {
        for other in self.acquaintances(index) {
            let (one_at, other_at) = (self.network.pause(within), self.network.pause(within));
            self.queue.add(self.now + one_at, Happening::Link { node: index, other });
            self.queue.add(self.now + other_at, Happening::Link { node: other, other: index });
        }
    }

    /// Whom a node connects with: everybody with heavy nodes and proposers, heavy nodes and proposers with everybody.
    fn acquaintances(&self, index: NodeIndex) -> BTreeSet<NodeIndex> {
        let heavies = self.scenario.heavies();
        let proposers: BTreeSet<_> = self.scenario.questions.iter().map(|question| question.proposer).collect();
        let guests = || self.scenario.questions.iter().flat_map(|question| question.guests.iter().flatten());
        let invited = |node: NodeIndex| guests().any(|guest| guest.node == node);
        let is_hub = |node: NodeIndex| node.0 < heavies || proposers.contains(&node) || invited(node);
        let all = (0..self.machines.len()).map(NodeIndex).filter(|other| *other != index);
        all.filter(|other| is_hub(index) || is_hub(*other)).collect()
    }

    /// The computation of a question, as its proposer's machine makes it up now.
    pub(super) fn computation(&self, position: usize, question: &Question) -> Computation {
        let peer = |index: NodeIndex| self.machines.at(index).identity.peer();
        let proposed_at = self.machines.at(question.proposer).clock(self.now);
        let name = format!("nonce {position}");
        let mut nonce = [0; 16];
        nonce.copy_from_slice(derive(self.scenario.seed, &name).split_at(16).0);
        let mut participants: Option<Vec<PeerId>> =
            question.list.as_ref().map(|list| list.iter().map(|index| peer(*index)).collect());
        if let Some(list) = &mut participants {
            list.sort();
        }
        // By invitation heavy nodes have values, too.
        let heavies = if question.guests.is_some() { 0 } else { self.scenario.heavies() };
        let lights = self.machines.len() - heavies;
        let bits = u32::try_from(lights).unwrap_or(u32::MAX).clamp(1, 50) - 1;
        Computation {
            version: VERSION,
            nonce,
            proposer: peer(question.proposer),
            proposed_at,
            prompt: format!("question {position}"),
            query: records::query(question, bits),
            heavy: question.heavy.iter().map(|index| peer(*index)).collect(),
            sharing: question.sharing,
            min_participants: question.min_participants,
            max_participants: question.max_participants,
            deadline: proposed_at + std::time::Duration::from_millis(question.open_for),
            patience_ms: question.patience,
            // Half of the patience is for the agreement itself.
            grace_ms: question.grace.min(question.patience / 2),
            participants,
            noise: question.noise,
            invitation: None,
        }
    }

    /// Whether this node's source has a fitting value.
    pub(super) fn source(&self, index: NodeIndex) -> Source {
        self.machines.at(index).plan.source
    }

    /// A message leaves a node.
    pub(super) fn post(&mut self, from: NodeIndex, to: PeerId, message: Message) {
        let Some(to) = self.places.get(&to).copied() else { return };
        self.messages += 1;
        for at in self.network.arrivals(self.now, from, to) {
            self.queue.add(at, Happening::Deliver { from, to, message: message.clone() });
        }
    }
}
