//! Invitations: from tickets to a roster that everybody has signed.
//!
//! The inviter (`inviter`) holds a seat for each other party, admits the first node that shows a seat's ticket, and tells
//! everybody who has joined. With everybody there the invitation becomes a computation that names the parties as heavy nodes
//! and as participants. The invited (`invited`) accept it if it is what their ticket says, and their owners agree to who is
//! in it: the acceptances are the signatures under the roster. From then on it is a computation as any other.

mod invited;
mod inviter;

use std::collections::BTreeMap;
use std::time::Duration;

use super::action::{Action, Notice};
use super::entry::{Entry, Stage};
use super::event::Timer;
use super::node::State;
use super::turn::Turn;
use super::view::{InvitationView, OwnPart};
use crate::domain::limits::{
    INVITATIONS_KEPT_MAX, NODE_NAME_CHARS_MAX, PRESENCE_ADDRESS_CHARS_MAX, PRESENCE_ADDRESSES_MAX,
};
use crate::domain::{Computation, ComputationId, InvitationEnd, PeerId, Refusal, Timestamp};
use crate::sharing::Secret;
use crate::statistics::Reading;
use crate::wire::{Input, InvitationMemory, InvitationPart, Joining, Record, RecordKind, Signed};

/// Time to the first repetition of what an invited node asks; it doubles with every further one.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// The longest time between repetitions: a lost word about who has joined costs this long.
const ASK_AGAIN_MAX: Duration = Duration::from_secs(5);

/// One invitation at one node.
#[derive(Debug)]
pub(super) struct Invited {
    pub id: ComputationId,
    pub memory: InvitationMemory,
    /// What its owner will answer, until the report is made.
    input: Option<Input>,
    /// The computation that the inviter proposes, while the owner has not agreed to who is in it.
    offered: Option<Signed<Computation>>,
    /// How often the inviter was asked since it was met or the owner spoke.
    attempts: u32,
    pub revision: u64,
}

impl Invited {
    fn new(memory: InvitationMemory) -> Self {
        Self { id: memory.id(), memory, input: None, offered: None, attempts: 0, revision: 0 }
    }

    /// Whether it can still become a computation.
    pub const fn is_open(&self) -> bool {
        self.memory.ended.is_none() && self.memory.computation.is_none()
    }

    const fn is_inviter(&self) -> bool {
        matches!(self.memory.seat, InvitationPart::Inviter { .. })
    }

    /// Keeps what the owner will answer; it says so again as it likes.
    fn keep_input(&mut self, turn: &mut Turn<'_>, reading: &Reading) {
        let input = Input::of(reading);
        turn.persist(Record::Input { invitation: self.id, input: input.clone() });
        self.input = Some(input);
    }

    fn drop_input(&mut self, turn: &mut Turn<'_>) {
        if self.input.take().is_some() {
            turn.erase(RecordKind::Input, self.id);
        }
    }

    fn persist(&self, turn: &mut Turn<'_>) {
        turn.persist(Record::Invitation(Box::new(self.memory.clone())));
    }

    /// Connections to the parties matter no more.
    fn let_go(&self, turn: &mut Turn<'_>) {
        let me = turn.me();
        let parties = self.memory.roster.iter().map(Signed::signer).chain([self.memory.invitation.inviter]);
        for peer in parties.filter(|peer| *peer != me) {
            turn.act(Action::LetGo { peer });
        }
    }

    /// People can see a change.
    fn changed(&mut self, turn: &mut Turn<'_>) {
        self.revision += 1;
        turn.tell(Notice::InvitationChanged(self.id));
    }

    /// The end without a computation. What was to be answered goes.
    fn end(&mut self, turn: &mut Turn<'_>, end: InvitationEnd) {
        if !self.is_open() {
            return;
        }
        self.memory.ended = Some(end.clone());
        self.let_go(turn);
        self.drop_input(turn);
        self.offered = None;
        self.persist(turn);
        turn.tell(Notice::InvitationEnded { invitation: self.id, end });
        self.changed(turn);
    }

    pub fn view(&self) -> InvitationView<'_> {
        let named = |offered: &&Signed<Computation>| {
            let parties = &offered.get().heavy;
            parties.iter().all(|party| self.memory.roster.iter().any(|it| it.signer() == *party))
        };
        InvitationView {
            id: self.id,
            memory: &self.memory,
            answers: self.input.is_some(),
            asks: self.offered.as_ref().filter(named).map(|offered| offered.get().heavy.as_slice()),
            revision: self.revision,
        }
    }
}

