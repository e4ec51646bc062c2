//! A policy as its owner reads it: every rule, what it is set to, and who says so.

use std::fmt;

use super::policy::{FieldRule, FieldRules, NoiseNeed, Otherwise, Policy, Preset, Rate, Response, Trust};
use crate::domain::limits::POLICY_MIN_PARTICIPANTS;
use crate::domain::{Decimal, Unfit};

/// One rule and what it is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// As in `node.toml`, such as `asked_per_day` or `fields.age.rule`.
    pub rule: String,
    /// What it is set to, in words.
    pub value: String,
    /// Who says so.
    pub from: Origin,
}

/// Who has set a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The preset.
    Preset(Preset),
    /// The owner: `node.toml`, where `start` also writes its flags.
    Owner,
    /// The swarm key, which keeps strangers out.
    SwarmKey,
}

impl Policy {
    /// Every rule, in the order in which they are looked at; then what is no rule by itself.
    pub fn lines(&self) -> Vec<Line> {
        let rules = &self.rules;
        let mut lines: Vec<_> = rules.fields.iter().flat_map(|(field, said)| of_field(field, said)).collect();
        lines.extend([
            self.line("proposers", rules.proposers.as_ref(), |set| {
                set.map_or_else(|| "anyone".to_owned(), |peers| list(peers.iter().map(|peer| peer.uid())))
            }),
            self.line("statistics", rules.statistics.as_ref(), |set| {
                set.map_or_else(|| "all".to_owned(), list)
            }),
            Line {
                rule: "min_participants".to_owned(),
                value: self.min_participants.to_string(),
                from: self.origin(self.min_participants != POLICY_MIN_PARTICIPANTS),
            },
            self.trust_line(),
            self.line("trusted_heavy", rules.trusted_heavy, |_| {
                let needed = || "so many that the others cannot read a value".to_owned();
                self.trusted_heavy().map_or_else(needed, |number| number.to_string())
            }),
            self.line("asked_per_day", rules.asked_per_day, |_| self.asked_per_day().to_string()),
            self.line("noise_required", rules.noise, |_| {
                let required = match self.noise() {
                    NoiseNeed::Optional => "false",
                    NoiseNeed::Required => "true",
                };
                required.to_owned()
            }),
            self.line("epsilon_budget", rules.epsilon_budget, |budget| {
                budget.map_or_else(|| "unlimited".to_owned(), |budget| budget.to_string())
            }),
            self.line("similar_sets", rules.similar_sets, |_| self.similar_sets().to_string()),
            self.line("similar_below", rules.similar_below, |_| self.similar_below().to_string()),
            self.line("min_records", rules.min_records, |_| self.min_records().to_string()),
            self.line("smallest_cell", rules.smallest_cell, |_| self.smallest_cell().to_string()),
            self.line("unfit_rows", rules.unfit_rows, |_| unfit(self.unfit_rows()).to_owned()),
            self.line("otherwise", rules.otherwise, |_| self.otherwise().to_string()),
        ]);
        lines
    }

    fn line<T>(&self, rule: &str, said: Option<T>, value: impl FnOnce(Option<T>) -> String) -> Line {
        let from = self.origin(said.is_some());
        Line { rule: rule.to_owned(), value: value(said), from }
    }

    fn trust_line(&self) -> Line {
        let (value, from) = match &self.trust {
            Trust::WholeNetwork => ("every heavy node of the network".to_owned(), Origin::SwarmKey),
            Trust::Listed(listed) if listed.is_empty() => ("nobody".to_owned(), self.origin(false)),
            Trust::Listed(listed) => (list(listed.iter().map(|peer| peer.uid())), Origin::Owner),
        };
        Line { rule: "trust".to_owned(), value, from }
    }

    const fn origin(&self, said: bool) -> Origin {
        if said { Origin::Owner } else { Origin::Preset(self.preset) }
    }
}

fn of_field(field: &str, said: &FieldRules) -> Vec<Line> {
    let line =
        |key: &str, value: String| Line { rule: format!("fields.{field}.{key}"), value, from: Origin::Owner };
    let FieldRules { rule, asked_per_day, epsilon_budget } = said;
    [
        rule.map(|rule| line("rule", rule.to_string())),
        asked_per_day.map(|rate| line("asked_per_day", rate.to_string())),
        epsilon_budget.map(|budget: Decimal| line("epsilon_budget", budget.to_string())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn list<T: fmt::Display>(all: impl IntoIterator<Item = T>) -> String {
    all.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join(", ")
}

const fn unfit(unfit: Unfit) -> &'static str {
    match unfit {
        Unfit::Skip => "skip",
        Unfit::Clamp => "clamp",
        Unfit::Decline => "decline",
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preset(preset) => write!(f, "preset {preset}"),
            Self::Owner => f.write_str("node.toml"),
            Self::SwarmKey => f.write_str("swarm key"),
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Guarded => "guarded",
            Self::Open => "open",
        })
    }
}

impl fmt::Display for FieldRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "{most}"),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Decline => "decline",
        })
    }
}

impl fmt::Display for Otherwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Response::from(*self).fmt(f)
    }
}
