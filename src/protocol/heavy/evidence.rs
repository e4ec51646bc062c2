//! Evidence: statements that no honest heavy node makes. Each ends the computation and names its signer.

use super::Heavy;
use super::lists::Listing;
use crate::domain::{ComputationId, Failure, PeerId};
use crate::protocol::entry::Entry;
use crate::protocol::turn::Turn;
use crate::wire::{Close, Entry as ListEntry, FaultProof, Freeze, Opening, Receipt, Signed, Vote};

impl Entry {
    /// Keeps the proof and ends the computation.
    pub(super) fn convict(&mut self, turn: &mut Turn<'_>, culprit: PeerId, proof: FaultProof) {
        let evidence = turn.blame(self.id, culprit, proof);
        self.fail(turn, Failure::Misconduct { heavy: culprit, evidence });
    }

    /// Keeps a close, or convicts the signer of a second one.
    pub(super) fn keep_close(&mut self, turn: &mut Turn<'_>, close: Signed<Close>) -> bool {
        let said = close.get();
        if said.computation != self.id || !self.terms().has_heavy(&said.heavy) {
            return false;
        }
        let signer = close.signer();
        let Some(heavy) = self.heavy_mut() else { return false };
        let first = heavy.said.closes.entry(signer).or_insert_with(|| close.clone()).clone();
        if first.get().list == close.get().list {
            return true;
        }
        self.convict(turn, signer, FaultProof::TwoLists(first, close));
        false
    }

    /// Keeps a freeze whose closes are known, or convicts its signer.
    pub(super) fn keep_freeze(&mut self, turn: &mut Turn<'_>, freeze: Signed<Freeze>) -> bool {
        let signer = freeze.signer();
        let Some(heavy) = self.heavy_mut() else { return false };
        let first = heavy.said.freezes.entry(signer).or_insert_with(|| freeze.clone()).clone();
        if first.get() == freeze.get() {
            return true;
        }
        self.convict(turn, signer, FaultProof::TwoFreezes(first, freeze));
        false
    }

    /// Keeps a vote, or convicts the signer of a second one.
    pub(super) fn keep_vote(&mut self, turn: &mut Turn<'_>, vote: Signed<Vote>) -> bool {
        let signer = vote.signer();
        let Some(heavy) = self.heavy_mut() else { return false };
        let first = heavy.said.votes.entry(signer).or_insert_with(|| vote.clone()).clone();
        if first.get() == vote.get() {
            return true;
        }
        self.convict(turn, signer, FaultProof::TwoVotes(first, vote));
        false
    }

    /// With every list at hand: whoever gave a receipt for a report and left it out is convicted. `false` then.
    pub(super) fn check_left_out(&mut self, turn: &mut Turn<'_>) -> bool {
        let (id, me) = (self.id, turn.me());
        let guilty = self.heavy().and_then(|heavy| {
            let mut others = self.terms().heavy.iter().filter(|other| **other != me);
            others.find_map(|other| heavy.left_out_by(turn, id, other))
        });
        let innocent = guilty.is_none();
        if let Some((culprit, proof)) = guilty {
            self.convict(turn, culprit, proof);
        }
        innocent
    }

    /// Receipts that came after the lists were known.
    pub(super) fn check_receipts(&mut self, turn: &mut Turn<'_>, receipts: &[Signed<Receipt>]) {
        let me = turn.me();
        let guilty =
            self.heavy().and_then(|heavy| receipts.iter().find_map(|receipt| heavy.left_out(me, receipt)));
        if let Some((culprit, proof)) = guilty {
            self.convict(turn, culprit, proof);
        }
    }

    /// This node's freeze is made: every other one must follow from the same lists and name the same set.
    /// Otherwise its signer is convicted.
    pub(super) fn check_freezes(&mut self, turn: &mut Turn<'_>) {
        let Some(heavy) = self.heavy() else { return };
        let Some(own) = heavy.said.freezes.get(&turn.me()).map(|freeze| freeze.get().clone()) else { return };
        let same = |freeze: &Freeze| {
            (&freeze.lists, freeze.frozen, freeze.participants) == (&own.lists, own.frozen, own.participants)
        };
        let wrong = heavy.said.freezes.values().find(|freeze| !same(freeze.get())).cloned();
        if let Some(wrong) = wrong {
            let closes = heavy.said.closes.values().cloned().collect();
            self.convict(turn, wrong.signer(), FaultProof::WrongFreeze(wrong, closes));
        }
    }

    /// A vote must be for the set that its signer froze, less what did not verify; and what did not verify is the same
    /// for all who judge by the same commitments.
    pub(super) fn check_votes(&mut self, turn: &mut Turn<'_>) {
        let proven = self.terms().sharing.is_proven();
        let Some(heavy) = self.heavy() else { return };
        let own = heavy.said.votes.get(&turn.me()).map(Signed::get);
        let other_verdict = heavy.said.votes.values().find(|vote| {
            let contradicts = |own: &Vote| {
                own.verifications == vote.get().verifications && !own.is_for_the_set_of(vote.get())
            };
            proven && own.is_some_and(contradicts)
        });
        if let Some(vote) = other_verdict.cloned() {
            let proof = FaultProof::WrongVerdict(vote.clone(), self.verifications());
            self.convict(turn, vote.signer(), proof);
            return;
        }
        let wrong = heavy.said.votes.values().find_map(|vote| {
            let freeze = heavy.said.freezes.get(&vote.signer())?;
            let (froze, votes) = (freeze.get(), vote.get());
            let less = votes.participants.checked_add(votes.unverified) != Some(froze.participants);
            let same_size = votes.unverified == 0 || !proven;
            let differs = less || (same_size && (votes.unverified != 0 || froze.frozen != votes.accepted));
            differs.then(|| (freeze.clone(), vote.clone()))
        });
        if let Some((freeze, vote)) = wrong {
            self.convict(turn, vote.signer(), FaultProof::WrongVote(freeze, vote));
        }
    }

    /// An opening that does not match its vote.
    pub(super) fn convict_opening(
        &mut self,
        turn: &mut Turn<'_>,
        vote: Signed<Vote>,
        opening: Signed<Opening>,
    ) {
        self.convict(turn, vote.signer(), FaultProof::WrongOpening(vote, opening));
    }
}

impl Heavy {
    /// What convicts a heavy node whose list differs from this node's own: a receipt for something that is not on it.
    fn left_out_by(&self, turn: &Turn<'_>, id: ComputationId, other: &PeerId) -> Option<(PeerId, FaultProof)> {
        let Some(Listing::Other(told)) = self.list_of(turn.me(), other) else { return None };
        let mut lacking = told.left_out().chain(self.held.unlisted());
        lacking.find_map(|participant| {
            let given = turn.receipts(id, participant).into_iter();
            let mut given = given.filter(|receipt| receipt.get().heavy == *other);
            given.find_map(|receipt| self.left_out(turn.me(), &receipt))
        })
    }

    /// What convicts the giver of a receipt: its list is known, without the report and without evidence against the
    /// participant.
    fn left_out(&self, me: PeerId, receipt: &Signed<Receipt>) -> Option<(PeerId, FaultProof)> {
        let said = receipt.get();
        let (close, list) = (self.said.closes.get(&said.heavy)?, self.list_of(me, &said.heavy)?);
        let entry = ListEntry { participant: said.participant, manifest: said.manifest };
        let missing = !list.contains(&entry) && !list.excludes(&said.participant);
        missing.then(|| (said.heavy, FaultProof::ReportLeftOut(receipt.clone(), close.clone())))
    }
}
