//! The light node: from a question to one report, persisted whole before its first share is sent.

use std::collections::BTreeMap;
use std::time::Duration;

use rand_chacha::rand_core::Rng;

use super::action::Notice;
use super::entry::{Answers, Entry, Stage};
use super::event::{SourceProblem, Timer};
use super::turn::Turn;
use super::view::OwnPart;
use crate::consent::{Decision, Doubt, Summary};
use crate::domain::{Failure, PeerId, Refusal, Standing};
use crate::sharing::{Secret, Split};
use crate::statistics::{self, Reading};
use crate::wire::{
    Decider, LedgerDecision, LedgerEntry, LedgerReason, Manifest, Message, Receipt, Record, Rejection, Signed,
    Submission, share_digest,
};

/// Time to the first repetition of a share; it doubles with every further one.
const SUBMIT_AGAIN: Duration = Duration::from_millis(400);
/// The longest time between repetitions.
const SUBMIT_AGAIN_MAX: Duration = Duration::from_secs(5);

/// A report on its way: one submission a heavy node, in their order.
#[derive(Debug)]
pub(super) struct Answering {
    submissions: Vec<Submission>,
    receipts: BTreeMap<PeerId, Signed<Receipt>>,
    rejections: BTreeMap<PeerId, Rejection>,
    attempts: u32,
}

impl Answering {
    /// A report that is new or was restored; receipts are given again for the asking.
    pub const fn new(submissions: Vec<Submission>) -> Self {
        Self { submissions, receipts: BTreeMap::new(), rejections: BTreeMap::new(), attempts: 0 }
    }

    fn settled(&self, heavy: &PeerId) -> bool {
        self.receipts.contains_key(heavy) || self.rejections.contains_key(heavy)
    }
}

impl Entry {
    /// Decides about a question that is new to this node, given the policy's word.
    pub fn consider(&mut self, turn: &mut Turn<'_>, decision: Decision) {
        if !self.is_undecided(turn.now) {
            return;
        }
        // By invitation this node has been there from the first.
        if turn.settings().forgets(self.terms().proposed_at) && !self.terms().is_by_invitation() {
            self.decline(turn, Standing::MemoryTooYoung, None);
            return;
        }
        match decision {
            // Whoever asks has consented to answer.
            _ if self.terms().proposer == turn.me() => self.read_source(turn),
            Decision::Answer => self.read_source(turn),
            Decision::Ask(doubt) => self.wait_for_owner(turn, doubt),
            Decision::Decline(doubt) => self.decline(turn, Standing::Declined, Some(doubt)),
        }
    }

    /// The owner agrees to a waiting question.
    pub fn on_approve(&mut self, turn: &mut Turn<'_>) {
        if matches!(self.own, OwnPart::Waiting(_)) && turn.now < self.terms().deadline {
            self.read_source(turn);
        }
    }

    /// The owner refuses a waiting question.
    pub fn on_decline(&mut self, turn: &mut Turn<'_>) {
        if matches!(self.own, OwnPart::Waiting(_)) {
            self.decline(turn, Standing::Declined, None);
        }
    }

    /// The owner answers a waiting question by hand. What does not fit has never come this far: the control API has
    /// told the owner.
    pub fn on_answer(&mut self, turn: &mut Turn<'_>, reading: &Reading) {
        if matches!(self.own, OwnPart::Waiting(_)) {
            self.report(turn, reading);
        }
    }

    /// The source was read.
    pub fn on_source_read(&mut self, turn: &mut Turn<'_>, outcome: Result<Reading, SourceProblem>) {
        self.reading = None;
        match outcome {
            Ok(reading) => self.on_reading(turn, &reading),
            Err(SourceProblem::NoSuchField) => self.wait_for_owner(turn, Doubt::NoSource),
            // Everybody waits for this node: its owner may know the value.
            Err(SourceProblem::Unreadable) if self.terms().is_by_invitation() => {
                self.wait_for_owner(turn, Doubt::SourceUnreadable);
            }
            Err(SourceProblem::Unfit) if self.terms().is_by_invitation() => {
                self.wait_for_owner(turn, Doubt::SourceUnfit);
            }
            Err(SourceProblem::Unreadable | SourceProblem::Unfit) => {
                self.decline(turn, Standing::ValueUnfit, None);
            }
        }
    }

