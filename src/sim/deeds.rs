//! What happens to nodes, and what their actions do: the runtime's part, played in virtual time.

use super::cheat::Sent;
use super::network::Happening;
use super::records;
use super::run::Run;
use super::scenario::{NodeIndex, Owner, Source};
use super::violation::{Broken, Check, Invariant};
use crate::domain::ComputationId;
use crate::protocol::{Action, Command, Event, Notice, SourceProblem};
use crate::statistics::{self, Reading};
use crate::wire::{DecreeMessage, Gossip, Message, RecordKey, to_bytes};

/// Every so many messages one is encoded and decoded on its way; all of them would cost more than everything else.
const ENCODE_EVERY: u64 = 64;
/// How often a cheat acts on its own account, and until when.
const CHEAT_EVERY_MS: u64 = 200;
const CHEATS_UNTIL_MS: u64 = 15_000;
/// How long a slice of work takes at most, with what the node does before it: long enough for messages to come between two.
const WORK_MS_MAX: u64 = 20;
/// How long an owner waits before saying again what a node that was down did not hear.
const SAY_AGAIN_MS: u64 = 700;

impl Run {
    /// Lets one thing happen.
    pub(super) fn happen(&mut self, happening: Happening) -> Check {
        match happening {
            Happening::Start(index) => self.start(index),
            Happening::Crash(position) => {
                self.crash(position);
                Ok(())
            }
            Happening::Deliver { from, to, message } => self.deliver(from, to, message),
            Happening::DeliverForged { from, to, bytes } => self.deliver_forged(from, to, &bytes),
            Happening::Gossip { to, gossip } => self.hear(to, gossip),
            Happening::Timer { node, life, timer, setting } => {
                let machine = self.machine(node);
                let current = machine.incarnation == life && machine.timers.get(&timer) == Some(&setting);
                if !current {
                    return Ok(());
                }
                machine.timers.remove(&timer);
                self.say(node, format_args!("timer {timer:?}"));
                self.give(node, Event::Expired(timer))
            }
            Happening::Source { node, life, computation } => {
                if self.machine(node).incarnation != life {
                    return Ok(());
                }
                match self.reading_of(node, computation, self.source(node)) {
                    Some(outcome) => self.give(node, Event::SourceRead { computation, outcome }),
                    None => Ok(()),
                }
            }
            Happening::Work { node, life, computation } => {
                if self.machine(node).incarnation != life {
                    return Ok(());
                }
                self.say(node, format_args!("works on {computation}"));
                self.give(node, Event::Work { computation })
            }
            Happening::Link { node, other } => self.look_at_link(node, other),
            Happening::Ask(position) => self.ask(position),
            Happening::Guest { question, guest } => self.come(question, guest),
            Happening::Order { node, command } => self.order(node, command),
            Happening::Weather => {
                self.trace.line(self.now, format_args!("the weather changes"));
                for index in (0..self.machines.len()).map(NodeIndex) {
                    self.look_at_links(index, 2_000);
                }
                Ok(())
            }
            Happening::Cheat(index) => {
                self.cheat(index);
                Ok(())
            }
        }
    }

    /// Carries out one action.
    pub(super) fn perform(&mut self, index: NodeIndex, action: Action) -> Check {
        match action {
            Action::Persist(record) => {
                let key = record.key();
                self.say(index, format_args!("keeps {:?} {}", key.kind, key.computation));
                self.machine(index).store.insert(key, *record);
            }
            Action::Erase(key) => {
                self.say(index, format_args!("erases {:?} {}", key.kind, key.computation));
                let store = &mut self.machine(index).store;
                let first = RecordKey { peer: None, ..key };
                let gone = store.range(first..).map(|(key, _)| *key).take_while(|at| at.is_below(&first));
                let gone: Vec<_> = gone.filter(|at| at.is_below(&key)).collect();
                for key in gone {
                    store.remove(&key);
                }
            }
            Action::Send { to, message } => {
                let name = self.places.get(&to).map(|to| self.scenario.name(*to)).unwrap_or_default();
                self.say(index, format_args!("-> {name} {}", Shown(&message)));
                self.post(index, to, *message);
            }
            Action::Publish(gossip) => {
                self.say(index, format_args!("publishes {}", gossip_kind(&gossip)));
                let others = (0..self.machines.len()).map(NodeIndex).filter(|other| *other != index).collect();
                for (to, at) in self.network.spread(self.now, index, &others) {
                    self.queue.add(at, Happening::Gossip { to, gossip: (*gossip).clone() });
                }
            }
            Action::SetTimer { timer, at } => {
                self.settings += 1;
                let (setting, now) = (self.settings, self.now);
                let machine = self.machine(index);
                machine.timers.insert(timer, setting);
                let (life, at) = (machine.incarnation, machine.moment_of(at, now));
                self.queue.add(at, Happening::Timer { node: index, life, timer, setting });
            }
            Action::ReadSource { computation, .. } => {
                let life = self.machine(index).incarnation;
                let at = self.now + self.network.pause(20);
                self.queue.add(at, Happening::Source { node: index, life, computation });
            }
            Action::Work { computation } => {
                let life = self.machine(index).incarnation;
                let at = self.now + self.network.pause(WORK_MS_MAX);
                self.queue.add(at, Happening::Work { node: index, life, computation });
            }
            // Everybody can be reached here, weather permitting.
            Action::Reach { .. } | Action::LetGo { .. } => {}
            Action::Tell(notice) => self.told(index, &notice),
            Action::Blame(fault) => {
                let culprit = self.places.get(&fault.culprit).map(|culprit| self.scenario.name(*culprit));
                let culprit = culprit.unwrap_or_else(|| "somebody imagined".to_owned());
                self.say(index, format_args!("blames {culprit} for {:?}", fault.proof.evidence()));
            }
        }
        Ok(())
    }

