//! Verifying and adding up in slices: what comes between two of them.

use std::collections::BTreeSet;
use std::time::Duration;

use formix_p2p::domain::{
    Computation, ComputationId, Failure, Modulus, PeerId, Query, Sharing, Statistic, Status,
};
use formix_p2p::protocol::{Action, Event, Slice};
use formix_p2p::sharing::Secret;
use formix_p2p::statistics::scheme;
use formix_p2p::wire::{FailureNotice, Identity, Manifest, Message, Signed, Submission, Want, share_digest};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::bounded;
use crate::net::{Net, identity, peer};

const ADDITIVE: Sharing = Sharing::Additive { modulus: Modulus::Bits64 };
/// The values of seven light nodes, whose reports make four slices beside one that proves nothing.
const VALUES: [i32; 7] = [10, -7, 14, 25, 0, 1, -1];
const SUM: &str = "42";
const SLICES: usize = 4;
/// Verifier shares, verdicts, and what did not verify.
const PROVEN_SLICES: usize = 2 * SLICES + 1;

/// A report by somebody with this key, who hears of nothing: a measurement that is proven, or one that no proof holds for.
fn report(net: &mut Net, id: ComputationId, number: u16, measurement: Result<Vec<u128>, Vec<u128>>) {
    let mut key = [9; 32];
    key[..2].copy_from_slice(&number.to_be_bytes());
    let participant = Identity::from_secret_key(&key);
    let terms = net.nodes[&peer(0)].view(id).unwrap().computation.clone();
    let scheme = scheme(&terms).unwrap();
    let (nonce, mut rng) = (u128::from(number).to_be_bytes(), ChaCha20Rng::from_seed(key));
    let split = match measurement {
        Ok(fits) => scheme.split(id.as_bytes(), &nonce, &Secret::new(fits), &mut rng),
        Err(does_not) => scheme.split_unchecked(id.as_bytes(), &nonce, &Secret::new(does_not), &mut rng),
    };
    let split = split.unwrap();
    let blind = Secret::new([1; 32]);
    let shares = terms.heavy.iter().zip(&split.shares);
    let shares = shares
        .map(|(heavy, share)| share_digest(id, participant.peer(), *heavy, &blind, share.expose()))
        .collect();
    let public = split.public.clone();
    let manifest = Manifest { computation: id, participant: participant.peer(), nonce, public, shares };
    let manifest = Signed::sign(manifest, &participant);
    for (heavy, share) in terms.heavy.iter().zip(split.shares) {
        let submission = Submission { manifest: manifest.clone(), blind: blind.clone(), share };
        let event = Event::Message { from: participant.peer(), message: Message::Submit(submission) };
        net.queue.push_back((*heavy, event));
    }
    net.down.push(participant.peer());
    net.settle();
}

/// A report over the bounds.
fn report_out_of_bounds(net: &mut Net, id: ComputationId) {
    let slots = scheme(net.nodes[&peer(0)].view(id).unwrap().computation).unwrap().slots();
    report(net, id, 99, Err(vec![1 << 20; slots]));
}

/// A computation whose deadline is just over; the first heavy node computes two reports at a time, and only when told to.
fn due(sharing: Sharing) -> (Net, ComputationId) {
    let slice = Slice { reports: 2, ..Slice::default() };
    let mut net = Net::with_slice(slice, 3, &VALUES, &Net::open());
    let question = bounded(&net, 3, sharing);
    let id = net.propose(Computation { patience_ms: 60_000, ..question });
    if sharing.is_proven() {
        report_out_of_bounds(&mut net, id);
    }
    net.busy.push(peer(0));
    net.run_for(Duration::from_millis(5_010));
    assert_eq!(net.working, BTreeSet::from([(peer(0), id)]));
    (net, id)
}

/// Lets the first heavy node compute one slice; whether it had asked for that.
fn slice(net: &mut Net, id: ComputationId) -> bool {
    let asked = net.working.remove(&(peer(0), id));
    if asked {
        net.queue.push_back((peer(0), Event::Work { computation: id }));
        net.settle();
    }
    asked
}

/// What the first heavy node does about an event.
fn reaction(net: &mut Net, event: Event) -> Vec<Action> {
    let store = net.stores[&peer(0)].clone();
    let actions = net.nodes.get_mut(&peer(0)).unwrap().handle(net.now, event, &store);
    for action in &actions {
        net.act(peer(0), action.clone());
    }
    net.settle();
    actions
}

