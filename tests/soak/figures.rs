//! What long-lived nodes hold: memory, open files, bytes on the disk.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::nodes::{HEAVY, Nodes};

/// Parts of the steady state whose medians are compared, the first with the last.
const PARTS: usize = 6;
/// What the store of a node may take: what redb begins with, and its certificates, summaries and ledger lines. A computation leaves
/// about 5 KiB, in pages that are half full.
const STORE_BASE_BYTES: u64 = 8 * 1024 * 1024;
const STORE_BYTES_PER_COMPUTATION: u64 = 12 * 1024;

/// What nothing may exceed.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// By how much memory may grow.
    pub memory_percent: f64,
    /// By how many open files more.
    pub handles: u64,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Duration,
    memory_kib: u64,
    handles: u64,
    store_bytes: u64,
}

/// Samples of every node that was there from the beginning to the end.
#[derive(Debug, Default)]
pub struct Figures {
    of: BTreeMap<usize, Vec<Sample>>,
    told: u64,
}

impl Figures {
    pub fn sample(&mut self, at: Duration, nodes: &Nodes) {
        for node in nodes.staying() {
            let process = nodes.seats[node].process.as_ref();
            let pid = process.unwrap_or_else(|| panic!("node {node} is gone")).pid();
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
            let memory_kib = status
                .lines()
                .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok())
                .unwrap_or_else(|| panic!("node {node} has ended"));
            let handles = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64;
            let store_bytes = std::fs::metadata(nodes.store(node)).unwrap().len();
            self.of.entry(node).or_default().push(Sample { at, memory_kib, handles, store_bytes });
        }
    }

    /// A line a minute, for whoever watches.
    pub fn tell(&mut self, minutes: u64, exact: usize, failed: usize) {
        if minutes <= self.told {
            return;
        }
        self.told = minutes;
        let mut line = format!("{minutes:3} min  {exact} exact, {failed} failed;");
        for (node, samples) in &self.of {
            if let Some(Sample { memory_kib, handles, store_bytes, .. }) = samples.last() {
                let _ =
                    write!(line, "  {}: {memory_kib} KiB, {handles}, {} KiB", name(*node), store_bytes / 1024);
            }
        }
        println!("{line}");
    }

    /// Start, middle and end of the steady state.
    pub fn table(&self, steady_from: Duration) -> String {
        let mut table = "node     memory, KiB: start  middle     end  growth   handles: start  end   store, KiB: start     end\n"
            .to_owned();
        for (node, samples) in &self.of {
            let parts = parts(samples, steady_from);
            let memory = |part: usize| median(&parts[part], |it| it.memory_kib);
            let handles = |part: usize| median(&parts[part], |it| it.handles);
            let store = |part: usize| median(&parts[part], |it| it.store_bytes) / 1024;
            let last = PARTS - 1;
            let _ = writeln!(
                table,
                "{:8} {:>18} {:>7} {:>7} {:>+6.1}% {:>16} {:>4} {:>19} {:>7}",
                name(*node),
                memory(0),
                memory(PARTS / 2),
                memory(last),
                growth(memory(0), memory(last)),
                handles(0),
                handles(last),
                store(0),
                store(last),
            );
        }
        table
    }

    /// Fails if anything has grown beyond its bounds.
    pub fn check(&self, steady_from: Duration, bounds: Bounds, computations: usize) {
        let store_max = STORE_BASE_BYTES + STORE_BYTES_PER_COMPUTATION * computations as u64;
        assert!(!self.of.is_empty());
        for (node, samples) in &self.of {
            let (parts, name) = (parts(samples, steady_from), name(*node));
            let (first, last) = (&parts[0], &parts[PARTS - 1]);
            let memory = growth(median(first, |it| it.memory_kib), median(last, |it| it.memory_kib));
            assert!(memory <= bounds.memory_percent, "the memory of {name} has grown by {memory:.1} %");
            let (before, after) = (median(first, |it| it.handles), median(last, |it| it.handles));
            assert!(after <= before + bounds.handles, "{name} has {after} open files, and had {before}");
            let store = samples.iter().map(|it| it.store_bytes).max().unwrap_or_default();
            assert!(
                store <= store_max,
                "the store of {name} has {store} bytes after {computations} computations"
            );
        }
    }
}

fn name(node: usize) -> String {
    if node < HEAVY { format!("heavy {node}") } else { format!("light {}", node - HEAVY) }
}

/// The samples of the steady state, in parts of equal length.
fn parts(samples: &[Sample], steady_from: Duration) -> Vec<Vec<Sample>> {
    let steady: Vec<_> = samples.iter().filter(|sample| sample.at >= steady_from).copied().collect();
    assert!(steady.len() >= PARTS, "too few samples");
    let length = steady.len().div_ceil(PARTS);
    let mut parts: Vec<_> = steady.chunks(length).map(<[Sample]>::to_vec).collect();
    // A last part of a few samples is no part.
    parts.resize(PARTS, steady[steady.len() - length..].to_vec());
    parts
}

fn median(samples: &[Sample], figure: impl Fn(&Sample) -> u64) -> u64 {
    let mut figures: Vec<_> = samples.iter().map(figure).collect();
    figures.sort_unstable();
    figures[figures.len() / 2]
}

fn growth(before: u64, after: u64) -> f64 {
    100.0 * (after as f64 / before as f64 - 1.0)
}
