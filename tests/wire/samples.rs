//! One of each kind of message, the same in every run.

use std::collections::BTreeMap;
use std::time::Duration;

use formix_p2p::domain::{
    Computation, ComputationId, Digest, Failure, Invitation, Modulus, PeerId, Query, Refusal, Role, Sharing,
    Standing, Statistic, TicketRefusal, Timestamp, VERSION,
};
use formix_p2p::sharing::Secret;
use formix_p2p::wire::{
    Acceptance, Activity, Announcement, Certificate, Choice, Close, Deal, DecreeFault, DecreeMessage,
    Exclusion, FailureNotice, Freeze, Gossip, Identity, Joining, JustifiedProposal, List, Manifest, Message,
    Opening, Part, Presence, Proposal, Receipt, Rejection, Signed, Submission, Topic, Verification, Vote, Want,
    partial_sum_commitment, share_digest, votes_digest,
};

pub const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

pub fn identity(seed: u8) -> Identity {
    Identity::from_secret_key(&[seed; 32])
}

pub fn heavy() -> Vec<PeerId> {
    (1..=3).map(|seed| identity(seed).peer()).collect()
}

pub fn computation() -> Signed<Computation> {
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

pub fn id() -> ComputationId {
    computation().id()
}

pub fn acceptances() -> Vec<Signed<Acceptance>> {
    let accept = |seed: u8| {
        let heavy = identity(seed).peer();
        let rho_commitment = Digest::from_bytes([seed; 32]);
        Signed::sign(Acceptance { computation: id(), heavy, rho_commitment }, &identity(seed))
    };
    (1..=3).map(accept).collect()
}

pub fn manifest(participant: u8, nonce: u8) -> Signed<Manifest> {
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

pub fn close(seed: u8) -> Signed<Close> {
    let (heavy, list) = (identity(seed).peer(), list().digest(id()));
    Signed::sign(Close { computation: id(), heavy, list }, &identity(seed))
}

pub fn list() -> List {
    let reports = (20..23).map(|seed| (identity(seed).peer(), manifest(seed, 0).digest()));
    let exclusion = Exclusion::new(&manifest(22, 0), &manifest(22, 2)).unwrap();
    List::new(reports.collect(), BTreeMap::from([(exclusion.participant(), exclusion)]))
}

pub fn part(seed: u8) -> Part {
    Part { share: Secret::new(vec![seed; 32]), blind: Secret::new([seed; 32]) }
}

pub fn deal(seed: u8) -> Signed<Deal> {
    let digests = vec![Digest::from_bytes([seed; 32]); 3];
    let deal = Deal { computation: id(), heavy: identity(seed).peer(), rho: digests.clone(), noise: digests };
    Signed::sign(deal, &identity(seed))
}

pub fn proposal(seed: u8) -> Signed<Proposal> {
    let choice = Choice::new(vec![Some(Digest::from_bytes([seed; 32])), None, None]);
    let heavy = identity(seed).peer();
    Signed::sign(Proposal { computation: id(), heavy, topic: Topic::Lists, view: 0, choice }, &identity(seed))
}

pub fn verification(seed: u8) -> Signed<Verification> {
    let (heavy, frozen) = (identity(seed).peer(), Digest::from_bytes([4; 32]));
    let batches = vec![Digest::from_bytes([seed; 32]); 2];
    Signed::sign(Verification { computation: id(), heavy, frozen, batches }, &identity(seed))
}

pub fn vote(seed: u8) -> Signed<Vote> {
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

pub fn votes() -> Vec<Signed<Vote>> {
    (1..=3).map(vote).collect()
}

pub fn opening(seed: u8) -> Signed<Opening> {
    let opening = Opening {
        computation: id(),
        heavy: identity(seed).peer(),
        votes: votes_digest(id(), &votes()),
        blind: [seed; 32],
        partial_sum: vec![3; 16],
    };
    Signed::sign(opening, &identity(seed))
}

pub fn notice() -> Signed<FailureNotice> {
    let failure = Failure::InsufficientParticipants { accepted: 1, minimum: 3 };
    let signer = identity(1).peer();
    Signed::sign(FailureNotice { computation: id(), signer, failure }, &identity(1))
}

pub fn presence() -> Signed<Presence> {
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

pub fn messages() -> Vec<Message> {
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

pub fn joining(seed: u8) -> Signed<Joining> {
    let joining = Joining {
        invitation: id(),
        party: identity(seed).peer(),
        name: "alice".to_owned(),
        addresses: vec!["/ip4/10.0.0.1/tcp/8000".to_owned()],
    };
    Signed::sign(joining, &identity(seed))
}

pub fn invitation() -> Invitation {
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

pub fn gossip() -> Vec<(&'static str, Gossip)> {
    let announcement = Announcement { computation: computation(), acceptances: acceptances() };
    vec![
        ("announce", Gossip::Announce(announcement)),
        ("completed", Gossip::Completed { computation: id() }),
        ("failed", Gossip::Failed(notice())),
        ("presence", Gossip::Presence(presence())),
    ]
}
