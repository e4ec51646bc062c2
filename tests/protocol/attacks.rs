//! Attacks on prio3 and threshold sharing, played against the machines. What is ignored fails, and says what that shows.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use formix_p2p::domain::{
    Computation, ComputationId, Digest, Failure, Noise, PeerId, Query, Sharing, Statistic,
};
use formix_p2p::protocol::{Command, Event, verify_certificate};
use formix_p2p::sharing::Secret;
use formix_p2p::wire::{
    Choice, DecreeMessage, JustifiedProposal, Manifest, Message, Opening, Proposal, Record, Signed, Submission,
    Topic, Verification, Vote, partial_sum_commitment, share_digest, to_bytes, verifiers_commitment,
    votes_digest,
};

use crate::bounded;
use crate::net::{Net, identity, peer};
use crate::wild::{Sent, VALUES, Wild, announced};

/// H0 signs and shows other verifier shares than it computes.
fn spoil(change: impl Fn(&mut [u8])) -> impl FnMut(&Net, PeerId, PeerId, Message) -> Sent {
    let mut honest: Option<Signed<Verification>> = None;
    move |_, from, to, message| match message {
        Message::Verification(commitment) if from == peer(0) && commitment.signer() == from => {
            honest = Some(commitment);
            Vec::new()
        }
        Message::Verifiers { computation, heavy, batch, blind, shares } if from == peer(0) && heavy == from => {
            let mut bytes = shares.expose().clone();
            change(&mut bytes);
            let digest = verifiers_commitment(computation, from, batch, &blind, &bytes);
            let said = Verification { batches: vec![digest], ..honest.as_ref().unwrap().get().clone() };
            let shares = Secret::new(bytes);
            vec![
                (from, to, Message::Verification(Signed::sign(said, &identity(0)))),
                (from, to, Message::Verifiers { computation, heavy, batch, blind, shares }),
            ]
        }
        Message::Fail(_) if from == peer(0) => Vec::new(),
        message => vec![(from, to, message)],
    }
}

#[test]
fn one_lying_heavy_node_does_not_remove_the_noise_of_the_others() {
    let mut net = Net::with_heavy(3, &VALUES, &Net::open());
    let noise = Some(Noise { epsilon: "0.01".parse().unwrap() });
    let question = bounded(&net, 3, Sharing::Threshold { k: 2 });
    let id = net.propose(Computation { noise, ..question });
    let mut wild = Wild::new(
        net,
        // Behind the reports' shares: one check value of 8 bytes a dealer. One bit of each is false.
        spoil(|bytes| bytes.rchunks_mut(8).take(3).for_each(|value| value[0] ^= 1)),
    );
    wild.run_for(Duration::from_secs(75));
    for index in [1, 2] {
        let view = wild.net.nodes[&peer(index)].view(id).unwrap();
        if let Some(answer) = view.answer {
            assert!(answer.noise().is_some());
            let assurance = verify_certificate(&to_bytes(view.certificate.unwrap())).unwrap().assurance;
            // Noise of scale 11000 leaves the exact sum as it is once in 20000 runs.
            assert_ne!(answer.total(), "42".parse().unwrap(), "published without noise; {assurance:?}");
        }
    }
}

#[test]
fn one_lying_heavy_node_may_have_a_report_left_out_and_the_rest_is_exact() {
    // Whose fault it is cannot be told: the participant may have given that node another share.
    let (net, id) = announced(4, Sharing::Threshold { k: 2 });
    let mut wild = Wild::new(net, spoil(|bytes| bytes[0] ^= 1));
    wild.run_for(Duration::from_secs(75));
    wild.net.down.push(peer(0));
    assert!(wild.all_read(id, "17"), "{:?}", wild.ends(id));
    let view = wild.net.nodes[&peer(1)].view(id).unwrap();
    let assurance = verify_certificate(&to_bytes(view.certificate.unwrap())).unwrap().assurance;
    assert_eq!((assurance.unverified, assurance.checked), (1, Some(true)));
}

