//! The local API's server: HTTP over a Unix socket that only the node's owner may open.
//!
//! It knows nothing of a node: every route becomes a [`Call`] in the queue to the node's loop, and the loop's
//! answer becomes the JSON of `docs/CLI.md`.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path as Reference, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::api::{ApiError, Call, PrivateText, Reply, Request};
use super::invitation::{Inviting, Joining};
use super::proposal::Proposal;
use crate::domain::limits::{CONTROL_BODY_BYTES_MAX, CONTROL_LEAVE_WAIT, CONTROL_VALUES_BYTES_MAX};

/// The media type of a certificate's bytes.
pub(super) const OCTETS: &str = "application/octet-stream";
/// Connections that the system holds until they are accepted; a guess, far above what one person starts.
const BACKLOG: u32 = 64;

/// Why the local API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another process answers on this socket.
    #[error("another process already answers on {}", .0.display())]
    InUse(PathBuf),
    /// There is something at this path that is not a socket; it is left alone.
    #[error("{} is not a socket; move it away", .0.display())]
    NotASocket(PathBuf),
    /// The socket could not be made.
    #[error("cannot listen on {}: {source}", path.display())]
    Listen {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The body of `answer`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerBody {
    /// The private value of a question about one field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<PrivateText>,
    /// The private values, one a field.
    #[serde(default)]
    pub(super) values: Vec<PrivateText>,
}

#[derive(Clone)]
struct Desk {
    calls: mpsc::Sender<Call>,
    closing: watch::Receiver<bool>,
}

#[derive(Deserialize)]
struct Seen {
    seen: u64,
}

#[derive(Deserialize)]
struct About {
    field: Option<String>,
}

type Refused<T> = Result<T, ApiError>;

/// Serves the local API until `shutdown` is ready. Returns once the socket listens; the task that is returned
/// ends when every request under way is answered, or after [`CONTROL_LEAVE_WAIT`], and the socket file is gone. A socket file on which nobody
/// answers is replaced.
///
/// # Errors
/// `InUse`, `NotASocket` or `Listen`.
pub async fn serve(
    socket: &Path,
    calls: mpsc::Sender<Call>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<JoinHandle<()>, ServeError> {
    let listener = listen(socket).await?;
    let (closing_tx, closing) = watch::channel(false);
    let closing_seen = closing.clone();
    let router = routes(Desk { calls, closing });
    let stop = async move {
        shutdown.await;
        closing_tx.send_replace(true);
    };
    let path = socket.to_owned();
    // Somebody who connects and says nothing does not keep the node from leaving.
    let overdue = async move {
        let mut closing = closing_seen;
        if closing.wait_for(|closing| *closing).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(CONTROL_LEAVE_WAIT).await;
    };
    Ok(tokio::spawn(async move {
        tokio::select! {
            served = async { axum::serve(listener, router).with_graceful_shutdown(stop).await } => {
                if let Err(error) = served {
                    tracing::error!(%error, "the local API ended");
                }
            }
            () = overdue => tracing::debug!("a request to the local API was broken off"),
        }
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::debug!(%error, "the control socket was already gone");
        }
    }))
}

/// A listening socket with mode 0600 from its first moment.
async fn listen(path: &Path) -> Result<UnixListener, ServeError> {
    let failed = |source| ServeError::Listen { path: path.to_owned(), source };
    remove_stale(path).await?;
    let socket = UnixSocket::new_stream().map_err(failed)?;
    // On Linux the file inherits the mode of the unbound socket; systems that refuse this rely on the node's
    // folder, which is closed to others, until `chmod` below.
    let _ = rustix::fs::fchmod(&socket, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR);
    socket.bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    socket.listen(BACKLOG).map_err(failed)
}

async fn remove_stale(path: &Path) -> Result<(), ServeError> {
    use std::os::unix::fs::FileTypeExt;

    let failed = |source| ServeError::Listen { path: path.to_owned(), source };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(ServeError::NotASocket(path.to_owned())),
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(ServeError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

fn routes(desk: Desk) -> Router {
    Router::new()
        .route("/health", get(async |State(desk): State<Desk>| desk.ask(Request::Health).await))
        .route("/id", get(async |State(desk): State<Desk>| desk.ask(Request::Id).await))
        .route("/view", get(async |State(desk): State<Desk>| desk.ask(Request::View).await))
        .route("/pending", get(async |State(desk): State<Desk>| desk.ask(Request::Pending).await))
        .route("/policy", get(async |State(desk): State<Desk>| desk.ask(Request::Policy).await))
        .route("/ledger", get(ledger))
        .route("/stop", post(async |State(desk): State<Desk>| desk.ask(Request::Stop).await))
        .route("/computations", get(computations).post(propose))
        .route("/computations/{reference}", get(computation))
        .route("/computations/{reference}/watch", get(watch))
        .route("/computations/{reference}/certificate", get(certificate))
        .route("/computations/{reference}/policy", get(policy_test))
        .route("/computations/{reference}/approve", post(approve))
        .route("/computations/{reference}/decline", post(decline))
        .route("/computations/{reference}/answer", post(answer).layer(values_limit()))
        .route("/computations/{reference}/revoke", post(revoke))
        .route("/computations/{reference}/forget", post(forget))
        .route("/invitations", get(invitations).post(invite).layer(values_limit()))
        .route("/invitations/join", post(join).layer(values_limit()))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_route)
        .layer(DefaultBodyLimit::max(CONTROL_BODY_BYTES_MAX))
        .with_state(desk)
}

/// Those that carry private values may be longer than others.
fn values_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(CONTROL_VALUES_BYTES_MAX)
}

async fn no_such_route() -> ApiError {
    ApiError {
        code: "no_such_route".to_owned(),
        message: "the local API has no such route".to_owned(),
        hint: "use the command line of the same version as the node".to_owned(),
        exit: 3,
    }
}

async fn computations(State(desk): State<Desk>) -> Refused<Reply> {
    desk.ask(Request::Computations).await
}

async fn propose(State(desk): State<Desk>, body: Result<axum::body::Bytes, BytesRejection>) -> Refused<Reply> {
    let proposal = read_proposal(&received(body, CONTROL_BODY_BYTES_MAX)?)?;
    desk.ask(Request::Propose(Box::new(proposal))).await
}

async fn computation(State(desk): State<Desk>, reference: PathArgument) -> Refused<Reply> {
    desk.ask(Request::Computation { reference: named(reference)? }).await
}

async fn watch(
    State(desk): State<Desk>,
    reference: PathArgument,
    seen: Result<Query<Seen>, QueryRejection>,
) -> Refused<Reply> {
    let reference = named(reference)?;
    let Query(Seen { seen }) = seen.map_err(|error| malformed(error.body_text()))?;
    let mut closing = desk.closing.clone();
    // A long poll may last for days; a node that leaves does not wait for it.
    tokio::select! {
        answer = desk.ask(Request::Watch { reference, seen }) => answer,
        _ = closing.wait_for(|closing| *closing) => Err(stopping()),
    }
}

async fn certificate(State(desk): State<Desk>, reference: PathArgument) -> Refused<Reply> {
    desk.ask(Request::Certificate { reference: named(reference)? }).await
}

async fn policy_test(State(desk): State<Desk>, reference: PathArgument) -> Refused<Reply> {
    desk.ask(Request::PolicyTest { reference: named(reference)? }).await
}

async fn ledger(State(desk): State<Desk>, about: Result<Query<About>, QueryRejection>) -> Refused<Reply> {
    let Query(About { field }) = about.map_err(|error| malformed(error.body_text()))?;
    desk.ask(Request::Ledger { field }).await
}

async fn approve(State(desk): State<Desk>, reference: PathArgument) -> Refused<Reply> {
    desk.ask(Request::Approve { reference: named(reference)? }).await
}

async fn decline(State(desk): State<Desk>, reference: PathArgument) -> Refused<Reply> {
    desk.ask(Request::Decline { reference: named(reference)? }).await
}

async fn answer(
    State(desk): State<Desk>,
    reference: PathArgument,
    body: Result<axum::body::Bytes, BytesRejection>,
) -> Refused<Reply> {
    let values = read_answer(&received(body, CONTROL_VALUES_BYTES_MAX)?)?;
    desk.ask(Request::Answer { reference: named(reference)?, values }).await
}

async fn revoke(State(desk): State<Desk>, reference: PathArgument) -> Refused<Reply> {
    desk.ask(Request::Revoke { reference: named(reference)? }).await
}

async fn forget(State(desk): State<Desk>, reference: PathArgument) -> Refused<Reply> {
    desk.ask(Request::Forget { reference: named(reference)? }).await
}

async fn invitations(State(desk): State<Desk>) -> Refused<Reply> {
    desk.ask(Request::Invitations).await
}

async fn invite(State(desk): State<Desk>, body: Result<axum::body::Bytes, BytesRejection>) -> Refused<Reply> {
    let inviting = read_inviting(&received(body, CONTROL_VALUES_BYTES_MAX)?)?;
    desk.ask(Request::Invite(Box::new(inviting))).await
}

async fn join(State(desk): State<Desk>, body: Result<axum::body::Bytes, BytesRejection>) -> Refused<Reply> {
    let joining = read_joining(&received(body, CONTROL_VALUES_BYTES_MAX)?)?;
    desk.ask(Request::Join(Box::new(joining))).await
}

type PathArgument = Result<Reference<String>, PathRejection>;

fn named(reference: PathArgument) -> Refused<String> {
    reference.map(|Reference(text)| text).map_err(|error| malformed(error.body_text()))
}

/// The body of a proposal.
///
/// # Errors
/// `malformed_request`, with the place and without what stands there.
pub fn read_proposal(body: &[u8]) -> Result<Proposal, ApiError> {
    parsed(body)
}

/// The body of an answer: one private value for each field of the question.
///
/// # Errors
/// `malformed_request`, with the place and without what stands there.
pub fn read_answer(body: &[u8]) -> Result<Vec<PrivateText>, ApiError> {
    let AnswerBody { value, values } = parsed(body)?;
    Ok(value.into_iter().chain(values).collect())
}

/// The body of an invitation, which may hold the inviter's own values.
///
/// # Errors
/// As [`read_answer`].
pub fn read_inviting(body: &[u8]) -> Result<Inviting, ApiError> {
    parsed(body)
}

/// The body by which a ticket's holder joins: the ticket is a secret, and values may come with it.
///
/// # Errors
/// As [`read_answer`].
pub fn read_joining(body: &[u8]) -> Result<Joining, ApiError> {
    parsed(body)
}

fn received(body: Result<axum::body::Bytes, BytesRejection>, bytes_max: usize) -> Refused<axum::body::Bytes> {
    body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError {
            code: "body_too_large".to_owned(),
            message: format!("this request's body may have {bytes_max} bytes"),
            hint: "shorten the prompt or the lists of nodes; many records belong in a source".to_owned(),
            exit: 2,
        },
        _ => malformed(error.body_text()),
    })
}