/// The messages that the first heavy node sends somebody who asks for this.
fn answer(net: &mut Net, id: ComputationId, from: PeerId, want: Want) -> Vec<Message> {
    let message = Message::Want { computation: id, want };
    let actions = reaction(net, Event::Message { from, message });
    let sent = |action| match action {
        Action::Send { to, message } if to == from => Some(*message),
        _ => None,
    };
    actions.into_iter().filter_map(sent).collect()
}

/// What the first heavy node revealed, if its opening counts, and how many reports were left out.
fn revealed(net: &Net, id: ComputationId) -> (Option<Vec<u8>>, u32) {
    let view = net.nodes[&peer(1)].view(id).unwrap();
    assert_eq!((view.status, view.failure), (Status::Completed, None));
    assert_eq!(view.answer.unwrap().total(), SUM.parse().unwrap());
    let certificate = view.certificate.unwrap();
    let own = certificate.openings.iter().find(|opening| opening.signer() == peer(0));
    (own.map(|opening| opening.get().partial_sum.clone()), certificate.votes[0].get().unverified)
}

#[test]
fn between_two_slices_a_heavy_node_answers() {
    for (sharing, slices) in [(ADDITIVE, SLICES), (Sharing::Prio3, PROVEN_SLICES)] {
        let (mut net, id) = due(sharing);
        let mut done = 0;
        while slice(&mut net, id) {
            done += 1;
            if done < slices {
                let close = answer(&mut net, id, peer(1), Want::Close);
                assert!(matches!(close[..], [Message::Close(_)]), "{sharing:?} after {done}: {close:?}");
                let view = net.nodes[&peer(0)].view(id).unwrap();
                let reports = VALUES.len() + usize::from(sharing.is_proven());
                assert_eq!((view.status, view.participants as usize), (Status::Processing, reports));
            }
        }
        assert_eq!(done, slices, "{sharing:?}");
        assert_eq!(revealed(&net, id).1, u32::from(sharing.is_proven()));
    }
}

#[test]
fn a_turn_that_nobody_asked_for_starts_nothing_twice() {
    let (mut net, id) = due(Sharing::Prio3);
    let mut done = 0;
    while slice(&mut net, id) {
        let _ = reaction(&mut net, Event::Work { computation: id });
        done += 1;
    }
    // Two slices for each turn.
    assert_eq!(done, PROVEN_SLICES.div_ceil(2));
    assert_eq!(revealed(&net, id).1, 1);
    assert_eq!(reaction(&mut net, Event::Work { computation: id }), []);
}

#[test]
fn a_failure_between_two_slices_stops_the_work() {
    for done in 0..SLICES {
        let (mut net, id) = due(Sharing::Prio3);
        assert!((0..done).all(|_| slice(&mut net, id)));
        let failure = Failure::Missing { heavy: vec![peer(2)] };
        let notice = FailureNotice { computation: id, signer: peer(1), failure: failure.clone() };
        let message = Message::Fail(Signed::sign(notice, &identity(1)));
        let _ = reaction(&mut net, Event::Message { from: peer(1), message });
        let view = net.nodes[&peer(0)].view(id).unwrap();
        assert_eq!((view.status, view.failure), (Status::Failed, Some(&failure)));
        assert_eq!(reaction(&mut net, Event::Work { computation: id }), [], "after {done} slices");
    }
}

#[test]
fn a_result_of_the_others_between_two_slices_stops_the_work() {
    let (mut net, id) = due(Sharing::Threshold { k: 2 });
    assert!(slice(&mut net, id));
    // The grace of each step is over at the others, who go on without this one.
    net.run_for(Duration::from_secs(20));
    let view = net.nodes[&peer(0)].view(id).unwrap();
    assert_eq!((view.status, view.answer.unwrap().total()), (Status::Completed, SUM.parse().unwrap()));
    assert_eq!(reaction(&mut net, Event::Work { computation: id }), []);
}

#[test]
fn a_restart_between_two_slices_comes_to_the_same_verdicts_and_the_same_sum() {
    for sharing in [ADDITIVE, Sharing::Prio3, Sharing::Threshold { k: 2 }] {
        let whole = |restart_after: Option<usize>| {
            let (mut net, id) = due(sharing);
            let (mut done, mut restart) = (0, restart_after);
            while net.nodes[&peer(1)].view(id).unwrap().status == Status::Processing {
                if slice(&mut net, id) {
                    done += 1;
                } else {
                    net.run_for(Duration::from_millis(50));
                }
                if restart == Some(done) {
                    restart = None;
                    net.restart(0);
                }
            }
            (done, revealed(&net, id))
        };
        let (slices, (sum, unverified)) = whole(None);
        assert!(sum.is_some() && unverified == u32::from(sharing.is_proven()));
        let mut counted = 0;
        for after in 1..slices {
            let (done, (sum_now, unverified_now)) = whole(Some(after));
            assert_eq!(unverified_now, unverified, "{sharing:?} after {after} slices");
            // Under threshold the others may have gone on without it.
            let may_be_missing = matches!(sharing, Sharing::Threshold { .. }) && sum_now.is_none();
            // What was done before the restart is done again.
            assert!(may_be_missing || (sum_now == sum && done > slices), "{sharing:?} after {after} slices");
            counted += usize::from(sum_now == sum);
        }
        assert!(counted * 2 > slices, "{sharing:?}: {counted} of {slices}");
    }
}

