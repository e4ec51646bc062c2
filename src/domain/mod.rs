//! The words of the project as types: who takes part, what is asked, when, and how it may end.
//!
//! Nothing here does IO, reads a clock or draws randomness, and nothing here depends on another module of the
//! project. Text is parsed into these types once, at the edge.

mod cell;
mod computation;
mod decimal;
pub mod detail;
mod id;
mod invitation;
pub mod limits;
mod noise;
mod outcome;
mod query;
mod quoted;
mod role;
mod schema;
mod sharing;
mod statistic;
mod time;
mod unfit;

pub use cell::Cell;
pub use computation::{Computation, ComputationError, VERSION};
pub use decimal::{Decimal, DecimalError};
pub use detail::{Detail, DetailError};
pub use id::{ComputationId, Digest, IdError, PeerId, Uid};
pub use invitation::{Consent, Invitation, InvitationEnd, InvitationError, TicketRefusal};
pub use noise::{Noise, NoiseError};
pub use outcome::{Evidence, Failure, Refusal, Standing, Status};
pub use query::{Field, INTERCEPT, Query, QueryError};
pub use quoted::{printable, quoted};
pub use role::{Role, RoleError};
pub use schema::{Categories, NumberSchema, Schema, SchemaError, SchemaMismatch};
pub use sharing::{Modulus, PrimeField, Sharing, SharingError};
pub use statistic::{Statistic, Takes};
pub use time::{ClockSkew, Timestamp};
pub use unfit::Unfit;
