//! Who counts as there, as lost, and as nobody.

use super::*;
use crate::wire::Identity;

const fn at(secs: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + secs * 1_000)
}

fn identity(number: u8) -> Identity {
    Identity::from_secret_key(&[number; 32])
}

fn presence(number: u8, role: Role, sent_at: Timestamp) -> Presence {
    Presence {
        peer: identity(number).peer(),
        role,
        name: format!("node-{number}"),
        activity: Activity::Active,
        addresses: vec!["/ip4/10.0.0.1/tcp/8000".to_owned()],
        created_at: at(0),
        sent_at,
        lifetime_ms: 60_000,
    }
}

fn signed(presence: Presence, number: u8) -> Signed<Presence> {
    Signed::sign(presence, &identity(number))
}

fn light(number: u8, sent_at: Timestamp) -> Signed<Presence> {
    signed(presence(number, Role::Light, sent_at), number)
}

fn heavy(number: u8, sent_at: Timestamp) -> Signed<Presence> {
    signed(presence(number, Role::Heavy, sent_at), number)
}

fn directory(role: Role) -> Directory {
    Directory::new(identity(1).peer(), role)
}

fn liveness(directory: &Directory, number: u8, now: Timestamp) -> Option<Liveness> {
    let peer = identity(number).peer();
    directory.known(now).find(|known| known.presence.peer == peer).map(|known| known.liveness)
}

#[test]
fn only_a_later_presence_replaces_one() {
    let mut directory = directory(Role::Light);
    assert_eq!(directory.hear(light(2, at(10)), Via::Others, at(10)), Heard::New);
    assert_eq!(directory.hear(light(2, at(10)), Via::Others, at(11)), Heard::Stale);
    assert_eq!(directory.hear(light(2, at(9)), Via::Itself, at(11)), Heard::Stale);
    assert_eq!(directory.hear(light(2, at(12)), Via::Others, at(12)), Heard::Refreshed);
    let busy = Presence { activity: Activity::Processing, ..presence(2, Role::Light, at(13)) };
    assert_eq!(directory.hear(signed(busy, 2), Via::Others, at(13)), Heard::Refreshed);
    assert_eq!(liveness(&directory, 2, at(13)), Some(Liveness::Processing));
    let moved =
        Presence { addresses: vec!["/ip4/10.0.0.9/tcp/1".to_owned()], ..presence(2, Role::Light, at(14)) };
    assert_eq!(directory.hear(signed(moved, 2), Via::Others, at(14)), Heard::Changed);
}

#[test]
fn what_breaks_a_rule_is_refused() {
    let mut directory = directory(Role::Light);
    let skewed = light(2, at(31));
    assert_eq!(directory.hear(skewed, Via::Itself, at(0)), Heard::Refused(Unfit::FromTheFuture));
    let named = |name: String| signed(Presence { name, ..presence(2, Role::Light, at(0)) }, 2);
    assert_eq!(directory.hear(named("x".repeat(33)), Via::Itself, at(0)), Heard::Refused(Unfit::Name));
    assert_eq!(directory.hear(named("\u{1b}[2J".into()), Via::Itself, at(0)), Heard::Refused(Unfit::Name));
    let everywhere = Presence { addresses: vec![String::new(); 17], ..presence(2, Role::Light, at(0)) };
    let everywhere = signed(everywhere, 2);
    assert_eq!(directory.hear(everywhere, Via::Itself, at(0)), Heard::Refused(Unfit::Addresses));
    assert_eq!(directory.known(at(0)).count(), 0);
}

#[test]
fn an_old_presence_cannot_bring_a_dead_node_back() {
    let mut directory = directory(Role::Light);
    assert_eq!(directory.hear(light(2, at(0)), Via::Others, at(91)), Heard::Stale);
    assert_eq!(directory.hear(light(2, at(0)), Via::Itself, at(91)), Heard::New, "its clock is behind");
    assert_eq!(directory.hear(light(1, at(91)), Via::Others, at(91)), Heard::Stale, "our own");
}

#[test]
fn of_a_connected_node_an_old_presence_is_taken_from_anybody_whatever_the_clocks_show() {
    let mut directory = directory(Role::Light);
    directory.connect(identity(2).peer());
    assert_eq!(directory.hear(heavy(2, at(0)), Via::Others, at(259_200)), Heard::New);
    assert_eq!(liveness(&directory, 2, at(259_200)), Some(Liveness::Active));
}

