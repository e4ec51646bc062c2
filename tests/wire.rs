//! The bytes on the wire. Each kind of message has golden bytes in `tests/golden`: when one of these tests fails, the
//! wire format has changed, and that takes a new version. `FORMIX_BLESS=1 cargo test --test wire` writes them anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use formix_p2p::domain::VERSION;
use formix_p2p::domain::limits::MESSAGE_BYTES_MAX;
use formix_p2p::domain::{
    Computation, ComputationId, Digest, Failure, Invitation, Modulus, PeerId, Query, Refusal, Role, Sharing,
    Standing, Statistic, TicketRefusal, Timestamp,
};
use formix_p2p::sharing::Secret;
use formix_p2p::wire::{
    Acceptance, Activity, Announcement, Certificate, Choice, Close, CodecError, Deal, DecreeFault,
    DecreeMessage, Entry, Exclusion, FailureNotice, Freeze, Gossip, Identity, Joining, JustifiedProposal, List,
    Manifest, Message, Opening, Part, Presence, Proposal, Receipt, Rejection, Signed, Submission, Ticket,
    Topic, Verification, Vote, Want, from_bytes, partial_sum_commitment, share_digest, to_bytes, votes_digest,
};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

#[path = "wire/altered.rs"]
mod altered;

fn identity(seed: u8) -> Identity {
    Identity::from_secret_key(&[seed; 32])
}

fn heavy() -> Vec<PeerId> {
    (1..=3).map(|seed| identity(seed).peer()).collect()
}

fn computation() -> Signed<Computation> {
    let schema = r#"{"type":"number","minimum":0,"maximum":120,"multipleOf":0.5}"#;
    let terms = Computation {
        version: VERSION,
        nonce: [5; 16],
        proposer: identity(9).peer(),
        proposed_at: NOW,
        prompt: "Mean age?".to_owned(),
        query: Query::parse(Statistic::Mean, &["age".to_owned()], Some(schema)).unwrap(),
        heavy: heavy(),
        sharing: Sharing::Additive { modulus: Modulus::Bits64 },
        min_participants: 3,
        max_participants: 100,
        deadline: NOW + Duration::from_secs(30),
        patience_ms: 60_000,
        grace_ms: 3_000,
        participants: None,
        noise: None,
        invitation: None,
    };
    Signed::sign(terms, &identity(9))
}

fn id() -> ComputationId {
    computation().id()
}

fn acceptances() -> Vec<Signed<Acceptance>> {
    let accept = |seed: u8| {
        let heavy = identity(seed).peer();
        let rho_commitment = Digest::from_bytes([seed; 32]);
        Signed::sign(Acceptance { computation: id(), heavy, rho_commitment }, &identity(seed))
    };
    (1..=3).map(accept).collect()
}

fn manifest(participant: u8, nonce: u8) -> Signed<Manifest> {
    let shares = heavy()
        .into_iter()
        .map(|heavy| {
            let blind = Secret::new([7; 32]);
            share_digest(id(), identity(participant).peer(), heavy, &blind, &[1; 16])
        })
        .collect();
    let statement = Manifest {
        computation: id(),
        participant: identity(participant).peer(),
        nonce: [nonce; 16],
        public: vec![nonce; 96],
        shares,
    };
    Signed::sign(statement, &identity(participant))
}

fn close(seed: u8) -> Signed<Close> {
    let (heavy, list) = (identity(seed).peer(), list().digest(id()));
    Signed::sign(Close { computation: id(), heavy, list }, &identity(seed))
}

fn list() -> List {
    let reports = (20..23).map(|seed| (identity(seed).peer(), manifest(seed, 0).digest()));
    let exclusion = Exclusion::new(&manifest(22, 0), &manifest(22, 2)).unwrap();
    List::new(reports.collect(), BTreeMap::from([(exclusion.participant(), exclusion)]))
}

fn part(seed: u8) -> Part {
    Part { share: Secret::new(vec![seed; 32]), blind: Secret::new([seed; 32]) }
}

fn deal(seed: u8) -> Signed<Deal> {
    let digests = vec![Digest::from_bytes([seed; 32]); 3];
    let deal = Deal { computation: id(), heavy: identity(seed).peer(), rho: digests.clone(), noise: digests };
    Signed::sign(deal, &identity(seed))
}

fn proposal(seed: u8) -> Signed<Proposal> {
    let choice = Choice::new(vec![Some(Digest::from_bytes([seed; 32])), None, None]);
    let heavy = identity(seed).peer();
    Signed::sign(Proposal { computation: id(), heavy, topic: Topic::Lists, view: 0, choice }, &identity(seed))
}

fn verification(seed: u8) -> Signed<Verification> {
    let (heavy, frozen) = (identity(seed).peer(), Digest::from_bytes([4; 32]));
    let batches = vec![Digest::from_bytes([seed; 32]); 2];
    Signed::sign(Verification { computation: id(), heavy, frozen, batches }, &identity(seed))
}

