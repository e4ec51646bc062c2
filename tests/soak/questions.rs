//! Questions whose answers can be told beforehand, from who is in them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use formix_p2p::control::{Client, ClientError, ComputationView, Proposal, Reply, Request};
use formix_p2p::domain::Status;
use serde_json::Value;

use crate::nodes::{CATEGORIES, FIRST_GUEST, HEAVY, LARGEST, Nodes, Owned};

/// Every kind of question: its name, statistic, field, sharing.
const KINDS: [(&str, &str, &str, &str); 8] = [
    ("additive sum", "sum", "n", "additive"),
    ("proven sum", "sum", "n", "prio3"),
    ("threshold sum", "sum", "n", "threshold"),
    ("additive frequency", "frequency", "c", "additive"),
    ("proven univariate", "univariate", "m", "prio3"),
    ("threshold mean", "mean", "n", "threshold"),
    ("proven frequency", "frequency", "c", "prio3"),
    ("additive count", "count", "m", "additive"),
];
/// How long an answer may take to come after its deadline, and the names after the answer.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// How a question ended.
#[derive(Debug)]
pub enum Ended {
    /// With what its participants add up to.
    Exact(&'static str),
    /// Without a result, for this reason.
    Failed(String),
    /// Before it was announced, with this code.
    Refused(String),
    Wrong(String),
}

/// Asks a question and waits for its end.
pub async fn asks(nodes: &RefCell<Nodes>, number: usize) -> Ended {
    let (kind, statistic, field, sharing) = KINDS[number / 2 % KINDS.len()];
    // Every second question is put to a closed list, and ends when all have answered.
    let closed = number % 2 == 1;
    let (socket, proposal) = {
        let nodes = nodes.borrow();
        // Those that stay ask: light ones, and a heavy one.
        let asker = [HEAVY, HEAVY + 1, 0, HEAVY + 2][number % 4];
        let left_out = if number.is_multiple_of(3) { FIRST_GUEST - 1 } else { usize::MAX };
        let there = (HEAVY..nodes.seats.len()).filter(|at| nodes.is_running(*at) && *at != left_out);
        let listed: Vec<_> = there.filter(|_| closed).map(|at| nodes.seats[at].uid.clone()).collect();
        let proposal = Proposal {
            schema: Some(schema(field)),
            sharing: Some(sharing.to_owned()),
            participants: listed,
            max_records: Some(1),
            max_participants: (!closed).then_some(64),
            deadline_ms: if closed { 4_000 } else { 1_200 },
            patience_ms: 30_000,
            ..Proposal::new("How many are there?", statistic, &[field])
        };
        (nodes.socket(asker), proposal)
    };
    match end_of(&socket, proposal).await {
        Ok(view) if view.status == Status::Failed => match reason(&view) {
            Some(reason) => Ended::Failed(reason),
            None => Ended::Wrong(format!("{kind}, {}: it failed, and nobody says why", view.id)),
        },
        Ok(view) => match is_exact(&nodes.borrow(), &view) {
            Ok(()) => Ended::Exact(kind),
            Err(what) => Ended::Wrong(format!("{kind}, {}: {what}", view.id)),
        },
        Err(ClientError::Refused(error)) => Ended::Refused(error.code),
        Err(error) => Ended::Wrong(format!("{kind}: {error}")),
    }
}

fn schema(field: &str) -> String {
    match field {
        "n" => format!(r#"{{"type":"number","minimum":0,"maximum":{LARGEST}}}"#),
        "m" => r#"{"type":"number","minimum":0,"maximum":100}"#.to_owned(),
        _ => format!(r#"{{"type":"string","enum":{}}}"#, serde_json::to_string(&CATEGORIES).unwrap()),
    }
}

/// The computation when it has ended, with the names where there is a result.
async fn end_of(socket: &Path, proposal: Proposal) -> Result<ComputationView, ClientError> {
    let client = Client::connect(socket).await?;
    let limit = Duration::from_millis(proposal.deadline_ms) + PATIENCE;
    let announced = match client.request(Request::Propose(Box::new(proposal))).await? {
        Reply::Announced(announced) => announced,
        other => panic!("not announced: {other:?}"),
    };
    let (begun, mut seen) = (Instant::now(), 0);
    loop {
        let watch = Request::Watch { reference: announced.id.clone(), seen };
        let Reply::Computation(view) = client.request(watch).await? else { panic!("not a computation") };
        let failed = view.status == Status::Failed;
        if failed || (view.status == Status::Completed && view.members.is_some()) || begun.elapsed() > limit {
            return Ok(*view);
        }
        if view.status == Status::Completed {
            // The names come on their own; after the end a watch answers at once.
            tokio::time::sleep(PAUSE).await;
        }
        seen = view.revision;
    }
}

/// Why it failed: the part that is the same for all.
fn reason(view: &ComputationView) -> Option<String> {
    let reason = view.reason.as_ref()?.split([':', '(']).next()?.trim();
    (!reason.is_empty()).then(|| reason.to_owned())
}

/// Whether a result is what the values of its participants come to.
fn is_exact(nodes: &Nodes, view: &ComputationView) -> Result<(), String> {
    let Some(result) = view.result.as_ref().filter(|_| view.status == Status::Completed) else {
        return Err(format!("no end: {}", view.status));
    };
    let members = view.members.as_ref().ok_or("nobody knows who was in the set")?;
    let unique: BTreeSet<_> = members.iter().collect();
    let owned: Vec<Owned> = unique.iter().filter_map(|uid| nodes.owners.get(*uid).copied()).collect();
    let told = (members.len(), owned.len(), view.participants as usize, view.samples);
    if (members.len(), members.len(), members.len() as u64) != (told.1, told.2, told.3) {
        return Err(format!("members, known ones, participants and samples are {told:?}"));
    }
    let fits = match view.statistic.as_str() {
        "count" => result["count"].as_u64() == Some(owned.len() as u64),
        "sum" => result["sum"].as_u64() == Some(owned.iter().map(|it| it.n).sum()),
        "mean" => {
            let sum = owned.iter().map(|it| it.n).sum::<u64>();
            result["sum"].as_u64() == Some(sum) && near(&result["mean"], sum as f64 / owned.len() as f64)
        }
        "frequency" => CATEGORIES.iter().all(|category| {
            let count = owned.iter().filter(|it| it.c == *category).count() as u64;
            result["histogram"][*category].as_u64() == Some(count)
        }),
        "univariate" => univariate(result, &owned),
        other => panic!("{other} is not asked here"),
    };
    if fits { Ok(()) } else { Err(format!("{result} is not what {owned:?} come to")) }
}

fn univariate(result: &Value, owned: &[Owned]) -> bool {
    let (count, sum) = (owned.len() as f64, owned.iter().map(|it| it.m).sum::<u32>());
    let mean = f64::from(sum) / count;
    let squares: f64 = owned.iter().map(|it| (f64::from(it.m) - mean).powi(2)).sum();
    result["sum"].as_u64() == Some(sum.into())
        && near(&result["mean"], mean)
        && near(&result["variance"], squares / (count - 1.0))
}

fn near(value: &Value, expected: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - expected).abs() <= 1e-9 * expected.abs().max(1.0))
}
