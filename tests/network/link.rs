//! A TCP link that can be cut without either end being told.

use formix_p2p::network::Multiaddr;
use libp2p::multiaddr::Protocol;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A link to a TCP address, for one connection: where it begins, and what cuts it.
pub async fn to(address: &Multiaddr) -> (Multiaddr, oneshot::Sender<()>) {
    let port = address.iter().find_map(|part| match part {
        Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    let target = ("127.0.0.1", port.expect("a TCP address"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let beginning = format!("/ip4/127.0.0.1/tcp/{}", listener.local_addr().expect("bound").port());
    let (cut, is_cut) = oneshot::channel();
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.expect("a connection");
        let mut far = TcpStream::connect(target).await.expect("the target listens");
        tokio::select! {
            _ = copy_bidirectional(&mut near, &mut far) => {}
            _ = is_cut => {}
        }
        // Both sockets stay open, and nothing passes any more.
        std::future::pending::<()>().await;
    });
    (beginning.parse().expect("an address"), cut)
}
