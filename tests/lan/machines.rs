//! The nodes of a scenario, one a machine, and how to wait for what they do.

use std::path::Path;
use std::time::{Duration, Instant};

use formix_p2p::domain::PeerId;
use formix_p2p::home::Home;
use serde_json::Value;

use super::bridge::Bridge;
use crate::lab::{Lab, Ran};

/// How often a node is asked what it does not tell by itself. Scenarios share two cores.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How many nodes of a scenario are heavy: the first ones.
pub const HEAVY: usize = 3;

/// A scenario's machines, each with one node.
pub struct Lan {
    // Before the bridge: nodes end before their namespaces do.
    nodes: Vec<Node>,
    /// What lies between them.
    pub bridge: Bridge,
}

/// One machine with one node.
pub struct Node {
    lab: Lab,
    uid: String,
    /// What it answers, if it is a light one.
    value: i64,
}

/// How a computation ended where not every answer can be counted on to be in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The plain sum of what so many participants submitted.
    Sum {
        /// How many.
        of: usize,
    },
    /// Too few answers were in time, which is what everybody says.
    TooFew,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sum { of } => write!(f, "the sum of {of}"),
            Self::TooFew => write!(f, "too few participants"),
        }
    }
}

/// How a light node is started.
#[derive(Clone, Debug)]
pub struct Light {
    /// What it answers.
    pub value: i64,
    /// By which policy.
    pub policy: &'static str,
}

impl Light {
    /// A light node that answers by itself.
    pub const fn open(value: i64) -> Self {
        Self { value, policy: "open" }
    }

    /// A light node whose owner is asked: it trusts no heavy node.
    pub const fn asking(value: i64) -> Self {
        Self { value, policy: "guarded" }
    }
}

/// What a scenario's nodes are told beyond their role.
pub type More<'a> = dyn Fn(usize) -> Vec<String> + Sync + 'a;
/// A node's clock offset, if it has one.
pub type Offset<'a> = dyn Fn(usize) -> Option<&'static str> + Sync + 'a;

impl Lan {
    /// Three heavy nodes and these light ones, started at once on a bridge that `prepare` has worked on.
    pub fn start(light: &[Light], prepare: impl FnOnce(&Bridge)) -> Option<Self> {
        Self::start_with(light, prepare, &|_| Vec::new(), &|_| None)
    }

    /// The same, with more arguments and clocks.
    pub fn start_with(
        light: &[Light],
        prepare: impl FnOnce(&Bridge),
        more: &More<'_>,
        offset: &Offset<'_>,
    ) -> Option<Self> {
        let bridge = Bridge::new(HEAVY + light.len() + 1)?;
        prepare(&bridge);
        let start = |machine: usize| {
            let lab = Lab::in_namespace(&bridge.namespace(machine));
            let mut arguments = match machine.checked_sub(HEAVY).map(|index| &light[index]) {
                None => ["--role", "heavy"].map(str::to_owned).to_vec(),
                Some(Light { value, policy }) => {
                    let data = format!("n={value}");
                    ["--role", "light", "--policy", policy, "--data", &data].map(str::to_owned).to_vec()
                }
            };
            arguments.extend(more(machine));
            let uid = start_node(&lab, &arguments, offset(machine));
            let value = machine.checked_sub(HEAVY).map_or(0, |index| light[index].value);
            Node { lab, uid, value }
        };
        let nodes = std::thread::scope(|scope| {
            let start = &start;
            let started: Vec<_> =
                (0..HEAVY + light.len()).map(|machine| scope.spawn(move || start(machine))).collect();
            started.into_iter().map(|it| it.join().unwrap()).collect()
        });
        Some(Self { nodes, bridge })
    }

    /// The node of a machine.
    pub fn node(&self, machine: usize) -> &Node {
        &self.nodes[machine]
    }

    /// A machine without a node.
    #[allow(dead_code, reason = "benches/feet.rs needs none")]
    pub fn spare(&self) -> usize {
        self.nodes.len()
    }

    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// Waits until every node sees every other.
    pub fn complete(&self, limit: Duration) {
        let light = self.nodes.len() - HEAVY;
        for node in &self.nodes {
            node.until_seen(HEAVY, light, limit);
        }
    }

