//! Guards against: a list that somebody has changed, one that counts for ever, one that counts though nobody trusts its signer.

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const LATER: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn identity(seed: u8) -> Identity {
    Identity::from_secret_key(&[seed; 32])
}

fn peer(seed: u8) -> PeerId {
    identity(seed).peer()
}

fn judge(text: &str, signer: Option<PeerId>, now: Timestamp) -> Result<MemberList, MembershipError> {
    judged(Path::new("members"), text, signer, now)
}

fn plain() -> String {
    format!("# the clinics\n\n{}   ward 7\n  {}\n", peer(1), peer(2))
}

fn signed() -> String {
    sign_members(Path::new("members"), &plain(), &identity(9), LATER).unwrap().0
}

#[test]
fn a_plain_list_is_a_peer_id_a_line() {
    let list = judge(&plain(), None, NOW).unwrap();
    assert_eq!((list.nodes, list.signed), ([peer(1), peer(2)].into(), None));
    assert_eq!(judge("", None, NOW).unwrap().nodes.len(), 0);
    let refused = judge(&format!("{}\nward 7", peer(1)), None, NOW).unwrap_err();
    assert!(matches!(&refused, MembershipError::Line { line: 2, .. }), "{refused}");
    assert!(refused.to_string().contains("ward") && refused.hint().contains("formix-p2p id"), "{refused}");
}

#[test]
fn a_signed_list_counts_for_whoever_trusts_its_signer_until_it_expires() {
    let text = signed();
    let list = judge(&text, Some(peer(9)), NOW).unwrap();
    assert_eq!(list.nodes, [peer(1), peer(2)].into());
    assert_eq!(list.signed, Some(Mandate { signer: peer(9), version: 1, expires: LATER }));
    assert!(text.contains("ward 7") && text.contains("# the clinics"), "{text}");
    for told in [None, Some(peer(8))] {
        let refused = judge(&text, told, NOW).unwrap_err();
        assert!(matches!(refused, MembershipError::OtherSigner { found, .. } if found == peer(9)));
        assert!(refused.hint().contains(&format!("--members-signer {}", peer(9))));
    }
    assert!(matches!(judge(&text, Some(peer(9)), LATER), Err(MembershipError::Expired { at: LATER, .. })));
    assert!(matches!(judge(&plain(), Some(peer(9)), NOW), Err(MembershipError::NotSigned { .. })));
}

#[test]
fn what_was_changed_after_signing_is_refused() {
    let text = signed();
    let added = format!("{text}{}\n", peer(3));
    let removed = text.replace(&peer(1).to_string(), "#");
    let prolonged = text.replace(&format!("expires = {LATER}"), "expires = 2099-01-01T00:00:00.000Z");
    let renumbered = text.replace("version = 1", "version = 2");
    for changed in [added, removed, prolonged, renumbered] {
        assert_ne!(changed, text);
        let refused = judge(&changed, Some(peer(9)), NOW).unwrap_err();
        assert!(matches!(refused, MembershipError::Altered(_)), "{refused}");
    }
    let (before, signature) = text.trim_end().rsplit_once("= ").unwrap();
    let mut bytes = BASE64.decode(signature.as_bytes()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let forged = format!("{before}= {}\n", BASE64.encode(&bytes));
    assert!(matches!(judge(&forged, Some(peer(9)), NOW), Err(MembershipError::Line { .. })));
}

#[test]
fn signing_anew_raises_the_version_and_takes_the_changes() {
    let added = format!("{}{}\n", signed(), peer(3));
    let (text, list) = sign_members(Path::new("members"), &added, &identity(9), LATER).unwrap();
    assert_eq!((list.nodes.len(), list.signed.unwrap().version), (3, 2));
    assert_eq!(judge(&text, Some(peer(9)), NOW), Ok(list));
    assert_eq!(text.matches("signed =").count(), 1);
}

#[test]
fn whoever_is_allowed_by_name_needs_no_file() {
    assert_eq!(MembershipSource::default().read(NOW), Ok(None));
    let allowed = MembershipSource { allow: vec![peer(1)], ..MembershipSource::default() };
    assert_eq!(allowed.read(NOW).unwrap().unwrap().nodes, [peer(1)].into());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("members");
    let both = MembershipSource { file: Some(file.clone()), ..allowed };
    assert!(matches!(both.read(NOW), Err(MembershipError::Io { .. })));
    std::fs::write(&file, peer(2).to_string()).unwrap();
    assert_eq!(both.read(NOW).unwrap().unwrap().nodes, [peer(1), peer(2)].into());
}

#[test]
fn a_list_has_a_limit() {
    let line = |number: usize| {
        let digest = crate::domain::Digest::of("member", &[&number.to_be_bytes()]);
        format!("{}\n", PeerId::from_public_key(*digest.as_bytes()))
    };
    let text: String = (0..=ALLOWED_MAX).map(line).collect();
    assert!(matches!(judge(&text, None, NOW), Err(MembershipError::TooMany(_))));
}
