//! A laboratory of real processes: each node is `formix-p2p start --detach` with its own folder, sockets and store.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Between two looks at what only asking can tell: whoever looks all the time takes a processor from those who are looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A home folder with nodes that are stopped, hard, when it goes.
pub struct Lab {
    folder: tempfile::TempDir,
    /// Run every command in this network namespace.
    namespace: Option<String>,
    /// `RUST_LOG` of every command.
    log_level: Option<String>,
    /// Everything that commands and control sockets have said.
    heard: Mutex<Vec<Heard>>,
}

/// What somebody said to a user or a program.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Which command or request.
    pub what: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a command gave.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// The one JSON object on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not one JSON object ({error}): {self:?}"))
    }

    /// What stands under `data`; the command must have succeeded.
    pub fn data(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], "ok", "{self:?}");
        assert_eq!(json["schema_version"], 1, "{self:?}");
        json["data"].clone()
    }

    /// The error envelope's code; message and hint must be there.
    pub fn error(&self, exit: i32) -> String {
        assert_eq!(self.code, exit, "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], "error", "{self:?}");
        let error = &json["error"];
        for part in ["code", "message", "hint"] {
            assert!(error[part].as_str().is_some_and(|text| !text.is_empty()), "{part}: {self:?}");
        }
        error["code"].as_str().unwrap().to_owned()
    }

    /// The error envelope's message.
    pub fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Lab {
    /// An empty home.
    pub fn new() -> Self {
        // Short, for the limit on socket paths.
        let folder = tempfile::Builder::new().prefix("fx").tempdir_in("/tmp").unwrap();
        Self { folder, namespace: None, log_level: None, heard: Mutex::default() }
    }

    /// An empty home in a network namespace.
    pub fn in_namespace(namespace: &str) -> Self {
        let mut lab = Self::new();
        lab.namespace = Some(namespace.to_owned());
        lab
    }

    /// Sets `RUST_LOG` for every command from now on.
    pub fn log_level(&mut self, level: &str) {
        self.log_level = Some(level.to_owned());
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// A node's folder.
    pub fn node(&self, uid: &str) -> PathBuf {
        self.home().join(uid)
    }

    /// A command, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_formix-p2p");
        let mut command = match &self.namespace {
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace, binary]);
                command
            }
            None => Command::new(binary),
        };
        command.args(arguments).stdin(Stdio::null()).env_remove("RUST_LOG").env_remove("FORMIX_NODE");
        command.env("FORMIX_HOME", self.home());
        command.envs(self.log_level.iter().map(|level| ("RUST_LOG", level)));
        command
    }

    /// Everything that was said to whoever asked, so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    fn hear(&self, what: String, bytes: &[u8]) {
        self.heard.lock().unwrap().push(Heard { what, bytes: bytes.to_vec() });
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        self.hear(format!("standard output of {}", arguments.join(" ")), &output.stdout);
        self.hear(format!("standard error of {}", arguments.join(" ")), &output.stderr);
        output.into()
    }

    /// Runs a command with `--json`.
    pub fn json(&self, arguments: &[&str]) -> Ran {
        self.run(&[arguments, &["--json"]].concat())
    }

    /// Starts a node and gives its `id` object.
    pub fn start(&self, arguments: &[&str]) -> Value {
        self.json(&[&["start", "--detach"], arguments].concat()).data()
    }

    /// Three heavy and `values.len()` light nodes with the field `n`, on loopback, without multicast. Gives their
    /// UIDs, heavy nodes first.
    pub fn network(&self, values: &[&str], light: &[&str]) -> Vec<String> {
        let listen = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
        let uid = |node: &Value| node["uid"].as_str().unwrap().to_owned();
        let first = self.start(&[&["--role", "heavy", "--new"], &listen[..]].concat());
        let bootstrap = first["addresses"][0].as_str().unwrap().to_owned();
        let others = ["--bootstrap", &bootstrap];
        let mut uids = vec![uid(&first)];
        for _ in 1..3 {
            let node = self.start(&[&["--role", "heavy", "--new"], &listen[..], &others].concat());
            uids.push(uid(&node));
        }
        for value in values {
            let data = format!("n={value}");
            let role = ["--role", "light", "--new", "--data", &data];
            let node = self.start(&[&role[..], &listen, &others, light].concat());
            uids.push(uid(&node));
        }
        let node = uids.last().unwrap().clone();
        self.wait_for_view(&node, 3, values.len());
        uids
    }

    /// Asks the network for the sum of `n`, and gives the computation's id.
    pub fn propose(&self, node: &str, deadline: &str) -> String {
        let question = ["propose", "--prompt", "How many?", "--field", "n", "--statistic", "sum"];
        let announced = self.json(&[&question[..], &["--node", node, "--deadline", deadline]].concat());
        announced.data()["id"].as_str().unwrap().to_owned()
    }

    /// A request on a node's control socket: the HTTP status and the body. `None` when the node does not answer.
    pub fn http(&self, uid: &str, request: &str, body: &str) -> Option<(u16, Vec<u8>)> {
        let mut stream = UnixStream::connect(self.node(uid).join("control.sock")).ok()?;
        let length = body.len();
        let headers = format!("Host: node\r\nConnection: close\r\nContent-Length: {length}");
        let mut reply = Vec::new();
        // A node that refuses a body does not read it to its end, and what it says is there all the same.
        let _ = write!(stream, "{request} HTTP/1.1\r\n{headers}\r\n\r\n{body}");
        let _ = stream.read_to_end(&mut reply);
        self.hear(format!("reply of {uid} to {request}"), &reply);
        let end = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
        let status = String::from_utf8_lossy(&reply[..end]).split(' ').nth(1)?.parse().ok()?;
        Some((status, reply.split_off(end + 4)))
    }

    /// One computation as a node's control socket tells it; `None` while the node does not answer or know it.
    pub fn computation(&self, uid: &str, id: &str) -> Option<Value> {
        match self.http(uid, &format!("GET /computations/{id}"), "")? {
            (200, body) => serde_json::from_slice(&body).ok(),
            _ => None,
        }
    }

    /// Waits until a node says this of a computation.
    pub fn wait_for(&self, uid: &str, id: &str, what: &str, holds: impl Fn(&Value) -> bool) {
        self.until(what, || self.computation(uid, id).is_some_and(|view| holds(&view)));
    }

    /// Starts a node in the foreground. What it says goes to two files in `said`, `out` and `err`.
    pub fn foreground(&self, arguments: &[&str], said: &Path) -> Child {
        let file = |name| std::fs::File::create(said.join(name)).unwrap();
        let mut command = self.command(&[&["start"], arguments].concat());
        command.stdout(file("out")).stderr(file("err")).spawn().unwrap()
    }

    /// Waits until a node sees this many active nodes.
    pub fn wait_for_view(&self, node: &str, heavy: usize, light: usize) {
        self.until("the network is complete", || {
            let view = self.json(&["view", "--node", node]).data();
            view["heavy"] == heavy && view["light"] == light
        });
    }

    /// Waits for something that only asking can tell, for at most a minute: two busy cores and a slow disk take their time.
    pub fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < Duration::from_secs(60), "waited too long until {what}");
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// The process of a running node.
    pub fn pid(&self, uid: &str) -> Option<i32> {
        let folder = self.node(uid);
        let by_file = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).find_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let open = std::fs::read_dir(entry.path().join("fd")).ok()?;
            let holds = open
                .filter_map(Result::ok)
                .filter_map(|file| std::fs::read_link(file.path()).ok())
                .any(|file| file == folder.join("node.redb"));
            holds.then_some(pid)
        });
        by_file.or_else(|| self.holder_of_lock(uid))
    }

    /// What a node has open is to be seen by root alone; whoever holds its lock, by everybody.
    fn holder_of_lock(&self, uid: &str) -> Option<i32> {
        let lock = std::fs::metadata(self.node(uid).join("node.lock")).ok()?.ino();
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        locks.lines().find_map(|line| {
            // 1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
            let words: Vec<&str> = line.split_whitespace().collect();
            let ["FLOCK", _, "WRITE", pid, file] = words.get(1..6)? else { return None };
            let inode = file.rsplit(':').next()?.parse::<u64>().ok()?;
            (inode == lock).then(|| pid.parse().ok()).flatten()
        })
    }

    /// `kill -9`.
    pub fn kill(&self, uid: &str) {
        let pid = self.pid(uid).unwrap_or_else(|| panic!("{uid} is not running"));
        signal("-KILL", pid);
        self.until("the killed process is gone", || self.pid(uid).is_none());
    }

    /// Starts a node again such that it kills itself at a place (`docs/TESTING.md`), does what leads there, and starts it once more.
    pub fn dies_at(&self, uid: &str, place: &str, does: impl FnOnce() -> Ran) {
        self.kill(uid);
        let mut start = self.command(&["start", uid, "--detach"]);
        assert!(start.env("FORMIX_DEBUG_FAILPOINT", place).output().unwrap().status.success(), "{place}");
        let done = does();
        self.until("it has died", || self.pid(uid).is_none());
        self.json(&["start", uid, "--detach"]).data();
        // Whoever asked was told of no success that was not written.
        assert!(done.code != 0 || place.starts_with("after"), "{place}: {done:?}");
    }
}

/// Sends a signal, such as `-TERM`.
pub fn signal(signal: &str, pid: i32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// Waits for the end of a child, at most this long.
pub fn ends_within(child: &mut Child, limit: Duration) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > limit {
            let _ = child.kill();
            panic!("the process has not ended within {limit:?}");
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let Ok(entries) = std::fs::read_dir(self.home()) else { return };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.len() == 8
                && let Some(pid) = self.pid(&name)
            {
                let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
            }
        }
    }
}
