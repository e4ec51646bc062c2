//! `policy`: what a light node answers unattended, and what it would do with a question.

mod show;
mod test;

use clap::Subcommand;

use super::args::Context;
use super::problem::Problem;

/// What a light node answers unattended
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub enum PolicyCommand {
    Show(show::Show),
    Test(test::Test),
}

impl PolicyCommand {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        match self {
            Self::Show(command) => command.act(context).await,
            Self::Test(command) => command.act(context).await,
        }
    }
}
