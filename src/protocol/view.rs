//! What a node shows of its computations; nothing private is in it.

use std::collections::BTreeMap;

use super::certificate::Assurance;
use crate::consent::Doubt;
use crate::domain::{Computation, ComputationId, Failure, PeerId, Standing, Status};
use crate::statistics::Answer;
use crate::wire::{Certificate, InvitationMemory, LedgerEntry, List, Similar};

/// One computation as a node sees it.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Its id.
    pub id: ComputationId,
    /// Its parameters.
    pub computation: &'a Computation,
    /// Where it stands.
    pub status: Status,
    /// The certificate, once there is one.
    pub certificate: Option<&'a Certificate>,
    /// The decoded result, once there is a certificate.
    pub answer: Option<Answer>,
    /// How far the result can be relied on.
    pub assurance: Option<&'a Assurance>,
    /// Why it failed.
    pub failure: Option<&'a Failure>,
    /// In the result, or reported so far as this node knows.
    pub participants: u32,
    /// This node's own part.
    pub own: OwnPart,
    /// What the owner's ledger says of it, once it is decided.
    pub ledger: Option<&'a LedgerEntry>,
    /// At the proposer: light nodes that said why they have not answered.
    pub standings: &'a BTreeMap<PeerId, Standing>,
    /// Whose reports were added up, where this node may know and does: at the proposer, the heavy nodes and the participants.
    pub members: Option<&'a List>,
    /// At a light node that answered: other answers about the same field, over nearly the same participants; the nearest first.
    pub similar: Vec<Similar>,
    /// Goes up with every change that people can see.
    pub revision: u64,
}

/// One invitation as a node sees it. Its tickets' secrets are in it, and what its owner will answer: neither is for others.
#[derive(Clone, Copy, Debug)]
pub struct InvitationView<'a> {
    /// Its id; the computation that it becomes looks the same to people.
    pub id: ComputationId,
    /// What is asked, who has joined, what has become of it.
    pub memory: &'a InvitationMemory,
    /// Whether this node's owner has said what it will answer, and no report is made yet.
    pub answers: bool,
    /// The parties, where all are there and this node's owner has not agreed to all of them yet.
    pub asks: Option<&'a [PeerId]>,
    /// Goes up with every change that people can see.
    pub revision: u64,
}

/// A node's own part in a computation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnPart {
    /// It is not asked: a heavy node, or a light node that is not on the closed list or has not decided yet.
    None,
    /// It waits for its owner.
    Waiting(Doubt),
    /// Its report is made.
    Answered,
    /// It does not answer.
    Declined(Standing),
}
