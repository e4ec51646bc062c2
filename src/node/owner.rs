//! What the owner asks about policy and ledger, answered.

use super::api::refused;
use super::recall::Sets;
use super::runtime::Runtime;
use super::subjects::Subject;
use super::{references, render};
use crate::consent::{Decision, Policy, Rule, Verdict};
use crate::control::{ApiError, LedgerLine, LedgerView, PolicyTest, PolicyView, Reply, RuleVerdict, RuleView};
use crate::domain::limits::LEDGER_SHOWN_MAX;
use crate::domain::{ComputationId, Role};
use crate::protocol::Judgement;
use crate::wire::{Decider, LedgerDecision, LedgerEntry};

impl Runtime {
    /// # Errors
    /// `light_only` at a heavy node.
    pub(super) fn policy(&self) -> Result<Reply, ApiError> {
        self.only_light("no policy")?;
        let rules = self.policy.lines().into_iter().map(|line| RuleView {
            rule: line.rule,
            value: line.value,
            from: line.from.to_string(),
        });
        let node = self.own.uid().to_string();
        let preset = self.policy.preset.to_string();
        Ok(Reply::Policy(PolicyView { node, preset, rules: rules.collect() }))
    }

    /// # Errors
    /// `no_such_computation`, `ambiguous_computation`.
    pub(super) fn policy_test(&self, reference: &str) -> Result<Reply, ApiError> {
        let id = match self.meant(reference)? {
            Subject::Invitation(view) => return Ok(Reply::PolicyTest(by_invitation(view.id))),
            Subject::Computation(view, _) => view.id,
            Subject::Pruned(recalled) => {
                let id = recalled.view().id;
                let message = format!("{id} ended so long ago that this node no longer weighs it");
                let hint = format!(
                    "`formix-p2p status {id}` shows how it ended, `formix-p2p ledger` what was done with it"
                );
                return Err(refused(("pruned", 1), message, hint));
            }
        };
        let judgement =
            self.node.judge(id, self.now).ok_or_else(|| references::no_such_computation(reference))?;
        Ok(Reply::PolicyTest(tested(id, judgement, &self.policy)))
    }

    /// # Errors
    /// `light_only` at a heavy node that has never answered: by invitation, heavy nodes answer too.
    pub(super) fn ledger(&self, field: Option<&str>) -> Result<Reply, ApiError> {
        let all = self.whole_ledger()?;
        if all.is_empty() {
            self.only_light("no ledger")?;
        }
        let about = |entry: &&LedgerEntry| field.is_none_or(|field| entry.fields.iter().any(|it| it == field));
        let total = all.iter().filter(about).count();
        let sets = self.whole_comparisons()?;
        let shown = all.iter().filter(about).take(LEDGER_SHOWN_MAX);
        let entries = shown.map(|entry| ledger_line(entry, &sets)).collect();
        Ok(Reply::Ledger(LedgerView { total, entries }))
    }

    fn only_light(&self, what: &str) -> Result<(), ApiError> {
        match self.role {
            Role::Light => Ok(()),
            Role::Heavy => Err(ApiError {
                code: "light_only".to_owned(),
                message: format!("{} is a heavy node: it owns no data, so it has {what}", self.own.uid()),
                hint: "name a light node with --node".to_owned(),
                exit: 2,
            }),
        }
    }
}

fn ledger_line(entry: &LedgerEntry, sets: &Sets) -> LedgerLine {
    let id = entry.computation;
    LedgerLine {
        members: sets.members_of(id),
        similar: sets.similar_to(id).iter().map(render::similar).collect(),
        ..line(entry)
    }
}

/// An invitation whose parties are not fixed yet.
fn by_invitation(id: ComputationId) -> PolicyTest {
    PolicyTest {
        id: id.to_string(),
        decision: "answer".to_owned(),
        rule: None,
        reason: Some(
            "it is by invitation: whoever takes a seat has consented, and once everybody is there only what is said of \
             its fields and earlier answers about them count"
                .to_owned(),
        ),
        rules: Vec::new(),
    }
}

