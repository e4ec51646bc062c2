//! The command line: one file per command, with its arguments and its action. `docs/CLI.md` is the contract.

mod answer;
mod args;
mod asking;
mod assurance;
mod certificate;
mod completions;
mod computation;
mod confirm;
mod consent;
mod demo;
mod detach;
mod duration;
mod id;
mod launch;
mod logs;
mod members;
mod nodes;
mod number;
mod output;
mod policy_words;
mod private_data;
mod problem;
mod propose;
mod question;
mod questionnaire;
mod result;
mod selection;
mod start;
mod status;
mod stop;
mod swarm_key;
mod table;
mod view;
mod wait;

pub use args::run;
