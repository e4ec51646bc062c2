//! `completions`: a script that completes commands in a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use super::args::{Cli, Context};
use super::problem::Problem;

/// Print a script that completes commands in your shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p completions bash > ~/.local/share/bash-completion/completions/formix-p2p
  formix-p2p completions zsh > ~/.zfunc/_formix-p2p")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn act(self, context: &Context) -> Result<(), Problem> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "formix-p2p", &mut script);
        let script = String::from_utf8_lossy(&script);
        context.output.answer(&json!({ "script": script }), || script.clone().into_owned());
        Ok(())
    }
}
