//! Addresses by the machines that they lead to.

use std::collections::BTreeMap;

use libp2p::Multiaddr;

/// The same addresses, such that every host comes once before any comes again, and otherwise in the order in which they were given.
/// Anybody may say that a peer is to be found at a thousand ports of one machine: where only so many are kept or tried,
/// that must not leave out the machine at which it really is.
pub(super) fn in_turns(addresses: impl IntoIterator<Item = Multiaddr>) -> Vec<Multiaddr> {
    let mut seen = BTreeMap::<String, usize>::new();
    let mut turns: Vec<(usize, Multiaddr)> = addresses
        .into_iter()
        .map(|address| {
            let host = address.iter().next().map(|host| host.to_string()).unwrap_or_default();
            let turn = seen.entry(host).or_default();
            *turn += 1;
            (*turn, address)
        })
        .collect();
    turns.sort_by_key(|(turn, _)| *turn);
    turns.into_iter().map(|(_, address)| address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn every_host_has_its_turn() {
        let given = addresses(&[
            "/ip4/10.0.0.9/tcp/1",
            "/ip4/10.0.0.9/tcp/2",
            "/ip4/10.0.0.9/udp/3/quic-v1",
            "/ip4/10.0.0.1/tcp/8000",
            "/ip6/fe80::1/tcp/8000",
            "/ip4/10.0.0.1/udp/8000/quic-v1",
        ]);
        let expected = addresses(&[
            "/ip4/10.0.0.9/tcp/1",
            "/ip4/10.0.0.1/tcp/8000",
            "/ip6/fe80::1/tcp/8000",
            "/ip4/10.0.0.9/tcp/2",
            "/ip4/10.0.0.1/udp/8000/quic-v1",
            "/ip4/10.0.0.9/udp/3/quic-v1",
        ]);
        assert_eq!(in_turns(given), expected);
        assert_eq!(in_turns([]), []);
    }
}
