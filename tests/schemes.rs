//! Every sharing scheme from the outside: what is promised before a question is sent is what comes, with real processes, and
//! with heavy nodes that are killed and never come back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod lab;

use std::time::{Duration, Instant};

use lab::{Lab, Ran};
use serde_json::Value;

const BOUNDED: [&str; 2] = ["--schema", r#"{"type":"number","minimum":-10,"maximum":100,"multipleOf":0.5}"#];
const VALUES: [&str; 4] = ["10", "-7.5", "99.5", "20"];
/// Of [`VALUES`].
const SUM: u64 = 122;
/// A result under a threshold comes this soon after the deadline, whoever is gone.
const AFTER_DEADLINE_MAX: Duration = Duration::from_secs(10);

/// So many heavy nodes, and a light one for each of [`VALUES`]. Their UIDs, heavy nodes first.
fn network(lab: &Lab, heavy: usize) -> Vec<String> {
    let mut uids: Vec<String> = Vec::new();
    let mut bootstrap: Vec<String> = Vec::new();
    let mut start = |role: &[&str]| {
        let known: Vec<_> = bootstrap.iter().flat_map(|address| ["--bootstrap", address.as_str()]).collect();
        let listen = ["--new", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
        let node = lab.start(&[&["--role"], role, &listen[..], &known].concat());
        uids.push(node["uid"].as_str().unwrap().to_owned());
        if bootstrap.len() < 2 {
            bootstrap.push(node["addresses"][0].as_str().unwrap().to_owned());
        }
    };
    for _ in 0..heavy {
        start(&["heavy"]);
    }
    for value in VALUES {
        start(&["light", "--policy", "open", "--data", &format!("n={value}")]);
    }
    // Who asks must reach every heavy node; the last one to come must have been heard of.
    for uid in [&uids[heavy], uids.last().unwrap()] {
        lab.wait_for_view(uid, heavy, VALUES.len());
    }
    uids
}

fn ask(lab: &Lab, node: &str, statistic: &str, more: &[&str]) -> Ran {
    let question =
        ["propose", "--prompt", "How many?", "--field", "n", "--statistic", statistic, "--node", node];
    let ran = lab.json(&[&question[..], more].concat());
    ran.data();
    ran
}

fn text<'a>(data: &'a Value, key: &str) -> &'a str {
    data[key].as_str().unwrap()
}

/// Waits until every participant has answered and these heavy nodes hold every report.
fn all_answered(lab: &Lab, light: &[String], heavy: &[String], id: &str) {
    for uid in light {
        lab.wait_for(uid, id, "everybody has answered", |view| view["own_answer"] == "answered");
    }
    for uid in heavy {
        lab.wait_for(uid, id, "the heavy nodes hold every report", |view| view["participants"] == VALUES.len());
    }
}

/// Every one of these nodes reads the exact sum.
fn read_the_sum(lab: &Lab, uids: &[String], id: &str) {
    for uid in uids {
        lab.until("the node knows of it", || lab.computation(uid, id).is_some());
        let result = lab.json(&["result", id, "--wait", "--node", uid]).data();
        assert_eq!((&result["sum"], &result["participants"]), (&SUM.into(), &VALUES.len().into()), "{uid}");
    }
}

#[test]
fn inputs_are_proven_where_the_schema_has_bounds() {
    let lab = Lab::new();
    let uids = network(&lab, 3);
    let more = [&BOUNDED[..], &["--deadline", "3s", "--wait"]].concat();
    let ran = ask(&lab, &uids[3], "mean", &more);
    let promised = "private against any 2 of 3 heavy nodes · all 3 must come back (restarts are fine) · inputs proven \
                    in range · at most 10000 records a participant\n";
    assert!(ran.stderr.contains(promised), "{ran:?}");
    let data = ran.data();
    assert_eq!((text(&data, "status"), text(&data, "sharing")), ("completed", "prio3"));
    assert_eq!(
        (&data["threshold"], &data["proven"], &data["noise"]),
        (&Value::Null, &true.into(), &Value::Null)
    );
    assert_eq!((&data["private_against"], &data["survives"]), (&2.into(), &0.into()));
    assert_eq!(
        (&data["unverified"], &data["checked"], &data["liars"]),
        (&0.into(), &Value::Null, &Vec::<u8>::new().into())
    );
    assert_eq!((data["signed_by"].as_array().unwrap().len(), &data["samples"]), (3, &4.into()));
    let id = text(&data, "id");
    for uid in &uids {
        let result = lab.json(&["result", id, "--wait", "--node", uid]).data();
        assert_eq!((&result["mean"], &result["sum"]), (&serde_json::json!(30.5), &SUM.into()), "{uid}");
    }
    let told = lab.run(&["result", id, "--node", &uids[4]]).stdout;
    assert!(told.contains("2 of 3 heavy nodes · inputs proven in range\n"), "{told}");
    assert!(told.contains("certificate signed by 3 of 3"), "{told}");
    let file = lab.home().join("certificate.json");
    lab.json(&["certificate", id, "--out", file.to_str().unwrap(), "--node", &uids[0]]).data();
    let verified = lab.json(&["verify", file.to_str().unwrap()]).data();
    assert_eq!((&verified["valid"], &verified["proven"]), (&true.into(), &true.into()));
    assert_eq!(verified["result"]["sum"], SUM);
}

