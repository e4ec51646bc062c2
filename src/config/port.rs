//! The port that a node listens on unless it is told.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use super::error::ConfigError;

/// Where the search begins.
pub const FIRST_PORT: u16 = 8_000;

/// The first port from `first` upwards that is free for TCP and UDP alike on all interfaces, and that is not in
/// `taken`: the ports that stopped nodes of this home will want back. Another process may take it before it is
/// used; then search again from the next.
///
/// # Errors
/// `NoPort`.
pub fn first_free_port(first: u16, taken: &BTreeSet<u16>) -> Result<u16, ConfigError> {
    let mut ports = (first..=u16::MAX).filter(|port| !taken.contains(port));
    ports.find(|port| is_free(*port)).ok_or(ConfigError::NoPort(first))
}

fn is_free(port: u16) -> bool {
    let on = |address: SocketAddr| -> io::Result<()> {
        TcpListener::bind(address)?;
        UdpSocket::bind(address)?;
        Ok(())
    };
    let in_ipv6 = on((Ipv6Addr::UNSPECIFIED, port).into());
    // A machine without IPv6 says something else than "in use".
    let free_in_ipv6 = !matches!(in_ipv6, Err(error) if error.kind() == ErrorKind::AddrInUse);
    free_in_ipv6 && on((Ipv4Addr::UNSPECIFIED, port).into()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_taken_by_tcp_or_udp_on_any_interface_is_passed_over() {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for taken in [tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port()] {
            assert!(!is_free(taken));
            assert_ne!(first_free_port(taken, &BTreeSet::new()), Ok(taken));
        }
    }

    #[test]
    fn ports_of_sleeping_nodes_are_left_to_them() {
        let first = first_free_port(FIRST_PORT, &BTreeSet::new()).unwrap();
        assert!(first >= FIRST_PORT);
        assert!(first_free_port(FIRST_PORT, &BTreeSet::from([first])).unwrap() > first);
    }

    #[test]
    fn without_a_free_port_there_is_an_error() {
        assert_eq!(first_free_port(u16::MAX, &BTreeSet::from([u16::MAX])), Err(ConfigError::NoPort(u16::MAX)));
    }
}
