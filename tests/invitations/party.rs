//! Parties: nodes with a home of their own.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::lab::{Lab, Ran};

/// Where a party listens.
pub const TCP: &str = "/ip4/127.0.0.1/tcp/0";
/// Where a party listens that speaks QUIC alone.
pub const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

/// One node in a home of its own.
pub struct Party {
    pub lab: Lab,
    pub uid: String,
    pub peer_id: String,
}

impl Party {
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.lab.run(arguments)
    }

    pub fn json(&self, arguments: &[&str]) -> Ran {
        self.lab.json(arguments)
    }

    /// Runs a command with this on standard input.
    pub fn told(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.lab.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// `kill -9`, and the same node again.
    pub fn crash(&self) {
        self.lab.kill(&self.uid);
        self.lab.json(&["start", &self.uid, "--detach"]).data();
    }

    /// The only invitation of this id that it knows.
    pub fn invitation(&self, id: &str) -> Value {
        self.json(&["invitations", id]).data()
    }

    /// Nothing that it has said or logged has one of these in it.
    #[track_caller]
    pub fn heard_no_value(&self, values: &[&str]) {
        let log = std::fs::read_to_string(self.lab.node(&self.uid).join("logs.log")).unwrap();
        let heard = self.lab.heard();
        let said = heard.iter().map(|heard| String::from_utf8_lossy(&heard.bytes).into_owned()).chain([log]);
        for text in said {
            assert!(values.iter().all(|value| !text.contains(value)), "{text}");
        }
    }
}

/// A node that was started with this.
pub fn started(role: &[&str], listen: &str) -> Party {
    let lab = Lab::new();
    let node = lab.start(&[role, &["--new", "--no-mdns", "--listen", listen]].concat());
    let part = |key: &str| text(&node[key]).to_owned();
    Party { uid: part("uid"), peer_id: part("peer_id"), lab }
}

/// So many light nodes.
pub fn parties(count: usize, listen: &str) -> Vec<Party> {
    (0..count).map(|_| started(&["--role", "light"], listen)).collect()
}

/// Invites, and gives the id and the tickets.
pub fn invited(party: &Party, asked: &[&str]) -> (String, Vec<String>) {
    let data = party.json(&[&["invite"], asked].concat()).data();
    let tickets = data["tickets"].as_array().unwrap().iter().map(|ticket| text(ticket).to_owned());
    (text(&data["id"]).to_owned(), tickets.collect())
}

/// Joins, and gives what is said then.
pub fn joined(party: &Party, ticket: &str, said: &[&str]) -> Value {
    party.json(&[&["join", ticket], said].concat()).data()
}

/// The first party invites all others, everybody with a value; gives the id.
pub fn between(parties: &[Party], asked: &[&str], values: &[&str]) -> String {
    let count = parties.len().to_string();
    let inviting = [asked, &["--parties", &count, "--value", values[0]]].concat();
    let (id, tickets) = invited(&parties[0], &inviting);
    assert_eq!(tickets.len(), parties.len() - 1);
    for ((party, ticket), value) in parties[1..].iter().zip(&tickets).zip(&values[1..]) {
        let said = joined(party, ticket, &["--yes", "--value", value]);
        assert_eq!((text(&said["id"]), &said["parties"]), (id.as_str(), &parties.len().into()));
    }
    id
}

/// What every party reads.
pub fn results(parties: &[Party], id: &str) -> Vec<Value> {
    parties.iter().map(|party| party.json(&["result", id, "--wait"]).data()).collect()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
