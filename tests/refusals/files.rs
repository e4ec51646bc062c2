//! Addresses, homes and files that a node cannot use.

use std::fs;
use std::net::{TcpListener, UdpSocket};

use super::*;

#[test]
fn ports_in_use() {
    let lab = Lab::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = format!("/ip4/127.0.0.1/tcp/{}", listener.local_addr().unwrap().port());
    let udp = format!("/ip4/127.0.0.1/udp/{}/quic-v1", socket.local_addr().unwrap().port());
    let first = heavy(&lab, &[]).data();
    let of_a_node = format!("/ip4/127.0.0.1/tcp/{}", first["port"]);
    for address in [&tcp, &udp, &of_a_node] {
        let start = ["start", "--detach", "--role", "heavy", "--new", "--no-mdns", "--listen", address];
        let hint = refused(&lab.json(&start), (1, "not_started"), address);
        assert!(hint.contains("--listen"), "{hint}");
    }
    // Nobody is left behind by a start that failed.
    assert_eq!(fs::read_dir(lab.home()).unwrap().count(), 1);
}

#[test]
fn homes_and_files_that_cannot_be_used() {
    let lab = Lab::new();
    let start = ["start", "--detach", "--role", "heavy", "--json"];
    let at = |home: &str| lab.run(&[&start[..], &["--home", home]].concat());
    let file = |name: &str, content: &str| {
        let path = lab.home().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for home in ["/dev/null/x", "/proc/formix", &file("file", "")] {
        let hint = refused(&at(home), (1, "home"), home);
        assert!(hint.contains("--home"), "{hint}");
    }
    let long = lab.home().join("x".repeat(120));
    refused(&at(long.to_str().unwrap()), (2, "home"), "107");
    assert!(!long.exists());
    for (content, line, key) in [
        ("role = \"heavy\"\nlissten = []\n", "line 2", "`lissten`"),
        ("role = \"heavy\"\n[policy]\n\nprest = \"open\"\n", "line 4", "`prest`"),
        ("role = \"heavy\"\nmdns = 1\n", "line 2", "mdns"),
        ("role = \"heavy\"\nlisten = [\n", "line", ""),
    ] {
        let config = file("node.toml", content);
        let ran = lab.run(&["start", "--detach", "--json", "--config", &config]);
        for names in [config.as_str(), line, key] {
            refused(&ran, (2, "config"), names);
        }
    }
    refused(&heavy(&lab, &["--config", "/nowhere.toml"]), (1, "config"), "/nowhere.toml");
    let digits = format!("/key/swarm/psk/1.0.0/\n/base16/\n{}\n", "ab".repeat(31));
    for (content, names) in [("no key", "first line"), (&digits, "64 hexadecimal digits")] {
        let key = file("swarm.key", content);
        let ran = heavy(&lab, &["--swarm-key", &key]);
        refused(&ran, (2, "swarm_key"), names);
        refused(&ran, (2, "swarm_key"), &key);
        assert!(!ran.stdout.contains("abab"), "{ran:?}");
    }
    refused(&heavy(&lab, &["--swarm-key", "/nowhere.key"]), (1, "file"), "/nowhere.key");
    refused(&heavy(&lab, &["--bootstrap", "10.0.0.7:8000"]), (2, "invalid_address"), "10.0.0.7:8000");
    refused(&heavy(&lab, &["--listen", "8000"]), (2, "invalid_address"), "8000");
    refused(&heavy(&lab, &["--name", &"x".repeat(33)]), (2, "invalid_name"), "xxx");
    let light = ["start", "--detach", "--role", "light", "--trust", "nobody"];
    refused(&lab.json(&light), (2, "invalid_trust"), "`nobody`");
    refused(&heavy(&lab, &["--data", "n=4"]), (2, "light_only"), "--data");
    let found = file("damaged.json", "{}");
    assert_eq!(lab.json(&["verify", &found]).code, 1);
    assert!(lab.json(&["verify", &found]).message().contains(&found));
}
