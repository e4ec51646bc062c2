//! Whether a light node answers a question unattended. Pure: policy, history and computation in, decision out.
//!
//! * `policy` is what the owner says, over one of two presets; `show` lists it.
//! * `rules` holds every rule of it against one question; `decision` is what comes out, with the rule that decided.
//! * `history` is what this node did with earlier questions, and `sets` how far the people behind two of them differ.

mod decision;
mod history;
mod policy;
mod rules;
mod sets;
mod show;
#[cfg(test)]
mod tests;

pub use decision::{Decision, Doubt, Rule, Verdict};
pub use history::{Earlier, History};
pub use policy::{
    EVERY_OTHER_FIELD, FieldRule, FieldRules, NoiseNeed, Otherwise, Policy, Preset, Rate, Response, Rules,
    Trust,
};
pub use rules::Summary;
pub use sets::{difference, is_revealing};
pub use show::{Line, Origin};
