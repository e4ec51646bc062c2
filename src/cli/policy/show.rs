//! `policy show`: every rule, what it is set to, and who says so.

use clap::Args;
use serde::Serialize;

use super::super::args::Context;
use super::super::nodes::{Chosen, Lookup};
use super::super::problem::Problem;
use super::super::table::{self, Look, printable};
use super::super::wait::unexpected;
use crate::config::NodeConfig;
use crate::control::{PolicyView, Reply, Request, RuleView};
use crate::domain::Role;

/// Every rule by which a light node answers, and who has set it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p policy show
  formix-p2p policy show --node ward-3 --json

The rules stand under [policy] in the node's node.toml; `start` takes --policy, --trust and --min-participants.")]
pub struct Show {}

/// A policy for programs.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    policy: PolicyView,
    /// Whether node.toml says something else than the running node does.
    restart_needed: bool,
}

impl Show {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let (policy, restart_needed) = match context.any_node_or_stopped().await? {
            Lookup::Stopped(node) => (written(&node.config)?, false),
            Lookup::Running(chosen) => {
                let policy = in_force(&chosen).await?;
                let folder = context.home()?.node(&chosen.id.peer_id)?;
                // A file that cannot be read now is the next start's concern.
                let next = NodeConfig::load(&folder.config_path()).ok();
                let differs = next.is_some_and(|config| written(&config).is_ok_and(|next| next != policy));
                (policy, differs)
            }
        };
        context.output.answer(&Shown { policy: policy.clone(), restart_needed }, || told(&policy));
        if restart_needed {
            context.output.note(
                "node.toml says something else by now; the node follows it once it is stopped and started again",
            );
        }
        Ok(())
    }
}

/// The policy that a running node follows.
async fn in_force(chosen: &Chosen) -> Result<PolicyView, Problem> {
    let Reply::Policy(policy) = chosen.client.request(Request::Policy).await? else {
        return Err(unexpected());
    };
    Ok(policy)
}

/// The policy in a node's settings.
fn written(config: &NodeConfig) -> Result<PolicyView, Problem> {
    let node = config.peer_id.uid().to_string();
    if config.role == Role::Heavy {
        let message = format!("{node} is a heavy node: it owns no data, so it has no policy");
        return Err(Problem::usage("light_only", message, "name a light node with --node"));
    }
    let policy = config.policy();
    let rules = policy.lines().into_iter().map(|line| RuleView {
        rule: line.rule,
        value: line.value,
        from: line.from.to_string(),
    });
    Ok(PolicyView { node, preset: policy.preset.to_string(), rules: rules.collect() })
}

fn told(policy: &PolicyView) -> String {
    let rows =
        policy.rules.iter().map(|rule| vec![printable(&rule.rule), printable(&rule.value), rule.from.clone()]);
    table::render(Look::of_stdout(), &["Rule", "Set to", "By"], rows.collect())
}
