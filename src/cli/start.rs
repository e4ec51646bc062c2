//! `start`: run a node, in the foreground or detached.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::arenas;
use super::args::Context;
use super::detach;
use super::id;
use super::launch::{self, Ground, Prepared};
use super::nodes;
use super::output::{Format, Output};
use super::passphrase::PassphraseFlag;
use super::policy_words;
use super::private_data::{self, PrivateAssignment};
use super::problem::Problem;
use super::selection::{self, Selection};
use super::sources::{self, SourceFlags};
use super::wrapped;
use crate::config::{AdmissionLayer, Data, Layer, PolicyLayer, merge};
use crate::consent::Preset;
use crate::domain::{PeerId, Role};
use crate::home::{Candidate, CandidatePresence, Home, HomeError, NodeFolder, resolve};
use crate::node::{IdentityAge, RunningNode};
use crate::sources::SourceError;

/// A node says farewell within this time, or the process ends without it.
const STOP_WAIT: Duration = Duration::from_millis(4_500);

/// Run a node: heavy ones add up shares, light ones own private data
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p start --role heavy --detach
  formix-p2p start --role light --data rating=8 --data age=41
  formix-p2p start --role light --data - < values.txt    the same, out of the shell's history
  formix-p2p start FZ37 --data age=                      forget a value that it was told
  formix-p2p start --role light --csv patients.csv       every column is a field
  formix-p2p start --role light --csv export.txt --csv-delimiter ';' --decimal ,
  formix-p2p start --role light --sqlite clinic.db --query 'SELECT age, bmi FROM patients'
  formix-p2p start --role light --command 'age,bmi=./export.sh --all'
  formix-p2p start --role light --bootstrap /ip4/10.0.0.7/tcp/8000/p2p/12D3K... --trust 12D3K...
  formix-p2p start --role heavy --members members.txt    let in whom the file names
  formix-p2p start FZ37                                  a node that exists, as it was told before
  formix-p2p start --role light --policy open --new      one more node, for a demonstration

Without NODE and --name, the only stopped node of the role is taken up; --new makes another one. What `start` is \
told is remembered in the node's node.toml.

What you type after --data stays in your shell's history. The quiet ways are the [data] table of node.toml or of a \
--config file, and `--data -`, which reads FIELD=VALUE lines from standard input. Tables are read when somebody asks; `formix-p2p data` shows what is found \
in them.")]
pub struct Start {
    /// A node that exists: its UID, name or PeerId, or a unique beginning
    #[arg(value_name = "NODE", conflicts_with_all = ["new"])]
    which: Option<String>,
    /// What a new node is: heavy or light
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    /// What you call it; a stopped node of this name is taken up
    #[arg(long)]
    name: Option<String>,
    /// Make a new node even if there is one to take up
    #[arg(long)]
    new: bool,
    /// Listen here only [default: the first free port from 8000, TCP and QUIC, on all interfaces]
    #[arg(long, value_name = "MULTIADDR")]
    listen: Vec<String>,
    /// A node of the network to begin with, as another node's `start` or `id` prints it
    #[arg(long, value_name = "MULTIADDR")]
    bootstrap: Vec<String>,
    /// Do not look for nodes on the local network by multicast
    #[arg(long)]
    no_mdns: bool,
    /// The key that closes the network to strangers, from `swarm-key new`
    #[arg(long, value_name = "FILE")]
    swarm_key: Option<PathBuf>,
    /// Close the network: a node that is let in, by its PeerId or a name known in this home
    #[arg(long, value_name = "NODE")]
    allow: Vec<String>,
    /// Close the network: a file with the PeerIds of the nodes that are let in, one a line
    #[arg(long, value_name = "FILE")]
    members: Option<PathBuf>,
    /// Who must have signed the members file, from `members sign`
    #[arg(long, value_name = "NODE", requires = "members")]
    members_signer: Option<String>,
    #[command(flatten)]
    passphrase: PassphraseFlag,
    /// Settings in TOML; what is typed here wins over them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Return when the node is ready, and leave it running
    #[arg(long)]
    detach: bool,
    /// Light: a private value; it stays on this machine. FIELD= forgets one; - reads lines of standard input
    #[arg(long, value_name = "FIELD=VALUE", action = ArgAction::Append)]
    data: Vec<PrivateAssignment>,
    #[command(flatten)]
    sources: SourceFlags,
    /// Light: what is answered unattended, guarded or open [default: guarded]
    #[arg(long, value_parser = preset)]
    policy: Option<Preset>,
    /// Light: a heavy node trusted not to collude against this one: its PeerId, or a name known in this home
    #[arg(long, value_name = "NODE")]
    trust: Vec<String>,
    /// Light: answer unattended only if at least this many take part [default: 3]
    #[arg(long, value_name = "N")]
    min_participants: Option<u32>,
    /// The child of `--detach`.
    #[arg(long, hide = true)]
    detached: bool,
}