impl Input {
    /// Keeps what an owner has said.
    fn of(reading: &Reading) -> Self {
        let slots = reading.measurement().expose().iter().flat_map(|slot| slot.to_le_bytes()).collect();
        Self { slots: Secret::new(slots), records: reading.records() }
    }

    fn reading(&self) -> Reading {
        let slots = self.slots.expose().chunks_exact(16);
        let slots = slots.map(|slot| slot.iter().rev().fold(0, |sum, byte| sum << 8 | u128::from(*byte)));
        Reading::kept(Secret::new(slots.collect()), self.records)
    }
}

impl State {
    /// Takes up what the store remembers of invitations.
    pub fn restore_invitations(
        &mut self,
        turn: &mut Turn<'_>,
        memories: Vec<InvitationMemory>,
        mut inputs: BTreeMap<ComputationId, Input>,
    ) {
        for memory in memories {
            let mut invited = Invited::new(memory);
            invited.input = inputs.remove(&invited.id);
            // A crash may have come between the invitation's end and that of its computation.
            let entry = invited.memory.computation.map(|id| self.entries.get(&id));
            if matches!(entry, Some(None)) {
                invited.memory.computation = None;
            }
            let over = matches!(entry, Some(Some(entry)) if !entry.is_open());
            if invited.input.is_some() {
                self.inputs.insert(invited.id);
            }
            if !over {
                invited.resume(turn);
            }
            self.invitations.insert(invited.id, invited);
        }
        for id in self.invitations.keys().copied().collect::<Vec<_>>() {
            self.freeze_if_complete(turn, id);
        }
        for invitation in inputs.into_keys() {
            turn.erase(RecordKind::Input, invitation);
        }
    }

    /// The owner says what it will answer, before the computation asks for it; whether there was such an invitation.
    pub fn on_early_answer(&mut self, turn: &mut Turn<'_>, id: ComputationId, reading: &Reading) -> bool {
        let Some(invited) = self.invitations.get_mut(&id).filter(|invited| invited.memory.ended.is_none())
        else {
            return false;
        };
        if let Some(computation) = invited.memory.computation {
            // The owner may be faster than its source, which is being read, or than the announcement.
            let Some(entry) = self.entries.get_mut(&computation) else { return true };
            entry.on_input(turn, reading);
            if entry.own != OwnPart::None || !entry.is_open() {
                return true;
            }
        }
        invited.keep_input(turn, reading);
        self.inputs.insert(id);
        invited.changed(turn);
        true
    }

    /// The owner leaves, or withdraws, an invitation; whether there was such an invitation.
    pub fn on_leave_command(&mut self, turn: &mut Turn<'_>, id: ComputationId) -> bool {
        let Some(invited) = self.invitations.get_mut(&id) else { return false };
        if invited.is_inviter() {
            self.revoke(turn, id);
        } else {
            invited.leave(turn);
        }
        true
    }

    /// A ticket stops to admit.
    pub fn on_invitation_over(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        let Some(invited) = self.invitations.get_mut(&id).filter(|invited| invited.is_open()) else { return };
        // Everybody has come in time, and its owner is being asked.
        if let Some(offered) = invited.offered.as_ref().map(|offered| offered.get().deadline)
            && offered > turn.now
        {
            turn.set_timer(Timer::Invitation(id), offered);
            return;
        }
        let end = InvitationEnd::Expired {
            joined: u32::try_from(invited.memory.roster.len()).unwrap_or(u32::MAX),
            parties: invited.memory.invitation.parties,
        };
        invited.end(turn, end);
        if invited.is_inviter() {
            invited.dismiss(turn, crate::domain::TicketRefusal::Expired);
        }
    }

    /// A computation that an invitation became asks this node: answers with what the owner has said before, if so.
    pub fn answer_from_invitation(
        &mut self,
        turn: &mut Turn<'_>,
        computation: ComputationId,
        invitation: ComputationId,
    ) -> bool {
        let Some(invited) = self.invitations.get_mut(&invitation) else { return false };
        let Some(reading) = invited.input.as_ref().map(Input::reading) else { return false };
        if let Some(entry) = self.entries.get_mut(&computation) {
            entry.on_input(turn, &reading);
        }
        true
    }