fn vote(seed: u8) -> Signed<Vote> {
    let heavy = identity(seed).peer();
    let vote = Vote {
        computation: id(),
        heavy,
        accepted: Digest::from_bytes([4; 32]),
        participants: 3,
        unverified: 1,
        verifications: Some(Digest::from_bytes([8; 32])),
        partial_sum: partial_sum_commitment(id(), heavy, &[seed; 32], &[3; 16]),
    };
    Signed::sign(vote, &identity(seed))
}

fn votes() -> Vec<Signed<Vote>> {
    (1..=3).map(vote).collect()
}

fn opening(seed: u8) -> Signed<Opening> {
    let opening = Opening {
        computation: id(),
        heavy: identity(seed).peer(),
        votes: votes_digest(id(), &votes()),
        blind: [seed; 32],
        partial_sum: vec![3; 16],
    };
    Signed::sign(opening, &identity(seed))
}

fn notice() -> Signed<FailureNotice> {
    let failure = Failure::InsufficientParticipants { accepted: 1, minimum: 3 };
    let signer = identity(1).peer();
    Signed::sign(FailureNotice { computation: id(), signer, failure }, &identity(1))
}

fn presence() -> Signed<Presence> {
    let presence = Presence {
        peer: identity(1).peer(),
        role: Role::Heavy,
        name: "heavy-one".to_owned(),
        activity: Activity::Active,
        addresses: vec!["/ip4/10.77.0.1/tcp/8000".to_owned()],
        created_at: NOW,
        sent_at: NOW,
        lifetime_ms: 60_000,
    };
    Signed::sign(presence, &identity(1))
}

fn messages() -> Vec<Message> {
    let (computation, id) = (computation(), id());
    let announcement = Announcement { computation: computation.clone(), acceptances: acceptances() };
    let submission =
        Submission { manifest: manifest(20, 0), blind: Secret::new([7; 32]), share: Secret::new(vec![1; 16]) };
    let receipt = Receipt {
        computation: id,
        heavy: heavy()[0],
        participant: identity(20).peer(),
        manifest: manifest(20, 0).digest(),
    };
    let receipt = Signed::sign(receipt, &identity(1));
    let freeze = Freeze {
        computation: id,
        heavy: heavy()[0],
        lists: vec![list().digest(id); 3],
        frozen: list().digest(id),
        participants: 2,
    };
    let certificate = Certificate {
        computation: computation.clone(),
        votes: votes(),
        openings: (1..=3).map(opening).collect(),
        decided: None,
    };
    vec![
        Message::Propose(computation),
        Message::Accept(acceptances()[0].clone()),
        Message::Refuse { computation: id, refusal: Refusal::ClockSkew { clock: NOW } },
        Message::Withdraw { computation: id, failure: Failure::Withdrawn },
        Message::Announce(announcement),
        Message::Submit(submission),
        Message::Receipt(receipt.clone()),
        Message::Reject { computation: id, rejection: Rejection::Closed },
        Message::Receipts(vec![receipt]),
        Message::Stand { computation: id, standing: Some(Standing::WaitsForOwner) },
        Message::Progress { computation: id, reports: 17 },
        Message::Complete { computation: id, list: list().digest(id) },
        Message::Close(close(1)),
        Message::List { close: close(1), outline: list().outline(id), leaves: list().filled(id, &[0]) },
        Message::Conflict(manifest(20, 0)),
        Message::Freeze { freeze: Signed::sign(freeze, &identity(1)), closes: (1..=3).map(close).collect() },
        Message::Deal { deal: deal(1), rho: part(3), noise: Some(part(4)) },
        Message::RhoParts { computation: id, parts: vec![part(5), part(6)] },
        Message::Decree(DecreeMessage::Proposal(JustifiedProposal {
            proposal: proposal(1),
            changes: Vec::new(),
        })),
        Message::Fault(Box::new(DecreeFault::TwoProposals(proposal(1), proposal(1)))),
        Message::Rho { computation: id, rho: Secret::new([6; 32]), blind: Secret::new([7; 32]) },
        Message::Verification(verification(1)),
        Message::Verifiers {
            computation: id,
            heavy: identity(1).peer(),
            batch: 1,
            blind: Secret::new([5; 32]),
            shares: Secret::new(vec![9; 40]),
        },
        Message::Vote { vote: vote(1), verifications: vec![verification(1), verification(2)] },
        Message::Open { opening: opening(1), votes: votes() },
        Message::Certificate(certificate),
        Message::Fail(notice()),
        Message::Want { computation: id, want: Want::Close },
        Message::Ask { clock: NOW },
        Message::Offer { clock: NOW, open: vec![id], completed: vec![], failed: vec![id, id] },
        Message::Presence(presence()),
        Message::Members { computation: id, entries: list().entries().to_vec() },
        Message::Join { invitation: id, secret: Secret::new([8; 16]), joining: Some(joining(1)) },
        Message::Roster { invitation: id, joined: vec![joining(1), joining(2)] },
        Message::Leave { invitation: id },
        Message::NotAdmitted { invitation: id, refusal: TicketRefusal::Used },
        Message::Lacking { computation: id, owner: identity(1).peer(), leaves: vec![0, 300] },
        Message::Leaves { computation: id, owner: identity(1).peer(), leaves: list().filled(id, &[0]) },
    ]
}

