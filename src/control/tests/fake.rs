//! A node that only answers: every request with something agreeable.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::control::*;
use crate::domain::{Role, Status};

pub(super) struct Fake {
    pub(super) folder: tempfile::TempDir,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) served: JoinHandle<()>,
}

impl Fake {
    /// A server whose node answers what `answer` says; `None` leaves the asker waiting.
    pub(super) async fn start(answer: fn(&Request) -> Option<Result<Reply, ApiError>>) -> Self {
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

    pub(super) fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join("control.sock")
    }

    pub(super) async fn client(&self) -> Client {
        Client::connect(&self.socket()).await.unwrap()
    }

    /// What comes back for raw bytes.
    pub(super) async fn raw(&self, request: &str) -> String {
        let mut stream = UnixStream::connect(self.socket()).await.unwrap();
        // A server that has already refused may have closed its side.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply).await;
        String::from_utf8(reply).unwrap()
    }
}

pub(super) fn view(reference: &str, revision: u64) -> ComputationView {
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

pub(super) fn id() -> NodeId {
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

pub(in crate::control) fn proposal() -> Proposal {
    Proposal {
        deadline_ms: 500,
        heavy: vec!["B".to_owned()],
        modulus_bits: Some(64),
        epsilon: Some("0.5".parse().unwrap()),
        ..Proposal::new("how many?", "sum", &["x"])
    }
}

pub(super) fn health() -> Health {
    Health { status: "ok".to_owned(), uid: "AAAAAAAA".to_owned(), peers: 1, open: 2, uptime_ms: 3 }
}

pub(super) fn decided() -> Reply {
    Reply::Decided(Decided { id: "COMP-AAAAAAAA".to_owned() })
}

pub(super) fn announced() -> Announced {
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

pub(super) fn policy() -> PolicyView {
    let rule = RuleView {
        rule: "asked_per_day".to_owned(),
        value: "24".to_owned(),
        from: "preset guarded".to_owned(),
    };
    PolicyView { node: "AAAAAAAA".to_owned(), preset: "guarded".to_owned(), rules: vec![rule] }
}

pub(super) fn policy_test(reference: &str) -> PolicyTest {
    let rules = vec![RuleVerdict { rule: "fields".to_owned(), verdict: "ask".to_owned(), reason: None }];
    let (id, decision) = (reference.to_owned(), "ask".to_owned());
    PolicyTest { id, decision, rule: Some("fields".to_owned()), reason: None, rules }
}

/// An entry about the field that was asked for.
pub(super) fn ledger(field: Option<&str>) -> LedgerView {
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

pub(super) fn inviting() -> Inviting {
    let values = vec![PrivateText("10".to_owned())];
    Inviting { quorum: Some(2), name: Some("alice".to_owned()), values, ..Inviting::new(proposal(), 3) }
}

pub(super) fn joining() -> Joining {
    Joining {
        ticket: PrivateText("formix1aaaa".to_owned()),
        consent: Agreement::Only(vec!["bob".to_owned()]),
        name: None,
        values: vec![PrivateText("[7,8]".to_owned())],
    }
}

pub(super) fn invited() -> Invited {
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

pub(super) fn invitation() -> InvitationView {
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

pub(super) fn forgotten(reference: &str) -> Forgotten {
    Forgotten {
        id: reference.to_owned(),
        deleted: vec!["its inputs".to_owned()],
        kept: vec!["the log".to_owned()],
    }
}

/// Answers everything, and shows in the answer what it was asked.
pub(super) fn agreeable(request: &Request) -> Option<Result<Reply, ApiError>> {
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
