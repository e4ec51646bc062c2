//! Many computations at once.

use std::time::Duration;

use clap::Args;
use futures::future::try_join_all;
use serde_json::json;
use tokio::time::Instant;

use super::network::{Member, Network};
use super::question::Question;
use super::{BenchError, Ground, Measurement, Report, Series, processor_time};
use crate::control::{Proposal, Reply, Request};

/// Longer than any of them may take: a closed list ends as soon as everybody has answered.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two runs: what the last one left to do is done.
const PAUSE: Duration = Duration::from_millis(500);

/// Many computations at once, each exact, until every node has every certificate
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p bench concurrent
  formix-p2p bench concurrent --computations 100 --light 10 --runs 5
  formix-p2p bench concurrent --sharing additive --json

All light nodes ask at the same moment, in turn; each question has a closed list of all light nodes, and so ends when they have \
answered. The time is from the first question to the last certificate at the last node.")]
pub struct Concurrent {
    /// Computations at once
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=250))]
    computations: u16,
    /// Light nodes
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(3..=200))]
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
}

struct Run {
    announced: Duration,
    half: Duration,
    all: Duration,
    processor: Duration,
}

impl Measurement for Concurrent {
    fn small() -> Self {
        Self { computations: 10, light: 5, heavy: 3, statistic: "sum".to_owned(), sharing: None }
    }

    async fn measure(&self, ground: &Ground<'_>) -> Result<Report, BenchError> {
        let question = Question { statistic: self.statistic.clone(), sharing: self.sharing.clone() };
        // Before anything is started: a question that cannot be checked needs no nodes.
        question.expected(&[0])?;
        let network = Network::start(self.heavy.into(), self.light.into(), ground).await?;
        let measured = self.on(&network, &question, ground).await;
        network.stop().await;
        Ok(self.report(ground, &measured?))
    }
}

impl Concurrent {
    async fn on(
        &self,
        network: &Network,
        question: &Question,
        ground: &Ground<'_>,
    ) -> Result<Vec<Run>, BenchError> {
        network.acquaint(ground).await?;
        let mut runs = Vec::new();
        for _ in 0..ground.runs {
            let run = self.once(network, question).await?;
            (ground.note)(format!("{} computations: {:.0} ms", self.computations, run.all.as_secs_f64() * 1e3));
            runs.push(run);
            tokio::time::sleep(PAUSE).await;
        }
        Ok(runs)
    }

    async fn once(&self, network: &Network, question: &Question) -> Result<Run, BenchError> {
        let expected = question.expected(&network.values)?;
        let everybody: Vec<_> = network.light.iter().map(Member::peer).collect();
        let (before, begun) = (processor_time(), Instant::now());
        let asked = network.light.iter().cycle().take(self.computations.into()).map(async |proposer| {
            let proposal = Proposal {
                deadline_ms: u64::try_from(DEADLINE.as_millis()).unwrap_or(u64::MAX),
                min_participants: u32::try_from(everybody.len()).unwrap_or(u32::MAX),
                participants: everybody.clone(),
                ..question.proposal()
            };
            match proposer.ask(Request::Propose(Box::new(proposal))).await? {
                Reply::Announced(announced) => Ok(announced.id),
                _ => Err(BenchError::Gone(proposer.name().to_owned())),
            }
        });
        let ids = try_join_all(asked).await?;
        let announced = begun.elapsed();
        let wait = DEADLINE * 2;
        let ended = try_join_all(ids.iter().map(|id| network.ended_everywhere(id, wait))).await?;
        let processor = processor_time().saturating_sub(before);
        let mut times = Vec::new();
        for (id, nodes) in ids.iter().zip(&ended) {
            for node in nodes {
                expected.check(id, node)?;
            }
            times.extend(nodes.iter().map(|node| node.at.saturating_duration_since(begun)).max());
        }
        times.sort_unstable();
        let half = times.get(times.len() / 2).copied().unwrap_or_default();
        Ok(Run { announced, half, all: times.last().copied().unwrap_or_default(), processor })
    }

    fn report(&self, ground: &Ground<'_>, runs: &[Run]) -> Report {
        let of = |what, part: fn(&Run) -> Duration| Series::times(what, runs.iter().map(part));
        Report {
            name: "concurrent",
            setting: vec![
                ("computations", json!(self.computations)),
                ("light", json!(self.light)),
                ("heavy", json!(self.heavy)),
                ("statistic", json!(self.statistic)),
                ("sharing", json!(self.sharing)),
                ("homes", json!(ground.homes)),
            ],
            series: vec![
                of("until all are announced", |run| run.announced),
                of("until half of them have ended at every node", |run| run.half),
                of("until all have ended at every node", |run| run.all),
                of("processor time of all nodes", |run| run.processor),
            ],
            remarks: vec!["every answer was exact at every node".to_owned()],
        }
    }
}
