//! A certificate proves its result to anybody, offline, and nothing else passes for one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::Duration;

use formix_p2p::domain::VERSION;
use formix_p2p::domain::{
    Computation, ComputationId, Digest, Modulus, PeerId, Query, Sharing, Statistic, Timestamp,
};
use formix_p2p::protocol::{CertificateError, verify_certificate};
use formix_p2p::sharing::{Secret, additive};
use formix_p2p::wire::{
    Certificate, Identity, Opening, Signed, Vote, partial_sum_commitment, to_bytes, votes_digest,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn identity(seed: u8) -> Identity {
    Identity::from_secret_key(&[seed; 32])
}

fn heavy() -> Vec<PeerId> {
    (1..=3).map(|seed| identity(seed).peer()).collect()
}

fn terms(minimum: u32, schema: Option<&str>) -> Computation {
    Computation {
        version: VERSION,
        nonce: [5; 16],
        proposer: identity(9).peer(),
        proposed_at: NOW,
        prompt: "Sum?".to_owned(),
        query: Query::parse(Statistic::Sum, &["n".to_owned()], schema).unwrap(),
        heavy: heavy(),
        sharing: Sharing::Additive { modulus: Modulus::Bits64 },
        min_participants: minimum,
        max_participants: 100,
        deadline: NOW + Duration::from_secs(30),
        patience_ms: 60_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
        invitation: None,
    }
}

/// A certificate whose slots sum to `total` over `participants`.
fn certificate(terms: Computation, total: [u128; 2], participants: u32) -> Certificate {
    let computation = Signed::sign(terms, &identity(9));
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let shares = additive::split(&Secret::new(total.to_vec()), Modulus::Bits64, 3, &mut rng);
    let shares: Vec<_> = shares.iter().map(|share| share.expose().clone()).collect();
    seal(computation, &shares, participants)
}

/// Votes for these partial sums, and openings that answer those votes.
fn seal(computation: Signed<Computation>, sums: &[Vec<u8>], participants: u32) -> Certificate {
    let id = computation.id();
    let votes: Vec<_> = sums.iter().zip(1..=3).map(|(sum, seed)| vote(id, sum, seed, participants)).collect();
    let openings = open(id, sums, &votes);
    Certificate { computation, votes, openings, decided: None }
}

fn open(id: ComputationId, sums: &[Vec<u8>], votes: &[Signed<Vote>]) -> Vec<Signed<Opening>> {
    sums.iter()
        .zip(1..=3)
        .map(|(sum, seed)| {
            let opening = Opening {
                computation: id,
                heavy: identity(seed).peer(),
                votes: votes_digest(id, votes),
                blind: [seed; 32],
                partial_sum: sum.clone(),
            };
            Signed::sign(opening, &identity(seed))
        })
        .collect()
}

fn vote(id: ComputationId, sum: &[u8], seed: u8, participants: u32) -> Signed<Vote> {
    let heavy = identity(seed).peer();
    let vote = Vote {
        computation: id,
        heavy,
        accepted: Digest::from_bytes([4; 32]),
        participants,
        unverified: 0,
        verifications: None,
        partial_sum: partial_sum_commitment(id, heavy, &[seed; 32], sum),
    };
    Signed::sign(vote, &identity(seed))
}

/// The partial sums in a certificate.
fn sums(certificate: &Certificate) -> Vec<Vec<u8>> {
    certificate.openings.iter().map(|opening| opening.get().partial_sum.clone()).collect()
}

fn verdict(certificate: &Certificate) -> Result<String, CertificateError> {
    verify_certificate(&to_bytes(certificate)).map(|verified| verified.answer.total().to_string())
}

#[test]
fn a_good_one_gives_the_result() {
    let minus_seven = u128::from(u64::MAX - 6);
    assert_eq!(verdict(&certificate(terms(3, None), [4, 31], 4)), Ok("31".to_owned()));
    assert_eq!(verdict(&certificate(terms(3, None), [4, minus_seven], 4)), Ok("-7".to_owned()));
}

#[test]
fn bounds_and_steps_are_undone() {
    let schema = r#"{"type":"number","minimum":-10,"maximum":10,"multipleOf":0.5}"#;
    // Three participants, 60 steps of 0.5 above three times −10.
    assert_eq!(verdict(&certificate(terms(3, Some(schema)), [3, 61], 3)), Ok("0.5".to_owned()));
}

#[test]
fn a_missing_or_swapped_part_is_named() {
    let good = certificate(terms(3, None), [4, 31], 4);
    let mut fewer = good.clone();
    fewer.votes.pop();
    assert_eq!(verdict(&fewer), Err(CertificateError::Incomplete(heavy()[2])));
    let mut swapped = good.clone();
    swapped.openings.swap(0, 1);
    assert_eq!(verdict(&swapped), Err(CertificateError::Incomplete(heavy()[0])));
    let mut more = good.clone();
    more.votes.push(good.votes[0].clone());
    assert!(matches!(verdict(&more), Err(CertificateError::Incomplete(_))));
}

#[test]
fn a_changed_partial_sum_is_named() {
    let mut changed = certificate(terms(3, None), [4, 31], 4);
    let mut false_sums = sums(&changed);
    false_sums[1][8] ^= 1;
    changed.openings = open(changed.computation.id(), &false_sums, &changed.votes);
    assert_eq!(verdict(&changed), Err(CertificateError::Opening(heavy()[1])));
}

#[test]
fn a_second_vote_with_its_own_opening_makes_no_second_certificate() {
    let good = certificate(terms(3, None), [4, 31], 4);
    let id = good.computation.id();
    let mut false_sums = sums(&good);
    false_sums[1][8] ^= 1;
    let mut second = good;
    second.votes[1] = vote(id, &false_sums[1], 2, 4);
    // The liar signs anew, over its new vote; the honest openings answer the old ones.
    second.openings[1] = open(id, &false_sums, &second.votes)[1].clone();
    assert_eq!(verdict(&second), Err(CertificateError::OtherVotes(heavy()[0])));
}

#[test]
fn a_vote_for_another_set_is_named() {
    let mut other = certificate(terms(3, None), [4, 31], 4);
    let id = other.computation.id();
    other.votes[2] = vote(id, &sums(&other)[2], 3, 5);
    other.openings = open(id, &sums(&other), &other.votes);
    assert_eq!(verdict(&other), Err(CertificateError::OtherSet(heavy()[2])));
}

#[test]
fn votes_of_another_computation_prove_nothing() {
    let mut mixed = certificate(terms(3, None), [4, 31], 4);
    mixed.votes = certificate(terms(2, None), [4, 31], 4).votes;
    assert_eq!(verdict(&mixed), Err(CertificateError::Incomplete(heavy()[0])));
}

#[test]
fn fewer_than_the_minimum_prove_nothing() {
    let error = verdict(&certificate(terms(3, None), [2, 31], 2)).unwrap_err();
    assert_eq!(error, CertificateError::Participants { participants: 2, minimum: 3, maximum: 100 });
}

#[test]
fn a_total_that_true_inputs_cannot_give_is_no_result() {
    // Four participants cannot have five records.
    let error = verdict(&certificate(terms(3, None), [5, 31], 4)).unwrap_err();
    assert!(matches!(error, CertificateError::Total(_)), "{error}");
    let bounded = Some(r#"{"type":"integer","minimum":0,"maximum":10}"#);
    let error = verdict(&certificate(terms(3, bounded), [3, 31], 3)).unwrap_err();
    assert!(matches!(error, CertificateError::Total(_)), "{error}");
}

#[test]
fn a_partial_sum_of_another_shape_is_named() {
    let good = certificate(terms(3, None), [4, 31], 4);
    let mut longer = sums(&good);
    longer[0].push(0);
    let longer = seal(good.computation, &longer, 4);
    assert!(matches!(verdict(&longer), Err(CertificateError::Shape { .. })));
}

#[test]
fn damaged_bytes_are_refused() {
    let bytes = to_bytes(&certificate(terms(3, None), [4, 31], 4));
    for position in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x40;
        assert!(verify_certificate(&damaged).is_err(), "at {position}");
    }
}
