//! How short a deadline may be, and how long after it everybody has the result.

use std::time::{Duration, SystemTime};

use clap::Args;
use serde_json::json;
use tokio::time::Instant;

use super::network::Network;
use super::question::{Expected, Question};
use super::{BenchError, Ground, Measurement, Report, Series, processor_time};
use crate::control::{Announced, Proposal, Reply, Request};

/// Deadlines that are tried, in milliseconds: from the shortest that a question may have.
const TRIED_MS: [u64; 11] = [500, 600, 700, 800, 900, 1_000, 1_250, 1_500, 2_000, 3_000, 5_000];
/// How long heavy nodes wait for each other, and this for the end.
const PATIENCE: Duration = Duration::from_secs(20);
const END_WAIT: Duration = Duration::from_secs(30);
/// Between two questions: what the last one left to do is done.
const PAUSE: Duration = Duration::from_millis(500);

/// The shortest deadline at which everybody is counted, and the time from it to the certificate at every node
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p bench deadline
  formix-p2p bench deadline --light 100 --runs 7
  formix-p2p bench deadline --light 500 --homes /dev/shm --only 3000
  formix-p2p bench deadline --sharing prio3 --homes /dev/shm
  formix-p2p bench deadline --json | jq .data.reports[0].series

Everybody is asked again and again, with shorter and shorter deadlines; one is short enough only if everybody is counted, exactly, \
in every one of its runs. Two hundred machines have two hundred disks: on one disk they wait for each other, unless --homes names \
a memory file system.")]
pub struct Deadline {
    /// Light nodes
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(3..=1000))]
    light: u16,
    /// Heavy nodes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(3..=16))]
    heavy: u8,
    /// What is asked: sum, mean, count or univariate
    #[arg(long, value_name = "NAME", default_value = "sum")]
    statistic: String,
    /// How values are split: additive, prio3 or threshold [default: prio3]
    #[arg(long, value_name = "SCHEME")]
    sharing: Option<String>,
    /// Try this deadline alone, in milliseconds
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(500..))]
    only: Option<u64>,
}

/// One question with a deadline that was long enough.
struct Run {
    announced: Duration,
    to_heavy: Duration,
    to_half: Duration,
    to_all: Duration,
    processor: Duration,
}

impl Measurement for Deadline {
    fn small() -> Self {
        Self { light: 20, heavy: 3, statistic: "sum".to_owned(), sharing: None, only: None }
    }

    async fn measure(&self, ground: &Ground<'_>) -> Result<Report, BenchError> {
        let question = Question { statistic: self.statistic.clone(), sharing: self.sharing.clone() };
        // Before anything is started: a question that cannot be checked needs no nodes.
        question.expected(&[0])?;
        let network = Network::start(self.heavy.into(), self.light.into(), ground).await?;
        let measured = match network.acquaint(ground).await {
            Ok(()) => self.on(&network, &question, ground).await,
            Err(error) => Err(error),
        };
        network.stop().await;
        measured
    }
}

impl Deadline {
    async fn on(
        &self,
        network: &Network,
        question: &Question,
        ground: &Ground<'_>,
    ) -> Result<Report, BenchError> {
        let expected = question.expected(&network.values)?;
        let tried = self.only.map_or_else(|| TRIED_MS.to_vec(), |only| vec![only]);
        // The longest first, whatever is tried: it warms up, and is to work.
        let longest = tried.iter().chain(&TRIED_MS).copied().max().unwrap_or_default();
        let asked = |deadline: u64| Asked { network, question, expected: &expected, deadline };
        if let Err(reason) = asked(longest).once().await {
            return Err(self.too_short(longest, reason));
        }
        let (mut from, mut to) = (0, tried.len());
        let mut found = None;
        while from < to {
            let at = usize::midpoint(from, to);
            let Some(deadline) = tried.get(at).copied() else { break };
            match asked(deadline).in_a_row(ground.runs).await {
                Ok(runs) => {
                    (ground.note)(format!("{deadline} ms: everybody is counted, {} times", runs.len()));
                    (found, to) = (Some((deadline, runs)), at);
                }
                Err(error @ (BenchError::Failed { .. } | BenchError::NotEnded { .. })) => {
                    (ground.note)(format!("{deadline} ms: {error}"));
                    if from + 1 == tried.len() {
                        return Err(self.too_short(deadline, error));
                    }
                    from = at + 1;
                }
                Err(error) => return Err(error),
            }
        }
        let Some((deadline, runs)) = found else {
            let reason = BenchError::Gone("nobody".to_owned());
            return Err(self.too_short(longest, reason));
        };
        let closed = self.closed(network, question, &expected, ground).await?;
        Ok(self.report(ground, deadline, &runs, closed))
    }

