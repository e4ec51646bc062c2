//! Parties by invitation: tickets only, nobody finds anybody else.

use formix_p2p::control::{
    Agreement, Forgotten, InvitationView, Invited, Inviting, Joining, LedgerView, PendingView, PrivateText,
};
use formix_p2p::protocol::verify_certificate;
use formix_p2p::wire::{Signed, Ticket, read_ticket, ticket_text};

use super::*;

/// Nodes that know of nobody.
struct Parties {
    home: TempDir,
    nodes: Vec<RunningNode>,
}

const LOOPBACK: [&str; 1] = ["/ip4/127.0.0.1/tcp/0"];

impl Parties {
    async fn start(count: u8) -> Self {
        Self::with_roles(&vec![Role::Light; usize::from(count)]).await
    }

    async fn with_roles(roles: &[Role]) -> Self {
        let mut parties = Self { home: tempfile::tempdir().unwrap(), nodes: Vec::new() };
        for (number, role) in (1..).zip(roles) {
            let options = parties.options(number, *role);
            parties.nodes.push(RunningNode::start(options).await.unwrap());
        }
        parties
    }

    fn options(&self, number: u8, role: Role) -> NodeOptions {
        let listen = LOOPBACK.iter().map(|address| address.parse().unwrap()).collect();
        NodeOptions { listen, ..options(self.home.path(), number, role, None, &[]) }
    }

    /// Stops a node and starts it again where it was.
    async fn restart(&mut self, place: usize) {
        let node = self.nodes.remove(place);
        let addresses = node.id().addresses;
        let bare = addresses.iter().filter_map(|address| address.split("/p2p/").next());
        let listen = bare.map(|address| address.parse().unwrap()).collect();
        let role = node.id().role;
        node.stop().await.unwrap();
        let options = self.options(u8::try_from(place).unwrap() + 1, role);
        let options = NodeOptions { listen, identity_is_new: IdentityAge::Existing, ..options };
        self.nodes.insert(place, RunningNode::start(options).await.unwrap());
    }

    async fn stop(self) {
        for node in self.nodes {
            node.stop().await.unwrap();
        }
    }
}

fn private(values: &[&str]) -> Vec<PrivateText> {
    values.iter().map(|value| PrivateText((*value).to_owned())).collect()
}

fn sum() -> Proposal {
    Proposal::new("What do we spend together?", "sum", &["value"])
}

