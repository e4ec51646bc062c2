//! Computations for a long time, while nodes come and go: every result is the exact one or a named failure, and what lives long
//! does not grow.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod churn;
mod figures;
#[path = "../lab/mod.rs"]
mod lab;
mod nodes;
mod questions;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use figures::{Bounds, Figures};
use nodes::Nodes;
use questions::{Ended, asks};

/// Questions that are open at the same time.
const ASKERS: usize = 3;

/// How long, and how often what happens.
#[derive(Clone, Copy, Debug)]
struct Plan {
    length: Duration,
    /// A light node goes, and another one comes.
    churn: Duration,
    /// A heavy node starts again.
    heavy: Duration,
    sample: Duration,
    /// What is looked at begins here: by then memory holds as many ended computations as it keeps.
    steady_from: Duration,
    bounds: Bounds,
}

/// What has come of the questions.
#[derive(Debug, Default)]
struct Tally {
    exact: BTreeMap<&'static str, usize>,
    /// By reason.
    failed: BTreeMap<String, usize>,
    /// Not announced, by code.
    refused: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, ended: Ended) {
        match ended {
            Ended::Exact(kind) => *self.exact.entry(kind).or_default() += 1,
            Ended::Failed(reason) => *self.failed.entry(reason).or_default() += 1,
            Ended::Refused(code) => *self.refused.entry(code).or_default() += 1,
            Ended::Wrong(what) => {
                eprintln!("WRONG: {what}");
                self.wrong.push(what);
            }
        }
    }

    fn completed(&self) -> usize {
        self.exact.values().sum()
    }

    fn failures(&self) -> usize {
        self.failed.values().sum()
    }
}

#[tokio::test]
async fn a_minute_of_computations_while_nodes_come_and_go() {
    soak(Plan {
        length: Duration::from_secs(60),
        churn: Duration::from_secs(9),
        heavy: Duration::from_secs(25),
        sample: Duration::from_millis(500),
        steady_from: Duration::from_secs(20),
        // Memory still fills with ended computations; a leak of a message a computation would be seen all the same.
        bounds: Bounds { memory_percent: 30.0, handles: 6 },
    })
    .await;
}

#[tokio::test]
#[ignore = "takes an hour, or FORMIX_SOAK_MINUTES"]
async fn an_hour_of_computations_while_nodes_come_and_go() {
    let minutes = std::env::var("FORMIX_SOAK_MINUTES").map_or(60, |minutes| minutes.parse().unwrap());
    let length = Duration::from_secs(60 * minutes);
    soak(Plan {
        length,
        churn: Duration::from_secs(60),
        heavy: Duration::from_secs(240),
        sample: Duration::from_secs(5),
        steady_from: length / 4,
        bounds: Bounds { memory_percent: 5.0, handles: 6 },
    })
    .await;
}

async fn soak(plan: Plan) {
    let nodes = Rc::new(RefCell::new(Nodes::start().await));
    let (tally, figures) = (RefCell::new(Tally::default()), RefCell::new(Figures::default()));
    let begun = Instant::now();
    let over = || begun.elapsed() >= plan.length;
    let asking = futures::future::join_all((0..ASKERS).map(|asker| {
        let (nodes, tally) = (&nodes, &tally);
        async move {
            let mut number = asker;
            while !over() {
                let ended = asks(nodes, number).await;
                let paused = matches!(ended, Ended::Refused(_));
                tally.borrow_mut().add(ended);
                if paused {
                    // As a person would, before the same is tried again.
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                number += ASKERS;
            }
        }
    }));
    let sampling = async {
        while !over() {
            tokio::time::sleep(plan.sample).await;
            figures.borrow_mut().sample(begun.elapsed(), &nodes.borrow());
            let (minutes, tally) = (begun.elapsed().as_secs() / 60, tally.borrow());
            figures.borrow_mut().tell(minutes, tally.completed(), tally.failures());
        }
    };
    let light = async {
        let mut turn = 0;
        while begun.elapsed() + plan.churn < plan.length {
            tokio::time::sleep(plan.churn).await;
            churn::one_goes_and_one_comes(&nodes, turn).await;
            turn += 1;
        }
        turn
    };
    let heavy = async {
        let mut turn = 0;
        while begun.elapsed() + plan.heavy < plan.length {
            tokio::time::sleep(plan.heavy).await;
            churn::a_heavy_node_starts_again(&nodes, turn).await;
            turn += 1;
        }
        turn
    };
    let ((), (), gone, restarted) = tokio::join!(async { drop(asking.await) }, sampling, light, heavy);
    let (tally, figures) = (tally.into_inner(), figures.into_inner());
    println!(
        "{:.0} s; {gone} light nodes went and came, heavy ones {restarted} times",
        begun.elapsed().as_secs_f64()
    );
    println!("exact: {} {:?}", tally.completed(), tally.exact);
    println!("failed by name: {} {:?}", tally.failures(), tally.failed);
    println!("not announced: {:?}", tally.refused);
    println!("{}", figures.table(plan.steady_from));
    assert_eq!(tally.wrong, Vec::<String>::new(), "wrong results");
    assert!(tally.completed() > 9 * tally.failures(), "nine of ten have a result: {tally:?}");
    let refused: usize = tally.refused.values().sum();
    assert!(tally.completed() > 4 * refused, "four of five are announced: {tally:?}");
    assert!(gone > 0 && restarted > 0, "nodes came and went");
    figures.check(plan.steady_from, plan.bounds, tally.completed() + tally.failures());
}
