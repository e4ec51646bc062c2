//! Every route against a node that only answers, and every refusal of the server itself.

mod fake;

use std::os::unix::fs::PermissionsExt;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::*;
use fake::*;

pub(super) use fake::proposal;

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
