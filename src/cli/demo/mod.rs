//! `demo`: a whole network on this machine, one computation, checked against the plain sum.

mod network;
mod seen;

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use self::network::DemoNetwork;
use super::args::Context;
use super::assurance;
use super::computation;
use super::duration::millis;
use super::output::{Format, print};
use super::problem::{Exit, Problem};
use super::question::{Checked, Question};
use super::table::{self, Look};
use super::wait::unexpected;
use super::wrapped;
use crate::control::{Announced, ComputationView, Proposal, Reply, Request, View};
use crate::domain::{Role, Status};

/// The field that everybody has a value of.
const FIELD: &str = "beds";
/// Enough for slow machines; the closed list ends the computation as soon as everybody has answered.
const DEADLINE: Duration = Duration::from_secs(30);

/// A whole network on this machine, one computation, checked
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p demo
  formix-p2p demo --heavies 4 --lights 8
  formix-p2p demo --sharing threshold
  formix-p2p demo --json | jq .data.equal

Real nodes in this one process: they speak TCP on the loopback interface, each with its own keys and its own store \
in a temporary folder that is deleted afterwards. Its values are random, and known to the demo alone.")]
pub struct Demo {
    /// Heavy nodes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(3..=16))]
    heavies: u8,
    /// Light nodes
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(3..=50))]
    lights: u8,
    /// How values are split among the heavy nodes: additive, prio3 or threshold [default: prio3]
    #[arg(long, value_name = "SCHEME")]
    sharing: Option<String>,
}

/// What the demo has come to.
struct Outcome {
    announced: Announced,
    view: ComputationView,
    network: View,
    expected: i64,
    seen: seen::Seen,
}

impl Demo {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        // Whatever ends the demo, the folder goes with the last owner of the network.
        tokio::select! {
            outcome = self.run(context) => report(context, &outcome?),
            () = interrupted() => {
                Err(Problem::new(Exit::Refused, "interrupted", "the demo was broken off", "nothing is left behind; run it again"))
            }
        }
    }

    async fn run(&self, context: &Context) -> Result<Outcome, Problem> {
        let checked = self.question().checked()?;
        context.output.note(format!("starting {} heavy and {} light nodes", self.heavies, self.lights));
        let network = DemoNetwork::start(self.heavies, self.lights).await?;
        let outcome = ask(context, &network, checked).await;
        // The nodes leave and the folder goes before the answer is shown.
        network.stop().await;
        outcome
    }

    /// A sum over everybody; with a closed list it ends as soon as everybody has answered.
    fn question(&self) -> Question {
        let names = |role, count| (1..=count).map(|number| network::name(role, number)).collect();
        let proposal = Proposal {
            schema: Some(format!(r#"{{"type":"integer","minimum":0,"maximum":{}}}"#, network::VALUE_MAX)),
            // One value each, so that what is proven is as narrow as can be.
            max_records: Some(1),
            deadline_ms: millis(DEADLINE),
            patience_ms: millis(DEADLINE),
            min_participants: self.lights.into(),
            heavy: names(Role::Heavy, self.heavies),
            participants: names(Role::Light, self.lights),
            sharing: self.sharing.clone(),
            ..Proposal::new("How many beds are free?", "sum", &[FIELD])
        };
        Question { proposal, deadline: None, patience: None }
    }
}

async fn ask(context: &Context, network: &DemoNetwork, checked: Checked) -> Result<Outcome, Problem> {
    let view = network.complete_view().await?;
    match context.output.format {
        // The answer proper comes later; a person looks at this meanwhile.
        Format::People => print(&table::network(Look::of_stdout(), &view)),
        Format::Json => {}
    }
    context.output.note(wrapped::for_stderr(&assurance::beforehand(&checked.draft)));
    let Reply::Announced(announced) = network.ask(Request::Propose(Box::new(checked.proposal))).await? else {
        return Err(unexpected());
    };
    context.output.note(format!("{} announced, waiting for the light nodes", announced.id));
    let ended = network.ended(&announced.id).await?;
    if ended.status == Status::Failed {
        return Err(computation::failure(&ended));
    }
    let request = Request::Certificate { reference: announced.id.clone() };
    let Reply::Certificate(certificate) = network.ask(request).await? else { return Err(unexpected()) };
    let seen = seen::read(&certificate)?;
    Ok(Outcome { announced, view: ended, network: view, expected: network.plain_sum(), seen })
}

fn report(context: &Context, outcome: &Outcome) -> Result<(), Problem> {
    let Outcome { announced, view, network, expected, seen } = outcome;
    let result = view.result.clone().unwrap_or(Value::Null);
    let sum = result.get("sum");
    let equal = sum == Some(&json!(expected));
    if !equal {
        let sum = sum.map_or_else(|| "nothing".to_owned(), ToString::to_string);
        return Err(Problem::new(
            Exit::Refused,
            "not_equal",
            format!("the network says {sum}, but the plain sum is {expected}"),
            "please report this: it must never happen",
        ));
    }
    let data = json!({
        "id": announced.id,
        "heavy": network.heavy,
        "light": network.light,
        "result": result,
        "expected": expected,
        "equal": equal,
    });
    context.output.answer(&data, || {
        let told = computation::told(Look::of_stdout(), view);
        let seen = seen::table(Look::of_stdout(), seen, view.participants);
        format!(
            "{told}  It equals the plain sum of the {} values, {expected}.\n\n\
             What each heavy node saw: random shares, which mean nothing alone.\n{seen}\n",
            view.participants
        )
    });
    Ok(())
}

/// Ctrl-C or a request to end. Where signals cannot be heard, they end the process themselves.
async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::domain::Sharing;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        demo: Demo,
    }

    #[test]
    fn a_demo_needs_three_of_each() {
        let demo = Line::try_parse_from(["demo"]).unwrap().demo;
        assert_eq!((demo.heavies, demo.lights), (3, 5));
        for words in [["demo", "--heavies", "2"], ["demo", "--lights", "2"], ["demo", "--heavies", "17"]] {
            assert!(Line::try_parse_from(words).is_err());
        }
    }

    #[test]
    fn inputs_are_proven_unless_told_otherwise() {
        let sharing = |words: &[&str]| {
            let demo = Line::try_parse_from([&["demo"], words].concat()).unwrap().demo;
            demo.question().checked().map(|checked| checked.draft.sharing)
        };
        assert_eq!(sharing(&[]).unwrap(), Sharing::Prio3);
        assert_eq!(sharing(&["--sharing", "threshold"]).unwrap(), Sharing::Threshold { k: 2 });
        assert_eq!(sharing(&["--sharing", "secret"]).unwrap_err().code, "invalid_sharing");
    }
}
