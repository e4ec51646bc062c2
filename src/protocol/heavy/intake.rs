//! Intake: one report a participant, a receipt once it is durable, evidence for a second one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::held::Room;
use super::{Heavy, Progress, Step};
use crate::domain::limits::EXCLUSIONS_MAX;
use crate::domain::{ComputationId, Digest, PeerId};
use crate::protocol::entry::Entry;
use crate::protocol::event::Timer;
use crate::protocol::turn::Turn;
use crate::wire::{
    Exclusion, FaultProof, HeldShare, List, Message, Receipt, Record, Rejection, Signed, Submission,
    share_digest,
};

/// The proposer hears of new reports at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(150);

impl Entry {
    /// A light node's share.
    pub fn on_submit(&mut self, turn: &mut Turn<'_>, from: PeerId, submission: Submission, room: Room) {
        let id = self.id;
        let manifest = submission.manifest.get();
        if manifest.participant != from || manifest.computation != id {
            turn.ignore(from, "submit", "the report is somebody else's or of another computation");
            return;
        }
        let before = self.heavy().map(Heavy::reports);
        match self.take_in(turn, submission, room) {
            Ok(Some(receipt)) => {
                turn.send(from, Message::Receipt(receipt));
                if self.heavy().map(Heavy::reports) != before {
                    self.note_intake(turn);
                }
            }
            Ok(None) => {}
            Err(rejection) => turn.send(from, Message::Reject { computation: id, rejection }),
        }
    }

    /// Persists a new report and gives its receipt; `None` where this node takes no reports for this computation.
    fn take_in(
        &mut self,
        turn: &mut Turn<'_>,
        submission: Submission,
        room: Room,
    ) -> Result<Option<Signed<Receipt>>, Rejection> {
        let (id, me) = (self.id, turn.me());
        // Shared, not copied: a closed list may be long.
        let computation = self.computation.clone();
        let terms = computation.get();
        let unfolds_by = self.share_unfolds_by(&me);
        let Some(heavy) = self.heavy_mut() else { return Ok(None) };
        let (participant, digest) = (submission.manifest.signer(), submission.manifest.digest());
        let receipt = Receipt { computation: id, heavy: me, participant, manifest: digest };
        // A report of another shape is neither a report nor evidence.
        if submission.manifest.get().shares.len() != terms.heavy.len() {
            return Err(Rejection::Malformed);
        }
        if let Some(held) = heavy.held.get(&participant) {
            if held == digest {
                return Ok(Some(turn.sign(receipt)));
            }
            let held = heavy.may_exclude(&participant).then(|| turn.manifest(id, participant)).flatten();
            if let Some(exclusion) = held.and_then(|held| Exclusion::new(&held, &submission.manifest)) {
                heavy.keep_exclusion(turn, id, exclusion);
            }
            return Err(Rejection::OtherReport);
        }
        if !matches!(heavy.step, Step::Collecting) || turn.now >= terms.deadline {
            return Err(Rejection::Closed);
        }
        let sees_the_sum = terms.has_heavy(&participant) && !terms.is_by_invitation();
        if !terms.admits(&participant) || sees_the_sum {
            return Err(Rejection::NotInvited);
        }
        let room = if room == Room::Left { heavy.held.room_for(&submission, unfolds_by) } else { room };
        if heavy.reports() >= terms.max_participants || room == Room::None {
            return Err(Rejection::Full);
        }
        let share = submission.share.expose();
        let position = terms.heavy.iter().position(|other| *other == me);
        let promised = position.and_then(|position| submission.manifest.get().shares.get(position));
        let given = share_digest(id, participant, me, &submission.blind, share);
        let public = &submission.manifest.get().public;
        let shaped = position
            .zip(heavy.scheme(terms))
            .is_some_and(|(position, scheme)| scheme.check_share(position, public, share).is_ok());
        let fits = shaped && promised == Some(&given);
        if !fits {
            return Err(Rejection::Malformed);
        }
        heavy.held.insert(&HeldShare::of(&submission));
        turn.persist(Record::Held(submission));
        Ok(Some(turn.sign(receipt)))
    }

    /// After a report has come in: tell the proposer soon, and the other heavy nodes if the closed list is complete.
    fn note_intake(&mut self, turn: &mut Turn<'_>) {
        let id = self.id;
        if let Some(heavy) = self.heavy_mut().filter(|heavy| heavy.progress == Progress::Told) {
            heavy.progress = Progress::Due;
            turn.set_timer(Timer::Progress(id), turn.now + PROGRESS_EVERY);
        }
        self.changed(turn);
        self.say_complete(turn);
    }

    /// Time to tell the proposer how many reports there are.
    pub fn on_progress_due(&mut self, turn: &mut Turn<'_>) {
        let (id, proposer) = (self.id, self.terms().proposer);
        if let Some(heavy) = self.heavy_mut() {
            heavy.progress = Progress::Told;
            turn.send(proposer, Message::Progress { computation: id, reports: heavy.reports() });
        }
    }

