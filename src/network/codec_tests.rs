use libp2p::futures::io::Cursor;
use libp2p::request_response::Codec as _;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

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
    let frame = Frame::Outgoing(vec![Arc::new(message())]);
    Codec::default().write_request(&PROTOCOL, &mut stream, frame).await.expect("written");
    assert_eq!(stream, framed(&message().encode()));
    match read(&stream).await.expect("read") {
        Frame::Received(received, Size::Small) => assert_eq!(received, [Ok(message())]),
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
        (framed(&[7, 0xff, 0xff]), "Malformed"),
        (framed(&[&message().encode()[..], &[0]].concat()), "Malformed"),
        ([&100_u32.to_be_bytes()[..], &[1, 2, 3]].concat(), "cut short"),
    ] {
        match received(&bytes).await.0.as_slice() {
            [Err(error)] => assert!(format!("{error:?}").contains(cause), "{error:?}, not {cause}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(read(&[0, 0]).await.is_err());
}

#[tokio::test]
async fn a_connection_has_one_turn_and_a_frame_that_does_not_go_on_loses_it() {
    let node = Codec::default();
    let (attacker, honest) = (node.clone(), node.clone());
    let large = u32::try_from(SMALL_REQUEST_BYTES + 1).expect("fits").to_be_bytes();
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
    let frame = framed(&vec![9; SMALL_REQUEST_BYTES + 1]);
    let read = honest.clone().read_request(&PROTOCOL, &mut Cursor::new(frame)).await.expect("read");
    let Frame::Received(read, Size::Large) = read else { panic!("{read:?}") };
    assert_eq!(read, [Err(CodecError::Version(9))]);
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
    let each = [Verdict::Taken, Verdict::Busy, Verdict::Refused];
    let alone = each.map(|verdict| (1, Answer::Each(vec![verdict])));
    let others = [(3, Answer::Each(each.to_vec())), (1, Answer::Replied(Box::new(message())))];
    for (asked, answer) in alone.into_iter().chain(others) {
        let (mut stream, expected) = (Vec::new(), format!("{answer:?}"));
        Codec::default().write_response(&PROTOCOL, &mut stream, answer).await.expect("written");
        assert_eq!(format!("{:?}", read_answer(asked, &stream).await.expect("read")), expected);
    }
    for cut_short in [&[][..], &[3], &[3, 0, 0, 0], &[3, 0, 0, 0, 9, 4], &[4]] {
        assert!(read_answer(1, cut_short).await.is_err(), "{cut_short:?}");
    }
    for of_three in [&[0, 0][..], &[0, 3, 0], &[3, 0, 0]] {
        assert!(read_answer(3, of_three).await.is_err(), "{of_three:?}");
    }
    let too_large = [&[3][..], &(SMALL_REQUEST_BYTES as u32 + 1).to_be_bytes()].concat();
    for garbled in [too_large, vec![3, 0, 0, 0, 0], vec![3, 0, 0, 0, 2, 7, 0xff]] {
        let read = read_answer(1, &garbled).await.expect("read");
        assert!(matches!(read, Answer::Garbled(_)), "{read:?}");
    }
}

async fn read_answer(asked: usize, bytes: &[u8]) -> io::Result<Answer> {
    let mut codec = Codec { asked, ..Codec::default() };
    codec.read_response(&PROTOCOL, &mut Cursor::new(bytes)).await
}

fn numbered(number: u64) -> Message {
    Message::Ask { clock: Timestamp::from_millis(number) }
}

async fn received(bytes: &[u8]) -> (Vec<Result<Message, CodecError>>, Size) {
    match read(bytes).await.expect("read") {
        Frame::Received(messages, size) => (messages, size),
        Frame::Outgoing(_) => panic!("nothing was to be sent"),
    }
}

#[tokio::test]
async fn several_messages_share_a_request_and_one_that_does_not_hold_takes_no_other_along() {
    let (mut stream, numbers) = (Vec::new(), [1, 2, 3]);
    let several = numbers.map(|number| Arc::new(numbered(number)));
    let mut codec = Codec::default();
    codec.write_request(&PROTOCOL, &mut stream, Frame::Outgoing(several.to_vec())).await.expect("written");
    assert_eq!(codec.asked, 3);
    assert_eq!(received(&stream).await, (numbers.map(|number| Ok(numbered(number))).to_vec(), Size::Small));
    // The version of the second one.
    let second = framed(&numbered(1).encode()).len() + 4;
    stream[second] = 9;
    let (read, _) = received(&stream).await;
    assert_eq!(read, [Ok(numbered(1)), Err(CodecError::Version(9)), Ok(numbered(3))]);
}

#[tokio::test]
async fn a_request_of_several_is_small_in_number_and_in_bytes() {
    let more = |body: &[u8]| {
        let mut frame = framed(body);
        frame[0] |= 0x80;
        frame
    };
    let good = numbered(1).encode();
    let many = |count: usize| [more(&good).repeat(count - 1), framed(&good)].concat();
    let (read, _) = received(&many(MESSAGES_PER_REQUEST_MAX)).await;
    assert!(read.len() == MESSAGES_PER_REQUEST_MAX && read.iter().all(Result::is_ok), "{read:?}");
    let (read, _) = received(&many(MESSAGES_PER_REQUEST_MAX + 1)).await;
    assert!(matches!(read.last(), Some(Err(CodecError::TooLarge { .. }))), "{read:?}");
    // Together they are larger than small; each alone is not. The one that does not fit is not read.
    let half = vec![9; SMALL_REQUEST_BYTES / 2 + 1];
    let (read, _) = received(&[more(&half), framed(&half)].concat()).await;
    let limit = SMALL_REQUEST_BYTES - half.len();
    assert_eq!(read[1], Err(CodecError::TooLarge { bytes: half.len(), limit }));
    // A large one has its request to itself: last or first.
    let large = vec![9; SMALL_REQUEST_BYTES + 1];
    for bytes in [[more(&good), framed(&large)].concat(), [more(&large), framed(&good)].concat()] {
        let (read, size) = received(&bytes).await;
        assert!(matches!(read.last(), Some(Err(CodecError::TooLarge { .. }))) && size == Size::Small);
    }
    let (read, _) = received(&more(&good)[..6]).await;
    assert!(matches!(read.as_slice(), [Err(CodecError::Malformed(_))]), "{read:?}");
    // What was announced behind it does not come.
    assert!(Codec::default().read_frame(&mut Cursor::new(more(&good))).await.is_err());
}

/// What a reader that has all bytes at hand makes of a request; nothing where the stream ends within a length.
fn by_hand(bytes: &[u8]) -> Option<(Vec<Option<Message>>, Size)> {
    let (mut at, mut found) = (0, Vec::new());
    loop {
        let prefix = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().expect("four bytes"));
        let (more, length) = (prefix >= MORE, (prefix % MORE) as usize);
        // Of several, all but the lengths count.
        let used = at - 4 * found.len();
        let limit = if found.is_empty() && !more { MESSAGE_BYTES_MAX } else { SMALL_REQUEST_BYTES - used };
        if length > limit || found.len() == MESSAGES_PER_REQUEST_MAX {
            found.push(None);
            return Some((found, Size::Small));
        }
        let body = bytes.get(at + 4..at + 4 + length);
        found.push(body.and_then(|body| Message::decode(body).ok()));
        if body.is_none() || !more {
            return Some((found, if length > SMALL_REQUEST_BYTES { Size::Large } else { Size::Small }));
        }
        at += 4 + length;
    }
}

/// A request of up to twenty messages, some of it changed: lengths above all.
fn spoilt(rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut below = |bound: usize| usize::try_from(rng.next_u64()).expect("64 bits") % bound;
    let count = 1 + below(20);
    let mut bytes = Vec::new();
    let mut lengths_at = Vec::new();
    for number in 1..=count {
        let body = match below(8) {
            0 => vec![7; below(SMALL_REQUEST_BYTES + 10)],
            1 => Vec::new(),
            _ => message().encode().to_vec(),
        };
        let more = if number < count { MORE } else { 0 };
        lengths_at.push(bytes.len());
        bytes.extend((u32::try_from(body.len()).expect("short") | more).to_be_bytes());
        bytes.extend(body);
    }
    for _ in 0..below(4) {
        let at = below(bytes.len().max(1));
        match below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), 0x80),
            2 if at < bytes.len() => bytes[at] ^= 1 << below(8),
            _ => {
                let place = lengths_at[below(lengths_at.len())];
                let limits =
                    [0, 1, SMALL_REQUEST_BYTES, MESSAGE_BYTES_MAX, usize::try_from(MORE).expect("fits")];
                let length = limits[below(limits.len())] + below(3);
                let length = u32::try_from(length).expect("fits").wrapping_sub(1);
                if let Some(prefix) = bytes.get_mut(place..place + 4) {
                    prefix.copy_from_slice(&length.to_be_bytes());
                }
            }
        }
    }
    bytes
}