    fn start(&mut self, index: NodeIndex) -> Check {
        let seed = self.scenario.seed;
        let records = {
            let machine = self.machine(index);
            if machine.is_up() {
                return Ok(());
            }
            machine.start(seed)
        };
        self.say(index, format_args!("starts with {} records", records.len()));
        self.look_at_links(index, 300);
        self.give(index, Event::Restored(records))
    }

    fn deliver(&mut self, from: NodeIndex, to: NodeIndex, mut message: Message) -> Check {
        if !self.machine(to).is_up() {
            return Ok(());
        }
        if self.step.is_multiple_of(ENCODE_EVERY) {
            let decoded = Message::decode(&message.encode());
            let same = decoded.as_ref() == Ok(&message);
            Invariant::Wire.check(same, || format!("{} does not survive its encoding", message.kind()))?;
            message = decoded.unwrap_or(message);
        }
        let sender = self.machine(from).identity.peer();
        let receiver = self.machine(to).identity.peer();
        let name = self.scenario.name(from);
        self.say(to, format_args!("<- {name} {}", Shown(&message)));
        if let Message::Submit(submission) = &message {
            for cheater in self.machines.iter_mut().filter_map(|machine| machine.cheater.as_mut()) {
                cheater.overhear(sender, receiver, submission);
            }
        }
        self.watch.deliver(sender, (to, receiver), &message);
        self.give(to, Event::Message { from: sender, message })
    }

    fn deliver_forged(&mut self, from: NodeIndex, to: NodeIndex, bytes: &[u8]) -> Check {
        let name = self.scenario.name(from);
        self.say(to, format_args!("<- {name} a forged message"));
        Invariant::Wire.check(Message::decode(bytes).is_err(), || "a forged message is read".to_owned())
    }

    fn hear(&mut self, to: NodeIndex, gossip: Gossip) -> Check {
        if !self.machine(to).is_up() {
            return Ok(());
        }
        self.say(to, format_args!("<~ {}", gossip_kind(&gossip)));
        self.give(to, Event::Gossip(gossip))
    }

    /// A node finds out whether it is connected, and says so once.
    fn look_at_link(&mut self, node: NodeIndex, other: NodeIndex) -> Check {
        let reaches = self.network.reaches(self.now, node, other);
        let there = self.machine(other);
        let (peer, role, life) = (there.identity.peer(), there.plan.role, there.incarnation);
        let linked = reaches && there.is_up();
        let here = self.machine(node);
        if !here.is_up() {
            return Ok(());
        }
        let before = here.connected.get(&other).copied();
        if before.is_some() && (!linked || before != Some(life)) {
            here.connected.remove(&other);
            self.give(node, Event::Lost(peer))?;
        }
        let here = self.machine(node);
        if linked && here.is_up() && here.connected.insert(other, life) != Some(life) {
            self.give(node, Event::Met { peer, role })?;
        }
        Ok(())
    }

    fn ask(&mut self, position: usize) -> Check {
        let Some(question) = self.scenario.questions.get(position).cloned() else { return Ok(()) };
        if !self.machine(question.proposer).is_up() {
            return Ok(());
        }
        if question.guests.is_some() {
            return self.invite(position, &question);
        }
        let computation = self.computation(position, &question);
        let sound = statistics::check(&computation);
        let broken = || Broken { invariant: Invariant::Ends, what: format!("not a question: {sound:?}") };
        sound.as_ref().map_err(|_| broken())?;
        let id = computation.id_of(&to_bytes(&computation));
        self.watch.ask(id, &computation);
        if let Some(asked) = self.asked.get_mut(position) {
            *asked = Some(id);
        }
        self.say(question.proposer, format_args!("asks {id}, {} s", question.open_for / 1_000));
        let command = Command::Propose(Box::new(computation));
        self.give(question.proposer, Event::Command(command))
    }

    fn order(&mut self, node: NodeIndex, command: Command) -> Check {
        if self.machine(node).is_up() {
            self.say(node, format_args!("its owner speaks"));
            return self.give(node, Event::Command(command));
        }
        if self.now < self.horizon {
            self.queue.add(self.now + SAY_AGAIN_MS, Happening::Order { node, command });
        }
        Ok(())
    }

