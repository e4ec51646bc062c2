//! The local API's client: one typed request to a running node, over its control socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, header};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::api::{ApiError, Reply, Request};
use super::server::AnswerBody;
use crate::domain::limits::{CONTROL_REPLY_BYTES_MAX, CONTROL_WAIT};

/// Speaks to one running node. Every request has a connection of its own: it costs a third of a millisecond,
/// and a long poll stands in nobody's way.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

/// Why a request has no reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens on the socket.
    #[error("no node running at {}", .0.display())]
    NotRunning(PathBuf),
    /// The socket is there but may not be used.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The node refused.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The connection broke before the reply was whole: the node ended, most likely.
    #[error("the node broke off: {0}")]
    Broken(String),
    /// The node took longer than [`CONTROL_WAIT`].
    #[error("the node did not answer within {} s", CONTROL_WAIT.as_secs())]
    TimedOut,
    /// The reply is not what this version expects.
    #[error("the node's reply is not understood: {0}")]
    Malformed(String),
}

/// A request as it goes over HTTP.
struct Route {
    method: Method,
    path: String,
    body: Vec<u8>,
    /// A long poll is answered when there is something to say.
    wait: Option<Duration>,
}

impl Client {
    /// A client for the node that listens on this socket.
    ///
    /// # Errors
    /// `NotRunning` when nobody does, `Open` when the socket may not be used.
    pub async fn connect(socket: &Path) -> Result<Self, ClientError> {
        let client = Self { socket: socket.to_owned() };
        client.open().await?;
        Ok(client)
    }

    /// Asks, and waits for the reply: for [`CONTROL_WAIT`], a `Watch` for ever.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn request(&self, request: Request) -> Result<Reply, ClientError> {
        let route = Route::of(&request);
        let wait = route.wait;
        let exchange = self.exchange(route);
        let (is_ok, body) = match wait {
            Some(limit) => tokio::time::timeout(limit, exchange).await.map_err(|_| ClientError::TimedOut)??,
            None => exchange.await?,
        };
        if !is_ok {
            return Err(ClientError::Refused(decoded(&body)?));
        }
        Ok(match request {
            Request::Health => Reply::Health(decoded(&body)?),
            Request::Id => Reply::Id(decoded(&body)?),
            Request::View => Reply::View(decoded(&body)?),
            Request::Computations => Reply::Computations(decoded(&body)?),
            Request::Computation { .. } | Request::Watch { .. } => Reply::Computation(decoded(&body)?),
            Request::Propose(_) => Reply::Announced(decoded(&body)?),
            Request::Pending => Reply::Pending(decoded(&body)?),
            Request::Policy => Reply::Policy(decoded(&body)?),
            Request::PolicyTest { .. } => Reply::PolicyTest(decoded(&body)?),
            Request::Ledger { .. } => Reply::Ledger(decoded(&body)?),
            Request::Certificate { .. } => Reply::Certificate(body.to_vec()),
            Request::Approve { .. }
            | Request::Decline { .. }
            | Request::Answer { .. }
            | Request::Revoke { .. } => Reply::Decided(decoded(&body)?),
            Request::Invite(_) => Reply::Invited(decoded(&body)?),
            Request::Join(_) => Reply::Joined(decoded(&body)?),
            Request::Invitations => Reply::Invitations(decoded(&body)?),
            Request::Forget { .. } => Reply::Forgotten(decoded(&body)?),
            Request::Stop => Reply::Done,
        })
    }

    async fn open(&self) -> Result<UnixStream, ClientError> {
        UnixStream::connect(&self.socket).await.map_err(|source| {
            let path = self.socket.clone();
            if [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused].contains(&source.kind()) {
                ClientError::NotRunning(path)
            } else {
                ClientError::Open { path, source }
            }
        })
    }

    /// Whether the status says success, and the body.
    async fn exchange(&self, route: Route) -> Result<(bool, Bytes), ClientError> {
        let broken = |error: hyper::Error| ClientError::Broken(error.to_string());
        let stream = TokioIo::new(self.open().await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.map_err(broken)?;
        let request = hyper::Request::builder()
            .method(route.method)
            .uri(route.path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(route.body)))
            .map_err(|error| ClientError::Malformed(error.to_string()))?;
        let reply = async {
            let response = sender.send_request(request).await.map_err(broken)?;
            let is_ok = response.status().is_success();
            let body = Limited::new(response.into_body(), CONTROL_REPLY_BYTES_MAX)
                .collect()
                .await
                .map_err(|error| ClientError::Broken(error.to_string()))?;
            Ok((is_ok, body.to_bytes()))
        };
        tokio::pin!(reply);
        // The connection moves bytes only while it is polled, and may end a moment before the reply is read.
        tokio::select! {
            reply = &mut reply => reply,
            _ = connection => reply.await,
        }
    }
}