fn parsed<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Refused<T> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        malformed(format!("{} (line {line}, column {column})", complaint(&error)))
    })
}

/// What is wrong with a body, without what it holds: that may be a private value. Names of members are shown where they look like
/// names.
fn complaint(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let named = ["missing field", "unknown field", "duplicate field"].into_iter().find_map(|what| {
        let name = text.strip_prefix(what)?.split('`').nth(1)?;
        let is_name = name.len() <= 32 && name.chars().all(|char| char.is_ascii_lowercase() || char == '_');
        is_name.then(|| format!("not the expected JSON: {what} `{name}`"))
    });
    let expected = text.rsplit_once(", expected ").map(|(_, expected)| {
        let (expected, _) = expected.rsplit_once(" at line ").unwrap_or((expected, ""));
        format!("not the expected JSON: expected {expected}")
    });
    named.or(expected.filter(|_| error.is_data())).unwrap_or_else(|| "not JSON".to_owned())
}

fn malformed(message: String) -> ApiError {
    let hint = "docs/API.md has every member; the command line must be of the node's version".to_owned();
    ApiError { code: "malformed_request".to_owned(), message, hint, exit: 2 }
}

fn stopping() -> ApiError {
    ApiError {
        code: "node_stopping".to_owned(),
        message: "the node is stopping".to_owned(),
        hint: "start it again with `formix-p2p start`".to_owned(),
        exit: 3,
    }
}