impl Start {
    pub async fn act(mut self, context: &Context) -> Result<(), Problem> {
        let is_exposed = private_data::is_exposed(&self.data);
        // Whoever is exposed begins again below, and whoever detaches is no node.
        if !is_exposed && (self.detached || !self.detach) {
            arenas::begin_with_few();
        }
        // Standard input blocks, and the runtime has other work only in other threads.
        self.data = tokio::task::block_in_place(|| private_data::collected(self.data, context.output))?;
        if self.detached {
            detach::leave_session()?;
        }
        // What can be refused is refused here, before there is a second process.
        let (home, told) = self.told(context).await?;
        if self.detach && !self.detached {
            return detach::start(context, self.data, &self.passphrase).await;
        }
        if is_exposed {
            return Err(private_data::hide(&self.data));
        }
        let selection = self.selection(context)?;
        let prepared = tokio::task::block_in_place(|| {
            selection::prepare(&home, selection, told.clone(), &self.passphrase.asked_by(context))
        })?;
        let faults = tokio::task::block_in_place(|| sources::faults(&prepared.config, &told))?;
        let ground = if self.detached { Ground::Detached } else { Ground::Foreground };
        run(context, prepared, &faults, ground).await
    }

    /// The home, and what flags, environment and configuration file say together.
    async fn told(&self, context: &Context) -> Result<(Home, Layer), Problem> {
        let file = match &self.config {
            Some(path) => Layer::from_file(path)?,
            None => Layer::default(),
        };
        let environment = Layer::from_environment(|variable| std::env::var(variable).ok())?;
        let home = Home::at(context.home.as_deref().or(file.home.as_deref()))?;
        let told = merge([self.flags(&home).await?, environment, file]);
        let is_light_only =
            !told.data.is_empty() || told.sources.is_some() || told.policy != PolicyLayer::default();
        if told.role == Some(Role::Heavy) && is_light_only {
            return Err(Problem::usage(
                "light_only",
                "a heavy node owns no data, so --data, --csv, --sqlite, --command, --policy, --trust and \
                 --min-participants do not fit it",
                "leave them out, or start a node with --role light",
            ));
        }
        launch::check(&told)?;
        Ok((home, told))
    }

    async fn flags(&self, home: &Home) -> Result<Layer, Problem> {
        let data = Data::from_assignments(&self.data).map_err(|error| {
            Problem::usage("invalid_data", error.to_string(), "give private values as --data FIELD=VALUE")
        })?;
        let swarm_key = self.swarm_key.as_deref().map(absolute).transpose()?;
        let mut trust = Vec::new();
        for typed in &self.trust {
            trust.push(meant(home, typed, "invalid_trust").await?);
        }
        let admission = self.admission(home).await?;
        Ok(Layer {
            role: self.role,
            name: self.name.clone(),
            home: None,
            listen: given(&self.listen),
            bootstrap: given(&self.bootstrap),
            mdns: self.no_mdns.then_some(false),
            swarm_key,
            admission,
            policy: PolicyLayer {
                preset: self.policy,
                min_participants: self.min_participants,
                trust: given(&trust),
                ..PolicyLayer::default()
            },
            data,
            sources: self.sources.declared()?,
            log: None,
        })
    }

    async fn admission(&self, home: &Home) -> Result<AdmissionLayer, Problem> {
        let mut allow = Vec::new();
        for typed in &self.allow {
            allow.push(meant(home, typed, "invalid_node").await?);
        }
        let signer = match &self.members_signer {
            Some(typed) => Some(meant(home, typed, "invalid_node").await?),
            None => None,
        };
        let members = self.members.as_deref().map(absolute).transpose()?;
        Ok(AdmissionLayer { allow: given(&allow), members, signer })
    }

    fn selection(&self, context: &Context) -> Result<Selection, Problem> {
        if self.new {
            return Ok(Selection::New);
        }
        // `--node` directs every command, so a name typed for this start comes first.
        match (&self.which, &self.name, &context.node) {
            (Some(typed), ..) => Ok(Selection::Existing(typed.clone())),
            (None, Some(name), _) => Ok(Selection::Named(name.clone())),
            (None, None, Some(typed)) => Ok(Selection::Existing(typed.clone())),
            (None, None, None) => Ok(Selection::OnlyStopped),
        }
    }
}