    /// The policy's second word, now that it is known what would be answered. Who asks has consented already. An owner who
    /// has agreed could not know this: it is asked once more.
    fn on_reading(&mut self, turn: &mut Turn<'_>, reading: &Reading) {
        let agreed = matches!(self.own, OwnPart::Waiting(_)) || self.terms().is_by_invitation();
        let asks = self.terms().proposer == turn.me();
        let summary = Summary { records: reading.records(), smallest_cell: reading.smallest_cell() };
        let verdicts = turn.settings().policy.verdicts_on_reading(summary);
        let new = verdicts.into_iter().filter(|verdict| !self.told.contains(&verdict.rule));
        match Decision::strictest(new) {
            _ if asks => self.report(turn, reading),
            Decision::Answer => self.report(turn, reading),
            Decision::Decline(doubt) if !agreed => self.decline(turn, Standing::Declined, Some(doubt)),
            Decision::Ask(doubt) | Decision::Decline(doubt) => self.wait_for_owner(turn, doubt),
        }
    }

    /// Whoever asks has consented to answer, and so has who takes a seat by invitation.
    pub fn is_own_wish(&self, me: PeerId) -> bool {
        self.terms().proposer == me || self.terms().is_by_invitation()
    }

    /// What the owner has said before the computation was there.
    pub fn on_input(&mut self, turn: &mut Turn<'_>, reading: &Reading) {
        self.report(turn, reading);
    }

    fn read_source(&mut self, turn: &mut Turn<'_>) {
        if self.reading.is_none() {
            self.reading = Some(turn.now);
            turn.read_source(self.id);
        }
    }

    pub fn wait_for_owner(&mut self, turn: &mut Turn<'_>, doubt: Doubt) {
        if matches!(&self.own, OwnPart::Waiting(before) if *before == doubt) || !self.may_decide() {
            return;
        }
        self.told.insert(doubt.rule());
        self.own = OwnPart::Waiting(doubt.clone());
        turn.tell(Notice::WaitsForOwner { computation: self.id, why: doubt });
        let standing = self.told_standing();
        self.stand(turn, standing);
        self.changed(turn);
    }

    /// No answer, for ever; `doubt` is the policy's, if that is what declines unattended.
    fn decline(&mut self, turn: &mut Turn<'_>, standing: Standing, doubt: Option<Doubt>) {
        if !self.may_decide() {
            return;
        }
        self.enter(turn, LedgerDecision::Declined(standing), doubt.as_ref(), None);
        self.own = OwnPart::Declined(standing);
        turn.tell(Notice::Declined { computation: self.id, standing, why: doubt });
        let told = self.told_standing();
        self.stand(turn, told);
        self.changed(turn);
        if self.cannot_do_without(&turn.me()) {
            let refused = Failure::Refused { heavy: turn.me(), refusal: Refusal::Declined };
            self.fail(turn, refused);
        }
    }

    /// What the proposer is told instead of a report: never whether the value fits, nor how old the store is.
    pub const fn told_standing(&self) -> Option<Standing> {
        match self.own {
            OwnPart::None | OwnPart::Answered => None,
            OwnPart::Waiting(Doubt::NoSource) => Some(Standing::NoSuchField),
            OwnPart::Waiting(_) => Some(Standing::WaitsForOwner),
            OwnPart::Declined(_) => Some(Standing::Declined),
        }
    }

    fn stand(&self, turn: &mut Turn<'_>, standing: Option<Standing>) {
        let message = Message::Stand { computation: self.id, standing };
        turn.send(self.terms().proposer, message);
    }

    /// A decision can still be made: no report, no decline.
    const fn may_decide(&self) -> bool {
        matches!(self.stage, Stage::Running { light: Some(Answers::NotYet), .. })
            && matches!(self.own, OwnPart::None | OwnPart::Waiting(_))
    }

