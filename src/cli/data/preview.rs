//! `data preview`: exactly the numbers that an answer to a question would be split into, before anybody asks.

use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::args::Context;
use crate::cli::asked::Asked;
use crate::cli::number;
use crate::cli::problem::{Exit, Problem};
use crate::cli::question::{Checked, Question};
use crate::cli::table::{Look, figures, printable};
use crate::cli::wrapped;
use crate::config::NodeConfig;
use crate::domain::limits::SOURCE_READ_WAIT;
use crate::domain::{Computation, Sharing, Statistic};
use crate::statistics::{self, Encoder, Reading};

/// Slots that people are shown; the others are counted, or seen with --json.
const SLOTS_SHOWN: usize = 40;

/// Show exactly what an answer to a question would be made of, before anybody asks
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p data preview --field age --statistic mean \\
      --schema '{\"type\":\"integer\",\"minimum\":0,\"maximum\":120}'
  formix-p2p data preview --field smoker --statistic frequency \\
      --schema '{\"type\":\"string\",\"enum\":[\"yes\",\"no\"]}' --json

Nothing is sent. What is shown is private; each heavy node would get one share of it, which by itself is random.")]
pub struct Preview {
    #[command(flatten)]
    asked: Asked,
}

impl Preview {
    pub fn act(self, context: &Context, config: &NodeConfig) -> Result<(), Problem> {
        let mut asked = self.asked;
        if asked.statistic.is_none() {
            context.output.note("of a mean; another with --statistic");
            asked.statistic = Some(Statistic::Mean.to_string());
        }
        if asked.missing().next().is_some() {
            let hint = "`formix-p2p data` lists the fields";
            return Err(Problem::usage("missing_argument", "--field missing", hint));
        }
        let question = Question { proposal: asked.proposal("preview"), deadline: None, patience: None };
        let Checked { draft, .. } = question.checked()?;
        let reading = tokio::task::block_in_place(|| read(config, &draft))?;
        let data = json_of(&draft, &reading);
        context.output.answer(&data, || text_of(Look::of_stdout(), &draft, &reading));
        let heavy = draft.heavy.len();
        context.output.note(wrapped::for_stderr(&format!(
            "nothing was sent; in an answer each of {heavy} heavy nodes gets one share of these numbers, and {} together \
             could read them",
            draft.private_against() + 1
        )));
        Ok(())
    }
}

fn read(config: &NodeConfig, draft: &Computation) -> Result<Reading, Problem> {
    let fields: Vec<_> = draft.query.fields.iter().map(|field| field.name.as_str()).collect();
    let mut encoder = Encoder::new(draft, config.policy().unfit_rows());
    let until = Instant::now() + SOURCE_READ_WAIT;
    let summary = config
        .sources()
        .read(&fields, until, &mut |cells| encoder.row(cells))
        .map_err(|error| Problem::new(Exit::Refused, "not_readable", error.to_string(), error.hint()))?;
    encoder.finish(summary.broken).map_err(|error| {
        let hint = "this node would not answer; `formix-p2p data` shows what its fields look like";
        Problem::new(Exit::Refused, "no_answer", format!("there is nothing to answer with: {error}"), hint)
    })
}

/// The numbers as they are counted: in steps above the lowest value where there are bounds, else signed.
fn numbers(draft: &Computation, reading: &Reading) -> Vec<(String, i128)> {
    let signed = |residue: u128, bounded: bool| match draft.sharing {
        Sharing::Additive { modulus } if !bounded && residue > modulus.mask() / 2 => {
            i128::try_from(modulus.mask() - residue).map_or(i128::MIN, |below| -below - 1)
        }
        Sharing::Additive { .. } | Sharing::Prio3 | Sharing::Threshold { .. } => {
            i128::try_from(residue).unwrap_or(i128::MAX)
        }
    };
    let slots = statistics::slots(draft).into_iter().zip(reading.measurement().expose());
    slots.map(|(slot, residue)| (slot.name, signed(*residue, slot.most.is_some()))).collect()
}

fn json_of(draft: &Computation, reading: &Reading) -> Value {
    let tally = reading.tally();
    let slot = |(name, value): (String, i128)| -> Value {
        let value: Value = serde_json::from_str(&value.to_string()).unwrap_or(Value::Null);
        json!({"name": name, "value": value})
    };
    json!({
        "statistic": draft.query.statistic.to_string(),
        "fields": draft.query.fields.iter().map(|field| &field.name).collect::<Vec<_>>(),
        "max_records": draft.query.max_records,
        "records": reading.records(),
        "slots": numbers(draft, reading).into_iter().map(slot).collect::<Vec<_>>(),
        "rows": tally.rows, "missing": tally.missing, "unfit": tally.unfit, "clamped": tally.clamped, "rules": tally.rules,
    })
}

fn text_of(look: Look, draft: &Computation, reading: &Reading) -> String {
    let numbers = numbers(draft, reading);
    let more = numbers.len().saturating_sub(SLOTS_SHOWN);
    let row = |(name, value): &(String, i128)| vec![printable(name), value.to_string()];
    let table = figures(look, &["Number", "Value"], numbers.iter().take(SLOTS_SHOWN).map(row).collect());
    let more = if more > 0 { format!("and {more} more; see --json\n") } else { String::new() };
    let fields: Vec<_> = draft.query.fields.iter().map(units).collect();
    format!(
        "{} of {}: {} records of {}\n\n{table}\n{more}{}\n",
        draft.query.statistic,
        draft.query.fields.iter().map(|field| printable(&field.name)).collect::<Vec<_>>().join(", "),
        number::whole(look, reading.records()),
        reading.tally(),
        fields.into_iter().flatten().collect::<Vec<_>>().join("\n"),
    )
}

/// How a field's numbers are counted, where that is not plain.
fn units(field: &crate::domain::Field) -> Option<String> {
    let number = field.schema.number()?;
    let zero = number.value_of(number.offset_steps())?;
    let plain = number.step() == crate::domain::Decimal::ONE && number.offset_steps() == 0;
    let name = printable(&field.name);
    (!plain).then(|| format!("{name} is counted in steps of {} from {zero}", number.step()))
}
