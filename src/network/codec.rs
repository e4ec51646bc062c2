//! How messages cross a stream: each its length in four bytes and the envelope, and one byte back for each; where that
//! byte says so, a message follows it, in the same form. The length's highest bit says that another message follows.
//!
//! The stream's own task decodes, signatures and all, so the event loop meets only messages that hold. One that does
//! not hold reaches the event loop as an error beside the others, because it alone knows who sent it: an error here would
//! be swallowed by the request-response handler.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::futures::{AsyncRead, AsyncWrite};
use libp2p::request_response;
use tokio::sync::{Semaphore, SemaphorePermit};
use zeroize::Zeroizing;

use crate::domain::limits::{
    LARGE_FRAMES_MAX, MESSAGE_BYTES_MAX, MESSAGES_PER_REQUEST_MAX, SMALL_REQUEST_BYTES,
};
use crate::wire::{Checked, CodecError, Message};

pub(super) const PROTOCOL: StreamProtocol = StreamProtocol::new("/formix-p2p/message/2");

/// Of a message's length: another message follows.
const MORE: u32 = 1 << 31;
/// In the place of a verdict: a message follows.
const REPLIED: u8 = 3;

/// What one request carries, on its way out or in.
#[derive(Debug)]
pub(super) enum Frame {
    /// To be written. Shared with the outbox, which offers them again when the peer is busy.
    Outgoing(Vec<Arc<Message>>),
    /// Read: each holds, or does not. Never none.
    Received(Vec<Result<Message, CodecError>>, Size),
}

/// Whether a request is one of many or one of few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// Up to 64 KiB.
    Small,
    /// Above that, up to [`MESSAGE_BYTES_MAX`].
    Large,
}

/// What the receiver did with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is in the receiver's queue.
    Taken,
    /// The queue is full; try again a little later.
    Busy,
    /// It does not hold; trying again is an offence.
    Refused,
}

/// The answer to a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// What became of each message.
    Each(Vec<Verdict>),
    /// The only message was taken, and this is what the receiver has to say to it.
    Replied(Box<Message>),
    /// Read, and the message in it does not hold.
    Garbled(CodecError),
}

/// A large frame of which less than this arrives in [`PROGRESS_WAIT`] is given up: its turn goes to the next one. A link so slow
/// does not bring a frame of more than 160 KiB in time anyway.
const PROGRESS_BYTES: u64 = 32 * 1024;
const PROGRESS_WAIT: Duration = Duration::from_secs(2);

/// Reads and writes frames. The first one stands for the node; its clones, one a connection, share the turns of large frames, and a
/// connection takes one turn at a time, so that nobody waits behind a hundred streams of one peer.
#[derive(Debug)]
pub(super) struct Codec {
    turns: Arc<Semaphore>,
    connection: Option<Arc<Semaphore>>,
    checked: Checked,
    /// How many messages went out on this stream.
    asked: usize,
}

impl Default for Codec {
    fn default() -> Self {
        Self::new(Checked::default())
    }
}

/// Request-response clones it for each connection, and that clone for each stream.
impl Clone for Codec {
    fn clone(&self) -> Self {
        let connection = self.connection.clone().unwrap_or_else(|| Arc::new(Semaphore::new(1)));
        let (turns, checked) = (Arc::clone(&self.turns), self.checked.clone());
        Self { turns, connection: Some(connection), checked, asked: 0 }
    }
}

/// The turn of a large frame.
struct Turn<'a> {
    _connection: Option<SemaphorePermit<'a>>,
    _node: SemaphorePermit<'a>,
}

impl Codec {
    /// Frames of the node that remembers these signatures.
    pub(super) fn new(checked: Checked) -> Self {
        Self { turns: Arc::new(Semaphore::new(LARGE_FRAMES_MAX)), connection: None, checked, asked: 0 }
    }

    async fn read_frame<T: AsyncRead + Unpin + Send>(&self, io: &mut T) -> io::Result<Frame> {
        let mut messages = Vec::new();
        let mut room = SMALL_REQUEST_BYTES;
        loop {
            let mut prefix = [0; 4];
            io.read_exact(&mut prefix).await?;
            let (more, length) = (u32::from_be_bytes(prefix) & MORE != 0, u32::from_be_bytes(prefix) & !MORE);
            let bytes = usize::try_from(length).unwrap_or(usize::MAX);
            let alone = messages.is_empty() && !more;
            let limit = if alone { MESSAGE_BYTES_MAX } else { room };
            if bytes > limit || messages.len() >= MESSAGES_PER_REQUEST_MAX {
                messages.push(Err(CodecError::TooLarge { bytes, limit }));
                return Ok(Frame::Received(messages, Size::Small));
            }
            if bytes > SMALL_REQUEST_BYTES {
                return Ok(Frame::Received(vec![self.read_large(io, bytes).await?], Size::Large));
            }
            let mut envelope = Zeroizing::new(Vec::with_capacity(bytes));
            io.take(length.into()).read_to_end(&mut envelope).await?;
            if envelope.len() < bytes {
                messages.push(Err(cut_short()));
                return Ok(Frame::Received(messages, Size::Small));
            }
            messages.push(self.checked.while_decoding(|| Message::decode(&envelope)));
            room = room.saturating_sub(bytes);
            if !more {
                return Ok(Frame::Received(messages, Size::Small));
            }
        }
    }

