//! `swarm-key new`: a key that closes a network to strangers.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::args::Context;
use super::problem::{Exit, Problem};
use crate::home::Keys;
use crate::wire::SwarmKey;

/// Keys that close a network to strangers
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub enum SwarmKeyCommand {
    New(New),
}

/// Make a swarm key
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p swarm-key new
  formix-p2p swarm-key new /etc/formix/swarm.key
  formix-p2p start --role light --swarm-key swarm.key

Carry the file to every node of the network by a way that strangers cannot see.")]
pub struct New {
    /// Where to; a file that exists is left alone
    #[arg(default_value = "swarm.key")]
    file: PathBuf,
}

impl SwarmKeyCommand {
    pub fn act(self, context: &Context) -> Result<(), Problem> {
        let Self::New(New { file }) = self;
        // Random bytes are what the identity's secret half is, too.
        let key = SwarmKey::from_bytes(*Keys::generate()?.secret_key().expose());
        write_new(&file, key.to_text().expose().as_bytes())?;
        let shown = file.display().to_string();
        context.output.answer(&json!({ "file": shown }), || shown.clone());
        context.output.note("give every node of the network this file, with `start --swarm-key FILE`");
        Ok(())
    }
}

/// A file for its owner alone, that was not there before.
fn write_new(path: &Path, content: &[u8]) -> Result<(), Problem> {
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match written.and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Problem::new(
            Exit::Refused,
            "file_exists",
            format!("{} exists and is left alone", path.display()),
            "name another file, or move this one away",
        )),
        Err(error) => Err(Problem::file("write", path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_for_its_owner_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("swarm.key");
        write_new(&path, b"one").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(write_new(&path, b"two").unwrap_err().code, "file_exists");
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
    }
}
