//! Six real nodes on loopback, each a child of the test that may be told where to die.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use formix_p2p::domain::PeerId;
use serde_json::Value;

use crate::lab::Lab;

/// What anything may take here; far more than it does.
pub const PATIENCE: Duration = Duration::from_secs(40);
/// Between two looks at what only asking can tell.
const PAUSE: Duration = Duration::from_millis(10);
/// Where a node dies while it takes up its memory.
pub const PLACES_OF_RECOVERY: [&str; 2] = ["opened", "restored"];
const VARIABLE: &str = "FORMIX_DEBUG_FAILPOINT";
pub const HEAVY: usize = 3;
/// A bit for each light node, so that a sum says whose it is.
pub const VALUES: [&str; 3] = ["1", "2", "4"];

/// A node's folder, and the process that runs it, if one does.
struct Seat {
    uid: String,
    peer: PeerId,
    process: Option<Process>,
}

struct Process {
    pid: i32,
    ended: Receiver<ExitStatus>,
    /// Held open: a node that cannot say goodbye is another test.
    stdout: BufReader<ChildStdout>,
}

/// Three heavy and three light nodes, in this order.
pub struct Net {
    pub lab: Lab,
    seats: Vec<Seat>,
}

impl Net {
    /// Starts them, and waits until the last one sees the others.
    pub fn new() -> Self {
        let mut net = Self { lab: Lab::new(), seats: Vec::new() };
        let mut first: Option<String> = None;
        for at in 0..HEAVY + VALUES.len() {
            let data = at.checked_sub(HEAVY).map(|light| format!("n={}", VALUES[light]));
            let mut arguments = vec!["--new", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--role"];
            match &data {
                Some(data) => {
                    arguments.extend(["light", "--policy", "open", "--min-participants", "2", "--data", data])
                }
                None => arguments.push("heavy"),
            }
            arguments.extend(first.iter().flat_map(|address| ["--bootstrap", address.as_str()]));
            let (process, id) = net.spawn(&arguments, None);
            let id = id.unwrap();
            first.get_or_insert_with(|| id["addresses"][0].as_str().unwrap().to_owned());
            let text = |key: &str| id[key].as_str().unwrap();
            let (uid, peer) = (text("uid").to_owned(), text("peer_id").parse().unwrap());
            net.seats.push(Seat { uid, peer, process: Some(process) });
        }
        for at in 0..net.seats.len() {
            net.sees(at, HEAVY as u64, 0);
        }
        net
    }

    pub fn uid(&self, at: usize) -> &str {
        &self.seats[at].uid
    }

    pub fn peer(&self, at: usize) -> PeerId {
        self.seats[at].peer
    }

    pub fn nodes(&self) -> std::ops::Range<usize> {
        0..self.seats.len()
    }

    pub fn folder(&self, at: usize) -> PathBuf {
        self.lab.node(self.uid(at))
    }

    /// A process, and what it says when it is ready; nothing where it dies before.
    fn spawn(&self, arguments: &[&str], failpoint: Option<&str>) -> (Process, Option<Value>) {
        let mut command = self.lab.command(&[&["start", "--json"], arguments].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::null()).envs(failpoint.map(|place| (VARIABLE, place)));
        let mut child = command.spawn().unwrap();
        let pid = child.id().cast_signed();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let (tell, ended) = sync_channel(1);
        std::thread::spawn(move || tell.send(child.wait().unwrap()));
        let id = (!line.is_empty()).then(|| serde_json::from_str::<Value>(&line).unwrap()["data"].clone());
        (Process { pid, ended, stdout }, id)
    }

    /// Starts a node that is down. Says whether it got ready.
    pub fn start(&mut self, at: usize, failpoint: Option<&str>) -> bool {
        assert!(self.seats[at].process.is_none());
        let (process, id) = self.spawn(&[self.seats[at].uid.as_str()], failpoint);
        self.seats[at].process = Some(process);
        id.is_some()
    }

    /// `kill -9`.
    pub fn kill(&mut self, at: usize) {
        let process = self.seats[at].process.take().unwrap();
        kill_if_there(process.pid);
        process.ended.recv_timeout(PATIENCE).unwrap();
    }

    /// Waits for a node to kill itself; `false` if it does not before `limit`.
    pub fn died(&mut self, at: usize, limit: Duration) -> bool {
        let Ok(status) = self.seats[at].process.as_ref().unwrap().ended.recv_timeout(limit) else {
            return false;
        };
        assert_eq!(status.signal(), Some(9), "{} ended in another way", self.seats[at].uid);
        self.seats[at].process = None;
        true
    }

    /// Whether its process goes on.
    pub fn runs(&self, at: usize) -> bool {
        let process = self.seats[at].process.as_ref();
        process.is_some_and(|process| Path::new(&format!("/proc/{}", process.pid)).exists())
    }

    /// Waits for a node to end by itself: its exit code, and what it says after it was ready.
    pub fn broke_down(&mut self, at: usize) -> (Option<i32>, String) {
        let mut process = self.seats[at].process.take().unwrap();
        let status = process.ended.recv_timeout(PATIENCE).unwrap();
        let mut said = String::new();
        process.stdout.read_to_string(&mut said).unwrap();
        (status.code(), said)
    }

    /// Waits for a node that was told to stop.
    pub fn ended(&mut self, at: usize) {
        let process = self.seats[at].process.take().unwrap();
        assert!(process.ended.recv_timeout(PATIENCE).unwrap().success());
    }

    /// One request on a node's control socket; `None` where nobody answers.
    pub fn ask(&self, at: usize, request: &str, body: &str) -> Option<(u16, Vec<u8>)> {
        request_at(&self.folder(at).join("control.sock"), request, body)
    }

    fn get(&self, at: usize, path: &str) -> Option<Value> {
        match self.ask(at, &format!("GET {path}"), "")? {
            (200, body) => serde_json::from_slice(&body).ok(),
            _ => None,
        }
    }

    /// Waits until a node sees at least so many others.
    pub fn sees(&self, at: usize, heavy: u64, light: u64) {
        self.until(&format!("{at} sees {heavy} + {light}"), || {
            let view = self.get(at, "/view")?;
            (view["heavy"].as_u64()? >= heavy && view["light"].as_u64()? >= light).then_some(())
        });
    }

    /// Waits for something that only asking can tell.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "waited too long until {what}");
            std::thread::sleep(PAUSE);
        }
    }

    /// The ids of all computations that a node knows; `None` while it does not answer.
    pub fn computations(&self, at: usize) -> Option<Vec<String>> {
        let all = self.get(at, "/computations")?;
        Some(all.as_array()?.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect())
    }

    /// Waits for the end of a computation at a node, and gives what it tells of it.
    pub fn end_of(&self, at: usize, id: &str) -> Value {
        let mut seen = 0;
        self.until(&format!("{id} has ended at {at}"), || {
            let view = self.get(at, &format!("/computations/{id}/watch?seen={seen}"))?;
            seen = view["revision"].as_u64()?;
            has_ended(&view).then_some(view)
        })
    }

    /// What a node tells of a computation now.
    pub fn view_of(&self, at: usize, id: &str) -> Option<Value> {
        self.get(at, &format!("/computations/{id}"))
    }

    pub fn certificate(&self, at: usize, id: &str) -> Vec<u8> {
        let (status, body) = self.ask(at, &format!("GET /computations/{id}/certificate"), "").unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        body
    }

    /// Copies what a node has on the disk, as a crash left it, the keys of its rows included.
    pub fn copy_of(&self, at: usize) -> tempfile::TempDir {
        let copy = scratch();
        std::fs::create_dir(copy.path().join("keys")).unwrap();
        for folder in ["", "keys"] {
            let entries = match std::fs::read_dir(self.folder(at).join(folder)) {
                // It has had nothing to seal yet.
                Err(error) if error.kind() == ErrorKind::NotFound && folder == "keys" => continue,
                entries => entries.unwrap(),
            };
            for entry in entries {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_file() {
                    std::fs::copy(entry.path(), copy.path().join(folder).join(entry.file_name())).unwrap();
                }
            }
        }
        copy
    }

    /// Stops every node, hard.
    /// Lets every node end by itself: what it had put off is done then.
    pub fn leave(&mut self) {
        for at in 0..self.seats.len() {
            if self.seats[at].process.is_some() {
                self.ask(at, "POST /stop", "").unwrap();
                self.ended(at);
            }
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for process in self.seats.iter_mut().filter_map(|seat| seat.process.take()) {
            if process.ended.try_recv().is_err() {
                kill_if_there(process.pid);
            }
        }
    }
}

/// In memory where that can be had: opening a store flushes several times.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub fn has_ended(view: &Value) -> bool {
    matches!(view["status"].as_str(), Some("completed" | "failed"))
}

/// One request on a control socket.
pub fn request_at(socket: &Path, request: &str, body: &str) -> Option<(u16, Vec<u8>)> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let headers = format!("Host: node\r\nConnection: close\r\nContent-Length: {}", body.len());
    let mut reply = Vec::new();
    let _ = write!(stream, "{request} HTTP/1.1\r\n{headers}\r\n\r\n{body}");
    let _ = stream.read_to_end(&mut reply);
    let end = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let status = String::from_utf8_lossy(&reply[..end]).split(' ').nth(1)?.parse().ok()?;
    Some((status, reply.split_off(end + 4)))
}

/// `kill -9`; a node may have killed itself just before.
fn kill_if_there(pid: i32) {
    Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status().unwrap();
}
