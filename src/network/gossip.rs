//! Gossip: how it is set, what peers lose by passing on what does not hold, and how it is checked before it is passed on.
//!
//! Gossip carries no author of its own. What is said is signed inside, and that is checked here, once: copies are told apart
//! by a hash before any signature is looked at, so repeating old gossip costs its receivers next to nothing.

use std::collections::HashSet;
use std::time::Duration;

use libp2p::gossipsub::{
    self, MessageAcceptance, PeerScoreParams, PeerScoreThresholds, TopicScoreParams, score_parameter_decay,
};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinError;
use tokio::time::Instant;

use super::error::NetworkError;
use super::event_loop::EventLoop;
use super::quotas::{Allowance, Kind, Load};
use super::topic::Topic;
use super::{NetworkEvent, peer};
use crate::domain::limits::{CONNECTIONS_MAX, GOSSIP_BYTES_MAX, GOSSIP_DECODING_MAX};
use crate::domain::{PeerId, Role};
use crate::wire::{CodecError, Gossip};

/// Room for what gossipsub wraps around a payload: topic, control messages.
const GOSSIP_FRAME_BYTES: usize = GOSSIP_BYTES_MAX + 4 * 1024;
/// What one invalid message costs: with one a peer is out of the mesh, with three (the square counts) nothing that it passes on is
/// looked at.
const INVALID_WEIGHT: f64 = -10.0;
const GOSSIP_THRESHOLD: f64 = -10.0;
const PUBLISH_THRESHOLD: f64 = -40.0;
const GRAYLIST_THRESHOLD: f64 = -80.0;
/// Promises of messages that did not come, and meshes joined too soon, that cost nothing: a slow machine breaks some.
const BROKEN_PROMISES_FREE: f64 = 20.0;
/// A signature: whatever is shorter carries none.
const SIGNATURE_BYTES: usize = 64;
/// How long it takes to be forgiven, as with offences.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

pub(super) type Gossipsub =
    gossipsub::Behaviour<gossipsub::IdentityTransform, gossipsub::WhitelistSubscriptionFilter>;

/// Gossip that was checked away from the event loop.
pub(super) struct DecodedGossip {
    id: gossipsub::MessageId,
    forwarder: libp2p::PeerId,
    outcome: Result<Gossip, Refused>,
}

/// Why gossip is not passed on.
enum Refused {
    Frame(CodecError),
    WrongTopic,
}

pub(super) fn behaviour(role: Role) -> Result<Gossipsub, NetworkError> {
    let setup = |reason: String| NetworkError::Setup { layer: "gossipsub", reason };
    let mut config = gossipsub::ConfigBuilder::default();
    config
        .validation_mode(gossipsub::ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(message_id)
        .max_transmit_size(GOSSIP_FRAME_BYTES)
        .flood_publish(true);
    match role {
        // A heavy node keeps every peer in its mesh: in a star, a mesh of six reaches 91 of 99.
        Role::Heavy => {
            let everybody = usize::try_from(CONNECTIONS_MAX).unwrap_or(usize::MAX);
            config.mesh_n_low(everybody).mesh_n(everybody).mesh_n_high(everybody)
        }
        // A light node keeps every heavy node that is likely to be there.
        Role::Light => config.mesh_n_low(6).mesh_n(12).mesh_n_high(64),
    };
    let config = config.build().map_err(|error| setup(error.to_string()))?;
    let topics: HashSet<_> = Topic::ALL.map(Topic::hash).into();
    let filter = gossipsub::WhitelistSubscriptionFilter(topics);
    let authenticity = gossipsub::MessageAuthenticity::Anonymous;
    let mut behaviour = gossipsub::Behaviour::new_with_subscription_filter(authenticity, config, filter)
        .map_err(|error| setup(error.to_owned()))?;
    for topic in Topic::ALL {
        behaviour.subscribe(&topic.ident()).map_err(|error| setup(error.to_string()))?;
    }
    behaviour.with_peer_score(score(), thresholds()).map_err(setup)?;
    Ok(behaviour)
}

/// Peers lose by what they do, never by where they are or by what they do not say: many honest nodes live behind one
/// address, and honest topics are quiet for hours. Nothing can be gained, so nobody saves up for later.
fn score() -> PeerScoreParams {
    let topic = TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: INVALID_WEIGHT,
        invalid_message_deliveries_decay: score_parameter_decay(FORGIVEN_AFTER),
        ..TopicScoreParams::default()
    };
    PeerScoreParams {
        topics: Topic::ALL.map(|of| (of.hash(), topic.clone())).into(),
        ip_colocation_factor_weight: 0.0,
        slow_peer_weight: 0.0,
        behaviour_penalty_weight: -1.0,
        behaviour_penalty_threshold: BROKEN_PROMISES_FREE,
        behaviour_penalty_decay: score_parameter_decay(FORGIVEN_AFTER),
        retain_score: FORGIVEN_AFTER,
        ..PeerScoreParams::default()
    }
}

fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: GOSSIP_THRESHOLD,
        publish_threshold: PUBLISH_THRESHOLD,
        graylist_threshold: GRAYLIST_THRESHOLD,
        ..PeerScoreThresholds::default()
    }
}

/// What it says: the same thing said twice within a minute is heard once, whoever says it.
fn message_id(message: &gossipsub::Message) -> gossipsub::MessageId {
    let mut hasher = Sha256::new();
    // The topic counts: what is refused in one is not taken for heard in the other.
    hasher.update(message.topic.as_str().as_bytes());
    hasher.update([0]);
    hasher.update(&message.data);
    gossipsub::MessageId::from(hasher.finalize().to_vec())
}

/// Who signed it.
fn author(gossip: &Gossip) -> Option<PeerId> {
    match gossip {
        Gossip::Announce(announcement) => Some(announcement.computation.signer()),
        Gossip::Failed(notice) => Some(notice.signer()),
        Gossip::Presence(presence) => Some(presence.signer()),
        Gossip::Completed { .. } => None,
    }
}

impl EventLoop {
    pub(super) fn decode_gossip(
        &mut self,
        forwarder: libp2p::PeerId,
        id: gossipsub::MessageId,
        message: gossipsub::Message,
    ) {
        // What is too short for a signature is not worth a thread's turn.
        let is_hint = message.data.len() < SIGNATURE_BYTES;
        let crowded = !is_hint && self.decoding.len() >= GOSSIP_DECODING_MAX;
        if crowded || !self.may_pass_on(&forwarder, &message) {
            tracing::debug!("too much gossip at once; some is not passed on");
            self.judge(&id, &forwarder, MessageAcceptance::Ignore);
            return;
        }
        let checked = self.checked.clone();
        let decode = move || {
            let decoded = checked.while_decoding(|| Gossip::decode(&message.data));
            let outcome = decoded.map_err(Refused::Frame).and_then(|gossip| {
                if Topic::of(&gossip).hash() == message.topic { Ok(gossip) } else { Err(Refused::WrongTopic) }
            });
            DecodedGossip { id, forwarder, outcome }
        };
        if is_hint {
            self.on_gossip_decoded(Ok(decode()));
        } else {
            self.decoding.spawn_blocking(decode);
        }
    }

    /// Whether a peer may pass on one more, by its quota. Gross excess is its offence.
    fn may_pass_on(&mut self, forwarder: &libp2p::PeerId, message: &gossipsub::Message) -> bool {
        let Some(forwarder) = peer::from_libp2p(forwarder) else { return false };
        let presence = message.topic == Topic::Presence.hash();
        let kind = if presence { Kind::GossipOfPresence } else { Kind::GossipOfComputations };
        let standing = self.book.standing(forwarder, Instant::now());
        match self.quotas.take(kind, forwarder, standing, Load::Light) {
            Allowance::Granted => true,
            Allowance::Exceeded => false,
            Allowance::Gross => {
                self.on_offence(forwarder, "gossip", "far more than its quota");
                false
            }
        }
    }

    pub(super) fn on_gossip_decoded(&mut self, decoded: Result<DecodedGossip, JoinError>) {
        let DecodedGossip { id, forwarder, outcome } = match decoded {
            Ok(decoded) => decoded,
            // The process is ending.
            Err(error) if error.is_cancelled() => return,
            Err(error) => {
                tracing::error!(%error, "decoding gossip failed; please report this");
                return;
            }
        };
        let from = peer::from_libp2p(&forwarder);
        let reason = match outcome {
            // Members do not let strangers in, but one with another list may pass on what they say.
            Ok(gossip) if author(&gossip).is_some_and(|author| !self.gate.admits(&author)) => {
                tracing::debug!("gossip of a stranger is not taken");
                self.judge(&id, &forwarder, MessageAcceptance::Ignore);
                return;
            }
            Ok(gossip) => {
                self.judge(&id, &forwarder, MessageAcceptance::Accept);
                // A hint: what a busy node misses it asks for later.
                if let Some(from) = from {
                    self.outlet.offer(NetworkEvent::Gossip { from, gossip }).ok();
                }
                return;
            }
            Err(Refused::WrongTopic) => "it belongs to another topic".to_owned(),
            Err(Refused::Frame(reason)) => super::messages::describe(&reason),
        };
        self.judge(&id, &forwarder, MessageAcceptance::Reject);
        // Whoever passes on what does not hold has not checked it.
        if let Some(from) = from {
            self.on_offence(from, "gossip", &reason);
        }
    }

    fn judge(&mut self, id: &gossipsub::MessageId, forwarder: &libp2p::PeerId, judgement: MessageAcceptance) {
        // False when gossipsub has forgotten the message: then there is nothing to pass on.
        self.swarm.behaviour_mut().gossipsub.report_message_validation_result(id, forwarder, judgement);
    }
}
