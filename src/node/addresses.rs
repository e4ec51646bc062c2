//! Where this node is to be found, as tickets and parties are told.

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use crate::domain::limits::PRESENCE_ADDRESSES_MAX;

/// How far away an address still means this node; the farthest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Everywhere,
    ThisNetwork,
    ThisLink,
    ThisMachine,
}

/// Listen addresses without `/p2p/…`, those that reach farthest first. Loopback only where there is nothing else.
pub(super) fn told(listening: &[String]) -> Vec<String> {
    let parsed = listening.iter().filter_map(|text| text.parse::<Multiaddr>().ok());
    let mut ranked: Vec<_> = parsed.map(|address| (reach(&address), bare(&address))).collect();
    ranked.sort_by_key(|(reach, _)| *reach);
    let abroad = ranked.iter().any(|(reach, _)| *reach != Reach::ThisMachine);
    let mut told: Vec<String> = Vec::new();
    for (reach, address) in ranked {
        if (!abroad || reach != Reach::ThisMachine) && !told.contains(&address) {
            told.push(address);
        }
    }
    told.truncate(PRESENCE_ADDRESSES_MAX);
    told
}

fn bare(address: &Multiaddr) -> String {
    let parts = address.iter().filter(|part| !matches!(part, Protocol::P2p(_)));
    parts.collect::<Multiaddr>().to_string()
}

fn reach(address: &Multiaddr) -> Reach {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) if ip.is_loopback() => Reach::ThisMachine,
        Some(Protocol::Ip4(ip)) if ip.is_link_local() => Reach::ThisLink,
        Some(Protocol::Ip4(ip)) if ip.is_private() => Reach::ThisNetwork,
        Some(Protocol::Ip6(ip)) if ip.is_loopback() => Reach::ThisMachine,
        Some(Protocol::Ip6(ip)) if ip.is_unicast_link_local() => Reach::ThisLink,
        Some(Protocol::Ip6(ip)) if ip.is_unique_local() => Reach::ThisNetwork,
        _ => Reach::Everywhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(addresses: &[&str]) -> Vec<String> {
        told(&addresses.iter().map(|address| (*address).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn loopback_is_told_only_where_there_is_nothing_else() {
        let p2p = "/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
        let loopback = "/ip4/127.0.0.1/tcp/8000";
        assert_eq!(told_of(&[&format!("{loopback}{p2p}"), loopback]), [loopback]);
        let all = [
            loopback,
            "/ip6/fe80::1/tcp/1",
            "/ip4/10.0.0.7/udp/8000/quic-v1",
            "/ip4/10.0.0.7/tcp/8000",
            "/ip4/203.0.113.5/tcp/8000",
        ];
        assert_eq!(
            told_of(&all),
            [
                "/ip4/203.0.113.5/tcp/8000",
                "/ip4/10.0.0.7/udp/8000/quic-v1",
                "/ip4/10.0.0.7/tcp/8000",
                "/ip6/fe80::1/tcp/1"
            ]
        );
    }
}
