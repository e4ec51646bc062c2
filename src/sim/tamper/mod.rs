//! What a rogue node makes of a message that it has seen: the same as it came, or in its own name and with something
//! changed. It signs with its own key alone; nobody can sign with another's.

mod decree;

use super::choices::Choices;
use crate::domain::{Digest, Evidence, Failure, PeerId, Refusal, Standing, Timestamp};
use crate::sharing::Secret;
use crate::wire::{
    Acceptance, Announcement, Certificate, Close, Deal, Entry, FailureNotice, Freeze, Identity, List, Manifest,
    Message, Opening, Part, Receipt, Rejection, Signed, Statement, Submission, Topic, Verification, Vote, Want,
    share_digest,
};

/// A node that says what it likes.
pub(super) struct Rogue {
    pub identity: Identity,
    /// Whom it can name.
    pub peers: Vec<PeerId>,
}

const TOPICS: [Topic; 3] = [Topic::Lists, Topic::Verifiers, Topic::Openings];
const EVIDENCE: [Evidence; 4] =
    [Evidence::TwoLists, Evidence::TwoVotes, Evidence::WrongOpening, Evidence::Decree];
const STANDINGS: [Standing; 3] = [Standing::WaitsForOwner, Standing::Declined, Standing::ValueUnfit];
const REJECTIONS: [Rejection; 5] =
    [Rejection::Closed, Rejection::Full, Rejection::OtherReport, Rejection::Malformed, Rejection::NotInvited];

impl Rogue {
    /// What it sends instead; `None` where it has nothing to say.
    pub fn turned(&self, message: Message, choices: &mut Choices<'_>) -> Option<Message> {
        if choices.below(4) == 0 {
            return Some(message);
        }
        if choices.below(6) == 0 {
            return self.request(&message, choices);
        }
        self.altered(message, choices)
    }

    /// Asks for something of the computation that a message is about.
    fn request(&self, message: &Message, choices: &mut Choices<'_>) -> Option<Message> {
        let computation = match self.altered(message.clone(), &mut Choices::new(&[]))? {
            Message::Close(close) | Message::List { close, .. } => close.get().computation,
            Message::Freeze { freeze, .. } => freeze.get().computation,
            Message::Vote { vote, .. } => vote.get().computation,
            Message::Receipt(receipt) => receipt.get().computation,
            Message::Announce(announcement) => announcement.id(),
            Message::Submit(submission) => submission.manifest.get().computation,
            Message::Progress { computation, .. } | Message::Want { computation, .. } => computation,
            _ => return None,
        };
        let input = Want::Input { topic: choices.pick(&TOPICS)?, owner: choices.pick(&self.peers)? };
        let all = [
            Want::Announcement,
            Want::Close,
            Want::List,
            Want::Freeze,
            Want::Deal,
            Want::Rho,
            Want::Verification,
            Want::Verifiers,
            Want::Vote,
            Want::Opening,
            Want::Outcome,
            Want::Members,
            input,
        ];
        Some(Message::Want { computation, want: choices.pick(&all)? })
    }

