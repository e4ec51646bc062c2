//! `kill -9` at every commit that carries something to remember: before it, after it, and when what it released has been sent.
//! The node is started again, and the computation ends at every node alike: exact, or with the failure that the place allows.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use formix_p2p::wire::Record;
use serde_json::Value;

use crate::cases::{Case, End, PROPOSER, Recovery, Scheme, Victim};
use crate::net::{HEAVY, Net, PATIENCE, PLACES_OF_RECOVERY, VALUES, has_ended, request_at};
use crate::remembered::{has_written, nothing_is_left_behind, promises_are_kept, records_in};

/// What whoever asks hears where a heavy node did not accept in time: on a busy machine any may be late.
const UNANSWERED: &str = "did not answer the proposal";
/// What else it may hear there: a connection was lost, and is not back yet.
const NOT_ANNOUNCED: [&str; 2] = [UNANSWERED, "and can reach"];
/// Networks side by side in the full product.
const LANES: usize = 8;

/// A computation that a node died of, and what this node had on the disk then.
struct Death {
    case: Case,
    /// None where there was none yet.
    id: Option<String>,
    end: End,
    remembered: Vec<Record>,
}

/// Kills one node at one place, starts it again, and watches what becomes of the computation.
fn run(net: &mut Net, case: Case) -> Death {
    let victim = case.victim.at();
    net.kill(victim);
    assert!(net.start(victim, Some(&case.place())), "{case}: it dies too early");
    for at in [victim, PROPOSER] {
        net.sees(at, HEAVY as u64, 0);
    }
    let (mut known, mut asks) = ask(net, case);
    let mut without = 0;
    while !net.died(victim, PATIENCE) {
        // On a busy machine another heavy node may be too late to accept, and under threshold sharing the others may have gone on
        // without this one.
        let said = asks.join().unwrap().map(text_of);
        let unanswered =
            said.as_ref().is_some_and(|(_, said)| NOT_ANNOUNCED.iter().any(|it| said.contains(it)));
        let left_behind = case.scheme == Scheme::Threshold && case.victim == Victim::Heavy && without < 3;
        assert!(unanswered || left_behind, "{case}: this place is never reached; whoever asked heard {said:?}");
        without += usize::from(!unanswered);
        (known, asks) = ask(net, case);
    }
    let remembered = records_in(net.copy_of(victim).path(), net.peer(victim));
    recover(net, victim, case.recovery);
    let answer = asks.join().unwrap();
    if let Some((status, said)) = answer.map(text_of) {
        let unannounced = match case.end() {
            End::NeverAnnounced | End::SumOrNeverAnnounced => true,
            End::TooFew => said.contains(UNANSWERED),
            End::Nothing | End::Sum => false,
        };
        assert!(status == 200 || unannounced, "{case}: {said}");
    }
    if case.end() == End::Nothing {
        for at in net.nodes() {
            let ids = net.until("a node answers", || net.computations(at));
            assert!(ids.iter().all(|id| known.contains(id)), "{case}: {at} knows of it");
        }
        return Death { case, id: None, end: End::Nothing, remembered };
    }
    let new = || net.computations(PROPOSER)?.into_iter().find(|id| !known.contains(id));
    let id = net.until("whoever asked knows of it", new);
    let end = ends_alike(net, case, &id);
    Death { case, id: Some(id), end, remembered }
}

/// Status and body of an answer, if one came.
type Answer = Option<(u16, Vec<u8>)>;

/// Asks, and gives what whoever asks knew before, and who waits for the announcement.
fn ask(net: &Net, case: Case) -> (Vec<String>, JoinHandle<Answer>) {
    let known = net.until("whoever asks answers", || net.computations(PROPOSER));
    let (socket, question) = (net.folder(PROPOSER).join("control.sock"), case.question(net).to_string());
    (known, std::thread::spawn(move || request_at(&socket, "POST /computations", &question)))
}

