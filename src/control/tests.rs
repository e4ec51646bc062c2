//! Every route against a node that only answers, and every refusal of the server itself.

use std::os::unix::fs::PermissionsExt;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::*;
use crate::domain::{Role, Status};

struct Fake {
    folder: tempfile::TempDir,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Fake {
    /// A server whose node answers what `answer` says; `None` leaves the asker waiting.
    async fn start(answer: fn(&Request) -> Option<Result<Reply, ApiError>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (calls_tx, mut calls) = mpsc::channel::<Call>(CALLS_QUEUED_MAX);
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let served = serve(&folder.path().join("control.sock"), calls_tx, shutdown).await.unwrap();
        tokio::spawn(async move {
            let mut waiting = Vec::new();
            while let Some(call) = calls.recv().await {
                match answer(&call.request) {
                    Some(reply) => drop(call.reply.send(reply)),
                    None => waiting.push(call.reply),
                }
            }
        });
        Self { folder, stop, served }
    }

    fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join("control.sock")
    }

    async fn client(&self) -> Client {
        Client::connect(&self.socket()).await.unwrap()
    }

    /// What comes back for raw bytes.
    async fn raw(&self, request: &str) -> String {
        let mut stream = UnixStream::connect(self.socket()).await.unwrap();
        // A server that has already refused may have closed its side.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply).await;
        String::from_utf8(reply).unwrap()
    }
}

fn view(reference: &str, revision: u64) -> ComputationView {
    ComputationView {
        id: reference.to_owned(),
        status: Status::Completed,
        proposer: "AAAAAAAA".to_owned(),
        prompt: "how many?".to_owned(),
        statistic: "sum".to_owned(),
        field: "x".to_owned(),
        fields: vec!["x".to_owned()],
        values: vec!["a number in steps of 1".to_owned()],
        max_records: 1,
        deadline: "2026-01-01T00:00:00.000Z".to_owned(),
        gives_up_at: "2026-01-01T00:01:30.000Z".to_owned(),
        min_participants: 3,
        sharing: "additive".to_owned(),
        threshold: None,
        proven: false,
        private_against: 2,
        survives: 0,
        noise: Some(NoiseView { mechanism: "discrete-laplace".to_owned(), epsilon: "0.5".parse().unwrap() }),
        heavy_nodes: vec!["BBBBBBBB".to_owned()],
        participants: 3,
        samples: 3,
        result: Some(serde_json::json!({"sum": 31, "samples": 3, "participants": 3})),
        reason: None,
        signed_by: vec!["BBBBBBBB".to_owned()],
        unverified: Some(0),
        checked: None,
        liars: Vec::new(),
        members: Some(vec!["CCCCCCCC".to_owned()]),
        similar: vec![SimilarView { id: "COMP-AAAAAAAA".to_owned(), difference: 1 }],
        left_out: None,
        own_answer: "answered".to_owned(),
        expected: 3,
        standings: std::collections::BTreeMap::new(),
        unreachable: Vec::new(),
        pruned: false,
        by_invitation: false,
        invitation: None,
        revision,
    }
}

fn id() -> NodeId {
    NodeId {
        uid: "AAAAAAAA".to_owned(),
        peer_id: "12D3KooW".to_owned(),
        role: Role::Light,
        name: "a".to_owned(),
        port: Some(8000),
        addresses: Vec::new(),
        home: "/home".to_owned(),
    }
}

pub(super) fn proposal() -> Proposal {
    Proposal {
        deadline_ms: 500,
        heavy: vec!["B".to_owned()],
        modulus_bits: Some(64),
        epsilon: Some("0.5".parse().unwrap()),
        ..Proposal::new("how many?", "sum", &["x"])
    }
}

fn health() -> Health {
    Health { status: "ok".to_owned(), uid: "AAAAAAAA".to_owned(), peers: 1, open: 2, uptime_ms: 3 }
}

fn decided() -> Reply {
    Reply::Decided(Decided { id: "COMP-AAAAAAAA".to_owned() })
}

fn announced() -> Announced {
    Announced {
        id: "COMP-AAAAAAAA".to_owned(),
        heavy_nodes: vec!["BBBBBBBB".to_owned()],
        sharing: "additive".to_owned(),
        threshold: None,
        proven: false,
        private_against: 2,
        survives: 0,
        noise: Some(NoiseView { mechanism: "discrete-laplace".to_owned(), epsilon: "0.5".parse().unwrap() }),
        deadline: "2026-01-01T00:00:00.000Z".to_owned(),
    }
}

