//! Nodes that go and come.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use crate::lab::signal;
use crate::nodes::{FIRST_GUEST, LIGHT, Nodes, RESTARTED, STAYING};

/// A node that is told to stop is gone within this time.
const STOP_MAX: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// A guest goes, by SIGTERM or `kill -9` in turn; it comes again, or somebody new comes in its place.
pub async fn one_goes_and_one_comes(nodes: &RefCell<Nodes>, turn: usize) {
    let at = FIRST_GUEST + turn % (LIGHT - STAYING);
    end(nodes, at, turn.is_multiple_of(2)).await;
    let is_new = (turn / 2).is_multiple_of(2);
    // Others learn in the meantime that it has gone.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let starting = if is_new { nodes.borrow_mut().newcomer() } else { nodes.borrow().again(at) };
    let (seat, owned) = starting.ready().await;
    let mut nodes = nodes.borrow_mut();
    nodes.know(&seat, owned);
    nodes.seats[at] = seat;
}

/// A heavy node goes, by `kill -9` or SIGTERM in turn, and comes again at once.
pub async fn a_heavy_node_starts_again(nodes: &RefCell<Nodes>, turn: usize) {
    end(nodes, RESTARTED, turn % 2 == 1).await;
    let starting = nodes.borrow().again(RESTARTED);
    let (seat, _) = starting.ready().await;
    nodes.borrow_mut().seats[RESTARTED] = seat;
}

async fn end(nodes: &RefCell<Nodes>, at: usize, politely: bool) {
    let mut process = nodes.borrow_mut().seats[at].process.take().unwrap();
    signal(if politely { "-TERM" } else { "-KILL" }, process.pid());
    let begun = Instant::now();
    while !process.has_ended() {
        assert!(begun.elapsed() < STOP_MAX, "node {at} does not stop");
        tokio::time::sleep(PAUSE).await;
    }
}