fn bounded() -> Proposal {
    let schema = Some(r#"{"type":"number","minimum":0,"maximum":100}"#.to_owned());
    Proposal { schema, patience_ms: 5_000, ..sum() }
}

fn of(parties: u32, values: &[&str]) -> Inviting {
    Inviting { name: Some("alice".to_owned()), values: private(values), ..Inviting::new(sum(), parties) }
}

async fn invite(node: &RunningNode, inviting: Inviting) -> Result<Invited, ApiError> {
    let Reply::Invited(invited) = ask(node, Request::Invite(Box::new(inviting))).await? else { panic!() };
    Ok(*invited)
}

async fn join_as(
    node: &RunningNode,
    ticket: &PrivateText,
    consent: Agreement,
    values: &[&str],
) -> Result<InvitationView, ApiError> {
    let joining = Joining { ticket: ticket.clone(), consent, name: None, values: private(values) };
    let Reply::Joined(view) = ask(node, Request::Join(Box::new(joining))).await? else { panic!() };
    Ok(*view)
}

async fn join(node: &RunningNode, ticket: &PrivateText, values: &[&str]) -> Result<InvitationView, ApiError> {
    join_as(node, ticket, Agreement::Anybody, values).await
}

async fn refused(request: impl Future<Output = Result<InvitationView, ApiError>>) -> (String, u8) {
    let error = request.await.unwrap_err();
    assert!(!error.hint.is_empty(), "{error}");
    (error.code, error.exit)
}

async fn invitations(node: &RunningNode) -> Vec<InvitationView> {
    let Reply::Invitations(all) = ask(node, Request::Invitations).await.unwrap() else { panic!() };
    all
}

async fn pending(node: &RunningNode) -> Vec<PendingView> {
    let Reply::Pending(pending) = ask(node, Request::Pending).await.unwrap() else { panic!() };
    pending
}

async fn answer(node: &RunningNode, id: &str, values: &[&str]) -> Result<Reply, ApiError> {
    ask(node, Request::Answer { reference: id.to_owned(), values: private(values) }).await
}

async fn certificate(node: &RunningNode, id: &str) -> Vec<u8> {
    let request = Request::Certificate { reference: id.to_owned() };
    let Reply::Certificate(bytes) = ask(node, request).await.unwrap() else { panic!() };
    bytes
}

fn state(view: &ComputationView) -> &str {
    view.invitation.as_ref().map_or("", |invitation| invitation.state.as_str())
}

async fn in_state(node: &RunningNode, id: &str, wanted: &str) -> InvitationView {
    let view = watch_until(node, id, |view| state(view) == wanted).await;
    *view.invitation.unwrap()
}

/// Everybody has this result, and the same certificate, which shows it.
async fn all_have(nodes: &[RunningNode], id: &str, sum: i64, samples: u64) {
    let first = {
        end_of(&nodes[0], id).await;
        certificate(&nodes[0], id).await
    };
    let verified = verify_certificate(&first).unwrap();
    assert_eq!(verified.answer.to_json()["sum"], sum);
    for node in nodes {
        let end = end_of(node, id).await;
        assert_eq!((end.status, end.reason), (Status::Completed, None));
        let result = end.result.unwrap();
        assert_eq!((&result["sum"], &result["samples"]), (&sum.into(), &samples.into()));
        assert_eq!(result["participants"], nodes.len());
        assert_eq!(end.invitation.unwrap().state, "completed");
        assert_eq!(certificate(node, id).await, first);
        assert_eq!(pending(node).await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_parties_learn_their_sum_and_a_stranger_nothing() {
    let parties = Parties::start(3).await;
    let [alice, bob, carol] = parties.nodes.as_slice() else { panic!() };
    let everywhere: Vec<_> = parties.nodes.iter().flat_map(|node| node.id().addresses).collect();
    let stranger = options(parties.home.path(), 9, Role::Heavy, Some("1000"), &everywhere);
    let stranger = RunningNode::start(stranger).await.unwrap();
    network_until(&stranger, |view| view.light == 3).await;

    let invited = invite(alice, of(3, &["10"])).await.unwrap();
    assert_eq!((invited.tickets.len(), invited.private_against, invited.answer.as_str()), (2, 2, "given"));
    let open = invitations(alice).await.remove(0);
    assert_eq!((open.state.as_str(), open.part.as_str(), open.joined), ("open", "inviter", 1));
    assert!(open.tickets.iter().zip(&invited.tickets).all(|(seat, text)| seat.ticket.as_ref() == Some(text)));
    let joined = join(bob, &invited.tickets[0], &["7"]).await.unwrap();
    assert_eq!((joined.id.as_str(), joined.joined, joined.parties), (invited.id.as_str(), 2, 3));
    let names: Vec<_> = joined.roster.iter().map(|party| (party.name.as_str(), party.you)).collect();
    assert_eq!(names, [("alice", false), ("light-2", true)]);
    let seats = invitations(alice).await.remove(0).tickets;
    assert_eq!((seats[0].ticket.as_ref(), seats[0].holder.clone()), (None, Some(bob.id().uid)));
    join(carol, &invited.tickets[1], &["14"]).await.unwrap();
    all_have(&parties.nodes, &invited.id, 31, 3).await;
    assert_eq!(invitations(alice).await[0].tickets, []);

    let reference = || invited.id.clone();
    for request in [
        Request::Computation { reference: reference() },
        Request::Certificate { reference: reference() },
        Request::Revoke { reference: reference() },
    ] {
        assert_eq!(ask(&stranger, request).await.unwrap_err().code, "no_such_computation");
    }
    assert_eq!(ask(&stranger, Request::Computations).await, Ok(Reply::Computations(Vec::new())));
    stranger.stop().await.unwrap();
    parties.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heavy_node_takes_part_and_answers_late_with_a_list() {
    let parties = Parties::with_roles(&[Role::Heavy, Role::Light, Role::Heavy]).await;
    let [alice, bob, carol] = parties.nodes.as_slice() else { panic!() };
    let inviting = Inviting { question: bounded(), ..of(3, &["[10,1]"]) };
    let invited = invite(alice, inviting).await.unwrap();
    assert_eq!((invited.sharing.as_str(), invited.proven), ("prio3", true));
    let id = &invited.id;
    let joined = join(carol, &invited.tickets[1], &[]).await.unwrap();
    assert_eq!(joined.answer, "missing");
    let waits = pending(carol).await;
    assert_eq!((waits.len(), waits[0].rule.as_str()), (1, "source"));
    assert_eq!(waits[0].command, format!("formix-p2p answer {id} VALUE"));
    assert_eq!((&waits[0].decline, waits[0].parties), (&Some(format!("formix-p2p decline {id}")), Some(3)));
    join(bob, &invited.tickets[0], &["7"]).await.unwrap();
    watch_until(carol, id, |view| view.own_answer == "waiting" && state(view) == "running").await;
    let error = answer(carol, id, &["[14,101]"]).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.exit), ("invalid_value", 2));
    assert!(error.message.contains("record 2") && !error.message.contains("101"), "{error}");
    answer(carol, id, &["[14,2,3]"]).await.unwrap();
    all_have(&parties.nodes, id, 37, 6).await;
    let Reply::Ledger(LedgerView { entries, .. }) = ask(carol, Request::Ledger { field: None }).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((entries.len(), entries[0].records, entries[0].by.as_str()), (1, Some(3), "owner"));
    parties.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_taken_before_everybody_has_come() {
    let parties = Parties::start(2).await;
    let [alice, bob] = parties.nodes.as_slice() else { panic!() };
    let invited = invite(alice, of(2, &[])).await.unwrap();
    let waits = pending(alice).await.remove(0);
    let revoke = format!("formix-p2p revoke {}", invited.id);
    assert_eq!((waits.rule.as_str(), waits.decline), ("source", Some(revoke)), "its own is withdrawn");
    assert_eq!(answer(alice, &invited.id, &["x"]).await.unwrap_err().code, "invalid_value");
    answer(alice, &invited.id, &["-10"]).await.unwrap();
    assert_eq!(pending(alice).await, []);
    join(bob, &invited.tickets[0], &["7"]).await.unwrap();
    all_have(&parties.nodes, &invited.id, -3, 2).await;
    parties.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_is_asked_about_parties_that_it_has_not_agreed_to() {
    let parties = Parties::start(3).await;
    let [alice, bob, carol] = parties.nodes.as_slice() else { panic!() };
    let invited = invite(alice, of(3, &["10"])).await.unwrap();
    let id = &invited.id;
    let seen = join_as(bob, &invited.tickets[0], Agreement::Look, &[]).await.unwrap();
    assert_eq!((seen.part.as_str(), seen.joined, seen.roster[0].name.as_str()), ("looking", 1, "alice"));
    assert_eq!(invitations(alice).await[0].joined, 1, "who looks has not joined");
    let unknown = join_as(bob, &invited.tickets[0], Agreement::Only(vec!["mallory".to_owned()]), &[]);
    assert_eq!(refused(unknown).await, ("no_such_node".to_owned(), 3));
    let joined = join_as(bob, &invited.tickets[0], Agreement::Only(Vec::new()), &["7"]).await.unwrap();
    assert_eq!(joined.joined, 2);
    let approve = || ask(bob, Request::Approve { reference: id.clone() });
    assert_eq!(approve().await.unwrap_err().code, "not_pending");
    let name = Some("x), CCCCCCCC (calls itself `al`".to_owned());
    let (ticket, consent, values) = (invited.tickets[1].clone(), Agreement::Anybody, Vec::new());
    ask(carol, Request::Join(Box::new(Joining { ticket, consent, name, values }))).await.unwrap();
    in_state(bob, id, "asks").await;
    // Whose owner has agreed is bound, and says its value while others are asked.
    in_state(carol, id, "running").await;
    let waits = pending(carol).await.remove(0);
    assert_eq!((waits.rule.as_str(), waits.decline), ("source", None), "what is signed is not left");
    let decline = ask(carol, Request::Decline { reference: id.clone() });
    assert_eq!(decline.await.unwrap_err().code, "already_agreed");
    answer(carol, id, &["14"]).await.unwrap();
    assert_eq!(pending(carol).await, []);
    let asked = pending(bob).await.remove(0);
    assert_eq!((asked.rule.as_str(), asked.command), ("roster", format!("formix-p2p approve {id}")));
    let stranger = format!("{} (calls itself `x), CCCCCCCC (calls itself \u{fffd}al\u{fffd}`)", carol.id().uid);
    assert_eq!(asked.reason, format!("everybody is there, and its owner has not agreed to {stranger}"));
    approve().await.unwrap();
    all_have(&parties.nodes, id, 31, 3).await;
    parties.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_that_admit_nobody_are_refused_by_name() {
    let parties = Parties::start(4).await;
    let [alice, bob, carol, dave] = parties.nodes.as_slice() else { panic!() };
    let invited = invite(alice, of(3, &["10"])).await.unwrap();
    let [first, second] = invited.tickets.as_slice() else { panic!() };
    assert_eq!(refused(join(alice, first, &[])).await, ("own_ticket".to_owned(), 1));
    let mut damaged = first.0.clone();
    damaged.pop();
    assert_eq!(refused(join(bob, &PrivateText(damaged), &[])).await, ("ticket_damaged".to_owned(), 1));
    assert_eq!(refused(join(bob, &PrivateText("x".to_owned()), &[])).await.0, "not_a_ticket");
    join(bob, first, &["7"]).await.unwrap();
    assert_eq!(refused(join(carol, first, &["14"])).await, ("ticket_used".to_owned(), 1));
    assert_eq!(refused(join(bob, second, &["7"])).await, ("already_seated".to_owned(), 1));
    // Signed by the inviter, and yet none of its tickets.
    let ticket = read_ticket(&first.0).unwrap().get().clone();
    let identity = Identity::from_secret_key(&[1; 32]);
    let forged = Ticket { secret: Secret::new([0; 16]), ..ticket.clone() };
    let forged = PrivateText(ticket_text(&Signed::sign(forged, &identity)));
    assert_eq!(refused(join(dave, &forged, &["14"])).await, ("ticket_wrong".to_owned(), 1));
    let mut other = ticket.clone();
    other.invitation.nonce = [9; 16];
    let unknown = PrivateText(ticket_text(&Signed::sign(other, &identity)));
    assert_eq!(refused(join(carol, &unknown, &["14"])).await, ("ticket_unknown".to_owned(), 1));

    let error = ask(bob, Request::Revoke { reference: invited.id.clone() }).await.unwrap_err();
    assert_eq!(error.code, "not_inviter");
    let forget = || ask(alice, Request::Forget { reference: invited.id.clone() });
    assert_eq!(forget().await.unwrap_err().code, "still_open");
    ask(alice, Request::Revoke { reference: invited.id.clone() }).await.unwrap();
    for node in [alice, bob] {
        let end = end_of(node, &invited.id).await;
        assert_eq!((end.status, state(&end)), (Status::Failed, "revoked"));
        assert_eq!(end.reason.as_deref(), Some("the inviter revoked the invitation"));
    }
    assert_eq!(refused(join(carol, second, &["14"])).await, ("ticket_revoked".to_owned(), 1));
    assert_eq!(
        ask(alice, Request::Revoke { reference: invited.id.clone() }).await.unwrap_err().code,
        "already_ended"
    );
    forget().await.unwrap();
    assert_eq!(invitations(alice).await, []);
    assert_eq!(refused(join(carol, second, &["14"])).await.0, "ticket_unknown");

    let soon = invite(alice, Inviting { expires_ms: 600, ..of(2, &["10"]) }).await.unwrap();
    let end = end_of(alice, &soon.id).await;
    assert_eq!(end.reason.as_deref(), Some("the invitation expired with 1 of 2 parties"));
    assert_eq!(refused(join(bob, &soon.tickets[0], &[])).await, ("ticket_expired".to_owned(), 1));
    parties.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_at_an_inviter_that_is_away_hears_so_and_leaves_no_trace() {
    let mut parties = Parties::start(2).await;
    let invited = invite(&parties.nodes[0], of(2, &["10"])).await.unwrap();
    let alice = parties.nodes.remove(0);
    let address = alice.id().addresses[0].split("/p2p/").next().unwrap().to_owned();
    alice.stop().await.unwrap();
    let bob = &parties.nodes[0];
    let error = join_as(bob, &invited.tickets[0], Agreement::Look, &[]).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.exit), ("inviter_unreachable", 1));
    assert!(error.message.contains(&address), "{error}");
    assert_eq!(invitations(bob).await, []);
    let joined = join(bob, &invited.tickets[0], &["7"]).await.unwrap();
    assert_eq!((joined.joined, joined.state.as_str()), (0, "open"));
    assert!(joined.note.unwrap().contains("is not connected; this node keeps trying until"));
    parties.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quorum_goes_on_without_who_never_answers() {
    let parties = Parties::start(3).await;
    let [alice, bob, carol] = parties.nodes.as_slice() else { panic!() };
    let inviting =
        Inviting { question: bounded(), quorum: Some(2), answer_within_ms: Some(2_500), ..of(3, &["10"]) };
    let invited = invite(alice, inviting).await.unwrap();
    assert_eq!((invited.sharing.as_str(), invited.threshold, invited.survives), ("threshold", Some(2), 1));
    join(bob, &invited.tickets[0], &["7"]).await.unwrap();
    join(carol, &invited.tickets[1], &[]).await.unwrap();
    for node in &parties.nodes {
        let end = end_of(node, &invited.id).await;
        assert_eq!((end.status, end.participants), (Status::Completed, 2), "{:?}", end.reason);
        assert_eq!(end.result.unwrap()["sum"], 17);
    }
    parties.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_is_named_and_stays_away() {
    let parties = Parties::start(2).await;
    let [alice, bob] = parties.nodes.as_slice() else { panic!() };
    let invited = invite(alice, of(2, &["10"])).await.unwrap();
    let id = &invited.id;
    join(bob, &invited.tickets[0], &["7"]).await.unwrap();
    all_have(&parties.nodes, id, 17, 2).await;
    let forget = |node| ask(node, Request::Forget { reference: id.clone() });
    let Reply::Forgotten(Forgotten { id: said, deleted, kept }) = forget(bob).await.unwrap() else { panic!() };
    assert_eq!(&said, id);
    assert!(deleted.contains(&"the result and the certificate".to_owned()), "{deleted:?}");
    assert!(deleted.contains(&"the names and addresses of the parties".to_owned()), "{deleted:?}");
    assert!(kept.iter().any(|it| it.contains("never takes part in it again")), "{kept:?}");
    assert!(kept.iter().any(|it| it.contains("ledger")), "{kept:?}");
    assert_eq!(forget(bob).await.unwrap_err().code, "no_such_computation");
    assert_eq!((invitations(bob).await, invitations(alice).await.len()), (Vec::new(), 1));
    let Reply::Ledger(ledger) = ask(bob, Request::Ledger { field: None }).await.unwrap() else { panic!() };
    assert_eq!((ledger.entries.len(), ledger.entries[0].records), (1, None));
    assert_eq!(end_of(alice, id).await.result.unwrap()["sum"], 17, "the other still has it");
    parties.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parties_that_start_again_between_joining_and_the_last_seat_go_on() {
    let mut parties = Parties::start(3).await;
    let invited = invite(&parties.nodes[0], of(3, &["10"])).await.unwrap();
    join(&parties.nodes[1], &invited.tickets[0], &["7"]).await.unwrap();
    parties.restart(0).await;
    parties.restart(1).await;
    let again = invitations(&parties.nodes[0]).await.remove(0);
    assert_eq!((again.joined, again.answer.as_str()), (2, "given"));
    join(&parties.nodes[2], &invited.tickets[1], &["14"]).await.unwrap();
    all_have(&parties.nodes, &invited.id, 31, 3).await;
    // And what it was is known after the end, too.
    parties.restart(1).await;
    all_have(&parties.nodes, &invited.id, 31, 3).await;
    parties.stop().await;
}
