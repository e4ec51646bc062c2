//! What a light node did with earlier questions, and what follows from it for the next one.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::entry::{Answers, Entry, Outcome, Stage};
use super::node::State;
use super::remembered::Listed;
use super::settings::Settings;
use super::turn::Turn;
use super::view::OwnPart;
use crate::consent::{Decision, Doubt, Earlier, History, Rule, Verdict};
use crate::domain::{ComputationId, Failure, PeerId, Standing, Timestamp};
use crate::statistics::Reading;
use crate::wire::{LedgerDecision, LedgerEntry};

/// What would become of a question if it came now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is not put to this node.
    NotAsked,
    /// This node asked it, and whoever asks has consented to answer.
    OwnQuestion,
    /// It may be older than this node's memory.
    MemoryTooYoung,
    /// What every rule says that needs no source, in their order.
    Rules(Vec<Verdict>),
}

/// What is left of the policy's word for a party by invitation. Its owner has agreed to the question and to the parties, not to a field
/// that is denied, nor to what earlier answers say: then it is asked, or types a value.
fn by_invitation(verdicts: Vec<Verdict>) -> impl Iterator<Item = Verdict> {
    let left = verdicts.into_iter().filter(|it| it.rule == Rule::Fields || it.rule.looks_back());
    left.map(|verdict| match verdict.decision {
        Decision::Decline(doubt) => Verdict { decision: Decision::Ask(doubt), ..verdict },
        Decision::Answer | Decision::Ask(_) => verdict,
    })
}

impl State {
    /// A light node decides about a question.
    pub fn consider(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        let Some(entry) = self.entries.get(&id).filter(|entry| entry.is_undecided(turn.now)) else {
            return;
        };
        if entry.terms().invitation.is_some_and(|it| self.answer_from_invitation(turn, id, it)) {
            return;
        }
        let Some(entry) = self.entries.get(&id) else { return };
        let history = self.history(entry, turn.me(), turn.now);
        let policy = &turn.settings().policy;
        let decision = if entry.terms().is_by_invitation() && entry.terms().proposer != turn.me() {
            Decision::strictest(by_invitation(policy.verdicts(entry.terms(), &history, turn.now)))
        } else {
            policy.decide(entry.terms(), &history, turn.now)
        };
        self.with(id, |entry| entry.consider(turn, decision));
    }

    /// The owner agrees to a waiting question.
    pub fn on_approve(&mut self, turn: &mut Turn<'_>, id: ComputationId) {
        match self.objection(turn, id) {
            Some(doubt) => self.with(id, |entry| entry.wait_for_owner(turn, doubt)),
            None => self.with(id, |entry| entry.on_approve(turn)),
        }
    }

    /// The owner answers a waiting question by hand.
    pub fn on_answer(&mut self, turn: &mut Turn<'_>, id: ComputationId, reading: &Reading) {
        match self.objection(turn, id) {
            Some(doubt) => self.with(id, |entry| entry.wait_for_owner(turn, doubt)),
            None => self.with(id, |entry| entry.on_answer(turn, reading)),
        }
    }

    /// What earlier answers say against a waiting question, if its owner was not told. Of two questions that waited together
    /// neither was an answer when the owner was asked; when the second is agreed to, the first is one.
    fn objection(&self, turn: &Turn<'_>, id: ComputationId) -> Option<Doubt> {
        let entry = self.entries.get(&id).filter(|entry| matches!(entry.own, OwnPart::Waiting(_)))?;
        if entry.is_own_wish(turn.me()) {
            return None;
        }
        let history = self.history(entry, turn.me(), turn.now);
        let verdicts = turn.settings().policy.verdicts(entry.terms(), &history, turn.now);
        let new = verdicts.into_iter().filter(|it| it.rule.looks_back() && !entry.told.contains(&it.rule));
        Decision::strictest(new).doubt().cloned()
    }

    /// What would become of this question if it came now.
    pub fn judge(&self, settings: &Settings, id: ComputationId, now: Timestamp) -> Option<Judgement> {
        let entry = self.entries.get(&id)?;
        let (terms, me) = (entry.terms(), settings.identity.peer());
        Some(match () {
            () if !terms.is_put_to(&me, settings.role) => Judgement::NotAsked,
            () if settings.forgets(terms.proposed_at) && !terms.is_by_invitation() => Judgement::MemoryTooYoung,
            () if terms.proposer == me => Judgement::OwnQuestion,
            () => {
                let verdicts = settings.policy.verdicts(terms, &self.history(entry, me, now), now);
                let among_parties = terms.is_by_invitation();
                Judgement::Rules(if among_parties { by_invitation(verdicts).collect() } else { verdicts })
            }
        })
    }

    /// What was done with the questions that this node has in memory, newest first.
    pub fn ledger(&self) -> Vec<&LedgerEntry> {
        let mut all: Vec<_> = self.entries.values().filter_map(|entry| entry.ledger.as_deref()).collect();
        all.sort_by_key(|entry| (std::cmp::Reverse(entry.at), entry.computation));
        all
    }

