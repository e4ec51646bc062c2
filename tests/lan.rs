//! Several machines on one: each node in its own network namespace, all on one bridge, so that discovery is by real
//! multicast. It needs root and `ip`; where they are missing each test says that it was not run.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr)]

mod lab;

use std::process::{Command, Stdio};

use lab::Lab;
use serde_json::Value;

/// A bridge in a namespace of its own, with one more namespace a machine: 10.77.0.1 and upwards.
struct Lan {
    name: String,
    machines: Vec<Lab>,
}

fn ip(arguments: &[&str]) -> bool {
    let status = Command::new("ip").args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

impl Lan {
    /// `None`, and a line that says so, where this machine does not allow it.
    fn new(name: &str, machines: usize) -> Option<Self> {
        let name = format!("fx{}{name}", std::process::id() % 100_000);
        let switch = format!("{name}s");
        if !ip(&["netns", "add", &switch]) {
            eprintln!("NOT RUN: network namespaces need root and the `ip` command");
            return None;
        }
        let mut lan = Self { name, machines: Vec::new() };
        let inside = |namespace: &str, arguments: &[&str]| {
            let all = [&["-n", namespace], arguments].concat();
            assert!(ip(&all), "ip {}", all.join(" "));
        };
        inside(&switch, &["link", "add", "br0", "type", "bridge"]);
        inside(&switch, &["link", "set", "br0", "up"]);
        for number in 1..=machines {
            let (machine, port) = (format!("{}{number}", lan.name), format!("p{number}"));
            assert!(ip(&["netns", "add", &machine]));
            lan.machines.push(Lab::in_namespace(&machine));
            inside(&machine, &["link", "add", "eth0", "type", "veth", "peer", "name", &port, "netns", &switch]);
            inside(&switch, &["link", "set", &port, "master", "br0"]);
            inside(&switch, &["link", "set", &port, "up"]);
            inside(&machine, &["addr", "add", &format!("10.77.0.{number}/24"), "dev", "eth0"]);
            inside(&machine, &["link", "set", "eth0", "up"]);
            inside(&machine, &["link", "set", "lo", "up"]);
        }
        Some(lan)
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        let count = self.machines.len();
        self.machines.clear();
        for number in 1..=count {
            ip(&["netns", "del", &format!("{}{number}", self.name)]);
        }
        ip(&["netns", "del", &format!("{}s", self.name)]);
    }
}

/// Starts three heavy nodes and a light one with each value; gives the last machine's view when it sees all.
fn start(lan: &Lan, values: &[i64], more: &dyn Fn(usize) -> Vec<String>) {
    for (index, machine) in lan.machines.iter().enumerate() {
        let extra = more(index);
        let extra: Vec<&str> = extra.iter().map(String::as_str).collect();
        match index.checked_sub(3).map(|light| format!("n={}", values[light])) {
            None => machine.start(&[&["--role", "heavy"], &extra[..]].concat()),
            Some(data) => {
                machine.start(&[&["--role", "light", "--policy", "open", "--data", &data], &extra[..]].concat())
            }
        };
    }
    for machine in &lan.machines {
        machine.until("every machine sees all", || {
            let view = machine.json(&["view"]).data();
            view["heavy"] == 3 && view["light"] == values.len()
        });
    }
}

fn ask(machine: &Lab) -> Value {
    let question = ["propose", "--prompt", "How many?", "--field", "n", "--statistic", "sum"];
    machine.json(&[&question[..], &["--deadline", "3s", "--wait"]].concat()).data()
}

#[test]
fn nodes_that_only_have_multicast_find_each_other_and_compute() {
    let values = [10, -7, 14, 1 << 40];
    let Some(lan) = Lan::new("m", 7) else { return };
    start(&lan, &values, &|_| Vec::new());
    let data = ask(&lan.machines[5]);
    assert_eq!(data["result"]["sum"], values.iter().sum::<i64>());
    let id = data["id"].as_str().unwrap();
    for machine in &lan.machines {
        let result = machine.json(&["result", id, "--wait"]).data();
        assert_eq!(result["sum"], values.iter().sum::<i64>());
    }
}

#[test]
fn one_address_is_enough_without_multicast() {
    let values = [1, 2, 4];
    let Some(lan) = Lan::new("b", 6) else { return };
    // Everybody is told of the second machine, a heavy node; the first one too.
    let address = "/ip4/10.77.0.2/tcp/8000".to_owned();
    let more = |index: usize| {
        let mut more = vec!["--no-mdns".to_owned()];
        if index != 1 {
            more.extend(["--bootstrap".to_owned(), address.clone()]);
        }
        more
    };
    start(&lan, &values, &more);
    assert_eq!(ask(&lan.machines[4])["result"]["sum"], 7);
}