fn policy() -> PolicyView {
    let rule = RuleView {
        rule: "asked_per_day".to_owned(),
        value: "24".to_owned(),
        from: "preset guarded".to_owned(),
    };
    PolicyView { node: "AAAAAAAA".to_owned(), preset: "guarded".to_owned(), rules: vec![rule] }
}

fn policy_test(reference: &str) -> PolicyTest {
    let rules = vec![RuleVerdict { rule: "fields".to_owned(), verdict: "ask".to_owned(), reason: None }];
    let (id, decision) = (reference.to_owned(), "ask".to_owned());
    PolicyTest { id, decision, rule: Some("fields".to_owned()), reason: None, rules }
}

/// An entry about the field that was asked for.
fn ledger(field: Option<&str>) -> LedgerView {
    let line = LedgerLine {
        at: "2026-01-01T00:00:00.000Z".to_owned(),
        computation: "COMP-AAAAAAAA".to_owned(),
        proposer: "AAAAAAAA".to_owned(),
        proposer_peer_id: "12D3".to_owned(),
        prompt: "how many?".to_owned(),
        statistic: "sum".to_owned(),
        fields: vec![field.unwrap_or("x").to_owned()],
        decision: "answered".to_owned(),
        by: "policy".to_owned(),
        rule: None,
        reason: None,
        min_participants: 3,
        listed: Some(4),
        members: Some(3),
        similar: vec![SimilarView { id: "COMP-BBBBBBBB".to_owned(), difference: 1 }],
        records: Some(1),
        epsilon: "0.5".parse().ok(),
    };
    LedgerView { total: 1, entries: vec![line] }
}

fn inviting() -> Inviting {
    let values = vec![PrivateText("10".to_owned())];
    Inviting { quorum: Some(2), name: Some("alice".to_owned()), values, ..Inviting::new(proposal(), 3) }
}

fn joining() -> Joining {
    Joining {
        ticket: PrivateText("formix1aaaa".to_owned()),
        consent: Agreement::Only(vec!["bob".to_owned()]),
        name: None,
        values: vec![PrivateText("[7,8]".to_owned())],
    }
}

fn invited() -> Invited {
    Invited {
        id: "COMP-AAAAAAAA".to_owned(),
        tickets: vec![PrivateText("formix1aaaa".to_owned())],
        expires: "2026-01-01T00:00:00.000Z".to_owned(),
        parties: 3,
        quorum: 2,
        sharing: "threshold".to_owned(),
        threshold: Some(2),
        proven: true,
        private_against: 1,
        survives: 1,
        noise: None,
        answer: "given".to_owned(),
    }
}

fn invitation() -> InvitationView {
    let party = PartyView {
        uid: "AAAAAAAA".to_owned(),
        peer_id: "12D3KooW".to_owned(),
        name: "alice".to_owned(),
        you: true,
        inviter: true,
        agreed: true,
    };
    InvitationView {
        id: "COMP-AAAAAAAA".to_owned(),
        state: "open".to_owned(),
        part: "inviter".to_owned(),
        inviter: "AAAAAAAA".to_owned(),
        prompt: "how many?".to_owned(),
        statistic: "sum".to_owned(),
        fields: vec!["x".to_owned()],
        values: vec!["a number in steps of 1".to_owned()],
        max_records: 1,
        sharing: "additive".to_owned(),
        threshold: None,
        proven: false,
        private_against: 2,
        survives: 0,
        noise: None,
        parties: 3,
        quorum: 3,
        joined: 1,
        roster: vec![party],
        expires: "2026-01-01T00:00:00.000Z".to_owned(),
        deadline: None,
        answer: "missing".to_owned(),
        tickets: vec![TicketView {
            ticket: Some(PrivateText("formix1aaaa".to_owned())),
            holder: None,
            joined: false,
        }],
        reason: None,
        note: None,
        revision: 1,
    }
}

fn forgotten(reference: &str) -> Forgotten {
    Forgotten {
        id: reference.to_owned(),
        deleted: vec!["its inputs".to_owned()],
        kept: vec!["the log".to_owned()],
    }
}