fn tested(id: ComputationId, judgement: Judgement, policy: &Policy) -> PolicyTest {
    let short = |decision: &str, reason: &str| PolicyTest {
        id: id.to_string(),
        decision: decision.to_owned(),
        rule: None,
        reason: Some(reason.to_owned()),
        rules: Vec::new(),
    };
    match judgement {
        Judgement::NotAsked => short("none", "this node is not among those that it is put to"),
        Judgement::OwnQuestion => short("answer", "this node asked it, and whoever asks has consented"),
        Judgement::MemoryTooYoung => {
            short("decline", "it may be older than this node's memory, so it may have been answered before")
        }
        Judgement::Rules(verdicts) => {
            let mut rules: Vec<_> = verdicts.iter().map(shown).collect();
            rules.extend(later(policy));
            let decision = Decision::strictest(verdicts);
            PolicyTest {
                id: id.to_string(),
                decision: word(&decision).to_owned(),
                rule: decision.doubt().map(|doubt| doubt.rule().to_string()),
                reason: decision.doubt().map(ToString::to_string),
                rules,
            }
        }
    }
}

/// What is known once the source is read; a rule that nothing can break allows it now.
fn later(policy: &Policy) -> [RuleVerdict; 3] {
    let (records, cell) = (policy.min_records(), policy.smallest_cell());
    let source = Some("a source that has its fields".to_owned());
    let records = (records > 1).then(|| format!("{records} own records or more"));
    let cell = (cell > 1).then(|| format!("in a table, {cell} own records or none in every cell"));
    [(Rule::Source, source), (Rule::MinRecords, records), (Rule::SmallestCell, cell)].map(|(rule, needed)| {
        RuleVerdict {
            rule: rule.to_string(),
            verdict: if needed.is_some() { "later" } else { "answer" }.to_owned(),
            reason: needed.map(|needed| format!("needs {needed}, which is known once the source is read")),
        }
    })
}

fn shown(verdict: &Verdict) -> RuleVerdict {
    RuleVerdict {
        rule: verdict.rule.to_string(),
        verdict: word(&verdict.decision).to_owned(),
        reason: verdict.decision.doubt().map(ToString::to_string),
    }
}

const fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Answer => "answer",
        Decision::Ask(_) => "ask",
        Decision::Decline(_) => "decline",
    }
}

fn line(entry: &LedgerEntry) -> LedgerLine {
    let (decision, because) = match entry.decision {
        LedgerDecision::Answered => ("answered", None),
        LedgerDecision::Declined(standing) => ("declined", Some(format!("this node {standing}"))),
    };
    let by = match entry.decider {
        Decider::Policy => "policy",
        Decider::Owner => "owner",
        Decider::Asker => "asker",
        Decider::Node => "node",
    };
    let reason = entry.reason.as_ref().map(|reason| reason.words.clone());
    LedgerLine {
        at: entry.at.to_string(),
        computation: entry.computation.to_string(),
        proposer: entry.proposer.uid().to_string(),
        proposer_peer_id: entry.proposer.to_string(),
        prompt: entry.prompt.clone(),
        statistic: entry.statistic.to_string(),
        fields: entry.fields.clone(),
        decision: decision.to_owned(),
        by: by.to_owned(),
        rule: entry.reason.as_ref().map(|reason| reason.rule.clone()),
        reason: match entry.decider {
            Decider::Node => because,
            Decider::Policy | Decider::Owner | Decider::Asker => reason,
        },
        min_participants: entry.min_participants,
        listed: entry.listed,
        members: None,
        similar: Vec::new(),
        records: entry.records,
        // Every decimal number is a JSON number.
        epsilon: entry.noise.and_then(|noise| noise.epsilon.to_string().parse().ok()),
    }
}
