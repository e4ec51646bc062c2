use super::*;

const PEER: PeerId = PeerId::from_public_key([1; 32]);

fn address(port: u16) -> Multiaddr {
    format!("/ip4/10.0.0.1/tcp/{port}").parse().expect("an address")
}

fn numbered(number: usize) -> PeerId {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    PeerId::from_public_key(key)
}

#[test]
fn a_peer_that_is_asked_for_is_dialled_once_its_address_is_known() {
    let (mut book, now) = (Book::default(), Instant::now());
    book.keep(PEER, Interest::Asked, now);
    assert_eq!(book.take_due(now), None);
    book.learn(PEER, [address(1)]);
    assert_eq!(book.take_due(Instant::now()), Some((PEER, vec![address(1)])));
    assert_eq!(book.take_due(Instant::now()), None, "one dial at a time");
}

#[test]
fn a_lost_peer_is_dialled_again_and_ever_more_rarely() {
    let (mut book, mut now) = (Book::default(), Instant::now());
    book.learn(PEER, [address(1)]);
    book.keep(PEER, Interest::Asked, now);
    let mut longest = Duration::ZERO;
    for _ in 0..100 {
        assert!(book.take_due(now).is_some());
        book.on_dial_failed(PEER, now);
        let due = book.next_due().expect("asked for");
        longest = longest.max(due - now);
        now = due;
    }
    assert!(longest > Duration::from_secs(2) && longest <= Duration::from_secs(5), "{longest:?}");
    book.take_due(now);
    book.on_connected(PEER, now);
    now += STEADY_AFTER;
    book.on_disconnected(PEER, now);
    assert!(book.next_due().expect("asked for") - now < Duration::from_secs(1));
}

#[test]
fn a_passing_peer_is_not_dialled_again() {
    let (mut book, now) = (Book::default(), Instant::now());
    book.learn(PEER, [address(1)]);
    book.dial_at(PEER, now);
    assert!(book.take_due(now).is_some());
    book.on_connected(PEER, now);
    book.on_disconnected(PEER, now);
    assert_eq!(book.next_due(), None);
    assert!(book.is_reachable(PEER) && !book.is_connected(PEER));
}

#[test]
fn a_passing_peer_that_cannot_be_reached_is_given_up_soon() {
    let (mut book, mut now) = (Book::default(), Instant::now());
    book.learn(PEER, [address(1)]);
    book.dial_at(PEER, now);
    let mut dials = 0;
    while let Some(due) = book.next_due() {
        now = due;
        assert!(book.take_due(now).is_some());
        assert_eq!(book.on_dial_failed(PEER, now), None);
        dials += 1;
    }
    assert_eq!(dials, PASSING_FAILURES_MAX);
}

#[test]
fn a_heavy_node_that_was_only_found_is_given_up_in_the_end() {
    let (mut book, mut now) = (Book::default(), Instant::now());
    book.learn(PEER, [address(1)]);
    book.on_identified(PEER, Role::Heavy, now);
    let mut dials = 0;
    while let Some(due) = book.next_due() {
        now = due;
        assert!(book.take_due(now).is_some());
        book.on_dial_failed(PEER, now);
        dials += 1;
    }
    assert_eq!(dials, FOUND_FAILURES_MAX);
}

#[test]
fn unused_light_neighbours_beyond_the_limit_are_surplus() {
    let (mut book, now) = (Book::default(), Instant::now());
    for number in 0..LIGHT_NEIGHBOURS_MAX + 3 {
        book.on_connected(numbered(number), now);
        book.on_identified(numbered(number), Role::Light, now);
    }
    assert!(book.surplus(now).is_empty());
    let later = now + UNUSED_AFTER + Duration::from_secs(1);
    book.on_used(numbered(0), later);
    let surplus = book.surplus(later);
    assert_eq!(surplus.len(), 3);
    assert!(!surplus.contains(&numbered(0)));
}

#[test]
fn the_book_is_bounded() {
    let mut book = Book::default();
    for number in 0..PEERS_REMEMBERED_MAX + 10 {
        book.learn(numbered(number), (0..100).map(address));
    }
    assert_eq!(book.peers.len(), PEERS_REMEMBERED_MAX);
    assert!(book.peers.values().all(|entry| entry.addresses.len() == ADDRESSES_PER_PEER_MAX));
}

#[test]
fn a_thousand_ports_of_one_machine_crowd_out_no_other_machine() {
    let (mut book, now) = (Book::default(), Instant::now());
    let told: Multiaddr = "/ip4/10.0.0.7/tcp/8000".parse().unwrap();
    book.learn(numbered(1), [told.clone()]);
    for port in 1..=1_000 {
        book.learn(numbered(1), [format!("/ip4/10.0.0.66/tcp/{port}").parse().unwrap()]);
    }
    book.keep(numbered(1), Interest::Asked, now);
    let (_, addresses) = book.take_due(now).unwrap();
    assert_eq!(addresses.len(), ADDRESSES_PER_PEER_MAX);
    // Dials begin with eight.
    assert_eq!(addresses[1], told);
}

/// A book with as many peers as there may be, each said to be a heavy node somewhere.
fn full_of_lies(now: Instant) -> Book {
    let mut book = Book::default();
    for number in 0..2 * PEERS_REMEMBERED_MAX {
        book.learn(numbered(number + 1_000), [address(1)]);
        book.keep(numbered(number + 1_000), Interest::Found, now);
    }
    book
}

