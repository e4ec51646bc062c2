//! Threshold sharing when heavy nodes vanish: whoever is left finishes, with the exact sum.

use std::time::Duration;

use formix_p2p::consent::{Doubt, Policy, Trust};
use formix_p2p::domain::{ComputationId, Failure, Sharing, Status};
use formix_p2p::protocol::OwnPart;

use crate::bounded;
use crate::net::{Net, peer};

const VALUES: [i32; 4] = [10, -7, 14, 25];

/// A network with a running computation under k of n.
fn announced(heavy: usize, k: u8) -> (Net, ComputationId) {
    let mut net = Net::with_heavy(heavy, &VALUES, &Net::open());
    let id = net.propose(bounded(&net, heavy, Sharing::Threshold { k }));
    (net, id)
}

/// Everybody who is left has the exact sum, at most so long after the deadline.
fn assert_finished(net: &Net, id: ComputationId, what: &str) {
    for (node, machine) in net.nodes.iter().filter(|(node, _)| !net.down.contains(node)) {
        let view = machine.view(id).unwrap();
        assert_eq!((view.status, view.failure), (Status::Completed, None), "{} {what}", node.uid());
        assert_eq!(view.answer.unwrap().total(), "42".parse().unwrap(), "{what}");
    }
}

#[test]
fn one_of_three_may_vanish_after_any_action_of_its_own() {
    let mut moments = 0;
    for victim in 0..3 {
        for actions in 0.. {
            let (mut net, id) = announced(3, 2);
            net.vanish.insert(peer(victim), actions);
            net.run_for(Duration::from_secs(5 + 10));
            if !net.down.contains(&peer(victim)) {
                break;
            }
            assert_finished(&net, id, &format!("without H{victim} after {actions} actions"));
            moments += 1;
        }
    }
    // Each heavy node takes a hundred actions or so after the announcement.
    assert!(moments > 90, "{moments}");
}

#[test]
fn two_of_five_may_vanish_after_any_two_actions() {
    for (first, second) in [(0, 1), (0, 4), (2, 3), (4, 1)] {
        for actions in (0..120).step_by(7) {
            for later in [0, 11, 40] {
                let (mut net, id) = announced(5, 3);
                net.vanish.insert(peer(first), actions);
                net.vanish.insert(peer(second), actions + later);
                net.run_for(Duration::from_secs(5 + 10));
                assert_finished(&net, id, &format!("without H{first}, H{second} after {actions}, {later}"));
            }
        }
    }
}

#[test]
fn more_than_may_vanish_end_by_name() {
    let (mut net, id) = announced(3, 2);
    net.down.extend([peer(0), peer(2)]);
    net.run_for(Duration::from_secs(60));
    let failure = net.nodes[&peer(1)].view(id).unwrap().failure.unwrap().clone();
    assert_eq!(failure, Failure::Missing { heavy: vec![peer(0), peer(2)] });
}

#[test]
fn a_heavy_node_that_comes_back_late_learns_the_result() {
    let (mut net, id) = announced(3, 2);
    net.down.push(peer(1));
    net.run_for(Duration::from_secs(12));
    assert_finished(&net, id, "while H1 is away");
    net.restart(1);
    net.run_for(Duration::from_secs(8));
    assert_finished(&net, id, "with H1 back");
}

#[test]
fn so_many_heavy_nodes_must_be_trusted_that_the_others_cannot_read() {
    for (trusted, answers) in [(1, false), (2, true)] {
        let trust = Trust::Listed((0..trusted).map(peer).collect());
        let policy = Policy { trust, ..Policy::default() };
        let mut net = Net::with_heavy(3, &VALUES, &policy);
        let id = net.propose(bounded(&net, 0, Sharing::Threshold { k: 2 }));
        let own = net.nodes[&peer(4)].view(id).unwrap().own;
        let doubt = Doubt::NoTrustedHeavy { colluders: 2, trusted: 1, required: 2 };
        assert_eq!(own, if answers { OwnPart::Answered } else { OwnPart::Waiting(doubt) });
    }
}