    /// Waits until every node says how this computation ended, and gives what each says.
    pub fn ended(&self, id: &str, limit: Duration) -> Vec<Value> {
        let end = Instant::now() + limit;
        let left = || end.saturating_duration_since(Instant::now());
        self.nodes.iter().map(|node| node.ended(id, left())).collect()
    }

    /// Waits until the whole network has this sum.
    pub fn sums_to(&self, id: &str, sum: i64, limit: Duration) {
        for (machine, view) in self.ended(id, limit).into_iter().enumerate() {
            assert_eq!(view["status"], "completed", "machine {machine}: {view}");
            assert_eq!(view["result"]["sum"], sum, "machine {machine}: {view}");
        }
    }
}

impl Lan {
    /// Waits until the whole network knows the end: everybody the same sum, which is exactly what the participants had,
    /// or everybody that too few answers were in time.
    pub fn ends_right(&self, id: &str, limit: Duration) -> End {
        let views = self.ended(id, limit);
        let failed = |view: &Value| {
            view["reason"].as_str().is_some_and(|reason| reason.starts_with("insufficient participants"))
        };
        if views.iter().all(failed) {
            return End::TooFew;
        }
        let members =
            views.iter().find_map(|view| view["members"].as_array()).expect("somebody knows the members");
        let value =
            |member: &Value| self.nodes.iter().find(|node| *member == *node.uid).expect("one of ours").value;
        let sum: i64 = members.iter().map(value).sum();
        for (machine, view) in views.iter().enumerate() {
            assert_eq!(view["status"], "completed", "machine {machine}: {view}");
            assert_eq!(view["result"]["sum"], sum, "machine {machine}: {view}");
            assert_eq!(view["result"]["participants"], members.len(), "machine {machine}: {view}");
        }
        End::Sum { of: members.len() }
    }
}

fn start_node(lab: &Lab, arguments: &[String], offset: Option<&str>) -> String {
    let mut command = lab.command(&["start", "--detach", "--json"]);
    command.args(arguments).env("RUST_LOG", "info,formix_p2p=debug");
    command.envs(offset.iter().map(|offset| ("FORMIX_DEBUG_CLOCK_OFFSET", offset)));
    let started: Ran = command.output().unwrap().into();
    started.data()["uid"].as_str().unwrap().to_owned()
}

impl Node {
    /// How it is called.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Who it is.
    #[allow(dead_code, reason = "benches/feet.rs does not ask")]
    pub fn peer(&self) -> PeerId {
        Home::at(Some(self.lab.home())).unwrap().node(&self.uid).unwrap().load_peer().unwrap()
    }

    /// Its process.
    #[allow(dead_code, reason = "benches/feet.rs asks")]
    pub fn pid(&self) -> Option<i32> {
        self.lab.pid(&self.uid)
    }