    /// With a closed list of which everybody has reported: says so to the other heavy nodes.
    pub fn say_complete(&mut self, turn: &mut Turn<'_>) {
        let (id, me) = (self.id, turn.me());
        let Some(digest) = self.complete_digest() else { return };
        if let Some(heavy) = self.heavy_mut() {
            heavy.said.complete.insert(me, digest);
        }
        for other in self.others(me) {
            turn.send(other, Message::Complete { computation: id, list: digest });
        }
        self.retry_later(turn);
        self.close_if_unanimous(turn);
    }

    /// The digest of this node's list, if it collects for a closed list and lacks nobody.
    fn complete_digest(&self) -> Option<Digest> {
        let invited = self.terms().participants.as_ref()?;
        let heavy = self.heavy().filter(|heavy| matches!(heavy.step, Step::Collecting))?;
        // Only who is invited is taken in, so with fewer reports somebody is lacking.
        let complete = heavy.held.len() >= invited.len()
            && invited.iter().all(|participant| heavy.held.contains(participant));
        complete.then(|| heavy.would_be_list().digest(self.id))
    }

    /// Another heavy node lacks nobody of the closed list, and this would be its list. Whoever has closed already shows its
    /// close: that node has forgotten in a restart what the others had said, and they do not say it again.
    pub fn on_complete(&mut self, turn: &mut Turn<'_>, from: PeerId, list: Digest) {
        let own_close = self.heavy().and_then(|heavy| heavy.said.closes.get(&turn.me()).cloned());
        match own_close {
            _ if !self.terms().has_heavy(&from) => {
                turn.ignore(from, "complete", "it is none of the heavy nodes");
            }
            _ if self.terms().participants.is_none() => {
                turn.ignore(from, "complete", "there is no list of participants");
            }
            Some(close) => {
                // What it has said before holds no more; this node's close is about its own list.
                if let Some(heavy) = self.heavy_mut() {
                    heavy.said.complete.retain(|other, said| *other != from || *said == list);
                }
                turn.send(from, Message::Close(close));
                self.send_decided_lists(turn, from);
            }
            None => self.keep_complete(turn, from, list),
        }
    }

    /// Another heavy node has said "complete", or has closed, which says as much.
    pub(super) fn keep_complete(&mut self, turn: &mut Turn<'_>, from: PeerId, list: Digest) {
        if let Some(heavy) = self.heavy_mut() {
            heavy.said.complete.insert(from, list);
            self.close_if_unanimous(turn);
        }
    }

    /// Closes before the deadline when all heavy nodes say "complete" over equal lists.
    fn close_if_unanimous(&mut self, turn: &mut Turn<'_>) {
        // Before the digest of a list that others are not done with.
        let all_say_so = self.heavy().is_some_and(|heavy| {
            self.terms().heavy.iter().all(|other| heavy.said.complete.contains_key(other))
        });
        let Some(digest) = all_say_so.then(|| self.complete_digest()).flatten() else { return };
        let unanimous = self.heavy().is_some_and(|heavy| {
            self.terms().heavy.iter().all(|other| heavy.said.complete.get(other) == Some(&digest))
        });
        if unanimous {
            self.close(turn);
        }
    }

    /// A participant hands over the receipts that the heavy nodes gave it.
    pub fn on_receipts(&mut self, turn: &mut Turn<'_>, from: PeerId, receipts: Vec<Signed<Receipt>>) {
        let (id, me, heavy_nodes) = (self.id, turn.me(), self.terms().heavy.clone());
        let Some(heavy) = self.heavy() else { return };
        // Only for reports that this node holds, so that nobody fills its store.
        let Some(held) = heavy.held.get(&from) else { return };
        let mut given: BTreeMap<PeerId, Signed<Receipt>> = BTreeMap::new();
        for receipt in receipts {
            let said = receipt.get();
            let fits = said.computation == id && said.participant == from && said.manifest == held;
            if fits && said.heavy != me && heavy_nodes.contains(&said.heavy) {
                given.insert(said.heavy, receipt);
            }
        }
        let receipts: Vec<_> = given.into_values().collect();
        // They matter once the lists are known, which may be after a restart. What they cost is bounded: room for them was counted
        // with the report, of which there is one a participant, and each time that they are told costs its sender a message of its quota.
        let early = matches!(heavy.step, Step::Collecting | Step::Closed { .. });
        if early && !receipts.is_empty() && turn.receipts(id, from) != receipts {
            turn.persist(Record::Receipts { computation: id, participant: from, receipts: receipts.clone() });
        }
        self.check_receipts(turn, &receipts);
    }
}

impl Heavy {
    /// The list that a close would sign now.
    pub(super) fn would_be_list(&self) -> List {
        self.held.list(self.exclusions.clone())
    }

    /// Whether evidence against a participant would be news, and there is room for it.
    pub(super) fn may_exclude(&self, participant: &PeerId) -> bool {
        !self.exclusions.contains_key(participant) && self.exclusions.len() < EXCLUSIONS_MAX
    }

    /// Keeps the proof that a participant sent two reports.
    pub(super) fn keep_exclusion(&mut self, turn: &mut Turn<'_>, id: ComputationId, exclusion: Exclusion) {
        let participant = exclusion.participant();
        if !self.may_exclude(&participant) {
            return;
        }
        turn.blame(id, participant, FaultProof::TwoReports(Box::new(exclusion.clone())));
        self.exclusions.insert(participant, exclusion);
    }
}
