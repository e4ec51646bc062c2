//! Nodes that were told nothing find each other.

use std::time::Duration;

use crate::bridge::Bridge;
use crate::machines::{Lan, Light};

const FOUND: Duration = Duration::from_secs(30);
const RESULT: Duration = Duration::from_secs(15);

#[test]
fn nodes_that_only_have_multicast_find_each_other_and_compute() {
    let values = [10, -7, 14, 1 << 40];
    let Some(lan) = Lan::start(&values.map(Light::open), |_| {}) else { return };
    lan.complete(FOUND);
    let id = lan.node(5).propose("8s").unwrap();
    lan.sums_to(&id, values.iter().sum(), RESULT);
}

#[test]
fn one_address_is_enough_without_multicast() {
    // Everybody is told of the second machine, a heavy node; the first one too.
    let address = format!("/ip4/{}/tcp/8000", Bridge::address(1));
    let more = |machine: usize| {
        let mut more = vec!["--no-mdns".to_owned()];
        if machine != 1 {
            more.extend(["--bootstrap".to_owned(), address.clone()]);
        }
        more
    };
    let light = [1, 2, 4].map(Light::open);
    let Some(lan) = Lan::start_with(&light, |_| {}, &more, &|_| None) else { return };
    lan.complete(FOUND);
    let id = lan.node(4).propose("8s").unwrap();
    lan.sums_to(&id, 7, RESULT);
}