/// Answers everything, and shows in the answer what it was asked.
fn agreeable(request: &Request) -> Option<Result<Reply, ApiError>> {
    Some(Ok(match request {
        Request::Health => Reply::Health(health()),
        Request::Id => Reply::Id(id()),
        Request::View => Reply::View(View { nodes: Vec::new(), heavy: 4, light: 2 }),
        Request::Computations => Reply::Computations(vec![view("COMP-AAAAAAAA", 1)]),
        Request::Computation { reference } => Reply::Computation(Box::new(view(reference, 1))),
        Request::Watch { reference, seen } => Reply::Computation(Box::new(view(reference, seen + 1))),
        Request::Propose(asked) if **asked == proposal() => Reply::Announced(announced()),
        Request::Pending => Reply::Pending(Vec::new()),
        Request::Policy => Reply::Policy(policy()),
        Request::PolicyTest { reference } => Reply::PolicyTest(policy_test(reference)),
        Request::Ledger { field } => Reply::Ledger(ledger(field.as_deref())),
        Request::Certificate { reference } => Reply::Certificate(reference.clone().into_bytes()),
        Request::Answer { values, .. } if values.len() == 1 && values[0].0.trim() == "-3.5" => decided(),
        Request::Approve { .. } | Request::Decline { .. } => decided(),
        Request::Invite(asked) if **asked == inviting() => Reply::Invited(Box::new(invited())),
        Request::Join(asked) if **asked == joining() => Reply::Joined(Box::new(invitation())),
        Request::Invitations => Reply::Invitations(vec![invitation()]),
        Request::Revoke { .. } => decided(),
        Request::Forget { reference } => Reply::Forgotten(forgotten(reference)),
        Request::Stop => Reply::Done,
        Request::Propose(_) | Request::Answer { .. } | Request::Invite(_) | Request::Join(_) => return None,
    }))
}

#[tokio::test]
async fn every_request_reaches_the_node_and_its_reply_the_asker() {
    let fake = Fake::start(agreeable).await;
    let client = fake.client().await;
    let reference = || "COMP-AAAAAAAA".to_owned();
    let value = PrivateText("-3.5".to_owned());
    let exchanges = [
        (Request::Health, Reply::Health(health())),
        (Request::Id, Reply::Id(id())),
        (Request::View, Reply::View(View { nodes: Vec::new(), heavy: 4, light: 2 })),
        (Request::Computations, Reply::Computations(vec![view("COMP-AAAAAAAA", 1)])),
        (
            Request::Computation { reference: reference() },
            Reply::Computation(Box::new(view("COMP-AAAAAAAA", 1))),
        ),
        (
            Request::Watch { reference: reference(), seen: 7 },
            Reply::Computation(Box::new(view("COMP-AAAAAAAA", 8))),
        ),
        (Request::Propose(Box::new(proposal())), Reply::Announced(announced())),
        (Request::Pending, Reply::Pending(Vec::new())),
        (Request::Policy, Reply::Policy(policy())),
        (Request::PolicyTest { reference: reference() }, Reply::PolicyTest(policy_test("COMP-AAAAAAAA"))),
        (Request::Ledger { field: None }, Reply::Ledger(ledger(None))),
        (Request::Ledger { field: Some("a & b=c".to_owned()) }, Reply::Ledger(ledger(Some("a & b=c")))),
        (Request::Certificate { reference: reference() }, Reply::Certificate(b"COMP-AAAAAAAA".to_vec())),
        (Request::Approve { reference: reference() }, decided()),
        (Request::Decline { reference: reference() }, decided()),
        (Request::Answer { reference: reference(), values: vec![value] }, decided()),
        (Request::Invite(Box::new(inviting())), Reply::Invited(Box::new(invited()))),
        (Request::Join(Box::new(joining())), Reply::Joined(Box::new(invitation()))),
        (Request::Invitations, Reply::Invitations(vec![invitation()])),
        (Request::Revoke { reference: reference() }, decided()),
        (Request::Forget { reference: reference() }, Reply::Forgotten(forgotten("COMP-AAAAAAAA"))),
        (Request::Stop, Reply::Done),
    ];
    for (request, reply) in exchanges {
        assert_eq!(client.request(request).await.unwrap(), reply);
    }
}

#[tokio::test]
async fn whatever_is_typed_for_a_computation_arrives_as_typed() {
    let fake = Fake::start(agreeable).await;
    for typed in ["a/b?c#d", "100 %", "…", ".."] {
        let request = Request::Computation { reference: typed.to_owned() };
        let Reply::Computation(view) = fake.client().await.request(request).await.unwrap() else { panic!() };
        assert_eq!(view.id, typed);
    }
}