    /// The other questions that share a field with this one.
    fn history<'a>(&'a self, asked: &'a Entry, me: PeerId, now: Timestamp) -> History<'a> {
        let about: BTreeSet<_> = asked.terms().query.fields.iter().map(|field| field.name.as_str()).collect();
        let listed = self.ledger.listed().map(|(id, listed)| of_listed(id, listed, me));
        let counted = self.ledger.counted().map(|(fields, at, noise)| Earlier {
            // Names are for sets alone.
            computation: asked.id,
            fields: Cow::Borrowed(fields),
            answered_at: Some(at),
            noise,
            set: None,
        });
        let others = self.entries.values().filter(|entry| entry.id != asked.id);
        let known = others.map(|entry| entry.earlier(me, now));
        let shares_field =
            |earlier: &Earlier<'_>| earlier.fields.iter().any(|field| about.contains(field.as_str()));
        listed.chain(counted).chain(known).filter(shares_field).collect()
    }
}

impl Entry {
    /// Whether this node may still answer the question and has neither decided nor asked its owner.
    pub fn is_undecided(&self, now: Timestamp) -> bool {
        let open = matches!(self.stage, Stage::Running { light: Some(Answers::NotYet), .. });
        open && self.own == OwnPart::None && now < self.terms().deadline
    }

    /// This question as later ones look back at it.
    fn earlier(&self, me: PeerId, now: Timestamp) -> Earlier<'_> {
        let terms = self.terms();
        // What is being read is as good as answered.
        let answering = self.reading.filter(|_| self.ledger.is_none());
        let answered_at = answering.or_else(|| match (&self.ledger, &self.own) {
            (Some(entry), _) => counted_at(entry),
            (None, OwnPart::Waiting(doubt)) if tells(&doubt.rule().to_string()) => {
                Some(now.min(self.terms().deadline))
            }
            (None, OwnPart::Waiting(_) | OwnPart::None | OwnPart::Answered | OwnPart::Declined(_)) => None,
        });
        let is_in = answering.is_some() || self.own == OwnPart::Answered;
        let set = match &terms.participants {
            // When it is decided about, it is compared with this one.
            _ if self.reading.is_none() && self.is_undecided(now) => None,
            _ if self.revealed_nothing() => None,
            Some(listed) => Some(people(listed, me, is_in)),
            None => None,
        };
        let fields = terms.query.fields.iter().map(|field| field.name.clone()).collect();
        let noise = terms.noise.filter(|_| is_in);
        Earlier { computation: self.id, fields: Cow::Owned(fields), answered_at, noise, set }
    }

    /// Whether it ended so that no total can have been seen.
    const fn revealed_nothing(&self) -> bool {
        match &self.stage {
            Stage::Ended(Outcome::Failed { failure, .. }) => matches!(
                failure,
                Failure::InsufficientParticipants { .. }
                    | Failure::Refused { .. }
                    | Failure::Unreachable { .. }
                    | Failure::NeverAnnounced
                    | Failure::Withdrawn
            ),
            Stage::Ended(Outcome::Completed { .. } | Outcome::Impossible { .. })
            | Stage::Proposed { .. }
            | Stage::Running { .. } => false,
        }
    }
}

/// A question of which only the ledger is left.
fn of_listed(computation: ComputationId, listed: &Listed, me: PeerId) -> Earlier<'_> {
    Earlier {
        computation,
        fields: Cow::Borrowed(&**listed.fields),
        answered_at: listed.counted_at(),
        noise: listed.noise(),
        set: Some(people(&listed.names, me, listed.answered)),
    }
}

/// Whose values the total of a closed list may hold. If this node did not answer, the total is that of the others, which
/// can be subtracted from one that this node is in.
fn people(listed: &[PeerId], me: PeerId, is_in: bool) -> Cow<'_, [PeerId]> {
    if is_in {
        Cow::Borrowed(listed)
    } else {
        Cow::Owned(listed.iter().copied().filter(|peer| *peer != me).collect())
    }
}

/// When an answer was given that counts against the limits. Not to answer because of what was read tells something of it,
/// such as that a value lies outside the schema: that counts, or the value could be searched for, bound by bound.
pub(super) fn counted_at(entry: &LedgerEntry) -> Option<Timestamp> {
    let counts = match entry.decision {
        LedgerDecision::Answered | LedgerDecision::Declined(Standing::ValueUnfit) => true,
        LedgerDecision::Declined(Standing::Declined) => {
            entry.reason.as_ref().is_some_and(|reason| tells(&reason.rule))
        }
        LedgerDecision::Declined(
            Standing::WaitsForOwner | Standing::NoSuchField | Standing::MemoryTooYoung,
        ) => false,
    };
    counts.then_some(entry.at)
}

/// Whether not to answer by this rule tells something of what was read.
fn tells(rule: &str) -> bool {
    [Rule::MinRecords, Rule::SmallestCell].iter().any(|telling| telling.to_string() == rule)
}