#[test]
fn whoever_invents_heavy_nodes_keeps_no_room_from_those_that_are_asked_for() {
    let now = Instant::now();
    let mut book = full_of_lies(now);
    assert_eq!(book.peers.len(), PEERS_REMEMBERED_MAX);
    for number in 0..100 {
        book.learn(numbered(number), [address(2)]);
        book.keep(numbered(number), Interest::Asked, now);
        assert_eq!(book.standing(numbered(number), now), Standing::Known);
    }
    let mut found = 0;
    let mut asked = 0;
    while let Some((_, addresses)) = book.take_due(now) {
        if addresses == [address(2)] { asked += 1 } else { found += 1 }
    }
    assert_eq!((asked, found), (100, DIALS_ON_HEARSAY_MAX), "dials for the asked do not wait for the others");
    book = full_of_lies(now);
    book.learn(PEER, [address(2)]);
    assert!(book.is_reachable(PEER));
    assert_eq!(book.peers.len(), PEERS_REMEMBERED_MAX);
}

#[test]
fn hearsay_is_followed_slowly_and_messages_at_once() {
    let mut now = Instant::now();
    let mut book = Book::default();
    for number in 0..=2 * DIALS_ON_HEARSAY_MAX {
        book.learn(numbered(number), [address(1)]);
        book.dial_at(numbered(number), now);
    }
    let mut dialled = Vec::new();
    while let Some((peer, _)) = book.take_due(now) {
        dialled.push(peer);
    }
    assert_eq!(dialled.len(), DIALS_ON_HEARSAY_MAX);
    book.learn(PEER, [address(2)]);
    book.dial_for_message(PEER, now);
    assert_eq!(book.take_due(now), Some((PEER, vec![address(2)])));
    dialled.iter().for_each(|peer| book.on_connected(*peer, now));
    now += HEARSAY_WINDOW;
    assert!(book.take_due(now).is_some());
}

/// What cannot be dialled yet is not looked through again at once: with thousands, nothing else had its turn.
#[test]
fn a_crowd_that_waits_is_looked_at_when_there_is_room() {
    let mut now = Instant::now();
    let begun = now;
    let mut book = Book::default();
    let crowd = 3 * DIALS_ON_HEARSAY_MAX + 9;
    for number in 0..crowd {
        book.learn(numbered(number), [address(1)]);
        book.dial_at(numbered(number), now);
    }
    let mut rounds = Vec::new();
    while !book.schedule.is_empty() {
        let dialled: Vec<_> = std::iter::from_fn(|| book.take_due(now)).map(|(peer, _)| peer).collect();
        dialled.iter().for_each(|peer| book.on_connected(*peer, now));
        rounds.push(dialled.len());
        now = book.next_due().unwrap_or(now);
    }
    assert_eq!(rounds, [DIALS_ON_HEARSAY_MAX, DIALS_ON_HEARSAY_MAX, DIALS_ON_HEARSAY_MAX, 9]);
    assert_eq!(now - begun, 3 * HEARSAY_WINDOW);
}

/// Where dials under way are what is lacking, the more wait, the longer.
#[test]
fn the_more_wait_the_later_each_is_looked_at() {
    let now = Instant::now();
    let waits = |crowd: usize| {
        let mut book = Book::default();
        for number in 0..crowd {
            book.learn(numbered(number), [address(1)]);
            book.dial_at(numbered(number), now);
        }
        book.postponed_until(now) - now
    };
    assert_eq!(waits(9), POSTPONED);
    assert_eq!(waits(2 * DIALS_ON_HEARSAY_MAX), 3 * POSTPONED);
    assert_eq!(waits(PEERS_REMEMBERED_MAX), HEARSAY_WINDOW);
}

#[test]
fn a_message_waits_for_no_crowd() {
    let mut now = Instant::now();
    let mut book = Book::default();
    book.learn(PEER, [address(1)]);
    book.keep(PEER, Interest::Found, now);
    assert_eq!(book.take_due(now).unwrap().0, PEER);
    // It could not be reached, and is to be tried again when a crowd is before it.
    book.on_dial_failed(PEER, now);
    now = book.next_due().unwrap();
    for number in 0..DIALS_ON_HEARSAY_MAX {
        book.hearsay.push_back(now);
        book.learn(numbered(number), [address(1)]);
    }
    assert!(book.take_due(now).is_none());
    book.dial_for_message(PEER, now);
    assert_eq!(book.take_due(now).unwrap().0, PEER);
    // After a failure, as any other.
    book.on_dial_failed(PEER, now);
    book.dial_for_message(PEER, now);
    assert!(book.take_due(now).is_none(), "it was not postponed, it has failed");
}

#[test]
fn an_address_where_somebody_else_lives_is_forgotten() {
    let now = Instant::now();
    let mut book = Book::default();
    for (peer, interest) in [(numbered(1), Interest::Found), (numbered(2), Interest::Asked)] {
        book.learn(peer, [address(1)]);
        book.keep(peer, interest, now);
        while let Some((dialled, _)) = book.take_due(now + Duration::from_secs(1)) {
            book.on_dial_failed(dialled, now);
            book.on_wrong_address(dialled, &address(1));
        }
    }
    assert!(!book.is_reachable(numbered(1)));
    assert!(book.is_reachable(numbered(2)), "what the owner has said");
}

#[test]
fn who_came_by_itself_is_a_stranger_until_it_has_proved_itself() {
    let mut now = Instant::now();
    let mut book = Book::default();
    book.on_connected(PEER, now);
    book.on_identified(PEER, Role::Heavy, now);
    assert_eq!(book.standing(PEER, now), Standing::Stranger);
    now += KNOWN_AFTER;
    assert_eq!(book.standing(PEER, now), Standing::Known);
    book.on_disconnected(PEER, now);
    assert_eq!(book.standing(PEER, now), Standing::Known, "a heavy node that was here for a while");
    let dialled = numbered(7);
    book.on_dialled(dialled);
    book.on_connected(dialled, now);
    assert_eq!(book.standing(dialled, now), Standing::Known);
}