fn joining(seed: u8) -> Signed<Joining> {
    let joining = Joining {
        invitation: id(),
        party: identity(seed).peer(),
        name: "alice".to_owned(),
        addresses: vec!["/ip4/10.0.0.1/tcp/8000".to_owned()],
    };
    Signed::sign(joining, &identity(seed))
}

fn invitation() -> Invitation {
    let terms = computation().get().clone();
    Invitation {
        version: VERSION,
        nonce: [5; 16],
        inviter: identity(1).peer(),
        created_at: NOW,
        prompt: terms.prompt,
        query: terms.query,
        sharing: Sharing::Threshold { k: 2 },
        parties: 3,
        quorum: 2,
        expires: NOW + Duration::from_secs(3_600),
        answer_within_ms: Some(30_000),
        patience_ms: 60_000,
        grace_ms: 3_000,
        noise: None,
    }
}

#[test]
fn an_invitation_and_the_computation_that_it_becomes_have_one_name() {
    let invitation = invitation();
    let id = invitation.id();
    check_golden("invitation-id", id.as_bytes());
    let computation = invitation.computation(id, heavy(), [6; 16], NOW);
    let becomes = Signed::sign(computation, &identity(1)).id();
    check_golden("invited-computation-id", becomes.as_bytes());
    assert_eq!((becomes.to_string(), becomes == id), (id.to_string(), false));
    let other = invitation.computation(id, heavy(), [7; 16], NOW);
    assert_ne!(Signed::sign(other, &identity(1)).id(), becomes);
}

#[test]
fn a_ticket_is_signed_whole() {
    let addresses = vec!["/ip4/10.0.0.1/tcp/8000".to_owned()];
    let ticket = Ticket { invitation: invitation(), addresses, secret: Secret::new([8; 16]) };
    let bytes = to_bytes(&Signed::sign(ticket.clone(), &identity(1)));
    check_golden("ticket", &bytes);
    assert_eq!(from_bytes::<Signed<Ticket>>(&bytes).unwrap().get(), &ticket);
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        assert!(from_bytes::<Signed<Ticket>>(&changed).is_err(), "at {position}");
    }
    assert!(!format!("{ticket:?}").contains("8, 8"), "its secret is not shown");
}

fn gossip() -> Vec<(&'static str, Gossip)> {
    let announcement = Announcement { computation: computation(), acceptances: acceptances() };
    vec![
        ("announce", Gossip::Announce(announcement)),
        ("completed", Gossip::Completed { computation: id() }),
        ("failed", Gossip::Failed(notice())),
        ("presence", Gossip::Presence(presence())),
    ]
}