#[tokio::test]
async fn a_refusal_keeps_its_code_and_exit() {
    let fake = Fake::start(|_| {
        let (code, message, hint) = ("no_such_computation".into(), "none".into(), "look".into());
        Some(Err(ApiError { code, message, hint, exit: 3 }))
    })
    .await;
    let error = fake.client().await.request(Request::View).await.unwrap_err();
    let ClientError::Refused(error) = error else { panic!("{error}") };
    assert_eq!((error.code.as_str(), error.exit), ("no_such_computation", 3));
    let reply = fake.raw("GET /view HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(reply.starts_with("HTTP/1.1 404"), "{reply}");
}

#[tokio::test]
async fn the_socket_belongs_to_its_owner_alone_and_goes_with_the_node() {
    let fake = Fake::start(agreeable).await;
    let mode = std::fs::metadata(fake.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (socket, Fake { folder, stop, served }) = (fake.socket(), fake);
    stop.send(()).unwrap();
    served.await.unwrap();
    assert!(!socket.exists());
    assert!(matches!(Client::connect(&socket).await, Err(ClientError::NotRunning(_))));
    drop(folder);
}

#[tokio::test]
async fn an_oversized_body_is_refused() {
    let fake = Fake::start(agreeable).await;
    let mut large = proposal();
    large.prompt = "x".repeat(64 * 1024);
    let error = fake.client().await.request(Request::Propose(Box::new(large))).await.unwrap_err();
    assert!(matches!(&error, ClientError::Refused(error) if error.code == "body_too_large"), "{error}");
    // Many values are longer than a question.
    let answer = |length: usize| {
        let values = vec![PrivateText(format!("-3.5{}", " ".repeat(length)))];
        Request::Answer { reference: "COMP-AAAAAAAA".to_owned(), values }
    };
    assert_eq!(fake.client().await.request(answer(128 * 1024)).await.unwrap(), decided());
    let error = fake.client().await.request(answer(5 * 1024 * 1024)).await.unwrap_err();
    assert!(matches!(&error, ClientError::Refused(error) if error.code == "body_too_large"), "{error}");
}

#[tokio::test]
async fn unknown_routes_and_bodies_are_refused_without_repeating_them() {
    let fake = Fake::start(agreeable).await;
    let reply = fake.raw("GET /secrets HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(reply.starts_with("HTTP/1.1 404") && reply.contains("no_such_route"), "{reply}");
    let reply = fake.raw("DELETE /view HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(reply.starts_with("HTTP/1.1 404") && reply.contains("no_such_route"), "{reply}");
    let body = r#"{"value":4711}"#;
    let length = body.len();
    let request = format!(
        "POST /computations/A/answer HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let reply = fake.raw(&request).await;
    assert!(reply.starts_with("HTTP/1.1 400") && !reply.contains("4711"), "{reply}");
    for (body, complaint) in [
        (r#"{"question":{"statistic":"sum","epsilom":1},"parties":3}"#, "unknown field `epsilom`"),
        (r#"{"question":{"statistic":"sum"}}"#, "missing field `parties`"),
        (r#"{"question":{"statistic":"sum"},"parties":"4711"}"#, "expected u32"),
        (r#"{"question":{"statistic":"sum"},"parties":3,"x4711":1}"#, "expected one of `question`, `parties`"),
        (r#"{"question":4711"#, "line 1, column 16"),
    ] {
        let length = body.len();
        let head = "POST /invitations HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
        let reply = fake.raw(&format!("{head}Content-Length: {length}\r\n\r\n{body}")).await;
        let says = reply.contains("malformed_request") && reply.contains(complaint);
        assert!(says && !reply.contains("4711"), "{reply}");
    }
    let reply =
        fake.raw("GET /computations/A/watch?seen=x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(reply.starts_with("HTTP/1.1 400") && reply.contains("malformed_request"), "{reply}");
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let (calls, _kept) = mpsc::channel(1);
    let first = serve(&socket, calls.clone(), std::future::pending()).await.unwrap();
    let second = serve(&socket, calls.clone(), std::future::pending()).await;
    assert!(matches!(second, Err(ServeError::InUse(_))));
    first.abort();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "mine").unwrap();
    let third = serve(&plain, calls, std::future::pending()).await;
    assert!(matches!(third, Err(ServeError::NotASocket(_))) && plain.exists());
}

#[tokio::test]
async fn a_long_poll_does_not_keep_a_node_from_leaving() {
    let fake = Fake::start(|_| None).await;
    let client = fake.client().await;
    let Fake { folder, stop, served } = fake;
    let poll =
        tokio::spawn(
            async move { client.request(Request::Watch { reference: "A".to_owned(), seen: 0 }).await },
        );
    // Once the server ends with the poll under way or not yet begun, both end.
    stop.send(()).unwrap();
    served.await.unwrap();
    assert!(poll.await.unwrap().is_err());
    drop(folder);
}

#[tokio::test]
async fn somebody_who_says_nothing_does_not_keep_a_node_from_leaving() {
    let Fake { folder, stop, served } = Fake::start(agreeable).await;
    let mut silent = UnixStream::connect(folder.path().join("control.sock")).await.unwrap();
    silent.write_all(b"GET /view HT").await.unwrap();
    stop.send(()).unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(3), served).await.unwrap().unwrap();
}