    async fn read_large<T: AsyncRead + Unpin + Send>(
        &self,
        io: &mut T,
        bytes: usize,
    ) -> io::Result<Result<Message, CodecError>> {
        // Held until the message is decoded.
        let _turn = self.turn().await?;
        // Memory follows what arrives, not what was announced.
        let mut envelope = Zeroizing::new(Vec::with_capacity(SMALL_REQUEST_BYTES));
        read_while_it_comes(io.take(bytes.try_into().unwrap_or(u64::MAX)), &mut envelope).await?;
        if envelope.len() < bytes {
            return Ok(Err(cut_short()));
        }
        let checked = self.checked.clone();
        let decode = move || checked.while_decoding(|| Message::decode(&envelope));
        tokio::task::spawn_blocking(decode).await.map_err(io::Error::other)
    }
}

impl Codec {
    async fn turn(&self) -> io::Result<Turn<'_>> {
        let connection = match &self.connection {
            Some(connection) => Some(connection.acquire().await.map_err(io::Error::other)?),
            None => None,
        };
        let node = self.turns.acquire().await.map_err(io::Error::other)?;
        Ok(Turn { _connection: connection, _node: node })
    }

    /// The message behind an answer. It is a small one: nothing larger is ever a reply.
    async fn read_reply<T: AsyncRead + Unpin>(&self, io: &mut T) -> io::Result<Answer> {
        let mut prefix = [0; 4];
        io.read_exact(&mut prefix).await?;
        let bytes = usize::try_from(u32::from_be_bytes(prefix)).unwrap_or(usize::MAX);
        if bytes > SMALL_REQUEST_BYTES {
            return Ok(Answer::Garbled(CodecError::TooLarge { bytes, limit: SMALL_REQUEST_BYTES }));
        }
        let mut envelope = Zeroizing::new(vec![0; bytes]);
        io.read_exact(&mut envelope).await?;
        Ok(match self.checked.while_decoding(|| Message::decode(&envelope)) {
            Ok(message) => Answer::Replied(Box::new(message)),
            Err(error) => Answer::Garbled(error),
        })
    }
}

/// Reads to the end, as long as something comes.
async fn read_while_it_comes<T: AsyncRead + Unpin>(mut io: T, bytes: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let before = bytes.len();
        let mut next = (&mut io).take(PROGRESS_BYTES);
        let stalled = |_| io::Error::new(io::ErrorKind::TimedOut, "a large frame does not go on");
        tokio::time::timeout(PROGRESS_WAIT, next.read_to_end(bytes)).await.map_err(stalled)??;
        if bytes.len() == before {
            return Ok(());
        }
    }
}

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    type Request = Frame;
    type Response = Answer;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Frame>
    where
        T: AsyncRead + Unpin + Send,
    {
        self.read_frame(io).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Answer>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut first = [0];
        io.read_exact(&mut first).await?;
        if first == [REPLIED] && self.asked <= 1 {
            return self.read_reply(io).await;
        }
        let mut others = vec![0; self.asked.saturating_sub(1)];
        io.read_exact(&mut others).await?;
        let verdict = |byte: u8| match byte {
            0 => Ok(Verdict::Taken),
            1 => Ok(Verdict::Busy),
            2 => Ok(Verdict::Refused),
            other => Err(io::Error::new(io::ErrorKind::InvalidData, format!("answer {other}"))),
        };
        Ok(Answer::Each(first.into_iter().chain(others).map(verdict).collect::<io::Result<_>>()?))
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, frame: Frame) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        match frame {
            // In one piece: each would be a frame of its own further down.
            Frame::Outgoing(messages) => {
                self.asked = messages.len();
                io.write_all(&joined(&messages)?).await
            }
            Frame::Received(..) => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a frame to send")),
        }
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, answer: Answer) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        match answer {
            Answer::Each(verdicts) => {
                let byte = |verdict| match verdict {
                    Verdict::Taken => 0,
                    Verdict::Busy => 1,
                    Verdict::Refused => 2,
                };
                io.write_all(&verdicts.into_iter().map(byte).collect::<Vec<u8>>()).await
            }
            Answer::Replied(message) => {
                io.write_all(&[&[REPLIED], framed(&message)?.as_slice()].concat()).await
            }
            Answer::Garbled(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "not an answer to send")),
        }
    }
}

/// Messages as they go over a stream, one behind the other.
fn joined(messages: &[Arc<Message>]) -> io::Result<Zeroizing<Vec<u8>>> {
    let Some((last, others)) = messages.split_last() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no message to send"));
    };
    let mut frames = others.iter().map(|message| framed(message)).collect::<io::Result<Vec<_>>>()?;
    for prefix in frames.iter_mut().filter_map(|frame| frame.first_chunk_mut::<4>()) {
        *prefix = (u32::from_be_bytes(*prefix) | MORE).to_be_bytes();
    }
    frames.push(framed(last)?);
    if let [only] = frames.as_mut_slice() {
        return Ok(std::mem::take(only));
    }
    Ok(Zeroizing::new(frames.iter().map(|frame| frame.as_slice()).collect::<Vec<_>>().concat()))
}

fn cut_short() -> CodecError {
    CodecError::Malformed("cut short".to_owned())
}

/// A message as it goes over a stream.
fn framed(message: &Message) -> io::Result<Zeroizing<Vec<u8>>> {
    let too_large = || io::Error::new(io::ErrorKind::InvalidInput, "larger than a message may be");
    message.frame().map(Zeroizing::new).ok_or_else(too_large)
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