#[tokio::test]
async fn whatever_comes_is_read_as_by_hand() {
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let (mut cut, mut several, mut large) = (0, 0, 0);
    for number in 0..20_000 {
        let bytes = spoilt(&mut rng);
        match (read(&bytes).await, by_hand(&bytes)) {
            (Err(error), None) => {
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{number}");
                cut += 1;
            }
            (Ok(Frame::Received(found, size)), Some((expected, as_large))) => {
                several += usize::from(found.len() > 1);
                large += usize::from(size == Size::Large);
                let found: Vec<_> = found.into_iter().map(Result::ok).collect();
                assert_eq!((found, size), (expected, as_large), "{number}");
            }
            other => panic!("{number}: {other:?}"),
        }
    }
    assert!(cut > 100 && several > 1_000 && large > 10, "{cut}, {several}, {large}");
}

/// A receiver answers each message with a byte, or the only one with a message; anything else is an error, and no panic.
#[tokio::test]
async fn whatever_is_answered_is_so_many_verdicts_or_an_error() {
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    for _ in 0..20_000 {
        let asked = 1 + usize::try_from(rng.next_u64() % 17).expect("fits");
        let mut bytes = vec![0; usize::try_from(rng.next_u64() % 24).expect("fits")];
        bytes.fill_with(|| u8::try_from(rng.next_u64() % 5).expect("fits"));
        let mut codec = Codec { asked, ..Codec::default() };
        let answer = codec.read_response(&PROTOCOL, &mut Cursor::new(&bytes)).await;
        match answer {
            Ok(Answer::Each(verdicts)) => assert_eq!(verdicts.len(), asked, "{bytes:?}"),
            Ok(Answer::Replied(_) | Answer::Garbled(_)) => assert_eq!((asked, bytes[0]), (1, REPLIED)),
            Err(_) => assert!(bytes.len() < asked.max(5) || bytes[..asked].iter().any(|byte| *byte > 2)),
        }
    }
}
