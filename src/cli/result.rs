//! `result`: only the answer.

use clap::Args;
use serde_json::Value;

use super::args::Context;
use super::computation;
use super::export::{Export, Stdout};
use super::problem::{Exit, Problem};
use super::table::Look;
use super::wait::{self, Interrupt, once};
use crate::control::{ComputationView, Request};
use crate::domain::Status;

/// Only the answer of a computation
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p result COMP-FZ375MV7
  formix-p2p result FZ3 --wait
  formix-p2p result FZ3 --plot pressure.svg --csv pressure.csv
  formix-p2p result FZ3 --json | jq .data.mean")]
pub struct ResultOf {
    /// Its id, or a unique beginning of it
    computation: String,
    /// Wait until it has ended
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    export: Export,
}

impl ResultOf {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let export = self.export.checked(context.output)?;
        let chosen = context.any_node().await?;
        let reference = self.computation;
        let view = if self.wait {
            wait::for_the_end(&chosen.client, context.output, &reference, Interrupt::heard()).await?
        } else {
            once(&chosen.client, Request::Computation { reference }).await?
        };
        let result = answer_of(&view)?;
        // Files first: whoever reads an answer may rely on them.
        let written = export.write(&view)?;
        match written.stdout {
            Stdout::Answer => {
                context.output.answer(&result, || computation::told(Look::of_stdout(), &view));
            }
            Stdout::Csv => {}
        }
        for path in &written.files {
            context.output.note(format!("wrote {}", path.display()));
        }
        Ok(())
    }
}

/// The result, or why there is none.
fn answer_of(view: &ComputationView) -> Result<Value, Problem> {
    match (view.status, &view.result) {
        (Status::Completed, Some(result)) => Ok(result.clone()),
        (Status::Failed, _) => Err(computation::failure(view)),
        (Status::Pending | Status::Processing | Status::Completed, _) => Err(Problem::new(
            Exit::Refused,
            "not_finished",
            format!("{} has not finished: {}", view.id, computation::progress(view)),
            format!("wait for it with `formix-p2p result {} --wait`", view.id),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::computation::tests::running;

    #[test]
    fn an_unfinished_computation_and_a_failed_one_have_their_own_exits() {
        let mut view = running();
        let problem = answer_of(&view).unwrap_err();
        assert_eq!((problem.code.as_str(), problem.exit), ("not_finished", Exit::Refused));
        view.status = Status::Failed;
        assert_eq!(answer_of(&view).unwrap_err().exit, Exit::ComputationFailed);
        view.status = Status::Completed;
        view.result = Some(serde_json::json!({"sum": 31, "samples": 3, "participants": 3}));
        assert_eq!(answer_of(&view).unwrap()["sum"], 31);
    }
}
