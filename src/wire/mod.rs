//! What goes between nodes and into the store: versioned envelopes of deterministic CBOR, one type a step of the
//! protocol, every signature checked while decoding.

mod certificate;
mod checked;
mod codec;
mod commitment;
mod deal;
mod decree;
mod fault;
mod held;
mod invitation;
mod list;
mod membership;
mod message;
mod outline;
mod record;
mod record_key;
#[cfg_attr(fuzzing, path = "signature_stub.rs")]
mod signature;
mod signed;
mod statement;
mod summary;
mod swarm_key;
mod ticket;
mod tree;

pub use certificate::Certificate;
pub use checked::Checked;
pub use codec::{CodecError, from_bytes, to_bytes, to_bytes_behind};
pub use commitment::{Blind, partial_sum_commitment, rho_commitment, share_digest, verifiers_commitment};
pub use deal::{Deal, Dealt, DealtKind, Part, deals_digest};
pub(crate) use decree::{Ballot, DecreeStatement};
pub use decree::{
    Choice, Commit, Decided, DecreeFault, DecreeMemory, DecreeMessage, DecreeTerms, First, JustifiedProposal,
    Prepare, Prepared, Proposal, Topic, ViewChange,
};
pub use fault::{Fault, FaultProof};
pub use held::{HeldShare, held_bytes};
pub use invitation::{Input, InvitationMemory, InvitationPart, Joining, Seat, Ticket};
pub use list::{Entry, Exclusion, List};
pub use membership::Membership;
pub use message::{Announcement, Gossip, Message, Rejection, Submission, Want};
pub use outline::{Filled, NotTheLeaf, Outline, Told};
pub use record::{
    Comparison, Decider, Keeping, LedgerDecision, LedgerEntry, LedgerReason, Record, RecordKind, Similar,
};
pub use record_key::RecordKey;
pub use signed::{Identity, Signed, Statement};
pub use statement::{
    Acceptance, Activity, Close, FailureNotice, Freeze, Manifest, Opening, Presence, Receipt, Verification,
    Vote, verifications_digest, votes_digest,
};
pub use summary::{End, Summary};
pub use swarm_key::{SwarmKey, SwarmKeyError};
pub use ticket::{TicketError, read_ticket, ticket_text};
pub use tree::Leaf;