/// H0 commits to no verifier shares at all, and shows none.
fn commit_to_nothing() -> impl FnMut(&Net, PeerId, PeerId, Message) -> Sent {
    |_, from, to, message| match message {
        Message::Verification(commitment) if from == peer(0) && commitment.signer() == from => {
            let said = Verification { batches: Vec::new(), ..commitment.get().clone() };
            vec![(from, to, Message::Verification(Signed::sign(said, &identity(0))))]
        }
        Message::Verifiers { heavy, .. } if from == peer(0) && heavy == from => Vec::new(),
        Message::Vote { .. } | Message::Fail(_) if from == peer(0) => Vec::new(),
        message => vec![(from, to, message)],
    }
}

#[test]
fn a_commitment_to_nothing_stops_no_threshold_computation() {
    let (net, id) = announced(3, Sharing::Threshold { k: 2 });
    let mut wild = Wild::new(net, commit_to_nothing());
    wild.run_for(Duration::from_secs(75));
    wild.net.down.push(peer(0));
    assert!(wild.all_read(id, "42"), "{:?}", wild.ends(id));
}

#[test]
fn under_prio3_a_commitment_to_nothing_is_named() {
    let (net, id) = announced(3, Sharing::Prio3);
    let mut wild = Wild::new(net, commit_to_nothing());
    wild.run_for(Duration::from_secs(75));
    let failure = wild.net.nodes[&peer(1)].view(id).unwrap().failure.unwrap().clone();
    assert_eq!(failure, Failure::Missing { heavy: vec![peer(0)] });
}

#[test]
fn a_partial_sum_of_a_wrong_shape_stops_no_threshold_computation() {
    let (net, id) = announced(3, Sharing::Threshold { k: 2 });
    let blind = [7; 32];
    let mut wild = Wild::new(net, move |_, from, to, message| match message {
        Message::Vote { vote, verifications } if from == peer(0) && vote.signer() == from => {
            let partial_sum = partial_sum_commitment(id, from, &blind, &[1]);
            let vote = Signed::sign(Vote { partial_sum, ..vote.get().clone() }, &identity(0));
            vec![(from, to, Message::Vote { vote, verifications })]
        }
        Message::Open { opening, votes } if from == peer(0) && opening.signer() == from => {
            let committed = partial_sum_commitment(id, from, &blind, &[1]);
            let own = votes.iter().find(|vote| vote.signer() == from).unwrap();
            let vote = Signed::sign(Vote { partial_sum: committed, ..own.get().clone() }, &identity(0));
            let said = Opening {
                votes: votes_digest(id, std::slice::from_ref(&vote)),
                blind,
                partial_sum: vec![1],
                ..opening.get().clone()
            };
            vec![(from, to, Message::Open { opening: Signed::sign(said, &identity(0)), votes: vec![vote] })]
        }
        Message::Fail(_) if from == peer(0) => Vec::new(),
        message => vec![(from, to, message)],
    });
    wild.run_for(Duration::from_secs(75));
    wild.net.down.push(peer(0));
    assert!(wild.all_read(id, "42"), "{:?}", wild.ends(id));
}

/// A choice of openings names a vote and its opening like this.
fn opened_digest(id: ComputationId, vote: &Signed<Vote>, opening: &Signed<Opening>) -> Digest {
    let vote = *Digest::of("formix-p2p/opened-vote/1", &[vote.body()]).as_bytes();
    let sum = *Digest::of("formix-p2p/opened-sum/1", &[opening.body()]).as_bytes();
    Digest::of("formix-p2p/opened/1", &[id.as_bytes(), &[vote, sum].concat()])
}