    /// Splits, persists, and only then sends. There is one report, for ever.
    fn report(&mut self, turn: &mut Turn<'_>, reading: &Reading) {
        if !self.may_decide() || turn.now >= self.terms().deadline {
            return;
        }
        let Some(submissions) = self.submissions(turn, reading.measurement()) else {
            self.decline(turn, Standing::ValueUnfit, None);
            return;
        };
        turn.persist(Record::Report(submissions.clone()));
        self.enter(turn, LedgerDecision::Answered, None, Some(reading.records()));
        if matches!(self.own, OwnPart::Waiting(_)) {
            self.stand(turn, None);
        }
        self.own = OwnPart::Answered;
        turn.tell(Notice::Answered(self.id));
        self.resume_answering(turn, submissions);
        self.changed(turn);
    }

    /// Takes up a report from the store. A crash may have come between it and the ledger.
    pub fn restore_report(&mut self, turn: &mut Turn<'_>, submissions: Vec<Submission>) {
        if self.own != OwnPart::Answered {
            self.enter(turn, LedgerDecision::Answered, None, None);
            self.own = OwnPart::Answered;
        }
        self.resume_answering(turn, submissions);
    }

    /// Starts to send a report that is persisted.
    fn resume_answering(&mut self, turn: &mut Turn<'_>, submissions: Vec<Submission>) {
        if let Stage::Running { light: Some(answers), .. } = &mut self.stage {
            *answers = Answers::Report(Answering::new(submissions));
            self.submit_again(turn);
        }
    }

    /// The whole report, one submission a heavy node; `None` for a measurement that the scheme does not take.
    fn submissions(&self, turn: &mut Turn<'_>, measurement: &Secret<Vec<u128>>) -> Option<Vec<Submission>> {
        let (id, me) = (self.id, turn.me());
        let heavy_nodes = self.terms().heavy.clone();
        let mut nonce = [0; 16];
        turn.rng().fill_bytes(&mut nonce);
        let scheme = statistics::scheme(self.terms()).ok()?;
        let Split { public, shares } = scheme.split(id.as_bytes(), &nonce, measurement, turn.rng()).ok()?;
        let blinds: Vec<Secret<[u8; 32]>> = heavy_nodes.iter().map(|_| turn.secret_bytes()).collect();
        let digests = heavy_nodes
            .iter()
            .zip(&blinds)
            .zip(&shares)
            .map(|((heavy, blind), share)| share_digest(id, me, *heavy, blind, share.expose()))
            .collect();
        let manifest = turn.sign(Manifest { computation: id, participant: me, nonce, public, shares: digests });
        let parts = blinds.into_iter().zip(shares);
        Some(parts.map(|(blind, share)| Submission { manifest: manifest.clone(), blind, share }).collect())
    }

    /// Writes the decision into the owner's ledger; `doubt` is the policy's, if that is what declines unattended.
    fn enter(
        &mut self,
        turn: &mut Turn<'_>,
        decision: LedgerDecision,
        doubt: Option<&Doubt>,
        records: Option<u64>,
    ) {
        let terms = self.terms();
        let waited_for = match &self.own {
            OwnPart::Waiting(doubt) => Some(doubt),
            OwnPart::None | OwnPart::Answered | OwnPart::Declined(_) => None,
        };
        let decider = match decision {
            LedgerDecision::Declined(
                Standing::ValueUnfit | Standing::MemoryTooYoung | Standing::NoSuchField,
            ) => Decider::Node,
            LedgerDecision::Answered if terms.proposer == turn.me() => Decider::Asker,
            LedgerDecision::Answered | LedgerDecision::Declined(_) if terms.is_by_invitation() => {
                Decider::Owner
            }
            LedgerDecision::Answered | LedgerDecision::Declined(_) if waited_for.is_some() => Decider::Owner,
            LedgerDecision::Answered | LedgerDecision::Declined(_) => Decider::Policy,
        };
        let reason = doubt.or(waited_for);
        let reason = reason.map(|why| LedgerReason { rule: why.rule().to_string(), words: why.to_string() });
        let listed = terms.participants.as_ref();
        let entry = LedgerEntry {
            computation: self.id,
            proposer: terms.proposer,
            prompt: terms.prompt.clone(),
            statistic: terms.query.statistic,
            fields: terms.query.fields.iter().map(|field| field.name.clone()).collect(),
            min_participants: terms.min_participants,
            listed: listed.map(|listed| u32::try_from(listed.len()).unwrap_or(u32::MAX)),
            participants: terms.participants.clone(),
            noise: terms.noise,
            at: turn.now,
            decision,
            decider,
            reason,
            records,
        };
        turn.persist(Record::Ledger(entry.clone()));
        self.ledger = Some(Box::new(entry));
    }