    /// With a closed list that everybody is on: from the proposal to the certificate at every node.
    async fn closed(
        &self,
        network: &Network,
        question: &Question,
        expected: &Expected,
        ground: &Ground<'_>,
    ) -> Result<Vec<Duration>, BenchError> {
        let Some(proposer) = network.light.first() else { return Ok(Vec::new()) };
        let mut times = Vec::new();
        for _ in 0..ground.runs {
            let proposal = Proposal {
                deadline_ms: millis(END_WAIT),
                patience_ms: millis(PATIENCE),
                min_participants: self.light.into(),
                participants: network.light.iter().map(super::network::Member::peer).collect(),
                ..question.proposal()
            };
            let begun = Instant::now();
            let Reply::Announced(announced) = proposer.ask(Request::Propose(Box::new(proposal))).await? else {
                return Err(BenchError::Gone(proposer.name().to_owned()));
            };
            let ended = network.ended_everywhere(&announced.id, END_WAIT + PATIENCE).await?;
            for node in &ended {
                expected.check(&announced.id, node)?;
            }
            times.extend(ended.iter().map(|node| node.at.saturating_duration_since(begun)).max());
            tokio::time::sleep(PAUSE).await;
        }
        Ok(times)
    }

    fn too_short(&self, longest_ms: u64, error: BenchError) -> BenchError {
        match error {
            BenchError::Failed { .. } | BenchError::NotEnded { .. } | BenchError::Gone(_) => {
                BenchError::NoDeadline { longest_ms, lights: self.light.into(), reason: error.to_string() }
            }
            other => other,
        }
    }

    fn report(&self, ground: &Ground<'_>, deadline: u64, runs: &[Run], closed: Vec<Duration>) -> Report {
        let of = |what, part: fn(&Run) -> Duration| Series::times(what, runs.iter().map(part));
        let nodes = f64::from(self.light) + f64::from(self.heavy);
        let each = runs.iter().map(|run| run.processor.div_f64(nodes));
        Report {
            name: "deadline",
            setting: vec![
                ("light", json!(self.light)),
                ("heavy", json!(self.heavy)),
                ("statistic", json!(self.statistic)),
                ("sharing", json!(self.sharing)),
                ("homes", json!(ground.homes)),
            ],
            series: vec![
                Series::times("shortest deadline", [Duration::from_millis(deadline)]),
                of("from the question to its announcement", |run| run.announced),
                of("from the deadline to the certificate at every heavy node", |run| run.to_heavy),
                of("from the deadline to the certificate at half of all nodes", |run| run.to_half),
                of("from the deadline to the certificate at every node", |run| run.to_all),
                Series::times("processor time from the deadline to the end, per node", each),
                Series::times("closed list: from the question to the certificate at every node", closed),
            ],
            remarks: vec![format!(
                "every answer was exact; all nodes share this machine, and {} is the shortest deadline that there is",
                humantime::format_duration(crate::domain::limits::DEADLINE_MIN)
            )],
        }
    }
}

/// One question to everybody.
struct Asked<'a> {
    network: &'a Network,
    question: &'a Question,
    expected: &'a Expected,
    deadline: u64,
}

impl Asked<'_> {
    async fn in_a_row(&self, times: usize) -> Result<Vec<Run>, BenchError> {
        let mut runs = Vec::new();
        for _ in 0..times {
            runs.push(self.once().await?);
        }
        Ok(runs)
    }

    async fn once(&self) -> Result<Run, BenchError> {
        let Some(proposer) = self.network.light.first() else {
            return Err(BenchError::Gone("nobody".to_owned()));
        };
        let proposal = Proposal {
            deadline_ms: self.deadline,
            patience_ms: millis(PATIENCE),
            // With one less it fails.
            min_participants: u32::try_from(self.network.light.len()).unwrap_or(u32::MAX),
            ..self.question.proposal()
        };
        let begun = Instant::now();
        let Reply::Announced(announced) = proposer.ask(Request::Propose(Box::new(proposal))).await? else {
            return Err(BenchError::Gone(proposer.name().to_owned()));
        };
        let (said, deadline) = (Instant::now(), deadline_of(&announced));
        // Whoever watches is in nobody's way: the question has been heard, and the deadline is not there yet.
        tokio::time::sleep_until(said + deadline.saturating_duration_since(said) / 2).await;
        let at_the_deadline = async {
            tokio::time::sleep_until(deadline).await;
            processor_time()
        };
        let (ended, before) =
            tokio::join!(self.network.ended_everywhere(&announced.id, END_WAIT), at_the_deadline);
        let (ended, processor) = (ended?, processor_time().saturating_sub(before));
        for node in &ended {
            self.expected.check(&announced.id, node)?;
        }
        let after = |at: Instant| at.saturating_duration_since(deadline);
        let heavies = self.network.heavy.len();
        let to_heavy = ended.iter().take(heavies).map(|node| after(node.at)).max().unwrap_or_default();
        let mut all: Vec<_> = ended.iter().map(|node| after(node.at)).collect();
        all.sort_unstable();
        let run = Run {
            announced: said.saturating_duration_since(begun),
            to_heavy,
            to_half: all.get(all.len() / 2).copied().unwrap_or_default(),
            to_all: all.last().copied().unwrap_or_default(),
            processor,
        };
        tokio::time::sleep(PAUSE).await;
        Ok(run)
    }
}

/// The moment of the deadline, in this process's own time.
fn deadline_of(announced: &Announced) -> Instant {
    let left = humantime::parse_rfc3339(&announced.deadline)
        .ok()
        .and_then(|deadline| deadline.duration_since(SystemTime::now()).ok());
    Instant::now() + left.unwrap_or_default()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
