//! How one message crosses a stream: its length in four bytes, the envelope, and one byte back; where that says so, a message
//! follows it, in the same form.
//!
//! The stream's own task decodes, signatures and all, so the event loop meets only messages that hold. A frame that
//! does not hold reaches the event loop as [`Frame::Refused`], because it alone knows who sent it: an error
//! here would be swallowed by the request-response handler.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::futures::{AsyncRead, AsyncWrite};
use libp2p::request_response;
use tokio::sync::{Semaphore, SemaphorePermit};
use zeroize::Zeroizing;

use crate::domain::limits::{LARGE_FRAMES_MAX, MESSAGE_BYTES_MAX};
use crate::wire::{Checked, CodecError, Message};

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
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is in the receiver's queue.
    Taken,
    /// The queue is full; try again a little later.
    Busy,
    /// It does not hold; trying again is an offence.
    Refused,
    /// It was taken, and this is what the receiver has to say to it.
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
        Self { turns, connection: Some(connection), checked }
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
        Self { turns: Arc::new(Semaphore::new(LARGE_FRAMES_MAX)), connection: None, checked }
    }

    async fn read_frame<T: AsyncRead + Unpin + Send>(&self, io: &mut T) -> io::Result<Frame> {
        let mut prefix = [0; 4];
        io.read_exact(&mut prefix).await?;
        let length = u32::from_be_bytes(prefix);
        let announced = usize::try_from(length).unwrap_or(usize::MAX);
        if announced > MESSAGE_BYTES_MAX {
            return Ok(Frame::Refused(CodecError::TooLarge { bytes: announced, limit: MESSAGE_BYTES_MAX }));
        }
        let size = if announced > SMALL_FRAME_BYTES { Size::Large } else { Size::Small };
        // Held until the frame is decoded.
        let _turn = match size {
            Size::Small => None,
            Size::Large => Some(self.turn().await?),
        };
        // Memory follows what arrives, not what was announced.
        let mut bytes = Zeroizing::new(Vec::with_capacity(announced.min(SMALL_FRAME_BYTES)));
        match size {
            Size::Small => drop(io.take(length.into()).read_to_end(&mut bytes).await?),
            Size::Large => read_while_it_comes(io.take(length.into()), &mut bytes).await?,
        }
        if bytes.len() < announced {
            return Ok(Frame::Refused(CodecError::Malformed("cut short".to_owned())));
        }
        let decoded = match size {
            Size::Small => self.checked.while_decoding(|| Message::decode(&bytes)),
            Size::Large => {
                let checked = self.checked.clone();
                let decode = move || checked.while_decoding(|| Message::decode(&bytes));
                tokio::task::spawn_blocking(decode).await.map_err(io::Error::other)?
            }
        };
        Ok(match decoded {
            Ok(message) => Frame::Received(Box::new(message), size),
            Err(error) => Frame::Refused(error),
        })
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
        if bytes > SMALL_FRAME_BYTES {
            return Ok(Answer::Garbled(CodecError::TooLarge { bytes, limit: SMALL_FRAME_BYTES }));
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
        let mut byte = [0];
        io.read_exact(&mut byte).await?;
        match byte {
            [0] => Ok(Answer::Taken),
            [1] => Ok(Answer::Busy),
            [2] => Ok(Answer::Refused),
            [3] => self.read_reply(io).await,
            [other] => Err(io::Error::new(io::ErrorKind::InvalidData, format!("answer {other}"))),
        }
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, frame: Frame) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        match frame {
            // In one piece: each would be a frame of its own further down.
            Frame::Outgoing(message) => io.write_all(&framed(&message)?).await,
            Frame::Received(..) | Frame::Refused(_) => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "not a frame to send"))
            }
        }
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, answer: Answer) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        match answer {
            Answer::Taken => io.write_all(&[0]).await,
            Answer::Busy => io.write_all(&[1]).await,
            Answer::Refused => io.write_all(&[2]).await,
            Answer::Replied(message) => io.write_all(&[&[3], framed(&message)?.as_slice()].concat()).await,
            Answer::Garbled(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "not an answer to send")),
        }
    }
}

/// A message as it goes over a stream.
fn framed(message: &Message) -> io::Result<Zeroizing<Vec<u8>>> {
    let too_large = || io::Error::new(io::ErrorKind::InvalidInput, "larger than a message may be");
    message.frame().map(Zeroizing::new).ok_or_else(too_large)
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
            (framed(&[6, 0xff, 0xff]), "Malformed"),
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
    async fn a_connection_has_one_turn_and_a_frame_that_does_not_go_on_loses_it() {
        let node = Codec::default();
        let (attacker, honest) = (node.clone(), node.clone());
        let large = u32::try_from(SMALL_FRAME_BYTES + 1).expect("fits").to_be_bytes();
        let mut stuck = Vec::new();
        for _ in 0..LARGE_FRAMES_MAX {
            let mut stream = attacker.clone();
            stuck.push(tokio::spawn(async move {
                let mut endless = Cursor::new(large).chain(Never);
                stream.read_request(&PROTOCOL, &mut endless).await.map(drop)
            }));
        }
        tokio::task::yield_now().await;
        assert_eq!(node.turns.available_permits(), LARGE_FRAMES_MAX - 1);
        // What comes is read at once: it is no message, and nobody is waited for.
        let frame = framed(&vec![9; SMALL_FRAME_BYTES + 1]);
        let read = honest.clone().read_request(&PROTOCOL, &mut Cursor::new(frame)).await.expect("read");
        assert!(matches!(read, Frame::Refused(CodecError::Version(9))), "{read:?}");
        let error = stuck.swap_remove(0).await.expect("it ends").expect_err("nothing came");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        for stuck in stuck {
            stuck.abort();
            assert!(stuck.await.is_err_and(|error| error.is_cancelled()));
        }
        assert_eq!(node.turns.available_permits(), LARGE_FRAMES_MAX);
    }

    /// A stream from which nothing more comes.
    struct Never;

    impl AsyncRead for Never {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut [u8],
        ) -> std::task::Poll<io::Result<usize>> {
            std::task::Poll::Pending
        }
    }

    #[tokio::test]
    async fn answers_survive_the_stream() {
        let replied = || Answer::Replied(Box::new(message()));
        for answer in [|| Answer::Taken, || Answer::Busy, || Answer::Refused, replied] {
            let mut stream = Vec::new();
            Codec::default().write_response(&PROTOCOL, &mut stream, answer()).await.expect("written");
            assert_eq!(read_answer(&stream).await.expect("read"), answer());
        }
        for cut_short in [&[][..], &[3], &[3, 0, 0, 0], &[3, 0, 0, 0, 9, 4], &[4]] {
            assert!(read_answer(cut_short).await.is_err(), "{cut_short:?}");
        }
        let too_large = [&[3][..], &(SMALL_FRAME_BYTES as u32 + 1).to_be_bytes()].concat();
        for garbled in [too_large, vec![3, 0, 0, 0, 0], vec![3, 0, 0, 0, 2, 6, 0xff]] {
            let read = read_answer(&garbled).await.expect("read");
            assert!(matches!(read, Answer::Garbled(_)), "{read:?}");
        }
    }

    async fn read_answer(bytes: &[u8]) -> io::Result<Answer> {
        Codec::default().read_response(&PROTOCOL, &mut Cursor::new(bytes)).await
    }
}
