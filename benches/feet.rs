//! What a node costs while nothing happens, and how soon it is there: `cargo bench --bench feet`.
//!
//! Real processes of the optimised program. *Ready* is from the call of `start --detach` until it returns, which it does when
//! the node answers. *Six nodes know each other* is from the call that starts six at once, three heavy and three light, until
//! each of them sees all six; each has a machine of its own (a network namespace on one bridge) and only multicast. Memory is
//! what is resident; computing time is that of the process over `--seconds`, in percent of one core.
//!
//! Options: `--runs N` (5), `--seconds N` (20).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

#[allow(dead_code, reason = "tests need more of it")]
#[path = "../tests/lan/bridge.rs"]
mod bridge;
#[path = "../tests/lab/mod.rs"]
mod lab;
#[allow(dead_code, reason = "tests need more of it")]
#[path = "../tests/lan/machines.rs"]
mod machines;

use std::time::{Duration, Instant};

use lab::Lab;
use machines::{HEAVY, Lan, Light};

/// Nobody is waited for longer than this.
const LIMIT: Duration = Duration::from_secs(60);
/// What starting takes of memory and time has been given back by then.
const SETTLED: Duration = Duration::from_secs(5);

struct Options {
    runs: usize,
    seconds: u32,
}

impl Options {
    fn parse() -> Self {
        let mut options = Self { runs: 5, seconds: 20 };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--runs" => options.runs = arguments.next().and_then(|it| it.parse().ok()).unwrap(),
                "--seconds" => options.seconds = arguments.next().and_then(|it| it.parse().ok()).unwrap(),
                // What cargo passes.
                "--bench" => {}
                other => panic!("there is no option {other}"),
            }
        }
        assert!(options.runs > 0 && options.seconds > 0, "--runs and --seconds are at least 1");
        options
    }
}

/// What is measured at a process that does nothing.
#[derive(Clone, Copy)]
struct Idle {
    resident_mib: f64,
    core_percent: f64,
}

fn main() {
    let options = Options::parse();
    let program = std::fs::metadata(env!("CARGO_BIN_EXE_formix-p2p")).unwrap().len();
    println!("the program: {:.1} MiB on disk", mib(program));
    println!("{:<44} {:>8} {:>8} {:>8}  of {} runs", "", "median", "least", "most", options.runs);
    alone(&options);
    together(&options);
}

/// One node without others.
fn alone(options: &Options) {
    let (mut ready, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..options.runs {
        let lab = Lab::new();
        let begun = Instant::now();
        let node = lab.start(&["--role", "light"]);
        ready.push(begun.elapsed().as_secs_f64() * 1000.0);
        let pid = lab.pid(node["uid"].as_str().unwrap()).unwrap();
        idle.extend(idle_of(&[pid], options.seconds));
    }
    line("ready after `start`, ms", &mut ready);
    idle_lines("alone", &idle);
}

/// Three heavy and three light nodes on one network.
fn together(options: &Options) {
    let (mut met, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..options.runs {
        let light = [1, 2, 3].map(Light::open);
        let begun = std::cell::Cell::new(Instant::now());
        // The clock starts when the bridge is there.
        let Some(lan) = Lan::start(&light, |_| begun.set(Instant::now())) else { return };
        lan.complete(LIMIT);
        met.push(begun.get().elapsed().as_secs_f64() * 1000.0);
        let pids: Vec<_> = lan.nodes().map(|node| node.pid().unwrap()).collect();
        assert_eq!(pids.len(), HEAVY + light.len());
        idle.extend(idle_of(&pids, options.seconds));
    }
    line("six nodes know each other, ms", &mut met);
    idle_lines("with five others", &idle);
}

/// What processes cost over so many seconds in which nobody asks them anything.
fn idle_of(pids: &[i32], seconds: u32) -> Vec<Idle> {
    // What is measured is time that passes.
    std::thread::sleep(SETTLED);
    let before: Vec<_> = pids.iter().map(|pid| ticks(*pid)).collect();
    std::thread::sleep(Duration::from_secs(seconds.into()));
    let idle = |(pid, before): (&i32, u64)| Idle {
        resident_mib: mib(resident(*pid)),
        // Linux counts a process's time in hundredths of a second.
        core_percent: (ticks(*pid) - before) as f64 / f64::from(seconds),
    };
    pids.iter().zip(before).map(idle).collect()
}

fn idle_lines(who: &str, idle: &[Idle]) {
    line(&format!("idle {who}: resident, MiB"), &mut idle.iter().map(|it| it.resident_mib).collect::<Vec<_>>());
    line(&format!("idle {who}: % of a core"), &mut idle.iter().map(|it| it.core_percent).collect::<Vec<_>>());
}

fn line(name: &str, values: &mut [f64]) {
    values.sort_by(f64::total_cmp);
    let (median, least, most) = (values[values.len() / 2], values[0], values[values.len() - 1]);
    println!("{name:<44} {median:>8.2} {least:>8.2} {most:>8.2}");
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Resident memory of a process, in bytes.
fn resident(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Time on a processor that a process has used, its own and the system's for it.
fn ticks(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name may hold blanks; what follows its bracket does not.
    let words: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    words[11..=12].iter().map(|word| word.parse::<u64>().unwrap()).sum()
}