impl Route {
    fn of(request: &Request) -> Self {
        match request {
            Request::Health => Self::get("/health".to_owned()),
            Request::Id => Self::get("/id".to_owned()),
            Request::View => Self::get("/view".to_owned()),
            Request::Computations => Self::get("/computations".to_owned()),
            Request::Computation { reference } => Self::get(computation(reference, "")),
            Request::Watch { reference, seen } => {
                Self { wait: None, ..Self::get(computation(reference, &format!("/watch?seen={seen}"))) }
            }
            Request::Propose(proposal) => Self::post("/computations".to_owned(), json(proposal)),
            Request::Pending => Self::get("/pending".to_owned()),
            Request::Policy => Self::get("/policy".to_owned()),
            Request::PolicyTest { reference } => Self::get(computation(reference, "/policy")),
            Request::Ledger { field: None } => Self::get("/ledger".to_owned()),
            Request::Ledger { field: Some(field) } => Self::get(format!("/ledger?field={}", encoded(field))),
            Request::Approve { reference } => Self::post(computation(reference, "/approve"), Vec::new()),
            Request::Decline { reference } => Self::post(computation(reference, "/decline"), Vec::new()),
            Request::Answer { reference, values } => {
                let body = json(&AnswerBody { value: None, values: values.clone() });
                Self::post(computation(reference, "/answer"), body)
            }
            Request::Certificate { reference } => Self::get(computation(reference, "/certificate")),
            Request::Invite(inviting) => Self::post("/invitations".to_owned(), json(inviting)),
            Request::Join(joining) => Self::post("/invitations/join".to_owned(), json(joining)),
            Request::Invitations => Self::get("/invitations".to_owned()),
            Request::Revoke { reference } => Self::post(computation(reference, "/revoke"), Vec::new()),
            Request::Forget { reference } => Self::post(computation(reference, "/forget"), Vec::new()),
            Request::Stop => Self::post("/stop".to_owned(), Vec::new()),
        }
    }

    const fn get(path: String) -> Self {
        Self { method: Method::GET, path, body: Vec::new(), wait: Some(CONTROL_WAIT) }
    }

    const fn post(path: String, body: Vec<u8>) -> Self {
        Self { method: Method::POST, path, body, wait: Some(CONTROL_WAIT) }
    }
}

/// A text as a part of a path or of a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The path of a computation, whatever a person typed for it.
fn computation(reference: &str, rest: &str) -> String {
    let mut path = format!("/computations/{}", encoded(reference));
    // An empty segment is no segment; a name that cannot exist gives the right refusal.
    if reference.is_empty() {
        path.push('-');
    }
    path.push_str(rest);
    path
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    // Our own types have string keys and no failing fields, so this cannot fail; an empty body is refused.
    serde_json::to_vec(value).unwrap_or_default()
}

fn decoded<T: DeserializeOwned>(body: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(body).map_err(|error| ClientError::Malformed(error.to_string()))
}
