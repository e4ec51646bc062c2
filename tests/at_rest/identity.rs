//! An identity under a passphrase: nobody is the node without it, and nobody becomes another one by mistake.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::lab::Lab;

const LISTEN: [&str; 3] = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];

fn file(lab: &Lab, name: &str, words: &str) -> PathBuf {
    let path = lab.home().join(name);
    std::fs::write(&path, format!("{words}\n")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    path
}

#[test]
fn an_identity_under_a_passphrase_is_nobody_s_without_it() {
    let lab = Lab::new();
    let (right, wrong) = (file(&lab, "right", "correct horse"), file(&lab, "wrong", "battery staple"));
    let (right, wrong) = (right.to_str().unwrap(), wrong.to_str().unwrap());
    let started = lab.start(&[&["--role", "light", "--new", "--data", "n=1"], &LISTEN[..]].concat());
    let uid = started["uid"].as_str().unwrap();
    let key = lab.node(uid).join("identity.key");
    let plain = std::fs::read(&key).unwrap();
    // While it runs, too.
    let set = lab.json(&["passphrase", "set", "--node", uid, "--to", right]).data();
    assert_eq!((&set["node"], &set["passphrase"]), (&uid.into(), &true.into()));
    lab.json(&["stop", uid]).data();
    let sealed = std::fs::read(&key).unwrap();
    assert!(!sealed.windows(8).any(|part| plain[4..36].windows(8).any(|secret| secret == part)));
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let folders = || std::fs::read_dir(lab.home()).unwrap().count();
    let before = folders();
    // Without, with another one, with one that others can read: by name, and never a new identity.
    let refused = |more: &[&str]| {
        let ran = lab.json(&[&["start", "--role", "light", "--detach"], more].concat());
        assert_eq!((ran.error(1).as_str(), folders()), ("passphrase", before), "{ran:?}");
        assert!(!ran.stdout.contains("battery") && !ran.stderr.contains("battery"), "{ran:?}");
        ran.message()
    };
    assert!(refused(&[]).contains("is under a passphrase"));
    assert!(refused(&["--passphrase-file", wrong]).contains("does not open the identity"));
    std::fs::set_permissions(right, PermissionsExt::from_mode(0o644)).unwrap();
    assert!(refused(&["--passphrase-file", right]).contains("others may read the passphrase"));
    std::fs::set_permissions(right, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(std::fs::read(&key).unwrap(), sealed);
    // With the right one it is the node that it was; its name is known without.
    let again = lab.start(&["--role", "light", "--passphrase-file", right]);
    assert_eq!((&again["uid"], &again["peer_id"]), (&started["uid"], &started["peer_id"]));
    assert_eq!(lab.json(&["id", "--node", uid]).data()["peer_id"], started["peer_id"]);
    lab.json(&["stop", uid]).data();
    let told = lab.command(&["start", uid, "--detach", "--json"]).env("FORMIX_PASSPHRASE_FILE", right).output();
    assert!(told.unwrap().status.success());
    lab.json(&["stop", uid]).data();
    // Another one, and none.
    let change = ["passphrase", "set", "--node", uid, "--to", wrong];
    lab.json(&[&change[..], &["--passphrase-file", wrong]].concat()).error(1);
    lab.json(&[&change[..], &["--passphrase-file", right]].concat()).data();
    lab.json(&["passphrase", "remove", "--node", uid, "--passphrase-file", right]).error(1);
    let removed = lab.json(&["passphrase", "remove", "--node", uid, "--passphrase-file", wrong]).data();
    assert_eq!(removed["passphrase"], false);
    assert_eq!(std::fs::read(&key).unwrap(), plain);
    assert_eq!(lab.start(&[uid])["peer_id"], started["peer_id"]);
}