#[test]
fn a_connected_heavy_node_whose_clock_is_ahead_is_remembered_until_it_is_right() {
    let mut directory = directory(Role::Light);
    let peer = identity(2).peer();
    let ahead = |directory: &Directory| directory.heavy_ahead().map(|(peer, ahead)| (peer, ahead.clock)).next();
    directory.hear(heavy(2, at(300)), Via::Itself, at(0));
    assert_eq!(ahead(&directory), None, "it is not connected");
    directory.connect(peer);
    directory.hear(heavy(2, at(301)), Via::Others, at(1));
    assert_eq!(ahead(&directory), Some((peer, at(301))));
    directory.hear(heavy(2, at(2)), Via::Itself, at(2));
    assert_eq!(ahead(&directory), None);
}

#[test]
fn a_node_is_lost_when_its_presence_runs_out_and_forgotten_later() {
    let mut directory = directory(Role::Light);
    directory.hear(light(2, at(0)), Via::Others, at(0));
    assert_eq!(liveness(&directory, 2, at(59)), Some(Liveness::Active));
    assert_eq!(liveness(&directory, 2, at(60)), Some(Liveness::Lost));
    directory.prune(at(659));
    assert_eq!(liveness(&directory, 2, at(659)), Some(Liveness::Lost));
    directory.prune(at(660));
    assert_eq!(liveness(&directory, 2, at(660)), None);
}

#[test]
fn a_connected_node_is_there_however_old_its_presence() {
    let mut directory = directory(Role::Light);
    directory.hear(heavy(2, at(0)), Via::Itself, at(0));
    directory.connect(identity(2).peer());
    directory.prune(at(10_000));
    assert_eq!(liveness(&directory, 2, at(10_000)), Some(Liveness::Active));
}

#[test]
fn a_heavy_node_is_lost_with_its_connection_and_comes_back() {
    let mut directory = directory(Role::Light);
    directory.hear(heavy(2, at(0)), Via::Itself, at(0));
    directory.connect(identity(2).peer());
    assert_eq!(directory.meet(identity(2).peer()), Some(Role::Heavy));
    assert!(directory.disconnect(identity(2).peer(), at(5)));
    assert_eq!(liveness(&directory, 2, at(5)), Some(Liveness::Lost));
    assert_eq!(directory.hear(heavy(2, at(6)), Via::Others, at(6)), Heard::New);
    assert_eq!(liveness(&directory, 2, at(6)), Some(Liveness::Active));
}

#[test]
fn light_nodes_that_part_do_not_lose_each_other_unless_one_leaves() {
    let mut directory = directory(Role::Light);
    let peer = identity(2).peer();
    directory.hear(light(2, at(0)), Via::Itself, at(0));
    directory.connect(peer);
    assert!(!directory.disconnect(peer, at(5)), "the protocol was never told of it");
    assert_eq!(liveness(&directory, 2, at(6)), Some(Liveness::Active));
    directory.connect(peer);
    let leaving = Presence { activity: Activity::Stopping, ..presence(2, Role::Light, at(7)) };
    directory.hear(signed(leaving, 2), Via::Itself, at(7));
    assert_eq!(liveness(&directory, 2, at(7)), Some(Liveness::Stopping));
    directory.disconnect(peer, at(8));
    assert_eq!(liveness(&directory, 2, at(8)), Some(Liveness::Lost));
}

#[test]
fn the_protocol_meets_a_node_once_it_is_connected_and_known() {
    let mut directory = directory(Role::Heavy);
    let peer = identity(2).peer();
    directory.connect(peer);
    assert_eq!(directory.meet(peer), None);
    directory.hear(light(2, at(0)), Via::Itself, at(0));
    assert_eq!(directory.meet(peer), Some(Role::Light));
    assert_eq!(directory.meet(peer), None);
    directory.hear(heavy(2, at(1)), Via::Itself, at(1));
    assert_eq!(directory.meet(peer), Some(Role::Heavy));
    directory.disconnect(peer, at(2));
    directory.connect(peer);
    assert_eq!(directory.meet(peer), Some(Role::Heavy));
}

#[test]
fn a_full_directory_forgets_who_was_silent_longest() {
    let mut directory = directory(Role::Heavy);
    // Filling the map itself spares ten thousand signatures.
    let filler = light(3, at(0));
    for number in 0..u64::try_from(DIRECTORY_MAX).unwrap() {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        let entry =
            Entry { presence: filler.clone(), heard_at: at(number), expires: at(1_000_000), gone_at: None };
        directory.nodes.insert(PeerId::from_public_key(key), entry);
    }
    let (first, second) = ([0; 32], {
        let mut key = [0; 32];
        key[7] = 1;
        key
    });
    directory.connect(PeerId::from_public_key(first));
    directory.hear(light(2, at(20_000)), Via::Others, at(20_000));
    assert_eq!(directory.nodes.len(), DIRECTORY_MAX);
    assert!(directory.nodes.contains_key(&PeerId::from_public_key(first)), "it is connected");
    assert!(!directory.nodes.contains_key(&PeerId::from_public_key(second)));
    assert!(directory.nodes.contains_key(&identity(2).peer()));
}
