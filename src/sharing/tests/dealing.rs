//! What heavy nodes deal each other: ρ and noise.

use super::*;
use crate::sharing::{NoiseError, RhoShare, ShareError, deal_rho, fresh_rho, rebuild_rho};

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(11)
}

/// What everybody does with shares of ρ that match their digests: rebuild, deal again, compare; zeros on any doubt.
/// The digests are stood for by what was dealt itself.
fn agreed(dealt: &[RhoShare], needed: usize, held: &[usize]) -> [u8; 32] {
    let shares: Vec<_> = held.iter().map(|index| (*index, &dealt[*index].share.expose()[..])).collect();
    rebuild_rho(needed, &shares)
        .filter(|rho| deal_rho(rho, needed, dealt.len(), &CTX).as_deref() == Some(dealt))
        .map_or([0; 32], |rho| *rho.expose())
}

#[test]
fn every_large_enough_subset_rebuilds_rho() {
    for parties in 2..=6 {
        for needed in 2..=parties {
            let rho = fresh_rho(&mut rng());
            let dealt = deal_rho(&rho, needed, parties, &CTX).unwrap();
            assert_eq!(dealt.len(), parties);
            for members in needed..=parties {
                for held in subsets(parties, members) {
                    assert_eq!(agreed(&dealt, needed, &held), *rho.expose());
                }
            }
        }
    }
}

#[test]
fn a_false_dealing_counts_as_zeros_for_everybody() {
    let (needed, parties) = (2, 4);
    let rho = fresh_rho(&mut rng());
    let honest = deal_rho(&rho, needed, parties, &CTX).unwrap();
    let mut dealings = Vec::new();
    // One share changed, one blind changed, a share that is no element, shares of another polynomial through ρ, another
    // computation's dealing.
    for index in 0..parties {
        let mut changed = honest.clone();
        changed[index].share.expose_mut()[3] ^= 1;
        dealings.push(changed);
        let mut changed = honest.clone();
        changed[index].blind.expose_mut()[3] ^= 1;
        dealings.push(changed);
        let mut changed = honest.clone();
        changed[index].share.expose_mut()[..16].fill(0xff);
        dealings.push(changed);
    }
    let other = deal_rho(&fresh_rho(&mut ChaCha20Rng::seed_from_u64(12)), needed, parties, &CTX).unwrap();
    let mut mixed = honest;
    mixed[2..].clone_from_slice(&other[2..]);
    dealings.push(mixed);
    dealings.push(deal_rho(&rho, needed, parties, &[8; 32]).unwrap());
    for dealing in dealings {
        for members in needed..=parties {
            for held in subsets(parties, members) {
                assert_eq!(agreed(&dealing, needed, &held), [0; 32]);
            }
        }
    }
}

#[test]
fn rho_has_one_dealing_and_no_share_repeats() {
    let rho = fresh_rho(&mut rng());
    let dealt = deal_rho(&rho, 3, 5, &CTX).unwrap();
    assert!(dealt == deal_rho(&rho, 3, 5, &CTX).unwrap() && dealt != deal_rho(&rho, 3, 5, &[8; 32]).unwrap());
    assert!(dealt[0] != deal_rho(&rho, 4, 5, &CTX).unwrap()[0]);
    for (index, one) in dealt.iter().enumerate() {
        assert!(one.share.expose()[..] != rho.expose()[..] && one.share.expose().len() == 32);
        for other in &dealt[index + 1..] {
            assert!(one.share != other.share && one.blind != other.blind);
        }
    }
}

#[test]
fn what_is_no_rho_is_not_dealt_or_rebuilt() {
    let rho = fresh_rho(&mut rng());
    assert!(deal_rho(&Secret::new([0xff; 32]), 2, 3, &CTX).is_none());
    assert!(deal_rho(&rho, 0, 3, &CTX).is_none() && deal_rho(&rho, 4, 3, &CTX).is_none());
    let dealt = deal_rho(&rho, 2, 3, &CTX).unwrap();
    let share = |index: usize| &dealt[index].share.expose()[..];
    assert!(rebuild_rho(2, &[(0, share(0))]).is_none());
    assert!(rebuild_rho(2, &[(0, share(0)), (0, share(0))]).is_none());
    assert!(rebuild_rho(2, &[(0, share(0)), (1, &share(1)[..16])]).is_none());
    assert!(rebuild_rho(2, &[(0, share(0)), (1, &[0xff; 32])]).is_none());
    assert!(rebuild_rho(0, &[]).is_none());
    assert!(rebuild_rho(2, &[(2, share(2)), (0, share(0))]).unwrap() == rho);
}

/// One dealer's shares, in the order of the heavy nodes.
type Dealt = Vec<Secret<Vec<u8>>>;

fn with_noise(parties: usize, needed: usize) -> (Batch, Vec<Dealt>, Vec<u128>) {
    let scheme = Scheme::threshold(Circuit::SumVec { max: 100, length: 2 }, needed, parties).unwrap();
    let batch = Batch::new(scheme, &[vec![50, 60], vec![50, 60]], 1);
    let mut rng = rng();
    let (mut dealt, mut expected) = (Vec::new(), [100_i128, 120]);
    for dealer in 0..parties as i128 {
        let noise = [dealer - 3, 5 - 2 * dealer];
        expected[0] += noise[0];
        expected[1] += noise[1];
        dealt.push(batch.scheme.deal_noise(&noise, &mut rng).unwrap());
    }
    (batch, dealt, expected.map(i128::cast_unsigned).to_vec())
}

