//! How one message crosses a stream: its length in four bytes, the envelope, and one byte back.
//!
//! The stream's own task decodes, signatures and all, so the event loop meets only messages that hold. A frame that
//! does not hold reaches the event loop as [`Frame::Refused`], because it alone knows who sent it: an error
//! here would be swallowed by the request-response handler.

use std::io;
use std::sync::Arc;

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::futures::{AsyncRead, AsyncWrite};
use libp2p::request_response;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::domain::limits::{LARGE_FRAMES_MAX, MESSAGE_BYTES_MAX};
use crate::wire::{CodecError, Message};

pub(super) const PROTOCOL: StreamProtocol = StreamProtocol::new("/formix-p2p/message/1");

/// Frames up to this size are read and decoded at once; larger ones take turns, and are decoded on a thread of
/// their own: a list of a hundred thousand entries takes seconds.
const SMALL_FRAME_BYTES: usize = 64 * 1024;

/// One message, on its way out or in.
#[derive(Debug)]
pub(super) enum Frame {
    /// To be written. Shared with the outbox, which offers it again when the peer is busy.
    Outgoing(Arc<Message>),
    /// Read, and it holds.
    Received(Box<Message>, Size),
    /// Read, and it does not.
    Refused(CodecError),
}

/// Whether a message is one of many or one of few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// Up to 64 KiB.
    Small,
    /// Above that, up to [`MESSAGE_BYTES_MAX`].
    Large,
}

/// What the receiver did with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is in the receiver's queue.
    Taken,
    /// The queue is full; try again a little later.
    Busy,
    /// It does not hold; trying again is an offence.
    Refused,
}

/// Reads and writes frames. Clones share the turns of large frames.
#[derive(Clone, Debug)]
pub(super) struct Codec {
    large_frames: Arc<Semaphore>,
}

impl Default for Codec {
    fn default() -> Self {
        Self { large_frames: Arc::new(Semaphore::new(LARGE_FRAMES_MAX)) }
    }
}

impl Codec {
    async fn read_frame<T: AsyncRead + Unpin + Send>(&self, io: &mut T) -> io::Result<Frame> {
        let mut prefix = [0; 4];
        io.read_exact(&mut prefix).await?;
        let length = u32::from_be_bytes(prefix);
        let announced = usize::try_from(length).unwrap_or(usize::MAX);
        if announced > MESSAGE_BYTES_MAX {
            return Ok(Frame::Refused(CodecError::TooLarge { bytes: announced, limit: MESSAGE_BYTES_MAX }));
        }
        let size = if announced > SMALL_FRAME_BYTES { Size::Large } else { Size::Small };
        // Held until the frame is decoded. The request's time limit frees the turn of one that never ends.
        let _turn = match size {
            Size::Small => None,
            Size::Large => Some(self.large_frames.acquire().await.map_err(io::Error::other)?),
        };
        // Memory follows what arrives, not what was announced.
        let mut bytes = Zeroizing::new(Vec::with_capacity(announced.min(SMALL_FRAME_BYTES)));
        io.take(length.into()).read_to_end(&mut bytes).await?;
        if bytes.len() < announced {
            return Ok(Frame::Refused(CodecError::Malformed("cut short".to_owned())));
        }
        let decoded = match size {
            Size::Small => Message::decode(&bytes),
            Size::Large => {
                tokio::task::spawn_blocking(move || Message::decode(&bytes)).await.map_err(io::Error::other)?
            }
        };
        Ok(match decoded {
            Ok(message) => Frame::Received(Box::new(message), size),
            Err(error) => Frame::Refused(error),
        })
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
        let mut byte = [0];
        io.read_exact(&mut byte).await?;
        match byte {
            [0] => Ok(Answer::Taken),
            [1] => Ok(Answer::Busy),
            [2] => Ok(Answer::Refused),
            [other] => Err(io::Error::new(io::ErrorKind::InvalidData, format!("answer {other}"))),
        }
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, frame: Frame) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let bytes = match frame {
            Frame::Outgoing(message) => Zeroizing::new(message.encode()),
            Frame::Received(..) | Frame::Refused(_) => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a frame to send"));
            }
        };
        let length = u32::try_from(bytes.len())
            .ok()
            .filter(|_| bytes.len() <= MESSAGE_BYTES_MAX)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "larger than a message may be"))?;
        io.write_all(&length.to_be_bytes()).await?;
        io.write_all(&bytes).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, answer: Answer) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let byte = match answer {
            Answer::Taken => 0,
            Answer::Busy => 1,
            Answer::Refused => 2,
        };
        io.write_all(&[byte]).await
    }
}

#[cfg(test)]
mod tests {
    use libp2p::futures::io::Cursor;
    use libp2p::request_response::Codec as _;

    use super::*;
    use crate::domain::Timestamp;

    fn message() -> Message {
        Message::Ask { clock: Timestamp::from_millis(7) }
    }

    async fn read(bytes: &[u8]) -> io::Result<Frame> {
        Codec::default().read_request(&PROTOCOL, &mut Cursor::new(bytes)).await
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).expect("short");
        [&length.to_be_bytes(), body].concat()
    }

    #[tokio::test]
    async fn a_message_survives_the_stream() {
        let mut stream = Vec::new();
        let frame = Frame::Outgoing(Arc::new(message()));
        Codec::default().write_request(&PROTOCOL, &mut stream, frame).await.expect("written");
        assert_eq!(stream, framed(&message().encode()));
        match read(&stream).await.expect("read") {
            Frame::Received(received, Size::Small) => assert_eq!(*received, message()),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn frames_that_do_not_hold_are_refused_by_cause() {
        let too_large = u32::try_from(MESSAGE_BYTES_MAX + 1).expect("fits").to_be_bytes();
        let mut other_version = message().encode();
        other_version[0] = 9;
        for (bytes, cause) in [
            (too_large.to_vec(), "TooLarge"),
            (framed(&other_version), "Version(9)"),
            (framed(&[]), "Empty"),
            (framed(&[3, 0xff, 0xff]), "Malformed"),
            (framed(&[&message().encode()[..], &[0]].concat()), "Malformed"),
            ([&100_u32.to_be_bytes()[..], &[1, 2, 3]].concat(), "cut short"),
        ] {
            match read(&bytes).await.expect("read") {
                Frame::Refused(error) => {
                    assert!(format!("{error:?}").contains(cause), "{error:?}, not {cause}")
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(read(&[0, 0]).await.is_err());
    }

    #[tokio::test]
    async fn answers_survive_the_stream() {
        for answer in [Answer::Taken, Answer::Busy, Answer::Refused] {
            let mut stream = Vec::new();
            Codec::default().write_response(&PROTOCOL, &mut stream, answer).await.expect("written");
            let mut stream = Cursor::new(stream);
            let read = Codec::default().read_response(&PROTOCOL, &mut stream).await.expect("read");
            assert_eq!(read, answer);
        }
        assert!(Codec::default().read_response(&PROTOCOL, &mut Cursor::new([3])).await.is_err());
    }
}