/// Runs until a signal, a `stop`, or a failure.
async fn run(
    context: &Context,
    prepared: Prepared,
    faults: &[SourceError],
    ground: Ground,
) -> Result<(), Problem> {
    let listen_for = |kind| {
        signal(kind).map_err(|error| {
            let hint = "restart the shell, or the machine".to_owned();
            Problem::new(super::problem::Exit::Refused, "signals", format!("no signals: {error}"), hint)
        })
    };
    let mut signals = [listen_for(SignalKind::interrupt())?, listen_for(SignalKind::terminate())?];
    let (folder, age) = (prepared.folder.clone(), prepared.age);
    let _logs = match launch::start_logging(context, &prepared, ground) {
        Ok(logs) => logs,
        Err(problem) => {
            // With it goes the lock.
            drop(prepared);
            give_up(&folder, age);
            return Err(problem);
        }
    };
    for fault in faults {
        tracing::warn!(error = %fault, hint = fault.hint(), "a source cannot be read; its fields are missing");
    }
    let (mut node, prepared) = launch::start(prepared).await.inspect_err(|_| give_up(&folder, age))?;
    let id = node.id();
    context.output.answer(&id, || id::told(&id));
    context.output.note(wrapped::for_stderr(&policy_words::of(&prepared.config)));
    if ground == Ground::Foreground && context.output.format == Format::People {
        context.output.note("Ctrl-C stops it; `formix-p2p start --detach` runs one in the background");
    }
    tokio::select! {
        () = any(&mut signals) => stop(context.output, node).await,
        ended = node.stopped() => ended.map_err(|error| launch::broken(&error)),
    }
}

/// After a start that failed.
fn give_up(folder: &NodeFolder, age: IdentityAge) {
    match age {
        // An identity that never was in the network, which the next `start` would take up.
        IdentityAge::New => drop(folder.clone().remove()),
        IdentityAge::Existing => {}
    }
}

async fn any([interrupt, terminate]: &mut [Signal; 2]) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

async fn stop(output: Output, node: RunningNode) -> Result<(), Problem> {
    output.note("stopping");
    match tokio::time::timeout(STOP_WAIT, node.stop()).await {
        Ok(ended) => ended.map_err(|error| launch::broken(&error)),
        Err(_) => {
            // What was promised is on the disk; only the farewell is missing.
            tracing::warn!("the node did not say farewell in time");
            Ok(())
        }
    }
}

/// The PeerId of a node that is trusted or let in: typed in full, or known by name in this home or its network.
async fn meant(home: &Home, typed: &str, code: &str) -> Result<PeerId, Problem> {
    if let Ok(peer) = typed.parse() {
        return Ok(peer);
    }
    if let Ok(folder) = home.node(typed) {
        return Ok(folder.load_peer()?);
    }
    let mut known = Vec::new();
    if let Some(chosen) = nodes::running(home).await?.into_iter().next() {
        known.extend(super::view::of(&chosen.client).await?.nodes.into_iter().filter_map(|node| {
            let presence = CandidatePresence::There;
            Some(Candidate { peer: node.peer_id.parse().ok()?, name: node.name, presence })
        }));
    }
    let candidate = resolve(typed, &known).map_err(|unresolved| {
        Problem::usage(
            code,
            HomeError::of_reference(typed, unresolved).to_string(),
            "give the node's full PeerId, as its `start` and `formix-p2p id` print it",
        )
    })?;
    Ok(candidate.peer)
}

fn given<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path).map_err(|error| Problem::file("find", path, &error))
}

fn preset(text: &str) -> Result<Preset, String> {
    match text {
        "guarded" => Ok(Preset::Guarded),
        "open" => Ok(Preset::Open),
        other => Err(format!("`{other}` is not a policy; policies are guarded and open")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        start: Start,
    }

    fn typed(words: &[&str]) -> Result<Start, clap::Error> {
        Line::try_parse_from(["start"].iter().chain(words)).map(|line| line.start)
    }

    #[tokio::test]
    async fn private_values_are_never_repeated() {
        let start = typed(&["--role", "light", "--data", "age=4711\u{7}"]).unwrap();
        assert!(!format!("{start:?}").contains("4711"));
        let folder = tempfile::tempdir().unwrap();
        let problem = start.flags(&Home::at(Some(folder.path())).unwrap()).await.unwrap_err();
        assert!(problem.exit.code() == 2 && !format!("{problem:?}").contains("4711"), "{problem:?}");
    }

    #[test]
    fn roles_and_policies_are_checked_by_the_parser() {
        for words in [["--role", "medium"], ["--policy", "closed"]] {
            let refusal = typed(&words).unwrap_err().to_string();
            assert!(refusal.contains("medium") || refusal.contains("closed"), "{refusal}");
        }
        assert!(typed(&["AAAA", "--new"]).is_err());
    }

    #[tokio::test]
    async fn what_was_not_typed_is_left_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Some(folder.path())).unwrap();
        assert_eq!(typed(&[]).unwrap().flags(&home).await.unwrap(), Layer::default());
        let flags = typed(&["--no-mdns", "--policy", "open"]).unwrap().flags(&home).await.unwrap();
        assert_eq!((flags.mdns, flags.policy.preset), (Some(false), Some(Preset::Open)));
    }
}
