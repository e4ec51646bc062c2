//! No private value, share or key is said, logged or written anywhere but where it belongs, at any level.
//!
//! A whole network runs at `RUST_LOG=trace` with values and keys that can be recognised, through every command and
//! through mistakes. Then everything that anybody said, and every file, is searched for them in every form that a
//! careless line would give them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod lab;
#[path = "secrets/search.rs"]
mod search;
#[path = "secrets/sources.rs"]
mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::HEXLOWER;
use formix_p2p::store::Store;
use formix_p2p::wire::Record;
use lab::{Heard, Lab, ends_within, signal};
use search::{Canary, Search, forms_of};

/// What light nodes keep under `n`.
const KEPT: [&str; 3] = ["7316190423", "-5908273641", "8240517396"];
/// What their owners answer by hand.
const TYPED: [&str; 3] = ["6491827305", "9157302846", "3072849165"];
/// A value that fits no question here, one that is no number, and one that is no value.
const UNFIT: &str = "99817263544";
const BROKEN: &str = "4728190356x";
const REFUSED: &str = "4728190356x\u{7}";

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(files_under(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}

/// The network under watch.
struct Watched {
    lab: Lab,
    /// Files that are not in the home: the swarm key, a configuration, what a foreground node says.
    aside: tempfile::TempDir,
    heavy: Vec<String>,
    light: Vec<String>,
    foreground: std::process::Child,
    seen: Vec<Heard>,
}

impl Watched {
    /// Three heavy nodes; three light ones that got their value by a flag, by a file, and by a flag in the foreground, and
    /// of which one has a table, one a database, and one programs.
    fn start() -> Self {
        let mut lab = Lab::new();
        lab.log_level("trace");
        let aside = tempfile::tempdir().unwrap();
        let path = |name: &str| aside.path().join(name).to_str().unwrap().to_owned();
        let key = path("swarm.key");
        lab.json(&["swarm-key", "new", &key]).data();
        let listen = ["--new", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--swarm-key", &key];
        let uid = |node: &serde_json::Value| node["uid"].as_str().unwrap().to_owned();
        let first = lab.start(&[&["--role", "heavy"], &listen[..]].concat());
        let bootstrap = first["addresses"][0].as_str().unwrap().to_owned();
        let mut heavy = vec![uid(&first)];
        let listen = [&listen[..], &["--bootstrap", &bootstrap]].concat();
        for _ in 0..2 {
            heavy.push(uid(&lab.start(&[&["--role", "heavy"], &listen[..]].concat())));
        }
        let role = ["--role", "light", "--policy", "open"];
        let mut light = Vec::new();
        let by_flag = format!("n={}", KEPT[0]);
        sources::write(aside.path());
        let table = path("table.csv");
        light.push(uid(&lab.start(&[&role[..], &listen, &["--data", &by_flag, "--csv", &table]].concat())));
        let config = path("light.toml");
        fs::write(&config, format!("[data]\nn = {}\n{}", KEPT[1], sources::DECLARED)).unwrap();
        light.push(uid(&lab.start(&[&role[..], &listen, &["--config", &config]].concat())));
        let by_flag = format!("n={}", KEPT[2]);
        let programs = sources::programs(aside.path());
        let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
        let flags = [&role[..], &listen, &["--name", "front", "--data", &by_flag, "-vv"], &programs].concat();
        let foreground = lab.foreground(&flags, aside.path());
        lab.wait_for_view(&light[0], 3, 3);
        light.push(uid(&lab.json(&["id", "--node", "front"]).data()));
        Self { lab, aside, heavy, light, foreground, seen: Vec::new() }
    }

    fn nodes(&self) -> Vec<String> {
        self.heavy.iter().chain(&self.light).cloned().collect()
    }

    /// What other users of the machine can see of every process.
    fn look_at_processes(&mut self) {
        for uid in self.nodes() {
            let Some(pid) = self.lab.pid(&uid) else { continue };
            // A node in the foreground has the command line that its owner typed.
            let seen = if uid == self.light[2] { &["environ"][..] } else { &["environ", "cmdline"] };
            for file in seen {
                let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap();
                self.seen.push(Heard { what: format!("/proc/PID/{file} of {uid}"), bytes });
            }
        }
    }

    /// Every command that looks at a node, in both forms, and every route that does.
    fn look_around(&self) {
        let lab = &self.lab;
        for uid in self.nodes() {
            for command in
                [&["view"][..], &["status"], &["pending"], &["id"], &["data"], &["ledger"], &["policy", "show"]]
            {
                let command = [command, &["--node", &uid]].concat();
                lab.run(&command);
                lab.json(&command);
            }
            for route in ["/health", "/id", "/view", "/pending", "/computations", "/nowhere"] {
                assert!(lab.http(&uid, &format!("GET {route}"), "").is_some());
            }
        }
    }

    /// Every command that looks at a computation, in both forms, and every route that does.
    fn look(&self, id: &str) {
        let lab = &self.lab;
        for uid in self.nodes() {
            for command in [
                &["status", id][..],
                &["result", id],
                &["certificate", id],
                &["logs", "--computation", id],
                &["policy", "test", id],
            ] {
                let command = [command, &["--node", &uid]].concat();
                lab.run(&command);
                lab.json(&command);
            }
            for route in ["", "/watch?seen=0", "/watch?seen=x", "/certificate"] {
                lab.http(&uid, &format!("GET /computations/{id}{route}"), "").unwrap();
            }
        }
    }

    /// A question about kept values, one that they do not fit, and one that owners answer by hand. Gives the shares
    /// of one report.
    fn compute(&mut self) -> Vec<Vec<u8>> {
        let sum =
            ["propose", "--prompt", "Kept?", "--field", "n", "--statistic", "sum", "--node", &self.light[0]];
        let lab = &self.lab;
        let data = lab.json(&[&sum[..], &["--deadline", "6s", "--wait"]].concat()).data();
        assert_eq!(data["result"]["sum"].as_i64(), Some(KEPT.iter().map(|n| n.parse::<i64>().unwrap()).sum()));
        let id = data["id"].as_str().unwrap().to_owned();
        self.look(&id);
        let certificate = self.aside.path().join("certificate.json");
        let certificate = certificate.to_str().unwrap();
        lab.json(&["certificate", &id, "--out", certificate, "--node", &self.heavy[0]]).data();
        for ran in [lab.json(&["verify", certificate]), lab.run(&["verify", certificate])] {
            assert_eq!(ran.code, 0, "{ran:?}");
        }
        let unfit = ["--schema", r#"{"type":"number","minimum":0,"maximum":10}"#, "--deadline", "5s", "--wait"];
        let failed = lab.run(&[&sum[..], &unfit].concat());
        // Whether a value fits is told to nobody: it is a bit of the value.
        assert!(failed.code == 4 && failed.stderr.contains("3 nodes declined"), "{failed:?}");
        for id in sources::ask(lab, &self.light) {
            self.look(&id);
        }
        self.look_around();
        self.answer_by_hand()
    }

    /// Each owner slips first, and then answers. The last but one is interrupted after its answer.
    fn answer_by_hand(&mut self) -> Vec<Vec<u8>> {
        let schema = r#"{"type":"number","minimum":0,"maximum":9999999999}"#;
        let sum = ["propose", "--prompt", "Typed?", "--field", "m", "--statistic", "sum", "--schema", schema];
        let listed: Vec<&str> = self.light.iter().map(String::as_str).collect();
        let more = ["--node", &self.heavy[0], "--deadline", "30s", "--participants"];
        let asked = self.lab.json(&[&sum[..], &more, &listed].concat()).data();
        let id = asked["id"].as_str().unwrap().to_owned();
        let mut shares = Vec::new();
        for (at, (uid, value)) in self.light.clone().iter().zip(TYPED).enumerate() {
            let lab = &self.lab;
            lab.wait_for(uid, &id, "the question waits", |view| view["own_answer"] == "waiting");
            let answer =
                |value: &str| [&["answer", &id, value], &["--node", uid.as_str()][..]].concat().join(" ");
            for wrong in [UNFIT, BROKEN] {
                let command = answer(wrong);
                let command: Vec<&str> = command.split(' ').collect();
                lab.json(&command).error(2);
                assert_eq!(lab.run(&command).code, 2);
            }
            let post = format!("POST /computations/{id}/answer");
            for body in [format!("{{\"value\":{UNFIT}}}"), format!("{{\"value\":\"{UNFIT}\"")] {
                assert_eq!(lab.http(uid, &post, &body).unwrap().0, 400);
            }
            for looks in [&["pending", "--node", uid][..], &["approve", &id, "--node", uid]] {
                lab.run(looks);
                lab.json(looks);
            }
            assert_eq!(lab.run(&["answer", &id, value, "--node", uid]).code, 0);
            if at == 1 {
                shares = self.shares_of(uid, &id);
            }
            self.look_at_processes();
        }
        let result = self.lab.json(&["result", &id, "--wait", "--node", &self.light[0]]).data();
        let expected: i64 = TYPED.iter().map(|n| n.parse::<i64>().unwrap()).sum();
        assert_eq!(result["sum"].as_i64(), Some(expected));
        self.look(&id);
        self.look_around();
        for late in [&["answer", &id, UNFIT][..], &["decline", &id], &["remove", &self.light[0]]] {
            let late = [late, &["--node", &self.light[0]]].concat();
            assert_ne!((self.lab.run(&late).code, self.lab.json(&late).code), (0, 0), "{late:?}");
        }
        shares
    }

    /// The shares that a light node keeps until the computation ends, out of its store, while it is interrupted.
    fn shares_of(&self, uid: &str, id: &str) -> Vec<Vec<u8>> {
        let lab = &self.lab;
        lab.wait_for(uid, id, "it has answered", |view| view["own_answer"] == "answered");
        let peer = lab.json(&["id", "--node", uid]).data()["peer_id"].as_str().unwrap().parse().unwrap();
        lab.kill(uid);
        let copy = tempfile::tempdir().unwrap();
        fs::create_dir(copy.path().join("keys")).unwrap();
        for file in files_under(&lab.node(uid).join("keys")) {
            fs::copy(&file, copy.path().join("keys").join(file.file_name().unwrap())).unwrap();
        }
        let copy = copy.path().join("node.redb");
        fs::copy(lab.node(uid).join("node.redb"), &copy).unwrap();
        let records = Store::open(&copy, peer).unwrap().load().unwrap();
        lab.start(&[uid]);
        let reports = records.into_iter().filter_map(|record| match record {
            Record::Report(submissions) => Some(submissions),
            _ => None,
        });
        let shares: Vec<_> = reports.flatten().map(|submission| submission.share.expose().clone()).collect();
        // One report for each heavy node: that of the computation before is deleted.
        assert_eq!(shares.len(), 3, "{uid}");
        shares
    }

    /// Starts that are refused, with private values in them.
    fn mistakes(&self) {
        let config = self.aside.path().join("wrong.toml");
        fs::write(&config, format!("role = \"light\"\n[data]\nn = {BROKEN}\n")).unwrap();
        let config = config.to_str().unwrap();
        let twice = format!("n={UNFIT}");
        for wrong in [
            &["--role", "light", "--new", "--data", BROKEN][..],
            &["--role", "light", "--new", "--data", &format!("n={REFUSED}")],
            &["--role", "light", "--new", "--data", &twice, "--data", &twice],
            &["--role", "heavy", "--new", "--data", &twice],
            &["--role", "light", "--new", "--data", &twice, "--bogus"],
            &["--role", "light", "--new", "--data", &twice, "--listen", "nowhere"],
            &["--config", config, "--new"],
        ] {
            for detach in [&["start"][..], &["start", "--detach"]] {
                let command = [detach, wrong].concat();
                assert_eq!(self.lab.run(&command).code, 2, "{command:?}");
                self.lab.json(&command).error(2);
            }
        }
        for wrong in sources::mistakes(self.aside.path()) {
            let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
            let command = [&["start", "--detach"], &wrong[..]].concat();
            assert_eq!(self.lab.run(&command).code, 2, "{command:?}");
            assert_eq!(self.lab.json(&command).error(2), "invalid_source");
        }
    }

    /// Stops every node, each in another way.
    fn stop(&mut self) {
        for uid in self.nodes() {
            self.lab.run(&["logs", &uid]);
            self.lab.json(&["logs", &uid, "--level", "trace"]);
        }
        signal("-TERM", self.foreground.id().cast_signed());
        assert!(ends_within(&mut self.foreground, Duration::from_secs(5)).success());
        self.lab.run(&["stop", &self.light[0]]);
        self.lab.run(&["stop", "--all", "--yes"]);
    }
}

#[test]
fn nothing_private_is_found_where_it_does_not_belong() {
    let mut watched = Watched::start();
    watched.look_at_processes();
    let shares = watched.compute();
    watched.mistakes();
    watched.look_at_processes();
    watched.stop();
    let (lab, aside) = (&watched.lab, watched.aside.path());
    let mut places = lab.heard();
    places.append(&mut watched.seen);
    for file in files_under(lab.home()).into_iter().chain(files_under(aside)) {
        places.push(Heard { what: file.display().to_string(), bytes: fs::read(&file).unwrap() });
    }
    let canaries = canaries(&watched.light, &watched.nodes(), lab, aside, &shares);
    let search = Search::new(&canaries);
    let mut found = Vec::new();
    for Heard { what, bytes } in &places {
        let here = search.found_in(bytes);
        for (number, canary) in canaries.iter().enumerate() {
            let (is_here, at_home) =
                (here.contains(&number), canary.at_home.iter().any(|file| file == Path::new(what)));
            // What is looked for is found where it belongs, so the search works.
            assert!(is_here || !at_home, "the search misses {} in {what}", canary.what);
            if is_here && !at_home {
                found.push(format!("{} in {what}", canary.what));
            }
        }
        let panicked = String::from_utf8_lossy(bytes).contains("panicked");
        assert!(!panicked, "somebody panicked: {what}");
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    for canary in &canaries {
        let homes = canary.at_home.iter().all(|file| places.iter().any(|place| Path::new(&place.what) == file));
        assert!(homes, "{} was not looked for at home: {:?}", canary.what, canary.at_home);
    }
    // Trace it was: the search would be easy if nobody had said anything.
    let log = fs::read_to_string(lab.node(&watched.heavy[0]).join("logs.log")).unwrap();
    assert!(log.contains("TRACE"), "the log of a heavy node is not at trace");
}

fn canaries(light: &[String], nodes: &[String], lab: &Lab, aside: &Path, shares: &[Vec<u8>]) -> Vec<Canary> {
    let mut canaries = Vec::new();
    for (uid, value) in light.iter().zip(KEPT) {
        let mut at_home = vec![lab.node(uid).join("node.toml")];
        if value == KEPT[1] {
            at_home.push(aside.join("light.toml"));
        }
        canaries.push(Canary::number(value, &at_home));
    }
    canaries.extend(sources::canaries(aside));
    canaries.extend(TYPED.iter().chain(&[UNFIT]).map(|value| Canary::number(value, &[])));
    canaries.push(Canary::number(BROKEN, &[aside.join("wrong.toml")]));
    for uid in nodes {
        let file = lab.node(uid).join("identity.key");
        let key = fs::read(&file).unwrap();
        canaries.push(Canary::bytes(format!("the key of {uid}"), &key[4..36], &[file]));
    }
    let swarm_key = fs::read_to_string(aside.join("swarm.key")).unwrap();
    let digits = HEXLOWER.decode(swarm_key.lines().last().unwrap().as_bytes()).unwrap();
    canaries.push(Canary::bytes("the swarm key".to_owned(), &digits, &[aside.join("swarm.key")]));
    for share in shares {
        let mut canary = Canary::bytes("a share".to_owned(), share, &[]);
        for residue in share.chunks_exact(8) {
            canary.forms.extend(forms_of(residue));
            let residue = <[u8; 8]>::try_from(residue).unwrap();
            canary.forms.push(u64::from_le_bytes(residue).to_string().into_bytes());
            canary.forms.push(u64::from_be_bytes(residue).to_string().into_bytes());
        }
        canaries.push(canary);
    }
    canaries
}