#[test]
fn an_opening_over_another_set_does_not_count() {
    // 3 of 5, so two may be gone: H4 goes before it opens, and one lies when it is its turn to propose.
    let mut broken = Vec::new();
    for liar in 0..4 {
        let (net, id) = announced(5, Sharing::Threshold { k: 3 });
        let nowhere = Digest::of("another set", &[]);
        let elsewhere = move |vote: &Signed<Vote>| {
            let said = Vote { accepted: nowhere, verifications: Some(nowhere), ..vote.get().clone() };
            Signed::sign(said, &identity(liar))
        };
        let (begin, mut gone, mut own) = (net.now, false, None);
        let mut wild = Wild::new(net, move |net, from, to, message| {
            gone |= from == peer(4) && matches!(message, Message::Open { .. });
            let lies = from == peer(liar);
            let message = match message {
                _ if gone && (from == peer(4) || to == peer(4)) => return Vec::new(),
                Message::Vote { vote, verifications } if lies => {
                    Message::Vote { vote: elsewhere(&vote), verifications }
                }
                Message::Open { opening, votes } if lies && opening.signer() == from => {
                    let votes: Vec<_> = votes.iter().map(elsewhere).collect();
                    let said = Opening { votes: votes_digest(id, &votes), ..opening.get().clone() };
                    let opening = Signed::sign(said, &identity(liar));
                    own = Some(opened_digest(id, &votes[0], &opening));
                    Message::Open { opening, votes }
                }
                Message::Decree(DecreeMessage::Proposal(justified))
                    if lies && justified.proposal.get().topic == Topic::Openings =>
                {
                    let said = justified.proposal.get();
                    let mut inputs = said.choice.inputs().to_vec();
                    inputs[liar] = own;
                    let said = Proposal { choice: Choice::new(inputs), ..said.clone() };
                    let proposal = Signed::sign(said, &identity(liar));
                    Message::Decree(DecreeMessage::Proposal(JustifiedProposal { proposal, ..justified }))
                }
                Message::Decree(DecreeMessage::Prepare(prepare))
                    if lies && prepare.get().topic == Topic::Openings =>
                {
                    return Vec::new();
                }
                // Bad luck: what the others propose is late.
                Message::Decree(DecreeMessage::Proposal(justified))
                    if justified.proposal.get().topic == Topic::Openings
                        && net.now < begin + Duration::from_secs(30) =>
                {
                    return Vec::new();
                }
                Message::Fail(_) if lies => return Vec::new(),
                message => message,
            };
            vec![(from, to, message)]
        });
        wild.run_for(Duration::from_secs(75));
        wild.net.down.extend([peer(liar), peer(4)]);
        if !wild.all_read(id, "42") {
            broken.push((liar, wild.ends(id)));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The report of the first light node of four heavy ones, with a share for H3 that does not fit the others.
fn report_with_one_false_share(net: &Net, id: ComputationId) -> Vec<Submission> {
    let me = peer(4);
    let report = net.stores[&me].values().find_map(|record| match record {
        Record::Report(report) => Some(report.clone()),
        _ => None,
    });
    let report = report.unwrap();
    let mut share = report[3].share.expose().clone();
    share[0] ^= 1;
    let mut manifest: Manifest = report[0].manifest.get().clone();
    manifest.shares[3] = share_digest(id, me, peer(3), &report[3].blind, &share);
    let manifest = Signed::sign(manifest, &identity(4));
    let mut report: Vec<_> =
        report.into_iter().map(|part| Submission { manifest: manifest.clone(), ..part }).collect();
    report[3].share = Secret::new(share);
    report
}

#[test]
fn no_light_node_can_have_an_honest_heavy_node_named_as_a_liar() {
    let mut net = Net::with_heavy(4, &VALUES, &Net::open());
    let question = bounded(&net, 4, Sharing::Threshold { k: 2 });
    let mut first_vote = None;
    let early = std::rc::Rc::new(std::cell::Cell::new(None));
    let known = early.clone();
    net.queue.push_back((peer(4), Event::Command(Command::Propose(Box::new(question)))));
    let mut wild = Wild::new(net, move |net, from, to, message| match message {
        Message::Submit(submission) if from == peer(4) => {
            let id = submission.manifest.get().computation;
            known.set(Some(id));
            let position = (0..4).find(|index| peer(*index) == to).unwrap();
            let part = report_with_one_false_share(net, id)[position].clone();
            vec![(from, to, Message::Submit(part))]
        }
        // H3's way out is slow while the others verify.
        Message::Verification(_) | Message::Verifiers { .. } if from == peer(3) => Vec::new(),
        // The first votes of the others take half a second.
        Message::Vote { .. } if from != peer(3) => {
            let first = *first_vote.get_or_insert(net.now);
            if net.now < first + Duration::from_millis(500) { Vec::new() } else { vec![(from, to, message)] }
        }
        message => vec![(from, to, message)],
    });
    wild.run_for(Duration::from_secs(75));
    let id = early.get().unwrap();
    let view = wild.net.nodes[&peer(0)].view(id).unwrap();
    assert!(view.certificate.is_some(), "{:?}", wild.ends(id));
    let assurance = verify_certificate(&to_bytes(view.certificate.unwrap())).unwrap().assurance;
    assert_eq!(assurance.liars, Vec::new(), "every heavy node was honest");
}

/// Another true report of the same participant, of the value 11.
fn another_report(net: &Net, id: ComputationId, question: &Computation) -> Vec<Submission> {
    let scheme = formix_p2p::statistics::scheme(question).unwrap();
    let nonce = [5; 16];
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let split = scheme.split(id.as_bytes(), &nonce, &Secret::new(vec![21]), &mut rng).unwrap();
    let blind = Secret::new([1; 32]);
    let shares =
        (0..net.heavy).map(|to| share_digest(id, peer(4), peer(to), &blind, split.shares[to].expose()));
    let (computation, participant, public) = (id, peer(4), split.public.clone());
    let manifest = Manifest { computation, participant, nonce, public, shares: shares.collect() };
    let manifest = Signed::sign(manifest, &identity(4));
    split
        .shares
        .iter()
        .map(|share| Submission { manifest: manifest.clone(), blind: blind.clone(), share: share.clone() })
        .collect()
}

#[test]
fn an_equivocating_light_node_has_no_honest_heavy_node_blamed() {
    let mut net = Net::with_heavy(4, &VALUES, &Net::open());
    let schema = r#"{"type":"number","minimum":-10,"maximum":1000000000000}"#;
    let query = Query::parse(Statistic::Sum, &["n".to_owned()], Some(schema)).unwrap();
    let question = Computation { query, patience_ms: 60_000, ..bounded(&net, 5, Sharing::Threshold { k: 2 }) };
    let terms = question.clone();
    let (begin, mut first_vote) = (net.now, None);
    net.queue.push_back((peer(5), Event::Command(Command::Propose(Box::new(question)))));
    let mut wild = Wild::new(net, move |net, from, to, message| match message {
        Message::Submit(submission) if from == peer(4) && to == peer(3) => {
            let id = submission.manifest.get().computation;
            vec![(from, to, Message::Submit(another_report(net, id, &terms)[3].clone()))]
        }
        // The last votes of the others take half a second.
        Message::Vote { .. } if from != peer(3) => {
            let first = *first_vote.get_or_insert(net.now);
            if net.now < first + Duration::from_millis(500) { Vec::new() } else { vec![(from, to, message)] }
        }
        // H3 is cut off for longer than the grace, just when the lists are agreed on.
        message if from == peer(3) && first_vote.is_none() && net.now >= begin + Duration::from_secs(5) => {
            drop(message);
            Vec::new()
        }
        message => vec![(from, to, message)],
    });
    wild.run_for(Duration::from_secs(75));
    let id = wild.net.nodes[&peer(0)].views()[0].id;
    assert!(wild.all_read(id, "42"), "{:?}", wild.ends(id));
}
