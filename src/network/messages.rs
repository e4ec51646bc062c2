//! Messages of peers, on their way to the node, and what became of those that went out.

use libp2p::request_response::{self, OutboundFailure, OutboundRequestId, ResponseChannel};
use tokio::time::Instant;

use super::codec::{Answer, Frame, Size, Verdict};
use super::event_loop::EventLoop;
use super::outlet::NoRoom;
use super::quotas::{Allowance, Kind, Standing};
use super::replies::asked_by;
use super::{NetworkEvent, peer};
use crate::domain::PeerId;
use crate::wire::{CodecError, Message};

impl EventLoop {
    pub(super) fn on_request_response(&mut self, event: request_response::Event<Frame, Answer>) {
        match event {
            request_response::Event::Message { peer, message, .. } => match message {
                request_response::Message::Request { request, channel, .. } => {
                    self.on_request(&peer, request, channel);
                }
                request_response::Message::Response { request_id, response } => {
                    if let Some(peer) = self.on_answer(&peer, request_id, response) {
                        self.pump(peer);
                    }
                }
            },
            request_response::Event::OutboundFailure { request_id, error, .. } => {
                if let Some((peer, parcel)) = self.outbox.on_done(request_id) {
                    for letter in parcel {
                        on_lost(peer, letter.message.kind(), &error);
                    }
                    self.pump(peer);
                }
            }
            // The sender learns that its message may be lost.
            request_response::Event::InboundFailure { .. } | request_response::Event::ResponseSent { .. } => {}
        }
    }

    fn on_request(&mut self, peer_id: &libp2p::PeerId, request: Frame, channel: ResponseChannel<Answer>) {
        // The codec never reads a frame that goes out.
        let Frame::Received(messages, size) = request else { return };
        let from = peer::from_libp2p(peer_id);
        let asked = match (from, messages.as_slice()) {
            (Some(from), [Ok(message)]) => asked_by(from, message),
            _ => None,
        };
        let verdicts = match from {
            Some(from) => self.take_in(from, messages, size),
            None => vec![Verdict::Refused; messages.len()],
        };
        let now = match asked {
            Some(subject) if verdicts == [Verdict::Taken] => {
                self.replies.wait(subject, channel, Instant::now())
            }
            Some(_) | None => Some(channel),
        };
        if let Some(channel) = now {
            // The asker is gone when this fails.
            self.swarm.behaviour_mut().message.send_response(channel, Answer::Each(verdicts)).ok();
        }
    }

    /// What became of a request. Says to whom there may be more to send.
    fn on_answer(
        &mut self,
        peer_id: &libp2p::PeerId,
        request: OutboundRequestId,
        answer: Answer,
    ) -> Option<PeerId> {
        match answer {
            Answer::Each(verdicts) => {
                let (peer, settled) = self.outbox.on_answered(request, &verdicts, Instant::now())?;
                for (letter, verdict) in settled {
                    if verdict == Verdict::Refused {
                        tracing::warn!(?peer, kind = letter.message.kind(), "the peer refuses a message");
                    }
                }
                Some(peer)
            }
            Answer::Replied(message) => {
                if let Some(from) = peer::from_libp2p(peer_id) {
                    // As if it had come by itself; where there is no room for it, it is asked for again.
                    self.take_in(from, vec![Ok(*message)], Size::Small);
                }
                self.outbox.on_done(request).map(|(peer, _)| peer)
            }
            Answer::Garbled(reason) => {
                let (peer, _) = self.outbox.on_done(request)?;
                self.on_offence(peer, "answer", &describe(&reason));
                Some(peer)
            }
        }
    }

    /// Hands what a peer has sent to the node; of one that is known, all that came together as one event, so that it makes one
    /// round.
    fn take_in(
        &mut self,
        from: PeerId,
        messages: Vec<Result<Message, CodecError>>,
        size: Size,
    ) -> Vec<Verdict> {
        let now = Instant::now();
        // How much waits is counted in events: of strangers each message is one.
        let together = self.book.standing(from, now) == Standing::Known;
        let (mut verdicts, mut granted) = (Vec::new(), Vec::new());
        for message in messages {
            let mut verdict = self.verdict_on(from, &message);
            if let Some(message) = message.ok().filter(|_| verdict == Verdict::Taken) {
                self.book.on_used(from, now);
                if together {
                    granted.push(message);
                } else {
                    verdict = self.offer(from, vec![message], size);
                }
            }
            verdicts.push(verdict);
        }
        if !granted.is_empty() && self.offer(from, granted, size) == Verdict::Busy {
            verdicts.iter_mut().filter(|one| **one == Verdict::Taken).for_each(|one| *one = Verdict::Busy);
        }
        verdicts
    }

    fn offer(&mut self, from: PeerId, messages: Vec<Message>, size: Size) -> Verdict {
        let event = NetworkEvent::Messages { from, messages };
        let offered = match size {
            Size::Small => self.outlet.offer(event),
            Size::Large => self.outlet.offer_large(event),
        };
        match offered {
            Ok(()) => Verdict::Taken,
            Err(NoRoom) => Verdict::Busy,
        }
    }

    /// Whether a message holds, and its sender may send it now.
    fn verdict_on(&mut self, from: PeerId, message: &Result<Message, CodecError>) -> Verdict {
        match message {
            Ok(message) => match self.take(Kind::of(message), from) {
                Allowance::Granted => Verdict::Taken,
                Allowance::Exceeded => Verdict::Busy,
                Allowance::Gross => {
                    self.on_offence(from, message.kind(), "far more than its quota");
                    Verdict::Busy
                }
            },
            Err(reason) => {
                self.on_offence(from, "message", &describe(reason));
                Verdict::Refused
            }
        }
    }
}

fn on_lost(peer: PeerId, kind: &'static str, error: &OutboundFailure) {
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
