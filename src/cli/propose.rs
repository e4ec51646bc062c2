//! `propose`: ask the network a question.

use clap::Args;
use serde_json::{Value, json};

use super::args::Context;
use super::asked::Asked;
use super::assurance;
use super::computation;
use super::duration::{self, Typed, millis};
use super::problem::Problem;
use super::question::{Checked, Question};
use super::questionnaire;
use super::table::Look;
use super::wait::{self, Interrupt, unexpected};
use super::wrapped;
use crate::control::{Announced, Client, ComputationView, Proposal, Reply, Request};
use crate::domain::limits::{DEADLINE_DEFAULT, PATIENCE_DEFAULT, POLICY_MIN_PARTICIPANTS};
use crate::domain::{Computation, Statistic, Status, Takes};

/// Bounds that stand in for a schema that is asked for later: with them every scheme can be checked.
const SCHEMA_STAND_IN: &str = r#"{"type":"number","minimum":0,"maximum":1}"#;

/// Ask the network a question
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p propose                                     asks for everything, on a terminal
  formix-p2p propose --prompt 'Mean rating?' --field rating --statistic mean --wait
  formix-p2p propose --prompt 'Total of ward 3?' --field beds --statistic sum --deadline 10m \\
      --schema '{\"type\":\"integer\",\"minimum\":0,\"maximum\":500}' --min-participants 5
  formix-p2p propose --prompt 'How many?' --field age --statistic count --heavy AB CD EF
  formix-p2p propose --prompt 'Free beds?' --field beds --statistic sum --survives 1 \\
      --schema '{\"type\":\"integer\",\"minimum\":0,\"maximum\":500}'
  formix-p2p propose --prompt 'Blood pressure?' --field systolic --statistic histogram \\
      --schema '{\"type\":\"integer\",\"minimum\":60,\"maximum\":240}' --edges 60,120,140,240
  formix-p2p propose --prompt 'Who smokes?' --field sex smoker --statistic contingency \\
      --schema '{\"type\":\"object\",\"properties\":{\"smoker\":{\"type\":\"boolean\"},
                \"sex\":{\"type\":\"string\",\"enum\":[\"female\",\"male\"]}}}'
  formix-p2p propose --prompt 'Sick days?' --field days --statistic mean --epsilon 0.5 \\
      --schema '{\"type\":\"integer\",\"minimum\":0,\"maximum\":30}'

Sharing:
  prio3      inputs proven to lie within the schema's bounds; all heavy nodes must come back
  threshold  proven likewise; any K of N heavy nodes rebuild the total, so some may vanish for good
  additive   nothing proven, no bounds needed; all heavy nodes must come back

The default is prio3 for a schema with minimum and maximum and for a count, else additive. Under threshold fewer than \
K colluding heavy nodes learn nothing, under the others all but one. What holds is said before anything is sent.")]
pub struct Propose {
    /// The question in words, for the people who are asked
    #[arg(long, value_name = "TEXT")]
    pub(super) prompt: Option<String>,
    #[command(flatten)]
    pub(super) asked: Asked,
    /// How long answers are taken: 500ms to 30days [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration::typed)]
    pub(super) deadline: Option<Typed>,
    /// How long heavy nodes that are away at the deadline are waited for [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = duration::typed)]
    patience: Option<Typed>,
    /// No total over fewer participants is ever revealed [default: 3]
    #[arg(long, value_name = "N")]
    pub(super) min_participants: Option<u32>,
    /// Take no more participants than this [default: the length of --participants, or 10000]
    #[arg(long, value_name = "N")]
    max_participants: Option<u32>,
    /// A heavy node that adds up shares, 3 to 16 of them [default: as many reachable ones as needed, mostly three, trusted
    /// ones first]
    #[arg(long, value_name = "NODE", num_args = 1..)]
    pub(super) heavy: Vec<String>,
    /// Only these nodes may take part
    #[arg(long, value_name = "NODE", num_args = 1..)]
    participants: Vec<String>,
    /// Wait for the result
    #[arg(long)]
    wait: bool,
}