    /// In its own name, and with something changed.
    fn altered(&self, message: Message, choices: &mut Choices<'_>) -> Option<Message> {
        let me = self.identity.peer();
        Some(match message {
            Message::Propose(computation) => {
                let mut said = computation.get().clone();
                said.proposer = me;
                said.nonce[0] ^= choices.byte();
                number(&mut said.min_participants, choices);
                number(&mut said.max_participants, choices);
                Message::Propose(self.sign(said))
            }
            Message::Accept(acceptance) => Message::Accept(self.acceptance(acceptance.get(), choices)),
            Message::Announce(announcement) => Message::Announce(self.announcement(announcement, choices)),
            Message::Deal { deal, mut rho, mut noise } => {
                let mut said = Deal { heavy: me, ..deal.get().clone() };
                digests(&mut said.rho, choices);
                digests(&mut said.noise, choices);
                part(&mut rho, choices);
                if let Some(noise) = &mut noise {
                    part(noise, choices);
                }
                Message::Deal { deal: self.sign(said), rho, noise }
            }
            Message::Refuse { computation, .. } | Message::Withdraw { computation, .. } => {
                let refusal = Refusal::Busy { open_max: choices.byte().into() };
                Message::Refuse { computation, refusal }
            }
            Message::Want { computation, .. } => match choices.below(3) {
                0 => Message::Withdraw { computation, failure: Failure::Withdrawn },
                1 => Message::Progress { computation, reports: choices.byte().into() },
                _ => Message::Reject { computation, rejection: choices.pick(&REJECTIONS)? },
            },
            Message::Offer { mut clock, open, completed, failed } => {
                clock = Timestamp::from_millis(clock.as_millis() ^ u64::from(choices.byte()) << 10);
                Message::Offer { clock, open: completed, completed: failed, failed: open }
            }
            Message::Ask { clock } => Message::Ask {
                clock: Timestamp::from_millis(clock.as_millis() ^ u64::from(choices.byte()) << 10),
            },
            other => return self.of_intake(other, choices),
        })
    }

    /// The same of reports and the lists of them.
    fn of_intake(&self, message: Message, choices: &mut Choices<'_>) -> Option<Message> {
        let me = self.identity.peer();
        Some(match message {
            Message::Submit(submission) => Message::Submit(self.submission(submission, choices)),
            Message::Receipt(receipt) => {
                let mut said = Receipt { heavy: me, ..receipt.get().clone() };
                digest(&mut said.manifest, choices);
                said.participant = choices.pick(&self.peers)?;
                Message::Receipt(self.sign(said))
            }
            Message::Close(close) => Message::Close(self.close(close.get(), choices)),
            Message::List { close, outline, leaves } => {
                let known = leaves.into_iter().flat_map(|leaf| leaf.entries).collect();
                let list = self.list(known, choices);
                let computation = close.get().computation;
                let mut said = Close { computation, heavy: me, list: list.digest(computation) };
                if choices.below(4) == 0 {
                    digest(&mut said.list, choices);
                }
                // As it is, with other leaves, or with digests that are none's.
                let told = if choices.below(4) == 0 { outline } else { list.outline(computation) };
                Message::List { close: self.sign(said), outline: told, leaves: list.filled(computation, &[0]) }
            }
            Message::Leaves { computation, leaves, .. } => {
                let mut leaves = fewer(leaves, choices);
                for leaf in &mut leaves {
                    leaf.entries = fewer(std::mem::take(&mut leaf.entries), choices);
                }
                Message::Leaves { computation, owner: choices.pick(&self.peers)?, leaves }
            }
            Message::Lacking { computation, leaves, .. } => {
                let leaves = leaves.into_iter().map(|leaf| leaf ^ u32::from(choices.byte())).collect();
                Message::Lacking { computation, owner: choices.pick(&self.peers)?, leaves }
            }
            Message::Conflict(manifest) => Message::Conflict(self.manifest(manifest.get(), choices)),
            Message::Progress { computation, .. } => {
                let failure = self.failure(choices)?;
                Message::Fail(self.sign(FailureNotice { computation, signer: me, failure }))
            }
            Message::Complete { computation, mut list } => {
                digest(&mut list, choices);
                Message::Complete { computation, list }
            }
            Message::Members { computation, entries } => {
                Message::Members { computation, entries: fewer(entries, choices) }
            }
            Message::Receipts(receipts) => Message::Receipts(fewer(receipts, choices)),
            Message::Reject { computation, .. } => {
                Message::Reject { computation, rejection: choices.pick(&REJECTIONS)? }
            }
            Message::Stand { computation, .. } => {
                Message::Stand { computation, standing: choices.pick(&STANDINGS) }
            }
            other => return self.of_agreement(other, choices),
        })
    }

