//! Our identities and addresses, and libp2p's.

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use crate::domain::PeerId;

/// libp2p's form of an identity.
#[expect(clippy::expect_used, reason = "the invariant stands beside it")]
pub(super) fn to_libp2p(peer: PeerId) -> libp2p::PeerId {
    // 38 bytes of an identity multihash around an inlined Ed25519 key are a PeerId by its specification.
    libp2p::PeerId::from_bytes(&peer.to_bytes()).expect("an inlined Ed25519 key is a PeerId")
}

/// Our form of an identity; `None` where the key is of another type.
pub(super) fn from_libp2p(peer: &libp2p::PeerId) -> Option<PeerId> {
    PeerId::from_bytes(&peer.to_bytes())
}

/// An address without a trailing `/p2p/…`, and the identity that it named.
pub(super) fn split(mut address: Multiaddr) -> (Multiaddr, Option<libp2p::PeerId>) {
    match address.pop() {
        Some(Protocol::P2p(peer)) => (address, Some(peer)),
        Some(other) => (address.with(other), None),
        None => (address, None),
    }
}

/// The addresses worth dialling: a peer's loopback addresses mean another machine's loopback to us, unless the
/// peer has no others: then it can only be on this machine.
pub(super) fn dialable(addresses: Vec<Multiaddr>) -> Vec<Multiaddr> {
    let addresses: Vec<Multiaddr> = addresses.into_iter().map(|address| split(address).0).collect();
    let elsewhere: Vec<Multiaddr> = addresses.iter().filter(|address| !is_loopback(address)).cloned().collect();
    if elsewhere.is_empty() { addresses } else { elsewhere }
}

fn is_loopback(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().expect("an address")
    }

    #[test]
    fn identities_survive_both_forms() {
        let ours = PeerId::from_public_key([9; 32]);
        assert_eq!(from_libp2p(&to_libp2p(ours)), Some(ours));
        assert_eq!(to_libp2p(ours).to_string(), ours.to_string());
        assert_eq!(from_libp2p(&libp2p::PeerId::random()), None);
    }

    #[test]
    fn loopback_is_dropped_where_there_is_another_address() {
        let (loopback, lan) = (address("/ip4/127.0.0.1/tcp/8000"), address("/ip4/10.0.0.7/tcp/8000"));
        assert_eq!(dialable(vec![loopback.clone(), lan.clone()]), vec![lan]);
        assert_eq!(dialable(vec![loopback.clone()]), vec![loopback]);
    }

    #[test]
    fn a_trailing_identity_is_split_off() {
        let plain = address("/ip4/10.0.0.7/tcp/8000");
        let peer = libp2p::PeerId::random();
        assert_eq!(split(plain.clone().with_p2p(peer).expect("no identity yet")), (plain.clone(), Some(peer)));
        assert_eq!(split(plain.clone()), (plain, None));
    }
}