fn check_golden(name: &str, bytes: &[u8]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.hex"));
    let hex = data_encoding::HEXLOWER.encode(bytes);
    if std::env::var_os("FORMIX_BLESS").is_some() {
        std::fs::write(&path, format!("{hex}\n")).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(golden.trim(), hex, "the bytes of {name} have changed");
}

#[test]
fn every_message_has_its_golden_bytes() {
    let mut kinds = BTreeSet::new();
    for message in messages() {
        let bytes = message.encode();
        check_golden(&format!("message-{}", message.kind()), &bytes);
        assert_eq!(Message::decode(&bytes), Ok(message.clone()));
        kinds.insert(message.kind());
    }
    assert_eq!(kinds.len(), 38, "a kind of message has no golden bytes");
    for (name, gossip) in gossip() {
        let bytes = gossip.encode();
        check_golden(&format!("gossip-{name}"), &bytes);
        assert_eq!(Gossip::decode(&bytes), Ok(gossip));
    }
}

#[test]
fn the_computation_id_is_what_it_was() {
    let id = id();
    check_golden("computation-id", id.as_bytes());
    assert_eq!(id, ComputationId::of_body(computation().body()));
}

#[test]
fn every_truncation_is_refused() {
    for message in messages() {
        let bytes = message.encode();
        for length in 0..bytes.len() {
            assert!(Message::decode(&bytes[..length]).is_err(), "{} at {length}", message.kind());
        }
    }
}

#[test]
fn trailing_bytes_and_other_versions_are_refused() {
    for message in messages() {
        let mut bytes = message.encode();
        bytes.push(0);
        assert!(Message::decode(&bytes).is_err(), "{}", message.kind());
        bytes.pop();
        for other in [5, 7] {
            bytes[0] = other;
            assert_eq!(Message::decode(&bytes), Err(CodecError::Version(other)));
        }
    }
    assert_eq!(Message::decode(&[]), Err(CodecError::Empty));
}

#[test]
fn what_is_not_in_deterministic_form_is_refused() {
    // {28: {0: 7}}: the clock of an ask, once with the shortest integer and once with a wider one.
    let ask = Message::Ask { clock: Timestamp::from_millis(7) };
    let bytes = ask.encode();
    let tail = bytes.len() - 1;
    assert_eq!(bytes[tail], 7);
    let wider = [&bytes[..tail], &[0x18, 7]].concat();
    assert_eq!(Message::decode(&wider), Err(CodecError::NotDeterministic));
}

#[test]
fn oversized_and_deeply_nested_bytes_are_refused() {
    let large = vec![6; 8 * 1024 * 1024 + 1];
    assert!(matches!(Message::decode(&large), Err(CodecError::TooLarge { .. })));
    assert!(matches!(Gossip::decode(&large[..64 * 1024 + 1]), Err(CodecError::TooLarge { .. })));
    let nested = [&[6][..], &vec![0x81; 100_000]].concat();
    assert!(matches!(Message::decode(&nested), Err(CodecError::Malformed(_))));
    // An array that claims 2^60 elements.
    let claims = [6, 0xa1, 0x08, 0x9b, 0x10, 0, 0, 0, 0, 0, 0, 0];
    assert!(Message::decode(&claims).is_err());
}

#[test]
fn an_error_repeats_little_of_what_a_stranger_wrote() {
    // A kind of message with a name of a hundred thousand characters, line breaks among them.
    let name = [0x7a, 0, 1, 0x86, 0xa0].into_iter().chain("loud\n".bytes().cycle().take(100_000));
    let bytes: Vec<u8> = [6, 0xa1].into_iter().chain(name).chain([0xf6]).collect();
    let error = Message::decode(&bytes).unwrap_err().to_string();
    assert!(error.contains("loudloud") && !error.contains('\n') && error.len() < 256, "{error}");
}

#[test]
fn a_signature_serves_one_type_and_one_signer() {
    // An acceptance and a close have bodies of the same shape; the signature of one does not serve the other.
    let acceptance = Acceptance { computation: id(), heavy: heavy()[0], rho_commitment: list().digest(id()) };
    let close = Close { computation: id(), heavy: heavy()[0], list: list().digest(id()) };
    assert_eq!(to_bytes(&acceptance), to_bytes(&close));
    let signed = to_bytes(&Signed::sign(acceptance, &identity(1)));
    assert!(from_bytes::<Signed<Acceptance>>(&signed).is_ok());
    assert!(matches!(from_bytes::<Signed<Close>>(&signed), Err(CodecError::Malformed(_))));
}

#[test]
fn a_frame_is_the_envelope_behind_its_length() {
    for message in messages() {
        let envelope = message.encode();
        let length = u32::try_from(envelope.len()).unwrap().to_be_bytes();
        assert_eq!(message.frame().unwrap(), [&length[..], &envelope].concat());
    }
    let too_large = Message::Verifiers {
        computation: id(),
        heavy: heavy()[0],
        batch: 0,
        blind: Secret::new([0; 32]),
        shares: Secret::new(vec![0; MESSAGE_BYTES_MAX]),
    };
    assert_eq!(too_large.frame(), None);
}

#[test]
fn a_list_of_signatures_stops_at_the_first_one_too_many() {
    let receipt = Receipt {
        computation: id(),
        heavy: heavy()[0],
        participant: identity(20).peer(),
        manifest: manifest(20, 0).digest(),
    };
    let receipt = Signed::sign(receipt, &identity(1));
    assert!(Message::decode(&Message::Receipts(vec![receipt.clone(); 16]).encode()).is_ok());
    assert!(Message::decode(&Message::Receipts(vec![receipt; 17]).encode()).is_err());
}

#[test]
fn names_stop_at_the_first_one_too_many() {
    let entry = Entry { participant: identity(20).peer(), manifest: manifest(20, 0).digest() };
    let told = |names| Message::Members { computation: id(), entries: vec![entry; names] }.encode();
    assert!(Message::decode(&told(1_000)).is_ok());
    assert!(Message::decode(&told(1_001)).is_err());
}

#[test]
fn shares_and_openings_are_redacted() {
    for message in messages() {
        let shown = format!("{message:?}");
        assert!(!shown.contains("[7, 7, 7") && !shown.contains("[3, 3, 3"), "{shown}");
        assert!(!shown.contains("[1, 1, 1"), "{shown}");
    }
}
