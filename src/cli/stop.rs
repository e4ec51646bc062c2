//! `stop` and `remove`: end a node's process, or the node itself.

use std::time::Duration;

use clap::Args;
use futures::future::try_join_all;
use serde_json::json;

use super::args::Context;
use super::confirm::{Consent, confirm};
use super::nodes::{self, described};
use super::problem::{Exit, Problem};
use crate::control::{Client, ClientError, Request};
use crate::home::{NodeFolder, Removal};

/// A node's farewell takes 5 s at most.
const END_WAIT: Duration = Duration::from_secs(10);
/// How often the lock is looked at: the end of a process tells nobody but its parent.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Stop a node; fine if it had already stopped
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p stop                                        the only running node
  formix-p2p stop FZ37
  formix-p2p stop --all --yes")]
pub struct Stop {
    /// Its UID, name or PeerId, or a unique beginning
    #[arg(value_name = "NODE", conflicts_with = "all")]
    which: Option<String>,
    /// Every running node of this home; asks
    #[arg(long)]
    all: bool,
    /// Do not ask
    #[arg(long, requires = "all")]
    yes: bool,
}

/// Delete a stopped node and its identity; asks
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p remove FZ37
  formix-p2p remove ward-3 --yes

Its identity, its memory and its logs are gone for good. Files in its folder that are not its own are left.")]
pub struct Remove {
    /// Its UID, name or PeerId, or a unique beginning
    #[arg(value_name = "NODE")]
    which: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Stop {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let folders = self.folders(context).await?;
        try_join_all(folders.iter().map(stop)).await?;
        let stopped: Vec<_> = folders.iter().map(NodeFolder::uid).collect();
        context.output.answer(&json!({ "stopped": stopped }), || match stopped.as_slice() {
            [] => "No node was running.".to_owned(),
            stopped => format!("Stopped: {}", stopped.join(", ")),
        });
        Ok(())
    }

    async fn folders(&self, context: &Context) -> Result<Vec<NodeFolder>, Problem> {
        let home = context.home()?;
        let mut running = Vec::new();
        for folder in home.nodes()? {
            if folder.is_running()? {
                running.push(folder);
            }
        }
        if self.all {
            let names: Vec<_> = running.iter().map(described).collect();
            if !names.is_empty() {
                let question = format!("Stop {}?", names.join(", "));
                confirm(context.output, Consent::from(self.yes), &question)?;
            }
            return Ok(running);
        }
        if let Some(typed) = self.which.as_ref().or(context.node.as_ref()) {
            return Ok(vec![home.node(typed)?]);
        }
        match (running.as_slice(), home.nodes()?.as_slice()) {
            ([only], _) => Ok(vec![only.clone()]),
            // It had already stopped.
            ([], [only]) => Ok(vec![only.clone()]),
            ([], _) => Err(Problem::no_node_running()),
            (several, _) => {
                let answering = nodes::running(&home).await?;
                let ids: Vec<_> = answering.into_iter().map(|chosen| chosen.id).collect();
                let picked = context.pick(&ids)?;
                let picked = ids.get(picked).map(|id| id.uid.as_str());
                Ok(several.iter().filter(|folder| Some(folder.uid()) == picked).cloned().collect())
            }
        }
    }
}

impl Remove {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let folder = context.home()?.node(&self.which)?;
        let uid = folder.uid().to_owned();
        if folder.is_running()? {
            return Err(crate::home::HomeError::Running { uid }.into());
        }
        let question = format!("Delete {} and its identity for good?", described(&folder));
        confirm(context.output, Consent::from(self.yes), &question)?;
        let path = folder.path().display().to_string();
        let removal = folder.remove()?;
        context.output.answer(&json!({ "removed": uid }), || format!("Removed: {uid}"));
        match removal {
            Removal::Complete => {}
            Removal::ForeignFilesLeft => {
                context.output.note(format!("{path} stays: there are files in it that are not the node's"));
            }
        }
        Ok(())
    }
}

/// Asks the node to stop and waits until its process has let go of it.
async fn stop(folder: &NodeFolder) -> Result<(), Problem> {
    let uid = folder.uid();
    let ended = tokio::time::timeout(END_WAIT, async {
        loop {
            if !folder.is_running()? {
                return Ok(());
            }
            // A node that is starting does not listen yet; one that is leaving does not any more.
            match Client::connect(&folder.socket_path()).await {
                Ok(client) => match client.request(Request::Stop).await {
                    Ok(_) | Err(ClientError::Broken(_) | ClientError::NotRunning(_)) => {}
                    Err(ClientError::Refused(error)) if error.code == "node_stopping" => {}
                    Err(error) => return Err(error.into()),
                },
                Err(ClientError::NotRunning(_)) => {}
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    });
    ended.await.unwrap_or_else(|_| {
        Err(Problem::new(
            Exit::TimedOut,
            "still_running",
            format!("node {uid} has not ended within {} s", END_WAIT.as_secs()),
            format!(
                "see `formix-p2p logs {uid}`; end its process if it hangs: nothing that was promised is lost"
            ),
        ))
    })
}
