//! One record of every kind.

use super::*;

/// One record of every kind.
pub(super) fn every_kind() -> Vec<Record> {
    let question = computation(1);
    let (id, heavy, light) = (question.id(), identity(2), identity(5));
    let digest = Digest::from_bytes([8; 32]);
    let acceptance =
        Signed::sign(Acceptance { computation: id, heavy: heavy.peer(), rho_commitment: digest }, &heavy);
    let list = List::new(BTreeMap::from([(light.peer(), digest)]), BTreeMap::new());
    let names = list.entries().to_vec();
    let close = Close { computation: id, heavy: heavy.peer(), list: list.digest(id) };
    let freeze = Freeze {
        computation: id,
        heavy: heavy.peer(),
        lists: vec![digest; 3],
        frozen: digest,
        participants: 3,
    };
    let vote = Vote {
        computation: id,
        heavy: heavy.peer(),
        accepted: digest,
        participants: 3,
        unverified: 1,
        verifications: Some(digest),
        partial_sum: digest,
    };
    let verification =
        Verification { computation: id, heavy: heavy.peer(), frozen: digest, batches: vec![digest; 2] };
    let vote = Signed::sign(vote, &heavy);
    let opening = Opening {
        computation: id,
        heavy: heavy.peer(),
        votes: digest,
        blind: [7; 32],
        partial_sum: vec![0; 16],
    };
    let opening = Signed::sign(opening, &heavy);
    let close = Signed::sign(close, &heavy);
    let receipt = Receipt { computation: id, heavy: heavy.peer(), participant: light.peer(), manifest: digest };
    let receipt = Signed::sign(receipt, &heavy);
    let part = Part { share: Secret::new(vec![2; 32]), blind: Secret::new([1; 32]) };
    let deal = Deal { computation: id, heavy: heavy.peer(), rho: vec![digest; 3], noise: vec![digest; 3] };
    let deal = Signed::sign(deal, &heavy);
    let (first, second) = (submission(id, &light, 1), submission(id, &light, 2));
    let exclusion = Exclusion::new(&first.manifest, &second.manifest).unwrap();
    vec![
        Record::Proposed(question.clone()),
        Record::Dealing {
            computation: question.clone(),
            deal: deal.clone(),
            rho: Secret::new([5; 32]),
            noise: vec![part.clone()],
        },
        Record::Accepted {
            computation: question.clone(),
            acceptance: acceptance.clone(),
            rho: Secret::new([5; 32]),
            blind: Secret::new([6; 32]),
            dealt: Some(Dealt { deals: vec![deal], rho: vec![part.clone()], noise: vec![part] }),
        },
        Record::Announced(Announcement { computation: question.clone(), acceptances: vec![acceptance] }),
        Record::Report(vec![first.clone(), first]),
        held(&light),
        Record::Receipts { computation: id, participant: light.peer(), receipts: vec![receipt] },
        Record::Closed { close: close.clone(), reports: list.participants(), excluded: vec![light.peer()] },
        decree(id, Topic::Lists),
        Record::Frozen {
            computation: id,
            freeze: Some(Signed::sign(freeze, &heavy)),
            participants: list.participants(),
            left_out: vec![light.peer()],
            added: list.entries().to_vec(),
            closes: vec![close],
        },
        Record::Verifying {
            verification: Signed::sign(verification, &heavy),
            blinds: vec![Secret::new([3; 32]); 2],
            rhos: vec![Secret::new([4; 32]); 3],
        },
        decree(id, Topic::Verifiers),
        Record::Voted {
            vote: vote.clone(),
            verifications: Vec::new(),
            unverified: vec![light.peer()],
            partial_sum: Secret::new(vec![0; 16]),
            blind: Secret::new([7; 32]),
        },
        Record::Opened { opening: opening.clone(), votes: vec![vote.clone()] },
        decree(id, Topic::Openings),
        Record::Certificate(Certificate {
            computation: question,
            votes: vec![vote],
            openings: vec![opening],
            decided: None,
        }),
        Record::Failed { computation: id, failure: Failure::NoContact, notice: None, at: NOW },
        Record::Ledger(LedgerEntry {
            computation: id,
            proposer: owner(),
            prompt: "How old?".to_owned(),
            statistic: Statistic::Sum,
            fields: vec!["age".to_owned()],
            min_participants: 3,
            listed: Some(1),
            participants: Some(vec![owner()]),
            noise: Some(Noise { epsilon: Decimal::ONE }),
            at: NOW,
            decision: LedgerDecision::Answered,
            decider: Decider::Owner,
            reason: Some(LedgerReason { rule: "source".to_owned(), words: "no source".to_owned() }),
            records: Some(1),
        }),
        Record::Fault(Fault {
            computation: id,
            culprit: light.peer(),
            proof: FaultProof::TwoReports(Box::new(exclusion)),
        }),
        Record::Members { computation: id, entries: names },
        Record::Compared(Comparison {
            computation: id,
            members: 1,
            similar: vec![Similar { difference: 1, other: id }],
            at: NOW,
        }),
        Record::Invitation(Box::new(invitation())),
        Record::Input {
            invitation: invitation().id(),
            input: Input { slots: Secret::new(vec![7; 16]), records: 1 },
        },
        Record::Forgotten { computation: id, at: NOW },
        // Another one: of a pruned one, less is read at the start.
        Record::Pruned { computation: ComputationId::of_body(b"pruned"), at: NOW, bytes: 24 },
    ]
}

fn invitation() -> InvitationMemory {
    let schema = r#"{"type":"number","minimum":0,"maximum":10}"#;
    let invitation = Invitation {
        version: VERSION,
        nonce: [5; 16],
        inviter: owner(),
        created_at: NOW,
        prompt: "How much?".to_owned(),
        query: Query::parse(Statistic::Sum, &["value".to_owned()], Some(schema)).unwrap(),
        sharing: Sharing::Prio3,
        parties: 2,
        quorum: 2,
        expires: NOW + std::time::Duration::from_secs(60),
        answer_within_ms: None,
        patience_ms: 60_000,
        grace_ms: 3_000,
        noise: None,
    };
    let seats = vec![Seat { secret: Secret::new([8; 16]), holder: Some(owner()), joined: None }];
    let seat = InvitationPart::Inviter { seats };
    InvitationMemory {
        invitation,
        seat,
        own: None,
        roster: Vec::new(),
        computation: None,
        offered: None,
        ended: None,
    }
}
