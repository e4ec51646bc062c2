//! Nothing keeps messages in order. Whatever the order, nobody waits until what came too early is said again.

use std::time::Duration;

use formix_p2p::domain::{Computation, Modulus, Sharing, Status};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::bounded;
use crate::net::{Net, peer};

const ORDERS: u64 = 25;

#[test]
fn a_closed_list_ends_without_any_timer_whatever_comes_first() {
    let additive = Sharing::Additive { modulus: Modulus::Bits64 };
    for sharing in [additive, Sharing::Prio3, Sharing::Threshold { k: 2 }, Sharing::Threshold { k: 3 }] {
        for order in 0..ORDERS {
            let mut net = Net::new(&[10, -7, 14], &Net::open());
            net.chance = Some(ChaCha20Rng::seed_from_u64(order));
            let mut listed: Vec<_> = (3..6).map(peer).collect();
            listed.sort();
            let deadline = net.now + Duration::from_secs(60);
            let terms = Computation { participants: Some(listed), deadline, ..bounded(&net, 3, sharing) };
            // Timers are looked at by `run_for` alone.
            let id = net.propose(terms);
            for (node, machine) in &net.nodes {
                let view = machine.view(id).unwrap();
                assert_eq!(view.status, Status::Completed, "{sharing:?}, order {order}, {}", node.uid());
                assert_eq!(view.answer.unwrap().total(), "17".parse().unwrap(), "{sharing:?}, order {order}");
            }
        }
    }
}