impl Desk {
    async fn ask(&self, request: Request) -> Refused<Reply> {
        let (reply, answer) = oneshot::channel();
        self.calls.send(Call { request, reply }).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        match self {
            Self::Health(health) => Json(health).into_response(),
            Self::Id(id) => Json(id).into_response(),
            Self::View(view) => Json(view).into_response(),
            Self::Computations(views) => Json(views).into_response(),
            Self::Computation(view) => Json(view).into_response(),
            Self::Announced(announced) => Json(announced).into_response(),
            Self::Pending(pending) => Json(pending).into_response(),
            Self::Policy(policy) => Json(policy).into_response(),
            Self::PolicyTest(test) => Json(test).into_response(),
            Self::Ledger(ledger) => Json(ledger).into_response(),
            Self::Certificate(bytes) => ([(header::CONTENT_TYPE, OCTETS)], bytes).into_response(),
            Self::Decided(decided) => Json(decided).into_response(),
            Self::Invited(invited) => Json(invited).into_response(),
            Self::Joined(view) => Json(view).into_response(),
            Self::Invitations(views) => Json(views).into_response(),
            Self::Forgotten(forgotten) => Json(forgotten).into_response(),
            Self::Done => Json(serde_json::Map::new()).into_response(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = match (self.code.as_str(), self.exit) {
            ("node_stopping", _) => StatusCode::SERVICE_UNAVAILABLE,
            ("body_too_large", _) => StatusCode::PAYLOAD_TOO_LARGE,
            (_, 2) => StatusCode::BAD_REQUEST,
            (_, 3) => StatusCode::NOT_FOUND,
            (_, 5) => StatusCode::GATEWAY_TIMEOUT,
            (_, _) => StatusCode::CONFLICT,
        };
        (status, Json(self)).into_response()
    }
}