fn text_of((status, body): (u16, Vec<u8>)) -> (u16, String) {
    (status, String::from_utf8_lossy(&body).into_owned())
}

fn recover(net: &mut Net, victim: usize, recovery: Recovery) {
    match recovery {
        Recovery::Straight => {}
        Recovery::Interrupted => {
            for place in PLACES_OF_RECOVERY {
                net.start(victim, Some(place));
                assert!(net.died(victim, PATIENCE), "it has not died at {place}");
            }
            // It may have nothing left to write.
            if !net.start(victim, Some("before-commit:any")) {
                assert!(net.died(victim, PATIENCE));
            } else if !net.died(victim, Duration::from_millis(300)) {
                net.kill(victim);
            }
        }
    }
    assert!(net.start(victim, None), "it does not start again");
}

/// Every node says the same of a computation, and it is what it should be. Gives which of its ends that is.
fn ends_alike(net: &Net, case: Case, id: &str) -> End {
    let end = match case.end() {
        End::SumOrNeverAnnounced if net.end_of(PROPOSER, id)["status"] == "failed" => End::NeverAnnounced,
        End::SumOrNeverAnnounced => End::Sum,
        End::TooFew if was_never_announced(&net.end_of(PROPOSER, id)) => End::NeverAnnounced,
        end @ (End::Nothing | End::NeverAnnounced | End::TooFew | End::Sum) => end,
    };
    let knows = |at: usize| match end {
        // Light nodes hear of what was announced.
        End::NeverAnnounced => (at < HEAVY && net.view_of(at, id).is_some()) || at == PROPOSER,
        End::Nothing | End::SumOrNeverAnnounced | End::TooFew | End::Sum => true,
    };
    let nodes: Vec<usize> = net.nodes().filter(|at| knows(*at)).collect();
    let views: Vec<Value> = nodes.iter().map(|at| last_word(net, *at, id, end)).collect();
    for (at, view) in nodes.iter().zip(&views) {
        // Before the announcement each says what it knows.
        let told = |view: &Value| match end {
            End::NeverAnnounced => [view["status"].clone(), view["result"].clone(), Value::Null],
            End::Nothing | End::SumOrNeverAnnounced | End::TooFew | End::Sum => {
                [view["status"].clone(), view["result"].clone(), view["reason"].clone()]
            }
        };
        assert_eq!(told(view), told(&views[0]), "{case}: node {at}: {view}\nnode {}: {}", nodes[0], views[0]);
    }
    let (status, reason) = (views[0]["status"].as_str().unwrap(), views[0]["reason"].to_string());
    match end {
        End::Nothing | End::SumOrNeverAnnounced => {}
        End::NeverAnnounced => {
            let own = net.end_of(PROPOSER, id);
            assert!(status == "failed" && was_never_announced(&own), "{case}: {own}");
        }
        End::TooFew => assert!(status == "failed" && reason.contains("participants"), "{case}: {reason}"),
        End::Sum => {
            assert_eq!(status, "completed", "{case}: {reason}");
            assert_eq!(views[0]["result"]["sum"], (1_u32 << VALUES.len()) - 1, "{case}");
            let certificate = net.certificate(0, id);
            if case.scheme != Scheme::Threshold {
                for at in nodes {
                    assert_eq!(net.certificate(at, id), certificate, "{case}: another certificate at {at}");
                }
            }
        }
    }
    end
}

/// How it ends at a node. On a machine so busy that the node was away beyond the patience, it first says whom it misses, and then
/// hears of the result.
fn last_word(net: &Net, at: usize, id: &str, end: End) -> Value {
    let view = net.end_of(at, id);
    if end == End::Sum && view["status"] == "failed" {
        let what = format!("{at} has the result, and not only {}", view["reason"]);
        return net.until(&what, || net.view_of(at, id).filter(|view| view["status"] == "completed"));
    }
    view
}

