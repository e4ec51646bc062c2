//! What a message depends on is durable before it is sent, and what is signed once for ever is signed once.

use super::super::violation::{Check, Invariant};
use super::{Actor, Watch};
use crate::domain::{ComputationId, Digest, PeerId};
use crate::wire::{Gossip, Message, Record, RecordKey, RecordKind, Signed, Statement, Submission};

impl Watch {
    /// Remembers what a record makes durable, and that it is the only one of its kind.
    pub(super) fn note_durable(&mut self, actor: Actor<'_>, record: &Record) -> Check {
        let key = record.key();
        match record {
            Record::Accepted { acceptance, .. } => self.durable_once(actor, key, acceptance),
            Record::Closed { close, .. } => self.durable_once(actor, key, close),
            Record::Frozen { freeze: Some(freeze), .. } => self.durable_once(actor, key, freeze),
            Record::Dealing { deal, .. } => self.durable_once(actor, key, deal),
            Record::Frozen { freeze: None, .. } | Record::Decree { .. } => Ok(()),
            Record::Verifying { verification, .. } => self.durable_once(actor, key, verification),
            Record::Voted { vote, .. } => self.durable_once(actor, key, vote),
            Record::Opened { opening, .. } => self.durable_once(actor, key, opening),
            Record::Report(submissions) => {
                for submission in submissions {
                    self.note(actor, submission_digest(submission));
                }
                Ok(())
            }
            Record::Held(submission) => {
                self.note(actor, submission.manifest.digest());
                Ok(())
            }
            Record::Announced(announcement) => {
                self.note(actor, announced_digest(announcement.id()));
                Ok(())
            }
            Record::Certificate(certificate) => {
                self.note(actor, certified_digest(certificate.computation.id()));
                Ok(())
            }
            Record::Failed { computation, .. } => {
                self.note(actor, failed_digest(*computation));
                Ok(())
            }
            Record::Proposed(_)
            | Record::Ledger(_)
            | Record::Fault(_)
            | Record::Receipts { .. }
            | Record::Members { .. }
            | Record::Compared(_)
            | Record::Invitation(_)
            | Record::Input { .. }
            | Record::Forgotten { .. }
            | Record::Pruned { .. }
            | Record::Summary(_) => Ok(()),
        }
    }

    pub(super) fn send(&mut self, actor: Actor<'_>, to: PeerId, message: &Message) -> Check {
        match message {
            Message::Accept(acceptance) => self.was_durable(actor, acceptance, message),
            Message::Deal { deal, .. } => self.was_durable(actor, deal, message),
            Message::Close(close) | Message::List { close, .. } => {
                self.hear_complete(close.signer(), close.get().computation, close.get().list);
                self.was_durable(actor, close, message)
            }
            Message::Rho { computation, rho, .. } => self.shows_rho(actor, *computation, rho),
            Message::RhoParts { computation, parts } => self.shows_rho_parts(actor, *computation, parts),
            Message::Verifiers { computation, heavy, .. } => self.shows_verifiers(actor, *computation, *heavy),
            Message::Verification(commitment) => self.was_durable(actor, commitment, message),
            Message::Freeze { freeze, .. } => self.was_durable(actor, freeze, message),
            Message::Vote { vote, .. } => self.was_durable(actor, vote, message),
            Message::Receipt(receipt) if receipt.signer() == actor.peer => {
                self.require(actor, receipt.get().manifest, message)
            }
            Message::Submit(submission) => {
                let manifest = submission.manifest.get();
                self.one_report(manifest.participant, manifest.computation, submission.manifest.digest())?;
                self.require(actor, submission_digest(submission), message)?;
                let key = RecordKey { kind: RecordKind::Ledger, computation: manifest.computation, peer: None };
                Invariant::PersistedFirst.check(actor.store.contains_key(&key), || {
                    format!("{} submits before its ledger says so", actor.index)
                })
            }
            Message::Open { opening, votes } => {
                self.opens(actor, opening.get(), votes)?;
                self.was_durable(actor, opening, message)
            }
            Message::Announce(announcement) => {
                self.require(actor, announced_digest(announcement.id()), message)
            }
            Message::Certificate(certificate) => {
                self.require(actor, certified_digest(certificate.computation.id()), message)
            }
            Message::Fail(notice) if notice.signer() == actor.peer => {
                self.require(actor, failed_digest(notice.get().computation), message)
            }
            Message::Members { computation, entries } => self.tells_names(actor, to, *computation, entries),
            Message::Complete { computation, list } => {
                self.hear_complete(actor.peer, *computation, *list);
                Ok(())
            }
            Message::Propose(_)
            | Message::Refuse { .. }
            | Message::Withdraw { .. }
            | Message::Receipt(_)
            | Message::Reject { .. }
            | Message::Receipts(_)
            | Message::Stand { .. }
            | Message::Progress { .. }
            | Message::Lacking { .. }
            | Message::Leaves { .. }
            | Message::Conflict(_)
            | Message::Decree(_)
            | Message::Fault(_)
            | Message::Fail(_)
            | Message::Want { .. }
            | Message::Ask { .. }
            | Message::Offer { .. }
            | Message::Presence(_)
            | Message::Join { .. }
            | Message::Roster { .. }
            | Message::Leave { .. }
            | Message::NotAdmitted { .. } => Ok(()),
        }
    }