#[test]
fn a_count_is_proven_without_a_schema() {
    let lab = Lab::new();
    let uids = network(&lab, 3);
    let data = ask(&lab, &uids[3], "count", &["--deadline", "3s", "--wait"]).data();
    assert_eq!((text(&data, "sharing"), &data["result"]["count"]), ("prio3", &4.into()));
}

#[test]
fn a_proven_sum_survives_a_restart_of_every_heavy_node() {
    let lab = Lab::new();
    let uids = network(&lab, 3);
    let data = ask(&lab, &uids[3], "sum", &[&BOUNDED[..], &["--deadline", "8s"]].concat()).data();
    let id = text(&data, "id");
    all_answered(&lab, &uids[3..], &uids[..3], id);
    for uid in &uids[..3] {
        lab.kill(uid);
    }
    for uid in &uids[..3] {
        lab.json(&["start", uid, "--detach"]).data();
    }
    read_the_sum(&lab, &uids, id);
}

#[test]
fn under_a_threshold_a_heavy_node_may_be_killed_for_good() {
    let lab = Lab::new();
    let uids = network(&lab, 3);
    let deadline = Duration::from_secs(5);
    let more = [&BOUNDED[..], &["--threshold", "2", "--deadline", "5s"]].concat();
    let ran = ask(&lab, &uids[3], "sum", &more);
    let announced = Instant::now();
    let promised = "private against any 1 of 3 heavy nodes · 1 may vanish for good · inputs proven in range · lying \
                    heavy nodes on a split network could single out a value (t + 2f > n − 1) · at most";
    assert!(ran.stderr.contains(promised), "{ran:?}");
    let data = ran.data();
    let id = text(&data, "id");
    assert_eq!(
        (text(&data, "sharing"), &data["threshold"], &data["survives"]),
        ("threshold", &2.into(), &1.into())
    );
    lab.kill(&uids[1]);
    let result = lab.json(&["result", id, "--wait", "--node", &uids[3]]).data();
    let took = announced.elapsed();
    assert!(took < deadline + AFTER_DEADLINE_MAX, "{took:?}");
    assert_eq!((&result["sum"], &result["participants"]), (&SUM.into(), &4.into()));
    let left: Vec<_> = uids.iter().filter(|uid| **uid != uids[1]).cloned().collect();
    read_the_sum(&lab, &left, id);
    let view = lab.json(&["status", id, "--node", &uids[3]]).data();
    let signed: Vec<_> =
        view["signed_by"].as_array().unwrap().iter().map(|uid| uid.as_str().unwrap()).collect();
    assert!(signed.len() == 2 && !signed.contains(&uids[1].as_str()), "{view}");
    let told = lab.run(&["result", id, "--node", &uids[3]]).stdout;
    assert!(told.contains("any 1 of 3 heavy nodes") && told.contains("signed by 2 of 3"), "{told}");
    // Who comes back later reads it too.
    lab.json(&["start", &uids[1], "--detach"]).data();
    read_the_sum(&lab, &uids[1..2], id);
}