impl Propose {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let wait = self.wait;
        // Wrong usage comes before a missing node, and that before an unreachable network.
        let (chosen, checked) = match self.question() {
            Ok(question) => {
                let checked = question.checked()?;
                (context.acting_node().await?, checked)
            }
            Err(_) if context.output.is_interactive() => {
                self.check_so_far()?;
                let chosen = context.acting_node().await?;
                let completed = questionnaire::complete(self, context.output, &chosen.client).await?;
                let question = completed.question().map_err(Missing::problem)?;
                (chosen, question.checked()?)
            }
            Err(missing) => return Err(missing.problem()),
        };
        let Checked { proposal, draft } = checked;
        context.output.note(wrapped::for_stderr(&assurance::beforehand(&draft)));
        if let Some(warning) = assurance::of_decimals(&draft, proposal.schema.as_deref()) {
            context.output.note(wrapped::for_stderr(warning));
        }
        let announced = announce(&chosen.client, &proposal).await?;
        if wait {
            let interrupt = Interrupt::heard();
            context.output.note(format!("{} announced, open until {}", announced.id, announced.deadline));
            return report_end(context, &chosen.client, &announced, interrupt).await;
        }
        context.output.answer(&announced, || announced.id.clone());
        context.output.note(format!(
            "announced to heavy nodes {}; see `formix-p2p result {} --wait`",
            announced.heavy_nodes.join(", "),
            announced.id
        ));
        Ok(())
    }

    /// What is typed so far, as the computation that it may become; other nodes stand in for those to come.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub(super) fn check_so_far(&self) -> Result<Computation, Problem> {
        let question = self.clone().with_placeholders().question().map_err(Missing::problem)?;
        question.checked().map(|checked| checked.draft)
    }

    /// With stand-ins for what is missing, so that the rest can be checked before anybody is asked.
    fn with_placeholders(mut self) -> Self {
        self.prompt.get_or_insert_with(|| "?".to_owned());
        let asked = &mut self.asked;
        let statistic = asked.statistic.get_or_insert_with(|| Statistic::Sum.to_string());
        if asked.field.is_empty() {
            let takes = statistic.parse().map_or(Takes::OneOfAny, Statistic::takes);
            let count = if takes.takes_count(1) { 1 } else { 2 };
            // A schema of named fields fits no stand-in.
            asked.field = (0..count).map(|place| format!("field {place}")).collect();
            asked.schema = None;
        }
        asked.schema.get_or_insert_with(|| SCHEMA_STAND_IN.to_owned());
        self
    }

    /// What was typed, with defaults.
    fn question(&self) -> Result<Question, Missing> {
        let typed = self.clone();
        let missing: Vec<_> =
            typed.prompt.is_none().then_some("--prompt").into_iter().chain(typed.asked.missing()).collect();
        let Some(prompt) = typed.prompt.filter(|_| missing.is_empty()) else { return Err(Missing(missing)) };
        let duration = |typed: &Option<Typed>, default| typed.as_ref().map_or(default, |typed| typed.duration);
        let proposal = Proposal {
            deadline_ms: millis(duration(&typed.deadline, DEADLINE_DEFAULT)),
            patience_ms: millis(duration(&typed.patience, PATIENCE_DEFAULT)),
            min_participants: typed.min_participants.unwrap_or(POLICY_MIN_PARTICIPANTS),
            max_participants: typed.max_participants,
            heavy: typed.heavy,
            participants: typed.participants,
            ..typed.asked.proposal(&prompt)
        };
        let words = |typed: Option<Typed>| typed.map(|typed| typed.text);
        Ok(Question { proposal, deadline: words(typed.deadline), patience: words(typed.patience) })
    }
}

