//! A heavy node and a light one are parted from the others for 30 s, at every phase, and come back.

use std::time::{Duration, Instant};

use crate::bridge::Cut;
use crate::machines::{HEAVY, Lan, Light, until};

const FOUND: Duration = Duration::from_secs(30);
const PARTED: Duration = Duration::from_secs(30);
/// How long after healing the result is there.
const HEALED: Duration = Duration::from_secs(15);
/// Who is parted: the last heavy node, and one light node.
const AWAY: [usize; 2] = [2, 5];
const AWAY_HEAVY: usize = 2;
const PROPOSER: usize = HEAVY;
/// Its owner approves while the network is parted.
const ASKED: usize = 6;
const SUM: i64 = 4321;
const PROVEN: [&str; 2] = ["--schema", BOUNDED];
const THRESHOLD: [&str; 4] = ["--schema", BOUNDED, "--threshold", "2"];
const BOUNDED: &str = r#"{"type":"integer","minimum":0,"maximum":5000}"#;
/// How much the node that will be parted may say: little enough to be cut off in the middle, and enough to get there. Where a busy
/// machine is too late, or the words take too long, the scenario is begun anew with the next.
const RATES: [&str; 4] = ["24kbit", "48kbit", "16kbit", "96kbit"];

fn network() -> Option<Lan> {
    let light = [Light::open(1), Light::open(20), Light::open(300), Light::asking(4000)];
    let lan = Lan::start(&light, |_| {})?;
    lan.complete(FOUND);
    Some(lan)
}

/// Lets the network be parted for what is left of 30 s, and puts it together again; gives the moment.
fn heal_after(lan: &Lan, parted: Instant) -> Instant {
    // How long it is parted is the scenario itself; nothing is waited for.
    std::thread::sleep(PARTED.saturating_sub(parted.elapsed()));
    lan.bridge.heal();
    Instant::now()
}

fn part(lan: &Lan, cut: Cut) -> Instant {
    lan.bridge.cut(&AWAY, cut);
    Instant::now()
}

/// Everybody must have the sum within 15 s of healing, or of an announcement after it.
fn all_know(lan: &Lan, id: &str, since: Instant) {
    lan.sums_to(id, SUM, HEALED.saturating_sub(since.elapsed()));
    println!("everybody has the sum {:?} later", since.elapsed());
    for node in lan.nodes() {
        assert!(!node.met_somebody_else(), "{} dialled an address that is not the other's", node.uid());
    }
}

fn approve(lan: &Lan, id: &str) {
    let approved = lan.node(ASKED).run(&["approve", id]);
    assert_eq!(approved.code, 0, "{approved:?}");
}

/// A proposal that cannot reach a heavy node fails and names it; once the network is whole, it comes through.
fn before_the_proposal(cut: Cut) {
    let Some(lan) = network() else { return };
    let parted = part(&lan, cut);
    let refused = lan.node(PROPOSER).propose("30s").unwrap_err();
    assert!(refused.contains("did not answer the proposal"), "{refused}");
    assert!(refused.contains(lan.node(AWAY_HEAVY).uid()), "{refused}");
    let healed = heal_after(&lan, parted);
    // Whoever asks again is told what is missing until nothing is. The deadline is as long as those who answer may take
    // to find the heavy node again.
    let left = || HEALED.saturating_sub(healed.elapsed());
    let id = until(left(), "a proposal is announced", || lan.node(PROPOSER).propose("9s"));
    println!("announced {:?} after healing", healed.elapsed());
    let announced = Instant::now();
    lan.node(ASKED).until_logged(Some(&id), "waits for its owner", FOUND);
    approve(&lan, &id);
    all_know(&lan, &id, announced);
}

/// It is parted while two answers are in, a third is being thought about, and the deadline is after the healing.
fn while_answering(cut: Cut) {
    let Some(lan) = network() else { return };
    let id = lan.node(PROPOSER).propose("42s").unwrap();
    lan.node(ASKED).until_logged(Some(&id), "waits for its owner", FOUND);
    lan.node(PROPOSER).until(&id, FOUND, "an answer is in", |view| view["participants"] != 0);
    let parted = part(&lan, cut);
    approve(&lan, &id);
    let healed = heal_after(&lan, parted);
    all_know(&lan, &id, healed);
}

/// A computation whose answers are in, and whose parted heavy node says so little a second that each of its words
/// is seen before it is heard.
fn answered(sharing: &[&str], rate: &str) -> Option<(Lan, String)> {
    let lan = network()?;
    let id = lan.node(PROPOSER).propose_as("8s", sharing).unwrap();
    lan.node(ASKED).until_logged(Some(&id), "waits for its owner", FOUND);
    approve(&lan, &id);
    for heavy in 0..HEAVY {
        lan.node(heavy).until(&id, FOUND, "every answer is in", |view| view["participants"] == 4);
    }
    lan.bridge.narrow(AWAY_HEAVY, rate);
    Some((lan, id))
}

/// When the heavy node that will be parted logs these words.
fn after_the_deadline(cut: Cut, words: &str, sharing: &[&str]) {
    for rate in RATES {
        let Some((lan, id)) = answered(sharing, rate) else { return };
        // A few bytes a second may be too few for so many words.
        if !lan.node(AWAY_HEAVY).logs_within(Some(&id), words, FOUND) {
            continue;
        }
        let parted = part(&lan, cut);
        lan.bridge.narrow(AWAY_HEAVY, "100mbit");
        // Whoever looks for the words in the log may be slower than the words on their way.
        let in_time = lan.nodes().all(|node| node.computation(&id).unwrap()["status"] != "completed");
        if in_time {
            let healed = heal_after(&lan, parted);
            return all_know(&lan, &id, healed);
        }
    }
    panic!("it was parted too late, or said too little, each time");
}

macro_rules! at_every_phase {
    ($($name:ident: $what:expr;)*) => {$(
        #[test]
        #[ignore = "takes a minute: 30 s of partition"]
        fn $name() {
            $what;
        }
    )*};
}

at_every_phase! {
    parted_before_the_proposal: before_the_proposal(Cut::Full);
    parted_one_way_before_the_proposal: before_the_proposal(Cut::OneWay);
    parted_while_answering: while_answering(Cut::Full);
    parted_one_way_while_answering: while_answering(Cut::OneWay);
    parted_at_the_close: after_the_deadline(Cut::Full, "closed with", &[]);
    parted_one_way_at_the_close: after_the_deadline(Cut::OneWay, "closed with", &[]);
    parted_during_agreement: after_the_deadline(Cut::Full, "frozen:", &[]);
    parted_one_way_during_agreement: after_the_deadline(Cut::OneWay, "frozen:", &[]);
    parted_at_the_vote: after_the_deadline(Cut::Full, "voted for", &[]);
    parted_one_way_at_the_vote: after_the_deadline(Cut::OneWay, "voted for", &[]);
    parted_at_the_opening: after_the_deadline(Cut::Full, "opened its", &[]);
    parted_one_way_at_the_opening: after_the_deadline(Cut::OneWay, "opened its", &[]);
    parted_while_it_verifies: after_the_deadline(Cut::Full, "frozen:", &PROVEN);
    parted_one_way_while_it_verifies: after_the_deadline(Cut::OneWay, "frozen:", &PROVEN);
    parted_where_two_of_three_suffice: after_the_deadline(Cut::Full, "closed with", &THRESHOLD);
}
