//! What an invitation must look like.

use super::*;
use crate::control::Proposal;
use crate::control::tests::proposal;
use crate::domain::{Modulus, Sharing};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const BOUNDED: &str = r#"{"type":"number","minimum":0,"maximum":100}"#;

fn drafted(inviting: &Inviting) -> Result<Invitation, InvitingError> {
    draft_invitation(inviting, PeerId::from_public_key([7; 32]), NOW)
}

fn plain() -> Proposal {
    Proposal { heavy: Vec::new(), modulus_bits: None, epsilon: None, ..proposal() }
}

fn bounded() -> Proposal {
    Proposal { schema: Some(BOUNDED.to_owned()), ..plain() }
}

#[test]
fn sharing_is_chosen_by_bounds_and_quorum() {
    let of = |question: Proposal, parties, quorum| {
        drafted(&Inviting { quorum, ..Inviting::new(question, parties) }).map(|it| (it.sharing, it.quorum))
    };
    let additive = Sharing::Additive { modulus: Modulus::Bits64 };
    assert_eq!(of(plain(), 3, None), Ok((additive, 3)));
    assert_eq!(of(bounded(), 3, None), Ok((Sharing::Prio3, 3)));
    assert_eq!(of(bounded(), 2, None), Ok((Sharing::Prio3, 2)));
    assert_eq!(of(bounded(), 5, Some(3)), Ok((Sharing::Threshold { k: 3 }, 3)));
    assert_eq!(of(bounded(), 5, Some(5)), Ok((Sharing::Prio3, 5)));
    let two = Proposal { threshold: Some(2), ..bounded() };
    assert_eq!(of(two.clone(), 5, Some(4)), Ok((Sharing::Threshold { k: 2 }, 4)));
    assert_eq!(of(two, 5, None), Ok((Sharing::Threshold { k: 2 }, 5)));
    let one_may_go = Proposal { survives: Some(1), ..bounded() };
    assert_eq!(of(one_may_go, 5, None), Ok((Sharing::Threshold { k: 4 }, 4)));
}

#[test]
fn prompt_and_field_have_defaults() {
    let bare = Proposal { prompt: String::new(), fields: Vec::new(), ..bounded() };
    let invitation = drafted(&Inviting::new(bare, 3)).unwrap();
    assert_eq!(
        (invitation.prompt.as_str(), invitation.query.fields[0].name.as_str()),
        ("sum of value", "value")
    );
    assert_eq!(invitation.expires, NOW + Duration::from_secs(3600));
}

#[test]
fn what_is_typed_wrongly_has_a_code_and_a_hint_in_words_of_parties() {
    let fine = || Inviting::new(bounded(), 3);
    let wide = r#"{"type":"number","minimum":0,"maximum":4000000000}"#.to_owned();
    let narrow = Proposal { schema: Some(wide), modulus_bits: Some(32), ..plain() };
    let named = |sharing: &str| Proposal { sharing: Some(sharing.to_owned()), ..bounded() };
    for (code, inviting) in [
        ("invalid_parties", Inviting::new(bounded(), 1)),
        ("invalid_parties", Inviting::new(bounded(), 17)),
        ("invalid_quorum", Inviting { quorum: Some(1), ..fine() }),
        ("invalid_quorum", Inviting { quorum: Some(4), ..fine() }),
        ("invalid_quorum", Inviting { quorum: Some(2), ..Inviting::new(named("prio3"), 3) }),
        ("invalid_schema", Inviting { quorum: Some(2), ..Inviting::new(plain(), 3) }),
        (
            "invalid_threshold",
            Inviting { quorum: Some(2), ..Inviting::new(Proposal { threshold: Some(3), ..bounded() }, 3) },
        ),
        ("invalid_threshold", Inviting::new(Proposal { threshold: Some(4), ..bounded() }, 3)),
        ("invalid_threshold", Inviting::new(Proposal { threshold: Some(1), ..bounded() }, 3)),
        ("invalid_expires", Inviting { expires_ms: 10, ..fine() }),
        ("invalid_deadline", Inviting { answer_within_ms: Some(10), ..fine() }),
        ("invalid_statistic", Inviting::new(Proposal { statistic: "median".to_owned(), ..plain() }, 3)),
        ("overflow", Inviting::new(narrow, 3)),
    ] {
        let error = ApiError::from(drafted(&inviting).unwrap_err());
        assert_eq!((error.code.as_str(), error.exit), (code, 2), "{error}");
        assert!(!error.hint.is_empty());
        for word in ["heavy", "participant", "propose"] {
            assert!(!error.message.contains(word) && !error.hint.contains(word), "{error} {}", error.hint);
        }
    }
}

#[test]
fn a_quorum_is_a_range_only_where_there_is_one() {
    let hint = |parties, quorum| {
        drafted(&Inviting { quorum: Some(quorum), ..Inviting::new(bounded(), parties) }).unwrap_err().hint()
    };
    assert_eq!(hint(2, 3), "leave --quorum out: all 2 parties must answer");
    assert_eq!(hint(3, 4), "choose --quorum 2 to 3, or leave it out: then all must answer");
}

#[test]
fn an_overflow_counts_parties() {
    let wide = r#"{"type":"number","minimum":0,"maximum":2000000000}"#.to_owned();
    let question = Proposal { schema: Some(wide), modulus_bits: Some(32), max_records: Some(1), ..plain() };
    let error = drafted(&Inviting::new(question, 3)).unwrap_err();
    assert!(error.to_string().starts_with("the total of"), "{error}");
    assert!(error.to_string().contains("of 3 parties could overflow: 3 × 2000000000 steps"), "{error}");
    assert!(
        error.hint().contains("--parties 2") && error.hint().contains("--modulus-bits 128"),
        "{}",
        error.hint()
    );
}

#[test]
fn times_are_refused_as_they_were_typed() {
    let late = Inviting { expires_ms: 31 * 24 * 3_600_000, ..Inviting::new(bounded(), 3) };
    let error = drafted(&late).unwrap_err().as_typed(Some("31d"), None, None);
    assert!(error.to_string().starts_with("the tickets expire 31d after"), "{error}");
}