/// Whether whoever asked says that nobody else was told.
fn was_never_announced(own: &Value) -> bool {
    let reason = own["reason"].to_string();
    ["never announced", UNANSWERED].iter().any(|words| reason.contains(words))
}

/// Everybody is in the set, once, and everybody hears so. Nothing of it is on its way any more, which the next victim could die of.
fn everybody_is_a_member(net: &Net, Death { case, id, end, .. }: &Death) {
    let (Some(id), End::Sum) = (id, end) else { return };
    let known = |at: usize| {
        net.until(&format!("{at} knows the members, {case}"), || {
            net.view_of(at, id).filter(|view| has_ended(view) && !view["members"].is_null())
        })
    };
    let told = known(0)["members"].clone();
    let members = told.as_array().unwrap();
    assert_eq!(members.len(), VALUES.len(), "{case}: {members:?}");
    for at in net.nodes() {
        assert_eq!(known(at)["members"], told, "{case}: node {at}");
    }
}

/// Runs these cases one after the other in one network, and looks into every store at the end.
fn lane(cases: &[Case]) {
    let mut net = Net::new();
    let (deaths, times): (Vec<Death>, Vec<Duration>) = cases
        .iter()
        .map(|case| {
            let begun = Instant::now();
            let death = run(&mut net, *case);
            everybody_is_a_member(&net, &death);
            (death, begun.elapsed())
        })
        .unzip();
    eprintln!(
        "{} deaths, {:?} in all, {:?} at most",
        times.len(),
        times.iter().sum::<Duration>(),
        times.iter().max()
    );
    net.leave();
    let left: Vec<_> = net.nodes().map(|at| records_in(&net.folder(at), net.peer(at))).collect();
    for (at, records) in left.iter().enumerate() {
        nothing_is_left_behind(records, &format!("node {at}"));
    }
    for Death { case, id, remembered, .. } in deaths {
        let Some(id) = id else { continue };
        let (victim, owner) = (case.victim.at(), net.peer(case.victim.at()));
        if case.moment == "after-commit" {
            has_written(&remembered, &id, case.kind, &case.to_string());
        }
        promises_are_kept(&remembered, &left[victim], owner, &id, &case.to_string());
    }
}

#[test]
fn killed_at_a_durable_step_of_additive_sharing() {
    use Scheme::Additive;
    lane(&[
        Case::new(Additive, Victim::Light, "after-commit", "report"),
        Case::new(Additive, Victim::Heavy, "after-commit", "voted"),
        Case::new(Additive, Victim::Proposer, "before-commit", "announced"),
        Case::new(Additive, Victim::Heavy, "after-commit", "failed"),
    ]);
}

#[test]
fn killed_at_a_durable_step_of_proven_sharing() {
    use Scheme::Prio3;
    lane(&[
        Case::new(Prio3, Victim::Heavy, "before-commit", "verifying").interrupted(),
        Case::new(Prio3, Victim::Heavy, "after-release", "opened"),
        Case::new(Prio3, Victim::Proposer, "after-commit", "announced"),
    ]);
}

#[test]
fn killed_at_a_durable_step_of_threshold_sharing() {
    use Scheme::Threshold;
    lane(&[
        Case::new(Threshold, Victim::Heavy, "after-commit", "dealing"),
        Case::new(Threshold, Victim::Heavy, "after-commit", "lists-decree").interrupted(),
        Case::new(Threshold, Victim::Light, "before-commit", "certificate"),
    ]);
}

/// Four to five minutes on two busy cores; `.ci/run` runs it.
#[test]
#[ignore = "takes minutes; the tests above are some of its cases"]
fn every_kind_of_record_of_every_role_at_every_moment() {
    side_by_side(&Case::all());
}

/// Deals the cases to networks that run side by side.
fn side_by_side(cases: &[Case]) {
    std::thread::scope(|scope| {
        for first in 0..LANES {
            let dealt: Vec<Case> = cases.iter().skip(first).step_by(LANES).copied().collect();
            scope.spawn(move || lane(&dealt));
        }
    });
}
