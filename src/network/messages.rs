//! Messages of peers, on their way to the node, and what became of those that went out.

use libp2p::request_response::{self, OutboundFailure};
use tokio::time::Instant;

use super::codec::{Answer, Frame, Size};
use super::event_loop::EventLoop;
use super::outlet::NoRoom;
use super::quotas::{Allowance, Kind};
use super::replies::asked_by;
use super::{NetworkEvent, peer};
use crate::domain::PeerId;
use crate::wire::CodecError;

impl EventLoop {
    pub(super) fn on_request_response(&mut self, event: request_response::Event<Frame, Answer>) {
        match event {
            request_response::Event::Message { peer: peer_id, message, .. } => match message {
                request_response::Message::Request { request, channel, .. } => {
                    let asked = peer::from_libp2p(&peer_id).and_then(|from| match &request {
                        Frame::Received(message, Size::Small | Size::Large) => asked_by(from, message),
                        Frame::Outgoing(_) | Frame::Refused(_) => None,
                    });
                    let answer = self.on_frame(&peer_id, request);
                    let now = match asked {
                        Some(subject) if answer == Answer::Taken => {
                            self.replies.wait(subject, channel, Instant::now())
                        }
                        Some(_) | None => Some(channel),
                    };
                    if let Some(channel) = now {
                        // The asker is gone when this fails.
                        self.swarm.behaviour_mut().message.send_response(channel, answer).ok();
                    }
                }
                request_response::Message::Response { request_id, response } => {
                    let peer = match response {
                        Answer::Replied(message) => {
                            // As if it had come by itself; where there is no room for it, it is asked for again.
                            self.on_frame(&peer_id, Frame::Received(message, Size::Small));
                            self.outbox.on_done(request_id).map(|(peer, _)| peer)
                        }
                        Answer::Garbled(reason) => self.outbox.on_done(request_id).map(|(peer, _)| {
                            self.on_offence(peer, "answer", &describe(&reason));
                            peer
                        }),
                        Answer::Taken => self.outbox.on_done(request_id).map(|(peer, _)| peer),
                        Answer::Busy => {
                            self.outbox.on_busy(request_id, Instant::now());
                            None
                        }
                        Answer::Refused => self.outbox.on_done(request_id).map(|(peer, letter)| {
                            tracing::warn!(?peer, kind = letter.message.kind(), "the peer refuses a message");
                            peer
                        }),
                    };
                    peer.into_iter().for_each(|peer| self.pump(peer));
                }
            },
            request_response::Event::OutboundFailure { request_id, error, .. } => {
                if let Some((peer, letter)) = self.outbox.on_done(request_id) {
                    self.on_message_lost(peer, letter.message.kind(), &error);
                }
            }
            // The sender learns that its message may be lost.
            request_response::Event::InboundFailure { .. } | request_response::Event::ResponseSent { .. } => {}
        }
    }

    fn on_message_lost(&mut self, peer: PeerId, kind: &'static str, error: &OutboundFailure) {
        match error {
            // The codec's word for what it will not write: a mistake of ours, so it is said aloud.
            OutboundFailure::Io(reason) if reason.kind() == std::io::ErrorKind::InvalidInput => {
                tracing::warn!(?peer, kind, %reason, "a message is lost");
            }
            OutboundFailure::Io(_)
            | OutboundFailure::DialFailure
            | OutboundFailure::Timeout
            | OutboundFailure::ConnectionClosed
            | OutboundFailure::UnsupportedProtocols => {
                tracing::debug!(?peer, kind, %error, "a message may be lost");
            }
        }
        self.pump(peer);
    }

    fn on_frame(&mut self, peer_id: &libp2p::PeerId, frame: Frame) -> Answer {
        let Some(from) = peer::from_libp2p(peer_id) else { return Answer::Refused };
        match frame {
            Frame::Received(message, size) => {
                match self.take(Kind::of(&message), from) {
                    Allowance::Granted => {}
                    Allowance::Exceeded => return Answer::Busy,
                    Allowance::Gross => {
                        self.on_offence(from, message.kind(), "far more than its quota");
                        return Answer::Busy;
                    }
                }
                self.book.on_used(from, Instant::now());
                let event = NetworkEvent::Message { from, message: *message };
                let offered = match size {
                    Size::Small => self.outlet.offer(event),
                    Size::Large => self.outlet.offer_large(event),
                };
                match offered {
                    Ok(()) => Answer::Taken,
                    Err(NoRoom) => Answer::Busy,
                }
            }
            Frame::Refused(reason) => {
                self.on_offence(from, "message", &describe(&reason));
                Answer::Refused
            }
            // The codec never reads one of these.
            Frame::Outgoing(_) => Answer::Refused,
        }
    }
}

/// What is wrong with a frame, without a word of what is in it: a decoder's own words may quote a value.
pub(super) fn describe(error: &CodecError) -> String {
    match error {
        CodecError::Malformed(_) => "malformed, or a signature does not hold".to_owned(),
        CodecError::NotDeterministic
        | CodecError::TooLarge { .. }
        | CodecError::Version(_)
        | CodecError::Empty => error.to_string(),
    }
}
