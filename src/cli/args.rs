//! What may be typed, and who acts on it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, Parser, Subcommand};

use super::output::{Chatter, Format, Output};
use super::problem::{Exit, Problem};
use super::{
    bench, certificate, completions, consent, data, demo, id, invitation, ledger, logs, membership, passphrase,
    policy, propose, result, start, status, stop, swarm_key, view,
};
use crate::home::forbid_core_dumps;

const EXAMPLES: &str = "\
Examples:
  formix-p2p demo                                        see the whole thing, on this machine
  formix-p2p start --role heavy --detach                 on each of three machines
  formix-p2p start --role light --data rating=8          wherever there is a private value
  formix-p2p propose --prompt 'Mean rating?' --field rating --statistic mean --wait
  formix-p2p invite --statistic sum --parties 3          you and two others, without heavy nodes

Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 no such node or computation, or no node running, \
4 the computation failed, 5 timed out waiting.";

/// Statistics over private data, peer to peer: everybody keeps their numbers, everybody learns the total.
#[derive(Debug, Parser)]
#[command(name = "formix-p2p", version, after_help = EXAMPLES, max_term_width = 112)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// The folder that holds this machine's nodes [default: ~/.formix]
    #[arg(long, global = true, env = "FORMIX_HOME", hide_env_values = true, value_name = "DIR")]
    home: Option<PathBuf>,
    /// The node that acts: its UID, name or PeerId, or a unique beginning
    #[arg(long, global = true, env = "FORMIX_NODE", hide_env_values = true, value_name = "NODE")]
    node: Option<String>,
    /// Print exactly one JSON object, and ask nothing
    #[arg(long, global = true)]
    json: bool,
    /// Say nothing but the answer
    #[arg(long, global = true)]
    quiet: bool,
    /// Say more: -v debug, -vv trace (RUST_LOG wins)
    #[arg(short = 'v', global = true, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Start(Box<start::Start>),
    Stop(stop::Stop),
    Remove(stop::Remove),
    View(view::View),
    Propose(Box<propose::Propose>),
    Status(status::Status),
    Result(result::ResultOf),
    Pending(consent::Pending),
    Approve(consent::Approve),
    Decline(consent::Decline),
    Answer(consent::Answer),
    Invite(Box<invitation::Invite>),
    Join(invitation::Join),
    Invitations(invitation::Invitations),
    Revoke(invitation::Revoke),
    Forget(invitation::Forget),
    Data(data::Data),
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    Ledger(ledger::Ledger),
    Logs(logs::Logs),
    Certificate(certificate::Certificate),
    Verify(certificate::Verify),
    Demo(demo::Demo),
    Bench(bench::Bench),
    Id(id::Id),
    #[command(subcommand)]
    Members(membership::MembersCommand),
    #[command(subcommand)]
    Passphrase(passphrase::PassphraseCommand),
    #[command(subcommand)]
    SwarmKey(swarm_key::SwarmKeyCommand),
    Completions(completions::Completions),
}

/// What every command is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where it writes.
    pub output: Output,
    /// `--home` or `FORMIX_HOME`.
    pub home: Option<PathBuf>,
    /// `--node` or `FORMIX_NODE`.
    pub node: Option<String>,
    /// How often `-v` was said.
    pub verbosity: u8,
}

/// Parses, acts, and gives the exit code of `docs/CLI.md`.
pub async fn run(arguments: Vec<OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(refusal) => return refused(&refusal, &arguments),
    };
    let Global { home, node, json, quiet, verbose } = cli.global;
    let output = Output {
        format: if json { Format::Json } else { Format::People },
        chatter: if quiet { Chatter::Quiet } else { Chatter::Notes },
    };
    let node = node.filter(|node| !node.is_empty());
    let context = Context { output, home, node, verbosity: verbose };
    if let Err(error) = forbid_core_dumps() {
        output.note(format!(
            "core dumps cannot be switched off, and a crash may write secrets to the disk: {error}"
        ));
    }
    match cli.command.act(&context).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            output.problem(&problem);
            problem.exit.code().into()
        }
    }
}

impl Command {
    async fn act(self, context: &Context) -> Result<(), Problem> {
        match self {
            Self::Start(command) => command.act(context).await,
            Self::Stop(command) => command.act(context).await,
            Self::Remove(command) => command.act(context).await,
            Self::View(command) => command.act(context).await,
            Self::Propose(command) => command.act(context).await,
            Self::Status(command) => command.act(context).await,
            Self::Result(command) => command.act(context).await,
            Self::Pending(command) => command.act(context).await,
            Self::Approve(command) => command.act(context).await,
            Self::Decline(command) => command.act(context).await,
            Self::Answer(command) => command.act(context).await,
            Self::Invite(command) => command.act(context).await,
            Self::Join(command) => command.act(context).await,
            Self::Invitations(command) => command.act(context).await,
            Self::Revoke(command) => command.act(context).await,
            Self::Forget(command) => command.act(context).await,
            Self::Data(command) => command.act(context).await,
            Self::Policy(command) => command.act(context).await,
            Self::Ledger(command) => command.act(context).await,
            Self::Logs(command) => command.act(context).await,
            Self::Certificate(command) => command.act(context).await,
            Self::Verify(command) => command.act(context),
            Self::Demo(command) => command.act(context).await,
            Self::Bench(command) => command.act(context).await,
            Self::Id(command) => command.act(context).await,
            Self::Members(command) => command.act(context).await,
            Self::Passphrase(command) => command.act(context).await,
            Self::SwarmKey(command) => command.act(context),
            Self::Completions(command) => command.act(context),
        }
    }
}

