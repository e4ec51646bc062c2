//! `members`: the list that closes a network to everybody who is not on it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::args::Context;
use super::duration;
use super::export;
use super::nodes::{Chosen, Lookup};
use super::passphrase::PassphraseFlag;
use super::problem::Problem;
use crate::domain::Timestamp;
use crate::home::{MemberList, read_members, sign_members, text_of};

/// The list that closes a network to everybody who is not on it
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub enum MembersCommand {
    Sign(Sign),
    Show(Show),
}

/// Sign a members file with a node's key, so that other nodes take it from you
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p id --json | jq -r .data.peer_id >> members.txt   one PeerId a line
  formix-p2p members sign members.txt --expires 90d --node ward-3
  formix-p2p start --role light --members members.txt --members-signer 12D3K...

Add a line or take one out, and sign again: the version goes up by one. Nodes that run look at the file every two \
seconds. Remarks are not signed.")]
pub struct Sign {
    /// The file; it is signed in its place
    file: PathBuf,
    /// How long the list counts
    #[arg(long, default_value = "90d", value_name = "DURATION", value_parser = duration::parse)]
    expires: Duration,
    #[command(flatten)]
    passphrase: PassphraseFlag,
}

/// What a members file says, and who has signed it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p members show members.txt")]
pub struct Show {
    /// The file
    file: PathBuf,
}

impl MembersCommand {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        match self {
            Self::Sign(command) => command.act(context).await,
            Self::Show(Show { file }) => {
                let list = read_members(&file)?;
                tell(context, &list, &file);
                Ok(())
            }
        }
    }
}

impl Sign {
    async fn act(self, context: &Context) -> Result<(), Problem> {
        let uid = match context.any_node_or_stopped().await? {
            Lookup::Running(Chosen { id, .. }) => id.uid,
            Lookup::Stopped(node) => node.id().uid,
        };
        let folder = context.home()?.node(&uid)?;
        let keys = tokio::task::block_in_place(|| self.passphrase.asked_by(context).keys_of(&folder))?;
        let text = text_of(&self.file)?;
        let expires = Timestamp::from(SystemTime::now()) + self.expires;
        let (signed, list) = sign_members(&self.file, &text, &keys.identity, expires)?;
        export::file::write(&self.file, signed.as_bytes())
            .map_err(|error| Problem::file("write", &self.file, &error))?;
        tell(context, &list, &self.file);
        context
            .output
            .note(format!("nodes take it with `start --members FILE --members-signer {}`", keys.peer()));
        Ok(())
    }
}

fn tell(context: &Context, list: &MemberList, file: &Path) {
    let nodes: Vec<String> = list.nodes.iter().map(ToString::to_string).collect();
    let (mut value, mut words) = (json!({ "file": file.display().to_string(), "nodes": nodes }), String::new());
    for node in &list.nodes {
        words += &format!("{}  {node}\n", node.uid());
    }
    match list.signed {
        None => words += "not signed\n",
        Some(mandate) => {
            if let Value::Object(fields) = &mut value {
                fields.insert("signer".to_owned(), mandate.signer.to_string().into());
                fields.insert("version".to_owned(), mandate.version.into());
                fields.insert("expires".to_owned(), mandate.expires.to_string().into());
            }
            words += &format!(
                "version {}, signed by {}, until {}\n",
                mandate.version, mandate.signer, mandate.expires
            );
        }
    }
    context.output.answer(&value, || words);
}