#[test]
fn dealt_noise_moves_every_total_by_as_much() {
    let (batch, dealt, expected) = with_noise(5, 3);
    let mut sums = Vec::new();
    for index in batch.all() {
        let mut sum = Secret::new(batch.partial_sum(index));
        for shares in &dealt {
            batch.scheme.check_noise_share(shares[index].expose()).unwrap();
            batch.scheme.add_noise_share(&mut sum, shares[index].expose()).unwrap();
        }
        sums.push((index, sum.expose().clone()));
    }
    for members in 3..=5 {
        for nodes in subsets(5, members) {
            let sums: Vec<_> = nodes.iter().map(|index| sums[*index].clone()).collect();
            let total = total_of(&batch.scheme, &sums).unwrap();
            assert!(total.slots == expected && total.liars.is_empty());
        }
    }
}

#[test]
fn inconsistent_noise_is_found_by_whoever_can_compare() {
    let (batch, dealt, _) = with_noise(4, 2);
    let verdict = |shares: &[Secret<Vec<u8>>], nodes: &[usize]| {
        let values: Vec<_> = nodes
            .iter()
            .map(|index| (*index, batch.scheme.noise_verifier(&KEY, &CTX, 1, shares[*index].expose())))
            .collect();
        let values: Vec<_> = values.iter().map(|(index, value)| (*index, &value[..])).collect();
        batch.scheme.noise_verdict(&values)
    };
    for nodes in subsets(4, 3).into_iter().chain(subsets(4, 4)) {
        assert!(verdict(&dealt[1], &nodes));
        for position in 0..dealt[1][0].expose().len() {
            for index in 0..4 {
                let mut changed = dealt[1].clone();
                changed[index].expose_mut()[position] ^= 2;
                assert_eq!(verdict(&changed, &nodes), !nodes.contains(&index), "byte {position} of {index}");
            }
        }
    }
    assert!(verdict(&dealt[1], &[0, 3]) && !verdict(&dealt[1], &[2]) && !verdict(&dealt[1], &[2, 2, 3]));
}

#[test]
fn a_check_value_is_bound_to_key_computation_and_dealer() {
    let (batch, dealt, _) = with_noise(3, 2);
    let share = dealt[0][0].expose();
    let value = batch.scheme.noise_verifier(&KEY, &CTX, 0, share);
    assert_ne!(value, batch.scheme.noise_verifier(&[8; 32], &CTX, 0, share));
    assert_ne!(value, batch.scheme.noise_verifier(&KEY, &[8; 32], 0, share));
    assert_ne!(value, batch.scheme.noise_verifier(&KEY, &CTX, 1, share));
    assert_eq!(batch.scheme.noise_verifier(&KEY, &CTX, 0, &share[1..]), [0xff; 16]);
}

#[test]
fn too_few_noise_shares_say_nothing_of_the_noise() {
    // The same generator, another noise: the shares differ by a polynomial that is the difference at 0, so what
    // needed − 1 nodes hold is as likely under either. With the coefficients fixed each share moves by the difference.
    let (batch, ..) = with_noise(3, 2);
    let deal = |noise: [i128; 2]| batch.scheme.deal_noise(&noise, &mut rng()).unwrap();
    let (one, other) = (deal([0, 0]), deal([1, 0]));
    let element = |share: &Secret<Vec<u8>>, at: usize| {
        u128::from_le_bytes(share.expose()[16 * at..16 * (at + 1)].try_into().unwrap())
    };
    for index in 0..3 {
        assert!(element(&one[index], 0) == element(&other[index], 0));
        assert!(element(&one[index], 1) + 1 == element(&other[index], 1));
        assert!(element(&one[index], 1) > 1, "a coefficient was drawn");
    }
}

#[test]
fn noise_goes_the_way_of_its_scheme() {
    let (batch, dealt, _) = with_noise(3, 2);
    let mut sum = Secret::new(batch.partial_sum(0));
    assert_eq!(batch.scheme.add_noise(&mut sum, &[1, 1]), Err(NoiseError::OtherScheme));
    let short = &dealt[0][0].expose()[1..];
    let error = NoiseError::Share(ShareError::Length { expected: 48, got: 47 });
    assert_eq!(batch.scheme.check_noise_share(short), Err(error));
    assert_eq!(batch.scheme.add_noise_share(&mut sum, short), Err(error));
    assert_eq!(batch.scheme.check_noise_share(&[0xff; 48]), Err(NoiseError::Share(ShareError::NotCanonical)));
    let plain = Scheme::prio3(Circuit::Count, 3).unwrap();
    assert_eq!(plain.deal_noise(&[1], &mut rng()).err(), Some(NoiseError::OtherScheme));
    assert_eq!(plain.check_noise_share(&[0; 16]), Err(NoiseError::OtherScheme));
    assert!(!plain.noise_verdict(&[(0, &[0; 8])]));
}