    /// The same of what heavy nodes agree on; what is left passes as it came.
    fn of_agreement(&self, message: Message, choices: &mut Choices<'_>) -> Option<Message> {
        let me = self.identity.peer();
        Some(match message {
            Message::Freeze { freeze, closes } => {
                let mut said = Freeze { heavy: me, ..freeze.get().clone() };
                digests(&mut said.lists, choices);
                digest(&mut said.frozen, choices);
                number(&mut said.participants, choices);
                Message::Freeze { freeze: self.sign(said), closes: fewer(closes, choices) }
            }
            Message::Decree(said) => Message::Decree(self.decree(said, choices)?),
            Message::Verification(commitment) => {
                let mut said = Verification { heavy: me, ..commitment.get().clone() };
                digests(&mut said.batches, choices);
                digest(&mut said.frozen, choices);
                Message::Verification(self.sign(said))
            }
            Message::Verifiers { computation, heavy, mut batch, blind, mut shares } => {
                number(&mut batch, choices);
                bytes(shares.expose_mut(), choices);
                let heavy = if choices.chance() { me } else { heavy };
                Message::Verifiers { computation, heavy, batch, blind, shares }
            }
            Message::Vote { vote, verifications } => {
                let vote = self.vote(vote.get(), choices);
                Message::Vote { vote, verifications: fewer(verifications, choices) }
            }
            Message::Open { opening, votes } => {
                let mut said = Opening { heavy: me, ..opening.get().clone() };
                digest(&mut said.votes, choices);
                bytes(&mut said.partial_sum, choices);
                Message::Open { opening: self.sign(said), votes: fewer(votes, choices) }
            }
            Message::Certificate(certificate) => Message::Certificate(Certificate {
                votes: fewer(certificate.votes, choices),
                openings: fewer(certificate.openings, choices),
                ..certificate
            }),
            Message::Fail(notice) => {
                let said = FailureNotice { signer: me, ..notice.get().clone() };
                Message::Fail(self.sign(said))
            }
            Message::Rho { computation, mut rho, blind } => {
                rho.expose_mut()[0] ^= choices.byte();
                Message::Rho { computation, rho, blind }
            }
            Message::RhoParts { computation, mut parts } => {
                if let Some(first) = parts.first_mut() {
                    part(first, choices);
                }
                Message::RhoParts { computation, parts: fewer(parts, choices) }
            }
            other => other,
        })
    }

    fn sign<T: Statement>(&self, statement: T) -> Signed<T> {
        Signed::sign(statement, &self.identity)
    }

    fn acceptance(&self, acceptance: &Acceptance, choices: &mut Choices<'_>) -> Signed<Acceptance> {
        let mut said = Acceptance { heavy: self.identity.peer(), ..acceptance.clone() };
        digest(&mut said.rho_commitment, choices);
        self.sign(said)
    }

    /// With another acceptance of its own, where it is one of the heavy nodes.
    fn announcement(&self, mut announcement: Announcement, choices: &mut Choices<'_>) -> Announcement {
        let me = self.identity.peer();
        for acceptance in &mut announcement.acceptances {
            if acceptance.signer() == me {
                *acceptance = self.acceptance(acceptance.get(), choices);
            }
        }
        announcement.acceptances = fewer(announcement.acceptances, choices);
        announcement
    }

    fn manifest(&self, manifest: &Manifest, choices: &mut Choices<'_>) -> Signed<Manifest> {
        let mut said = Manifest { participant: self.identity.peer(), ..manifest.clone() };
        said.nonce[0] ^= choices.byte();
        bytes(&mut said.public, choices);
        digests(&mut said.shares, choices);
        self.sign(said)
    }

    /// A share that is what its manifest promises, whatever it holds; or not quite.
    fn submission(&self, mut submission: Submission, choices: &mut Choices<'_>) -> Submission {
        bytes(submission.share.expose_mut(), choices);
        let mut manifest = self.manifest(submission.manifest.get(), choices).get().clone();
        if choices.below(4) != 0 {
            // Whose share it is nobody says here, so it is promised to each in turn.
            let (computation, participant) = (manifest.computation, manifest.participant);
            for (promised, heavy) in manifest.shares.iter_mut().zip(&self.peers) {
                let share = submission.share.expose();
                *promised = share_digest(computation, participant, *heavy, &submission.blind, share);
            }
        }
        Submission { manifest: self.sign(manifest), ..submission }
    }

