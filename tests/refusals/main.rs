//! Bad input from the outside: each with its exit code, its word for programs, a message that names the value, and
//! a hint.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod codes;
mod files;
#[path = "../lab/mod.rs"]
mod lab;
mod names;
mod network;
mod owners;
mod question;
mod sources;
mod statistics;
mod store;

use lab::{Lab, Ran};
use serde_json::Value;

const LOOPBACK: [&str; 3] = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];

/// Refused with this exit code and this word, and the message names this. Gives the hint.
#[track_caller]
fn refused(ran: &Ran, (exit, code): (i32, &str), names: &str) -> String {
    assert_eq!((ran.code, ran.error(exit).as_str()), (exit, code), "{ran:?}");
    assert!(ran.message().contains(names), "`{names}` is not named: {ran:?}");
    ran.json()["error"]["hint"].as_str().unwrap().to_owned()
}

/// Starts a heavy node; it may be refused.
fn heavy(lab: &Lab, more: &[&str]) -> Ran {
    lab.json(&[&["start", "--detach", "--role", "heavy", "--new"], &LOOPBACK[..], more].concat())
}

fn question<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["propose", "--prompt", "?", "--field", "n", "--statistic", "sum"], more].concat()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