#[test]
fn two_of_five_heavy_nodes_are_killed_at_different_moments() {
    let lab = Lab::new();
    let uids = network(&lab, 5);
    let ran = ask(&lab, &uids[5], "sum", &[&BOUNDED[..], &["--survives", "2", "--deadline", "6s"]].concat());
    let announced = Instant::now();
    let data = ran.data();
    let id = text(&data, "id");
    assert_eq!((&data["threshold"], data["heavy_nodes"].as_array().unwrap().len()), (&3.into(), 5));
    assert_eq!((&data["private_against"], &data["survives"]), (&2.into(), &2.into()));
    all_answered(&lab, &uids[5..], &uids[..5], id);
    lab.kill(&uids[1]);
    lab.wait_for(&uids[3], id, "the deadline has passed", |view| view["status"] != "pending");
    lab.kill(&uids[3]);
    let result = lab.json(&["result", id, "--wait", "--node", &uids[5]]).data();
    let took = announced.elapsed();
    assert!(took < Duration::from_secs(6) + AFTER_DEADLINE_MAX, "{took:?}");
    assert_eq!((&result["sum"], &result["participants"]), (&SUM.into(), &4.into()));
    let left: Vec<_> = [0, 2, 4, 5, 6, 7, 8].iter().map(|at: &usize| uids[*at].clone()).collect();
    read_the_sum(&lab, &left, id);
    let view = lab.json(&["status", id, "--node", &uids[5]]).data();
    assert!(view["signed_by"].as_array().unwrap().len() >= 3, "{view}");
    assert_eq!(view["liars"], Value::Array(Vec::new()));
}

/// A noisy sum is near the exact one, alike at every node, and says how noisy it is.
#[track_caller]
fn noise_is_added_and_said(sharing: &[&str]) {
    let lab = Lab::new();
    let uids = network(&lab, 3);
    let noisy = ["--epsilon", "0.5", "--deadline", "3s", "--wait"];
    let ran = ask(&lab, &uids[3], "sum", &[&BOUNDED[..], &noisy, sharing].concat());
    assert!(ran.stderr.contains(" · noise: ε = 0.5, standard deviation 539 (holds against "), "{ran:?}");
    let data = ran.data();
    let noise = &data["result"]["noise"];
    assert_eq!((text(noise, "mechanism"), noise["epsilon"].as_f64()), ("discrete-laplace", Some(0.5)));
    assert_eq!(
        (&data["noise"]["mechanism"], &data["noise"]["epsilon"]),
        (&noise["mechanism"], &noise["epsilon"])
    );
    // Beyond 20 standard deviations of three summed noises lies less than one run in 10^10.
    let deviation = noise["standard_deviation"].as_f64().unwrap();
    let off = (data["result"]["sum"].as_f64().unwrap() - 122.0).abs();
    assert!(deviation > 0.0 && off < 20.0 * deviation, "{data}");
    let id = text(&data, "id");
    for uid in &uids {
        let result = lab.json(&["result", id, "--wait", "--node", uid]).data();
        assert_eq!(result["sum"], data["result"]["sum"], "{uid}");
    }
    let told = lab.run(&["result", id, "--node", &uids[3]]).stdout;
    assert!(told.contains(" ± 539 (noise, ε = 0.5)"), "{told}");
}

#[test]
fn noise_under_prio3() {
    noise_is_added_and_said(&[]);
}

#[test]
fn noise_under_a_threshold() {
    noise_is_added_and_said(&["--threshold", "2"]);
}

#[test]
fn noise_under_additive_sharing() {
    noise_is_added_and_said(&["--modulus-bits", "64"]);
}

#[test]
fn without_bounds_nothing_is_proven_and_that_is_said() {
    let lab = Lab::new();
    let uids = network(&lab, 3);
    let decimals = ["--schema", r#"{"type":"number","multipleOf":0.5}"#, "--deadline", "3s", "--wait"];
    let ran = ask(&lab, &uids[3], "sum", &decimals);
    for said in ["inputs not proven (additive)", "modulo 2^64", "add bounds such as --schema"] {
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
    let data = ran.data();
    assert_eq!(
        (text(&data, "sharing"), &data["proven"], &data["unverified"]),
        ("additive", &false.into(), &0.into())
    );
    assert_eq!(data["result"]["sum"], SUM);
    let told = lab.run(&["status", text(&data, "id"), "--node", &uids[3]]).stdout;
    assert!(told.contains("additive, 3 of 3: inputs not proven"), "{told}");
}

#[test]
fn the_demo_runs_under_every_scheme() {
    let lab = Lab::new();
    for (sharing, last) in [
        (&[][..], "Together, modulo 2^64 − 2^32 + 1, they are the result."),
        (&["--sharing", "threshold"], "any 2 of them give the result."),
        (&["--sharing", "additive"], "Together, modulo 2^64, they are the result."),
    ] {
        let ran = lab.run(&[&["demo"], sharing].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(
            ran.stdout.contains("It equals the plain sum") && ran.stdout.trim_end().ends_with(last),
            "{ran:?}"
        );
        // Inputs that are proven are their own count.
        assert_eq!(ran.stdout.contains("Its Part Of The Records"), sharing.contains(&"additive"), "{ran:?}");
    }
}