/// What the parser refuses: its own words for people, the envelope for programs. Help and version are answers.
fn refused(refusal: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let asked_for = matches!(refusal.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let wants_json = arguments.iter().skip(1).take_while(|word| *word != "--").any(|word| word == "--json");
    if asked_for || !wants_json {
        // Nobody is left to tell when the terminal has gone.
        let _ = refusal.print();
        return if asked_for { ExitCode::SUCCESS } else { Exit::Usage.code().into() };
    }
    let output = Output { format: Format::Json, chatter: Chatter::Quiet };
    output.problem(&usage_problem(refusal));
    Exit::Usage.code().into()
}

fn usage_problem(refusal: &clap::Error) -> Problem {
    let rendered = refusal.to_string();
    let message: Vec<_> = rendered
        .lines()
        .take_while(|line| !line.starts_with("Usage:") && !line.trim_start().starts_with("tip:"))
        .map(|line| line.trim().trim_start_matches("error: "))
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .collect();
    let nothing_typed = [ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, ErrorKind::MissingSubcommand]
        .contains(&refusal.kind());
    let message = if nothing_typed { "a command is missing".to_owned() } else { message.join(" ") };
    let suggested = refusal.get(ContextKind::SuggestedArg).or(refusal.get(ContextKind::SuggestedSubcommand));
    let suggestion = if let Some(ContextValue::String(one)) = suggested {
        Some(one.clone())
    } else if let Some(ContextValue::Strings(several)) = suggested {
        Some(several.join(", "))
    } else {
        None
    };
    let hint = suggestion.map_or_else(
        || "see `formix-p2p help` and `formix-p2p COMMAND --help`".to_owned(),
        |suggestion| format!("did you mean {suggestion}? see `formix-p2p help`"),
    );
    Problem::usage("usage", message, hint)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::output::error_envelope;

    fn refusal(words: &[&str]) -> Problem {
        let words = ["formix-p2p"].iter().chain(words);
        usage_problem(&Cli::try_parse_from(words).unwrap_err())
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        fn check(command: &clap::Command) {
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
                if sub.has_subcommands() {
                    check(sub);
                } else {
                    let examples = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                    assert!(examples.contains("formix-p2p"), "`{}` has no examples", sub.get_name());
                }
            }
        }
        let command = Cli::command();
        assert!(command.get_after_help().is_some());
        check(&command);
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for words in [
            ["formix-p2p", "--json", "--home", "/h", "--node", "A", "view"],
            ["formix-p2p", "view", "--json", "--home", "/h", "--node", "A"],
        ] {
            let global = Cli::try_parse_from(words).unwrap().global;
            assert!(global.json && global.home == Some("/h".into()) && global.node.as_deref() == Some("A"));
        }
    }

    #[test]
    fn every_command_takes_the_global_options() {
        for command in [
            &["start"][..],
            &["stop"],
            &["remove", "A"],
            &["logs"],
            &["view"],
            &["answer", "A", "1"],
            &["swarm-key", "new"],
            &["completions", "bash"],
        ] {
            let words = [&["formix-p2p"], command, &["--node", "N", "--home", "/h", "--quiet", "-v"]].concat();
            let global = Cli::try_parse_from(words).unwrap().global;
            assert_eq!(global.node.as_deref(), Some("N"), "{command:?}");
        }
    }

    #[test]
    fn help_fits_a_narrow_terminal() {
        const COLUMNS: usize = 100;
        fn check(command: &clap::Command) {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            // Paragraphs are wrapped by the terminal; examples are not, since they are to be copied.
            for line in after.lines().filter(|line| line.starts_with("  ")) {
                assert!(line.chars().count() <= COLUMNS, "`{}`: {line}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn what_the_parser_refuses_has_a_message_and_a_hint() {
        for words in [
            &["fly"][..],
            &[],
            &["view", "--whatch"],
            &["propose", "--deadline", "soon"],
            &["status", "A", "B"],
            &["swarm-key"],
            &["certificate"],
        ] {
            let problem = refusal(words);
            assert_eq!(problem.exit, Exit::Usage);
            assert!(!problem.message.is_empty() && !problem.hint.is_empty(), "{words:?}: {problem:?}");
            assert!(!problem.message.contains('\n'), "{}", problem.message);
            assert_eq!(error_envelope(&problem)["error"]["code"], "usage");
        }
        assert!(refusal(&["propose", "--deadline", "soon"]).message.contains("`soon` is not a duration"));
        assert!(refusal(&["veiw"]).hint.contains("view"));
    }
}