    pub(super) fn publish(&self, actor: Actor<'_>, gossip: &Gossip) -> Check {
        let needed = match gossip {
            Gossip::Announce(announcement) => announced_digest(announcement.id()),
            Gossip::Completed { computation } => certified_digest(*computation),
            Gossip::Failed(notice) if notice.signer() == actor.peer => failed_digest(notice.get().computation),
            Gossip::Failed(_) | Gossip::Presence(_) => return Ok(()),
        };
        Invariant::PersistedFirst.check(self.durable.contains(&(actor.index, needed)), || {
            format!("{} publishes before it persists: {gossip:?}", actor.index)
        })
    }

    /// 4: an honest participant makes one report, whatever happens to it.
    pub(super) fn one_report(&mut self, participant: PeerId, id: ComputationId, manifest: Digest) -> Check {
        let first = *self.reports.entry((participant, id)).or_insert(manifest);
        Invariant::OneReport
            .check(first == manifest, || format!("{participant:?} makes a second report for {id}"))
    }

    fn durable_once<T: Statement>(&mut self, actor: Actor<'_>, key: RecordKey, signed: &Signed<T>) -> Check {
        let digest = statement_digest(signed);
        self.note(actor, digest);
        let first = *self.signed_once.entry((actor.peer, key.computation, key.kind)).or_insert(digest);
        Invariant::SignedOnce
            .check(first == digest, || format!("{} signs a second {:?}", actor.index, key.kind))
    }

    fn was_durable<T: Statement>(&self, actor: Actor<'_>, signed: &Signed<T>, message: &Message) -> Check {
        if signed.signer() != actor.peer {
            return Ok(());
        }
        self.require(actor, statement_digest(signed), message)
    }

    fn note(&mut self, actor: Actor<'_>, digest: Digest) {
        self.durable.insert((actor.index, digest));
    }

    fn require(&self, actor: Actor<'_>, digest: Digest, message: &Message) -> Check {
        Invariant::PersistedFirst.check(self.durable.contains(&(actor.index, digest)), || {
            format!("{} sends {} before it persists what that depends on", actor.index, message.kind())
        })
    }
}

fn statement_digest<T: Statement>(signed: &Signed<T>) -> Digest {
    Digest::of(T::LABEL, &[signed.body()])
}

fn submission_digest(submission: &Submission) -> Digest {
    let manifest = submission.manifest.digest();
    let parts: [&[u8]; 3] = [manifest.as_bytes(), submission.blind.expose(), submission.share.expose()];
    Digest::of("submission", &parts)
}

fn announced_digest(computation: ComputationId) -> Digest {
    Digest::of("announced", &[computation.as_bytes()])
}

fn certified_digest(computation: ComputationId) -> Digest {
    Digest::of("certified", &[computation.as_bytes()])
}

fn failed_digest(computation: ComputationId) -> Digest {
    Digest::of("failed", &[computation.as_bytes()])
}