    /// Sends its share to each heavy node that has neither given a receipt nor refused.
    pub fn submit_again(&mut self, turn: &mut Turn<'_>) {
        let (id, terms) = (self.id, self.computation.get().clone());
        let Some(answering) = self.answering_mut() else { return };
        let missing: Vec<_> = terms
            .heavy
            .iter()
            .zip(&answering.submissions)
            .filter(|(heavy, _)| !answering.settled(heavy))
            .collect();
        if missing.is_empty() || turn.now >= terms.deadline {
            return;
        }
        for (heavy, submission) in missing {
            turn.send(*heavy, Message::Submit(submission.clone()));
        }
        let wait = (SUBMIT_AGAIN * 2_u32.saturating_pow(answering.attempts.min(8))).min(SUBMIT_AGAIN_MAX);
        answering.attempts += 1;
        let at = turn.now + turn.jittered(wait);
        turn.set_timer(Timer::Retry(id), at);
    }

    /// A heavy node is there again: it gets its share at once.
    pub fn submit_to(&mut self, turn: &mut Turn<'_>, heavy: PeerId) {
        let terms = self.computation.get().clone();
        let Some(answering) = self.answering_mut() else { return };
        let position = terms.heavy.iter().position(|other| *other == heavy);
        let submission = position.and_then(|position| answering.submissions.get(position));
        if let Some(submission) = submission.filter(|_| !answering.settled(&heavy))
            && turn.now < terms.deadline
        {
            turn.send(heavy, Message::Submit(submission.clone()));
        }
    }

    /// A heavy node holds its share. With the last receipt, every heavy node gets those of all others: whoever leaves this
    /// report out is then found out.
    pub fn on_receipt(&mut self, turn: &mut Turn<'_>, from: PeerId, receipt: Signed<Receipt>) {
        let (id, me, heavy_nodes) = (self.id, turn.me(), self.terms().heavy.clone());
        // Under threshold sharing some may be gone.
        let enough = heavy_nodes.len() - self.terms().survives();
        let Some(answering) = self.answering_mut() else { return };
        let Some(first) = answering.submissions.first() else { return };
        let said = receipt.get();
        let expected =
            Receipt { computation: id, heavy: from, participant: me, manifest: first.manifest.digest() };
        if *said != expected || !heavy_nodes.contains(&from) {
            turn.ignore(from, "receipt", "it is not for this node's report");
            return;
        }
        let new = answering.receipts.insert(from, receipt).is_none();
        if new && answering.receipts.len() >= enough {
            let receipts: Vec<_> = answering.receipts.values().cloned().collect();
            for heavy in heavy_nodes {
                // Its own it knows, and checking a signature costs it more than all else about a report.
                let of_others = receipts.iter().filter(|receipt| receipt.signer() != heavy);
                turn.send(heavy, Message::Receipts(of_others.cloned().collect()));
            }
            self.changed(turn);
        }
    }

    /// A heavy node does not take it, now or later.
    pub fn on_reject(&mut self, turn: &mut Turn<'_>, from: PeerId, rejection: Rejection) {
        if !self.terms().has_heavy(&from) {
            return;
        }
        let Some(answering) = self.answering_mut() else { return };
        let why = match rejection {
            Rejection::Closed => "the heavy node has closed",
            Rejection::Full => {
                "the heavy node holds as many reports as the computation allows or its memory takes"
            }
            Rejection::OtherReport => "the heavy node holds another report of this node",
            Rejection::Malformed => "the heavy node says that the share does not match its report",
            Rejection::NotInvited => "the heavy node says that this node is not on the closed list",
        };
        turn.ignore(from, "reject", why);
        answering.rejections.insert(from, rejection);
    }
}