    /// Somebody who looks at this node is told something; owners react.
    fn told(&mut self, index: NodeIndex, notice: &Notice) {
        if let Notice::Completed(id) = notice {
            self.completed.entry((*id, index)).or_insert(self.now);
        }
        match notice {
            Notice::Changed(_) => return,
            Notice::WaitsForOwner { computation, .. } => {
                let typed = self.reading_of(index, *computation, Source::PowerOfTwo).and_then(Result::ok);
                let order = match self.machine(index).plan.owner {
                    Owner::Approves(after) => Some((after, Command::Approve(*computation))),
                    Owner::Declines(after) => Some((after, Command::Decline(*computation))),
                    Owner::Answers(after) => typed.map(|typed| (after, Command::Answer(*computation, typed))),
                    Owner::Open | Owner::Trusting | Owner::Away => None,
                };
                if let Some((after, command)) = order {
                    self.queue.add(self.now + after, Happening::Order { node: index, command });
                }
            }
            Notice::Announced(_)
            | Notice::Answered(_)
            | Notice::Declined { .. }
            | Notice::LeftOut { .. }
            | Notice::Completed(_)
            | Notice::Failed { .. }
            | Notice::SimilarSets { .. }
            | Notice::InvitationChanged(_)
            | Notice::PartyJoined { .. }
            | Notice::PartyLeft { .. }
            | Notice::TicketRefused { .. }
            | Notice::RosterAsks { .. }
            | Notice::InvitationEnded { .. }
            | Notice::ClockSkew { .. }
            | Notice::Ignored { .. } => {}
        }
        self.say(index, format_args!("tells {notice:?}"));
    }

    fn cheat(&mut self, index: NodeIndex) {
        let Some(cheater) = &mut self.machine(index).cheater else { return };
        let sent = cheater.act();
        self.send_cheats(index, sent);
        if self.now < CHEATS_UNTIL_MS {
            self.queue.add(self.now + CHEAT_EVERY_MS, Happening::Cheat(index));
        }
    }

    pub(super) fn send_cheats(&mut self, index: NodeIndex, sent: Vec<Sent>) {
        for sent in sent {
            match sent {
                Sent::Message(to, message) => {
                    self.say(index, format_args!("cheats with {}", message.kind()));
                    self.post(index, to, *message);
                }
                Sent::Forged(to, bytes) => {
                    let Some(to) = self.places.get(&to).copied() else { continue };
                    for at in self.network.arrivals(self.now, index, to) {
                        let bytes = bytes.clone();
                        self.queue.add(at, Happening::DeliverForged { from: index, to, bytes });
                    }
                }
            }
        }
    }

    /// What a light node reads from a source like this; `None` for a question that nobody asked.
    fn reading_of(
        &self,
        index: NodeIndex,
        computation: ComputationId,
        source: Source,
    ) -> Option<Result<Reading, SourceProblem>> {
        let case = self.watch.cases.get(&computation)?;
        Some(records::reading(&case.computation, source, self.scenario.exponent(index)))
    }

    fn say(&mut self, index: NodeIndex, what: std::fmt::Arguments<'_>) {
        let heavies = self.scenario.heavies();
        let (letter, number) = if index.0 < heavies { ('H', index.0) } else { ('L', index.0 - heavies) };
        self.trace.line(self.now, format_args!("{letter}{number} {what}"));
    }
}

/// A message in the story: its kind, and what is wanted.
struct Shown<'a>(&'a Message);

#[expect(clippy::wildcard_enum_match_arm, reason = "most kinds of message are shown by their name alone")]
impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Message::Want { computation, want } => write!(f, "wants {want:?} of {computation}"),
            Message::Reject { rejection, .. } => write!(f, "reject {rejection:?}"),
            Message::Fail(notice) => write!(f, "fail {:?}", notice.get().failure),
            Message::Stand { standing, .. } => write!(f, "stand {standing:?}"),
            Message::Refuse { refusal, .. } => write!(f, "refuse {refusal:?}"),
            Message::Decree(said) => {
                let (kind, view) = match said {
                    DecreeMessage::Proposal(justified) => ("proposal", justified.proposal.get().view),
                    DecreeMessage::Prepare(prepare) => ("prepare", prepare.get().view),
                    DecreeMessage::Commit(commit) => ("commit", commit.get().view),
                    DecreeMessage::ViewChange(change) => ("view change", change.get().view),
                    DecreeMessage::Decided(decided) => ("decided", decided.view),
                };
                let topic = said.decree().map(|(_, topic)| topic);
                write!(f, "{kind} {view} of {topic:?}")
            }
            other => f.write_str(other.kind()),
        }
    }
}

const fn gossip_kind(gossip: &Gossip) -> &'static str {
    match gossip {
        Gossip::Announce(_) => "announce",
        Gossip::Completed { .. } => "completed",
        Gossip::Failed(_) => "failed",
        Gossip::Presence(_) => "presence",
    }
}