    /// What an owner has said beforehand goes when the report is made, or will not be.
    pub fn drop_inputs(&mut self, turn: &mut Turn<'_>) {
        for id in std::mem::take(&mut self.inputs) {
            let Some(invited) = self.invitations.get_mut(&id).filter(|it| it.input.is_some()) else {
                continue;
            };
            let computation = invited.memory.computation.and_then(|id| self.entries.get(&id));
            let used = computation.is_some_and(|it| it.own == OwnPart::Answered || !it.is_open());
            if used || invited.memory.ended.is_some() {
                invited.drop_input(turn);
            } else {
                self.inputs.insert(id);
            }
        }
    }

    /// Keeps the newest invitations that have ended.
    pub fn prune_invitations(&mut self, turn: &mut Turn<'_>) {
        let over = |invited: &&Invited| match invited.memory.computation {
            Some(id) => !self.entries.contains_key(&id),
            None => invited.memory.ended.is_some(),
        };
        let ended = self.invitations.values().filter(over);
        let mut ended: Vec<_> = ended.map(|it| (it.memory.invitation.created_at, it.id)).collect();
        ended.sort_unstable();
        let surplus = ended.len().saturating_sub(INVITATIONS_KEPT_MAX);
        for (_, id) in ended.into_iter().take(surplus) {
            self.invitations.remove(&id);
            turn.erase(RecordKind::Invitation, id);
        }
    }

    /// Why this node does not take on a computation that an invitation became; `Ok(false)`: its owner is asked first.
    pub fn check_roster(
        &mut self,
        turn: &mut Turn<'_>,
        computation: &Signed<Computation>,
        invitation: ComputationId,
    ) -> Result<Agreed, Refusal> {
        let me = turn.me();
        let Some(invited) = self.invitations.get_mut(&invitation) else { return Err(Refusal::NoSeat) };
        if invited.is_inviter() {
            let own = invited.memory.computation == Some(computation.id());
            return if own { Ok(Agreed::Yes) } else { Err(Refusal::NoSeat) };
        }
        invited.agree(turn, computation, me)
    }
}

/// Whether an owner agrees to who is in a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agreed {
    Yes,
    /// It is asked, or who is in it is not known yet.
    NotYet,
}

impl Entry {
    /// How long a proposer waits for acceptances, and heavy nodes for the announcement, of an invited computation: people
    /// decide, some of them later.
    pub fn roster_is_due(&self, otherwise: Timestamp) -> Timestamp {
        if self.terms().is_by_invitation() { self.terms().deadline } else { otherwise }
    }

    /// Whether every party's answer is needed, and this node's will not come.
    pub fn cannot_do_without(&self, peer: &PeerId) -> bool {
        let terms = self.terms();
        let everybody = terms.min_participants as usize == terms.heavy.len();
        terms.is_by_invitation()
            && everybody
            && terms.has_heavy(peer)
            && matches!(self.stage, Stage::Running { .. })
    }
}

impl Joining {
    /// Whether a name and addresses can be shown and kept.
    fn is_in_order(&self) -> bool {
        let name = (1..=NODE_NAME_CHARS_MAX).contains(&self.name.chars().count());
        let address = |address: &String| {
            (1..=PRESENCE_ADDRESS_CHARS_MAX).contains(&address.len()) && !address.chars().any(char::is_control)
        };
        name && !self.name.chars().any(char::is_control)
            && self.addresses.len() <= PRESENCE_ADDRESSES_MAX
            && self.addresses.iter().all(address)
    }
}

/// Says where a party is to be found.
fn reach(turn: &mut Turn<'_>, peer: PeerId, addresses: &[String]) {
    turn.act(Action::Reach { peer, addresses: addresses.to_vec() });
}

/// Sets the time to ask again.
fn ask_later(turn: &mut Turn<'_>, id: ComputationId, attempts: u32) {
    let wait = (ASK_AGAIN * 2_u32.saturating_pow(attempts.min(8))).min(ASK_AGAIN_MAX);
    let at = turn.now + turn.jittered(wait);
    turn.set_timer(Timer::Joining(id), at);
}