/// Options without which there is no question.
#[derive(Debug, PartialEq, Eq)]
struct Missing(Vec<&'static str>);

impl Missing {
    fn problem(self) -> Problem {
        Problem::usage(
            "missing_argument",
            format!("{} missing", self.0.join(", ")),
            "on a terminal, `formix-p2p propose` asks for what is missing; see `formix-p2p propose --help`",
        )
    }
}

async fn announce(client: &Client, proposal: &Proposal) -> Result<Announced, Problem> {
    let request = Request::Propose(Box::new(proposal.clone()));
    let Reply::Announced(announced) = client.request(request).await? else { return Err(unexpected()) };
    Ok(announced)
}

async fn report_end(
    context: &Context,
    client: &Client,
    announced: &Announced,
    interrupt: Interrupt,
) -> Result<(), Problem> {
    let view = wait::for_the_end(client, context.output, &announced.id, interrupt).await?;
    match view.status {
        Status::Completed => {
            context.output.answer(&both(announced, &view), || computation::told(Look::of_stdout(), &view));
            Ok(())
        }
        Status::Pending | Status::Processing | Status::Failed => Err(computation::failure(&view)),
    }
}

/// What is said without `--wait`, and what `status` gives.
fn both(announced: &Announced, view: &ComputationView) -> Value {
    let mut all = json!(announced);
    if let (Value::Object(all), Value::Object(status)) = (&mut all, json!(view)) {
        all.extend(status);
    }
    all
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use std::time::Duration;

    use super::*;
    use crate::cli::computation::tests::running;
    use crate::domain::{Modulus, Sharing};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        propose: Propose,
    }

    fn typed(words: &[&str]) -> Propose {
        Line::try_parse_from(["propose"].iter().chain(words)).unwrap().propose
    }

    #[test]
    fn what_is_missing_is_named_and_the_rest_has_defaults() {
        let missing = typed(&["--prompt", "p"]).question().unwrap_err();
        assert_eq!(missing, Missing(vec!["--field", "--statistic"]));
        let question = typed(&["--prompt", "p", "--field", "x", "--statistic", "sum"]).question().unwrap();
        let Checked { proposal, draft } = question.checked().unwrap();
        assert_eq!((proposal.deadline_ms, proposal.patience_ms), (30_000, 60_000));
        assert_eq!(
            (draft.min_participants, draft.sharing),
            (3, Sharing::Additive { modulus: Modulus::Bits64 })
        );
    }

    #[test]
    fn lists_are_repeated_or_follow_one_another() {
        let typed = typed(&["--heavy", "a", "b", "--heavy", "c", "--deadline", "5m"]);
        assert_eq!(typed.heavy, ["a", "b", "c"]);
        let five_minutes = Typed { text: "5m".to_owned(), duration: Duration::from_secs(300) };
        assert_eq!(typed.deadline, Some(five_minutes));
    }

    #[test]
    fn options_on_sharing_reach_the_question() {
        let bounded = ["--schema", SCHEMA_STAND_IN, "--prompt", "p", "--field", "x", "--statistic", "sum"];
        let asked = |more: &[&str]| typed(&[&bounded[..], more].concat()).question().unwrap().checked();
        for (more, sharing, heavy) in [
            (&[][..], Sharing::Prio3, 3),
            (&["--survives", "2"], Sharing::Threshold { k: 3 }, 5),
            (&["--threshold", "3"], Sharing::Threshold { k: 3 }, 3),
            (&["--sharing", "threshold"], Sharing::Threshold { k: 2 }, 3),
            (&["--modulus-bits", "32"], Sharing::Additive { modulus: Modulus::Bits32 }, 3),
        ] {
            let draft = asked(more).unwrap().draft;
            assert_eq!((draft.sharing, draft.heavy.len()), (sharing, heavy), "{more:?}");
        }
        let noisy = asked(&["--epsilon", "0.5"]).unwrap();
        assert_eq!(noisy.proposal.epsilon.unwrap().to_string(), "0.5");
        assert_eq!(noisy.draft.noise.unwrap().to_string(), "ε = 0.5");
        assert_eq!(asked(&["--epsilon", "-1"]).unwrap_err().code, "invalid_epsilon");
        assert!(Line::try_parse_from(["propose", "--epsilon", "much"]).is_err());
    }

    #[test]
    fn what_is_asked_for_later_does_not_stand_in_the_way() {
        for words in [
            &["--sharing", "prio3"][..],
            &["--survives", "1", "--field", "x"],
            &["--epsilon", "1", "--schema", r#"{"type":"object","properties":{"x":{"type":"number"}}}"#],
        ] {
            typed(words).check_so_far().unwrap();
        }
        assert_eq!(typed(&["--survives", "2"]).check_so_far().unwrap().heavy.len(), 5);
        let told = ["--sharing", "prio3", "--field", "x", "--schema", r#"{"type":"number"}"#];
        assert_eq!(typed(&told).check_so_far().unwrap_err().code, "invalid_schema");
        assert_eq!(typed(&["--sharing", "secret"]).check_so_far().unwrap_err().code, "invalid_sharing");
    }

    #[test]
    fn with_wait_the_answer_has_what_both_commands_give() {
        let announced = Announced {
            id: "COMP-FZ375MV7".to_owned(),
            heavy_nodes: vec!["ABC".to_owned()],
            sharing: "additive".to_owned(),
            threshold: None,
            proven: false,
            private_against: 2,
            survives: 0,
            noise: None,
            deadline: "2026-01-02T03:04:05.678Z".to_owned(),
        };
        let all = both(&announced, &running());
        assert_eq!((&all["survives"], &all["status"]), (&json!(0), &json!("pending")));
    }
}
