//! `passphrase`: guards a node's identity; and where the passphrase comes from when a command needs the identity.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use console::Term;
use serde_json::json;
use zeroize::Zeroizing;

use super::args::Context;
use super::nodes::{Chosen, Lookup};
use super::output::Format;
use super::problem::{Exit, Problem};
use crate::home::{Guard, HomeError, Keys, NodeFolder};
use crate::sharing::Secret;

/// Bytes that a file with a passphrase may have.
const PASSPHRASE_BYTES_MAX: u64 = 1_024;

/// Guard a node's identity with a passphrase
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub enum PassphraseCommand {
    Set(Set),
    Remove(Remove),
}

/// Put a node's identity under a passphrase, or under another one
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p passphrase set --node ward-3                  asks for it twice
  formix-p2p passphrase set --node ward-3 --to new.txt
  formix-p2p passphrase set --node ward-3 --passphrase-file old.txt --to new.txt
  formix-p2p start ward-3 --detach --passphrase-file new.txt

The node may run: it has read its identity already. Nobody can help who forgets the passphrase.")]
pub struct Set {
    /// A file whose first line is the new passphrase [default: asked for]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    current: PassphraseFlag,
}

/// Take the passphrase off a node's identity
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p passphrase remove --node ward-3
  formix-p2p passphrase remove --node ward-3 --passphrase-file old.txt")]
pub struct Remove {
    #[command(flatten)]
    current: PassphraseFlag,
}

/// Where a passphrase comes from.
#[derive(Clone, Debug, Default, Args)]
pub struct PassphraseFlag {
    /// A file whose first line is the passphrase of the node's identity, if it has one [default: asked for on a terminal]
    #[arg(long, value_name = "FILE", env = "FORMIX_PASSPHRASE_FILE", hide_env_values = true)]
    passphrase_file: Option<PathBuf>,
}

/// Who is asked for the passphrase of an identity that has one.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// A file.
    File(&'a Path),
    /// A person.
    Terminal,
    /// Nobody can be.
    Nobody,
}

impl PassphraseFlag {
    /// The file, or whoever sits there.
    pub fn asked_by(&self, context: &Context) -> Asked<'_> {
        let someone = context.output.format == Format::People && io::stdin().is_terminal();
        match &self.passphrase_file {
            Some(file) => Asked::File(file),
            None if someone => Asked::Terminal,
            None => Asked::Nobody,
        }
    }
}

impl Asked<'_> {
    /// The keys of a node, whose passphrase is asked for only if it has one. Blocks.
    ///
    /// # Errors
    /// `passphrase`, `identity`, or whatever is wrong with the file.
    pub fn keys_of(&self, folder: &NodeFolder) -> Result<Keys, Problem> {
        match folder.load_keys() {
            Err(HomeError::PassphraseNeeded { path }) => {
                let passphrase = match self {
                    Self::File(file) => from_file(file)?,
                    Self::Terminal => typed(&format!("Passphrase of {}: ", folder.uid()))?,
                    Self::Nobody => return Err(HomeError::PassphraseNeeded { path }.into()),
                };
                Ok(folder.unlock_keys(&passphrase)?)
            }
            keys => Ok(keys?),
        }
    }
}

impl PassphraseCommand {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let uid = match context.any_node_or_stopped().await? {
            Lookup::Running(Chosen { id, .. }) => id.uid,
            Lookup::Stopped(node) => node.id().uid,
        };
        let folder = context.home()?.node(&uid)?;
        // A person types, and deriving a key takes a while.
        let is_guarded = tokio::task::block_in_place(|| self.guard(context, &folder))?;
        context.output.answer(&json!({ "node": uid, "passphrase": is_guarded }), || {
            let state = if is_guarded { "under a passphrase" } else { "under no passphrase" };
            format!("the identity of {uid} is {state}")
        });
        if is_guarded {
            context.output.note("from now on `start` asks for it, or reads it with --passphrase-file");
        }
        Ok(())
    }

    fn guard(self, context: &Context, folder: &NodeFolder) -> Result<bool, Problem> {
        match self {
            Self::Set(Set { to, current }) => {
                let keys = current.asked_by(context).keys_of(folder)?;
                let new = match (to, PassphraseFlag::default().asked_by(context)) {
                    (Some(file), _) => from_file(&file)?,
                    (None, Asked::Terminal) => typed_twice()?,
                    (None, Asked::File(_) | Asked::Nobody) => {
                        return Err(Problem::usage(
                            "passphrase",
                            "nobody is there to type a new passphrase",
                            "say --to FILE",
                        ));
                    }
                };
                folder.guard_identity(&keys, &Guard::Passphrase(new))?;
                Ok(true)
            }
            Self::Remove(Remove { current }) => {
                let keys = current.asked_by(context).keys_of(folder)?;
                folder.guard_identity(&keys, &Guard::None)?;
                Ok(false)
            }
        }
    }
}

/// The first line of a file that others cannot read.
fn from_file(path: &Path) -> Result<Secret<String>, Problem> {
    let failed = |error: io::Error| Problem::file("read", path, &error);
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Problem::new(
            Exit::Refused,
            "passphrase",
            format!("others may read the passphrase in {} (mode {mode:o})", path.display()),
            format!("chmod 600 {}", path.display()),
        ));
    }
    let mut text = Zeroizing::new(String::with_capacity(1_024));
    file.take(PASSPHRASE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    settled(text.lines().next().unwrap_or_default())
}

/// What a person types at the terminal, which does not show it.
///
/// # Errors
/// `no_terminal`; `passphrase` if nothing was typed.
pub fn typed(question: &str) -> Result<Secret<String>, Problem> {
    let term = Term::stderr();
    let read = term.write_str(question).and_then(|()| term.read_secure_line());
    let text = Zeroizing::new(read.map_err(|error| {
        Problem::new(
            Exit::Refused,
            "no_terminal",
            format!("no passphrase can be typed here: {error}"),
            "say --passphrase-file FILE",
        )
    })?);
    settled(&text)
}

fn typed_twice() -> Result<Secret<String>, Problem> {
    let (first, second) = (typed("New passphrase: ")?, typed("Once more: ")?);
    if first == second {
        return Ok(first);
    }
    Err(Problem::usage("passphrase", "the two passphrases differ", "nothing was changed; try again"))
}

fn settled(text: &str) -> Result<Secret<String>, Problem> {
    if text.is_empty() {
        return Err(Problem::usage(
            "passphrase",
            "an empty passphrase guards nothing",
            "give some words; `formix-p2p passphrase remove` takes a passphrase off",
        ));
    }
    Ok(Secret::new(text.to_owned()))
}