/// A node that has voted has its verifier shares no more when it starts again. Who asks for them makes it compute them once, however often.
#[test]
fn verifier_shares_are_computed_again_once_for_everybody_who_asks() {
    let (mut net, id) = due(Sharing::Prio3);
    net.busy.push(peer(1));
    while slice(&mut net, id) {
        // The second heavy node fixes its verifier shares, and does not vote.
        for _ in 0..SLICES {
            if net.nodes[&peer(0)].view(id).unwrap().status == Status::Processing
                && answer(&mut net, id, peer(2), Want::Vote).is_empty()
                && answer(&mut net, id, peer(2), Want::Verifiers).is_empty()
                && net.working.remove(&(peer(1), id))
            {
                net.queue.push_back((peer(1), Event::Work { computation: id }));
                net.settle();
            }
        }
    }
    assert!(matches!(answer(&mut net, id, peer(2), Want::Vote)[..], [Message::Vote { .. }]));
    let before = answer(&mut net, id, peer(2), Want::Verifiers);
    assert!(before.iter().any(|message| matches!(message, Message::Verifiers { .. })));
    net.restart(0);
    net.working.remove(&(peer(0), id));
    for from in [1, 2, 2, 1, 2] {
        assert_eq!(answer(&mut net, id, peer(from), Want::Verifiers), []);
    }
    let mut done = 0;
    let mut sent = Vec::new();
    while net.working.remove(&(peer(0), id)) {
        done += 1;
        sent.extend(reaction(&mut net, Event::Work { computation: id }));
    }
    assert_eq!(done, SLICES);
    for asked in [1, 2] {
        let batches = sent.iter().filter(|action| {
            matches!(action, Action::Send { to, message }
                if *to == peer(asked) && matches!(**message, Message::Verifiers { .. }))
        });
        assert_eq!(batches.count(), 1);
    }
    assert_eq!(answer(&mut net, id, peer(2), Want::Verifiers), before);
    assert!(net.working.is_empty() || !net.working.contains(&(peer(0), id)));
}

/// As many reports in one slice as are worth a thread for each half of them.
#[test]
fn a_slice_on_several_threads_has_every_verdict_and_every_value_in_its_place() {
    const INVENTED: u16 = 400;
    for sharing in [Sharing::Prio3, Sharing::Threshold { k: 2 }] {
        let mut net = Net::new(&[1, 2, 4], &Net::open());
        let schema = r#"{"type":"integer","minimum":0,"maximum":1125899906842624}"#;
        let query = Query::parse(Statistic::Sum, &["n".to_owned()], Some(schema)).unwrap();
        let question = bounded(&net, 3, sharing);
        let id = net.propose(Computation { query, max_participants: 1_000, patience_ms: 60_000, ..question });
        let scheme = scheme(net.nodes[&peer(0)].view(id).unwrap().computation).unwrap();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let runs = scheme.spread(&[(); INVENTED as usize], |_, _, run| run.len()).len();
        assert!(threads == 1 || runs > 1, "{runs} runs on {threads} processors");
        let mut sum = 7;
        for number in 0..INVENTED {
            // Every hundredth lies, so that there are liars in every run.
            let value = u128::from(number) << 40;
            let lies = number % 100 == 7;
            let measurement = vec![if lies { 1 << 60 } else { value }];
            report(&mut net, id, number, if lies { Err(measurement) } else { Ok(measurement) });
            sum += if lies { 0 } else { value };
        }
        net.run_for(Duration::from_millis(5_010));
        for heavy in 0..3 {
            let view = net.nodes[&peer(heavy)].view(id).unwrap();
            assert_eq!((view.status, view.failure), (Status::Completed, None), "{sharing:?} at {heavy}");
            assert_eq!(
                view.answer.unwrap().total(),
                sum.to_string().parse().unwrap(),
                "{sharing:?} at {heavy}"
            );
            assert_eq!(view.certificate.unwrap().votes[0].get().unverified, 4, "{sharing:?} at {heavy}");
        }
    }
}
