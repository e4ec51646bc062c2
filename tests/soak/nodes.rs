//! Three heavy and eight light nodes, each a process whose parent is the test.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::lab::Lab;

pub const HEAVY: usize = 3;
pub const LIGHT: usize = 8;
/// Of the light nodes, those that stay from the beginning to the end; the others come and go.
pub const STAYING: usize = 4;
/// The heavy node that starts again and again.
pub const RESTARTED: usize = HEAVY - 1;
/// The first of the nodes that come and go.
pub const FIRST_GUEST: usize = HEAVY + STAYING;
/// Identities with values of their own.
const VALUES: usize = 40;
/// The largest value of `n`.
pub const LARGEST: u64 = 1 << (VALUES - 1);
pub const CATEGORIES: [&str; 3] = ["a", "b", "c"];

/// What a light node owns.
#[derive(Clone, Copy, Debug)]
pub struct Owned {
    /// A power of two, so that a sum says whose it is.
    pub n: u64,
    pub m: u32,
    pub c: &'static str,
}

impl Owned {
    fn of(identity: usize) -> Self {
        let m = u32::try_from(identity * 37 % 101).unwrap();
        Self { n: 1 << (identity % VALUES), m, c: CATEGORIES[identity % 3] }
    }
}

pub struct Process {
    child: Child,
    /// Held open: a node that cannot say goodbye is another test.
    _stdout: BufReader<ChildStdout>,
}

pub struct Seat {
    pub uid: String,
    pub address: String,
    pub process: Option<Process>,
}

pub struct Nodes {
    pub lab: Lab,
    /// Heavy ones, those that stay, those that come and go.
    pub seats: Vec<Seat>,
    /// Everybody who was ever there, by UID.
    pub owners: BTreeMap<String, Owned>,
    identities: usize,
    guarded: bool,
}

/// A node that is about to say that it is ready.
pub struct Starting {
    child: Child,
    owned: Option<Owned>,
}

impl Nodes {
    pub async fn start() -> Self {
        let guard =
            Command::new("setpriv").args(["--pdeathsig", "KILL", "true"]).stderr(Stdio::null()).status();
        let guarded = guard.is_ok_and(|status| status.success());
        let (seats, owners) = (Vec::new(), BTreeMap::new());
        let mut nodes = Self { lab: Lab::new(), seats, owners, identities: 0, guarded };
        for at in 0..HEAVY + LIGHT {
            let starting = if at < HEAVY { nodes.heavy() } else { nodes.newcomer() };
            let (seat, owned) = starting.ready().await;
            nodes.know(&seat, owned);
            nodes.seats.push(seat);
        }
        for seat in &nodes.seats {
            nodes.lab.wait_for_view(&seat.uid, HEAVY, LIGHT);
        }
        nodes
    }

    fn heavy(&self) -> Starting {
        self.spawn(&["--new", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--role", "heavy"], None)
    }

    /// A new light node, with values of its own.
    pub fn newcomer(&mut self) -> Starting {
        let owned = Owned::of(self.identities);
        self.identities += 1;
        let data = [format!("n={}", owned.n), format!("m={}", owned.m), format!("c={}", owned.c)];
        let role =
            ["--new", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--role", "light", "--policy", "open"];
        let values: Vec<_> = data.iter().flat_map(|value| ["--data", value.as_str()]).collect();
        self.spawn(&[&role[..], &values].concat(), Some(owned))
    }

    /// The node of this seat, again.
    pub fn again(&self, at: usize) -> Starting {
        self.spawn(&[self.seats[at].uid.as_str()], None)
    }

    fn spawn(&self, arguments: &[&str], owned: Option<Owned>) -> Starting {
        let known = self.seats.iter().take(2).flat_map(|seat| ["--bootstrap", seat.address.as_str()]);
        let known: Vec<_> = known.collect();
        let told = self.lab.command(&[&["start", "--json"], arguments, &known].concat());
        // Whatever ends the test ends its nodes, where there is the program for it; else they end with the test's folder.
        let mut command = if self.guarded {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL"]).arg(told.get_program());
            command
        } else {
            Command::new(told.get_program())
        };
        command.args(told.get_args());
        for (name, value) in told.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Starting { child: command.spawn().unwrap(), owned }
    }

    pub fn know(&mut self, seat: &Seat, owned: Option<Owned>) {
        if let Some(owned) = owned {
            self.owners.insert(seat.uid.clone(), owned);
        }
    }

    pub fn socket(&self, at: usize) -> PathBuf {
        self.lab.node(&self.seats[at].uid).join("control.sock")
    }

    pub fn store(&self, at: usize) -> PathBuf {
        self.lab.node(&self.seats[at].uid).join("node.redb")
    }

    pub fn is_running(&self, at: usize) -> bool {
        self.seats[at].process.is_some()
    }

    /// Those that run from the beginning to the end.
    pub fn staying(&self) -> impl Iterator<Item = usize> {
        (0..FIRST_GUEST).filter(|at| *at != RESTARTED)
    }
}

impl Starting {
    /// Waits until the node is ready.
    pub async fn ready(mut self) -> (Seat, Option<Owned>) {
        let mut stdout = BufReader::new(self.child.stdout.take().unwrap());
        let said = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            (line, stdout)
        });
        let (line, stdout) = said.await.unwrap();
        let id = serde_json::from_str::<Value>(&line).unwrap_or_else(|_| panic!("not started: {line}"));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (uid, address) = (text(&id["data"]["uid"]), text(&id["data"]["addresses"][0]));
        let process = Some(Process { child: self.child, _stdout: stdout });
        (Seat { uid, address, process }, self.owned)
    }
}

impl Process {
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