    fn close(&self, close: &Close, choices: &mut Choices<'_>) -> Signed<Close> {
        let mut said = Close { heavy: self.identity.peer(), ..close.clone() };
        digest(&mut said.list, choices);
        self.sign(said)
    }

    fn list(&self, known: Vec<Entry>, choices: &mut Choices<'_>) -> List {
        let mut entries = fewer(known, choices);
        if choices.below(3) == 0 {
            let manifest = Digest::of("tampered", &[&[choices.byte()]]);
            entries.extend(choices.pick(&self.peers).map(|participant| Entry { participant, manifest }));
        }
        if choices.below(4) != 0 {
            entries.sort();
        }
        List::accepted(entries)
    }

    fn vote(&self, vote: &Vote, choices: &mut Choices<'_>) -> Signed<Vote> {
        let mut said = Vote { heavy: self.identity.peer(), ..vote.clone() };
        digest(&mut said.accepted, choices);
        number(&mut said.participants, choices);
        number(&mut said.unverified, choices);
        digest(&mut said.partial_sum, choices);
        if choices.below(4) == 0 {
            said.verifications = None;
        }
        self.sign(said)
    }

    fn failure(&self, choices: &mut Choices<'_>) -> Option<Failure> {
        let (me, heavy) = (self.identity.peer(), choices.pick(&self.peers)?);
        Some(match choices.below(8) {
            0 => Failure::Missing { heavy: vec![heavy] },
            1 => Failure::Accused { by: me, heavy, evidence: choices.pick(&EVIDENCE)? },
            2 => Failure::Misconduct { heavy, evidence: choices.pick(&EVIDENCE)? },
            3 => Failure::MemoryLost { heavy },
            4 => Failure::ImpossibleTotal,
            5 => Failure::InsufficientParticipants { accepted: 0, minimum: 1 },
            6 => Failure::Withdrawn,
            _ => Failure::SumsDisagree,
        })
    }
}

/// Mostly the same.
fn number(number: &mut u32, choices: &mut Choices<'_>) {
    match choices.below(6) {
        0 => *number = number.wrapping_add(1),
        1 => *number = number.wrapping_sub(1),
        2 => *number = u32::MAX - u32::from(choices.byte()),
        _ => {}
    }
}

/// Mostly the same; what it is instead depends on a few choices, so that two can be alike.
fn digest(digest: &mut Digest, choices: &mut Choices<'_>) {
    if choices.below(3) == 0 {
        *digest = Digest::of("tampered", &[&[choices.byte()]]);
    }
}

fn digests(list: &mut Vec<Digest>, choices: &mut Choices<'_>) {
    let nth = choices.below(list.len());
    if let Some(one) = list.get_mut(nth) {
        digest(one, choices);
    }
    if choices.below(8) == 0 {
        list.pop();
    }
}

fn bytes(bytes: &mut Vec<u8>, choices: &mut Choices<'_>) {
    match choices.below(4) {
        0 => {
            let (place, by) = (choices.below(bytes.len().min(256)), choices.byte());
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= by;
            }
        }
        1 => {
            bytes.pop();
        }
        _ => {}
    }
}

fn part(part: &mut Part, choices: &mut Choices<'_>) {
    let share = part.share.expose_mut();
    bytes(share, choices);
    if choices.below(8) == 0 {
        part.blind = Secret::new([choices.byte(); 32]);
    }
}

/// The list, or without one of its elements, or with two of them in each other's place.
fn fewer<T: Clone>(mut list: Vec<T>, choices: &mut Choices<'_>) -> Vec<T> {
    match choices.below(6) {
        0 if !list.is_empty() => {
            list.remove(choices.below(list.len()));
        }
        1 => list.reverse(),
        2 if !list.is_empty() => list.extend(list.first().cloned()),
        _ => {}
    }
    list
}