    /// The most memory that its process has had at a time, in KiB.
    #[allow(dead_code, reason = "benches/feet.rs does not ask")]
    pub fn peak_memory_kib(&self) -> u64 {
        let pid = self.lab.pid(&self.uid).unwrap();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    fn get(&self, path: &str) -> Option<Value> {
        match self.lab.http(&self.uid, &format!("GET {path}"), "")? {
            (200, body) => serde_json::from_slice(&body).ok(),
            _ => None,
        }
    }

    /// Waits until it sees at least so many active nodes, itself included.
    pub fn until_seen(&self, heavy: usize, light: usize, limit: Duration) {
        until(limit, &format!("{} sees {heavy} heavy and {light} light nodes", self.uid), || {
            let view = self.get("/view").unwrap_or_default();
            let sees = |kind: &str, wanted: usize| view[kind].as_u64() >= u64::try_from(wanted).ok();
            if sees("heavy", heavy) && sees("light", light) { Ok(()) } else { Err(view.to_string()) }
        });
    }

    /// Waits until it knows that another node is to be found at one address and no longer at another.
    pub fn until_found_at(&self, uid: &str, new: &str, old: &str, limit: Duration) {
        until(limit, &format!("{uid} is to be found at {new} and not at {old}"), || {
            let view = self.get("/view").unwrap_or_default();
            let nodes = view["nodes"].as_array().cloned().unwrap_or_default();
            let addresses =
                nodes.iter().find(|node| node["uid"] == uid).map(|node| node["addresses"].to_string());
            match addresses {
                Some(addresses) if addresses.contains(new) && !addresses.contains(old) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }

    /// A command on this machine, with `--json`.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.lab.json(arguments)
    }

    /// Asks the network for the sum of `n`; `Err` has the code and the words of the error.
    pub fn propose(&self, deadline: &str) -> Result<String, String> {
        self.propose_as(deadline, &[])
    }

    /// The same, with these flags.
    pub fn propose_as(&self, deadline: &str, flags: &[&str]) -> Result<String, String> {
        let question = ["propose", "--prompt", "How many?", "--field", "n", "--statistic", "sum"];
        let ran = self.run(&[&question[..], &["--deadline", deadline], flags].concat());
        if ran.code == 0 {
            Ok(ran.data()["id"].as_str().unwrap().to_owned())
        } else {
            Err(format!("{}: {}", ran.error(ran.code), ran.message()))
        }
    }

    /// The same, again and again while the answer is that heavy nodes cannot be reached or have not answered in
    /// time; when the one that came through was made, and how often that was.
    pub fn propose_until_announced(&self, deadline: Duration, limit: Duration) -> (String, Instant, usize) {
        let (begun, mut refusals) = (Instant::now(), 0);
        loop {
            let asked = Instant::now();
            match self.propose(&format!("{}ms", deadline.as_millis())) {
                Ok(id) => return (id, asked, refusals),
                Err(refused) => {
                    let named = ["did not answer the proposal", "too_few_heavy_nodes"];
                    assert!(named.iter().any(|cause| refused.contains(cause)), "{refused}");
                    assert!(begun.elapsed() < limit, "{limit:?}, and {refused}");
                    refusals += 1;
                }
            }
        }
    }

    /// What it says of a computation.
    pub fn computation(&self, id: &str) -> Option<Value> {
        self.get(&format!("/computations/{id}"))
    }

    /// Waits until it says this of a computation.
    pub fn until(&self, id: &str, limit: Duration, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        until(limit, what, || {
            let view = self.computation(id).unwrap_or_default();
            if holds(&view) { Ok(view) } else { Err(format!("{}: {view}", self.uid)) }
        })
    }

    /// Waits until it says that a computation has ended.
    pub fn ended(&self, id: &str, limit: Duration) -> Value {
        self.until(id, limit, "the computation ends", |view| {
            matches!(view["status"].as_str(), Some("completed" | "failed"))
        })
    }

    /// Waits for a line of its log: about this computation, if one is named, and with these words.
    pub fn until_logged(&self, id: Option<&str>, words: &str, limit: Duration) {
        until(limit, &format!("{} logs `{words}`", self.uid), || {
            if self.has_logged(id, words) { Ok(()) } else { Err(String::new()) }
        });
    }

    /// Whether it logs such a line within this time.
    pub fn logs_within(&self, id: Option<&str>, words: &str, limit: Duration) -> bool {
        let start = Instant::now();
        while !self.has_logged(id, words) {
            if start.elapsed() > limit {
                return false;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        true
    }

    /// Whether its log has such a line.
    pub fn has_logged(&self, id: Option<&str>, words: &str) -> bool {
        let log = self.log();
        // Logs are long, and few of their lines are worth a closer look.
        let lines = log.lines().filter(|line| line.contains(words));
        let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut lines = lines.filter(|line| id.is_none_or(|id| line["computation"] == id));
        lines.any(|line| line["message"].as_str().is_some_and(|message| message.contains(words)))
    }

    /// Whether somebody else, such as this node itself, answered where it looked for another one.
    pub fn met_somebody_else(&self) -> bool {
        self.log().contains("Unexpected peer ID")
    }

    fn log(&self) -> String {
        let folder = self.lab.node(&self.uid);
        let read = |name: &str| std::fs::read_to_string(Path::new(&folder).join(name)).unwrap_or_default();
        // A rotated file comes first. A line that is being written is not JSON yet and comes with the next look.
        read("logs.log.1") + &read("logs.log")
    }
}

/// Looks again until `look` gives something, for at most this long; fails with what it saw last.
pub fn until<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) => assert!(start.elapsed() < limit, "waited {limit:?} until {what}; last: {seen}"),
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}
