//! `data`: what a light node can be asked about.

mod list;
mod preview;

use clap::{Args, Subcommand};

use crate::cli::args::Context;
use crate::cli::nodes::{self, described};
use crate::cli::problem::{Exit, Problem};
use crate::config::NodeConfig;
use crate::domain::Role;
use crate::home::NodeFolder;

/// Show the fields of a light node: their type, their source, how many rows have them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p data                                        the only light node of this home
  formix-p2p data --node ward-7
  formix-p2p data preview --field age --statistic mean   what would leave this node
  formix-p2p data --json | jq -r '.data.fields[].name'

Every source is read to its end, whether the node runs or not. No value is shown.")]
pub struct Data {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    Preview(preview::Preview),
}

impl Data {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let (_, config) = owner(context).await?;
        match self.what {
            None => list::act(context, &config),
            Some(What::Preview(preview)) => preview.act(context, &config),
        }
    }
}

/// The light node that is meant: the one that `--node` names, the only one, or the only running one. Else a person is
/// asked.
///
/// # Errors
/// `no_such_node`, `ambiguous_node`, `light_only`, or what is wrong with its settings.
pub(super) async fn owner(context: &Context) -> Result<(NodeFolder, NodeConfig), Problem> {
    let home = context.home()?;
    if let Some(typed) = &context.node {
        return light(home.node(typed)?);
    }
    let mut found = Vec::new();
    for folder in home.nodes()? {
        // One whose settings cannot be read can still be named.
        if let Ok(owner) = light(folder) {
            found.push(owner);
        }
    }
    if found.len() > 1 {
        let mut running = Vec::new();
        for (at, (folder, _)) in found.iter().enumerate() {
            if folder.is_running()? {
                running.push(at);
            }
        }
        let at = match running.as_slice() {
            [only] => *only,
            _ => {
                let ids: Vec<_> = found.iter().map(|(folder, config)| nodes::id_of(folder, config)).collect();
                context.pick(&ids)?
            }
        };
        found = found.into_iter().skip(at).take(1).collect();
    }
    let owner = found.into_iter().next().ok_or_else(|| {
        let hint = "start one with `formix-p2p start --role light`, or name another home with --home";
        Problem::new(Exit::NotFound, "no_such_node", "no light node is in this home", hint)
    })?;
    context.output.note(format!("node {}", described(&owner.0)));
    Ok(owner)
}

fn light(folder: NodeFolder) -> Result<(NodeFolder, NodeConfig), Problem> {
    let config = NodeConfig::load(&folder.config_path())?;
    match config.role {
        Role::Light => Ok((folder, config)),
        Role::Heavy => Err(Problem::usage(
            "light_only",
            format!("node {} is heavy, and a heavy node owns no data", folder.uid()),
            "name a light node with --node",
        )),
    }
}
