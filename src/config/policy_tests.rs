//! Guards against: a rule that a restart loses, one that is silently ignored, and one that makes no sense.

use std::path::Path;

use super::*;
use crate::consent::{FieldRule, Rate};
use crate::domain::{PeerId, Role, Statistic, Timestamp};

const BORN: Timestamp = Timestamp::from_millis(1_700_000_000_123);

fn peer(byte: u8) -> PeerId {
    PeerId::from_public_key([byte; 32])
}

fn parse(text: &str) -> Result<Layer, ConfigError> {
    Layer::parse(Path::new("my.toml"), text)
}

const POLICY: &str = r#"
[policy]
preset = "guarded"
min_participants = 5
trust = []
trusted_heavy = 2
statistics = ["count", "mean"]
proposers = ["alice", "PEER"]
min_records = 10
smallest_cell = 5
unfit_rows = "clamp"
asked_per_day = 12
noise_required = true
epsilon_budget = 0.5
similar_sets = "decline"
similar_below = 4
otherwise = "decline"

[policy.names]
alice = "PEER"

[policy.fields.age]
rule = "ask"
asked_per_day = "unlimited"
epsilon_budget = 3

[policy.fields."*"]
rule = "deny"
"#;

#[test]
fn every_rule_of_a_policy_written_by_hand_survives_a_start() {
    let text = POLICY.replace("PEER", &peer(7).to_string());
    let told = Layer { role: Some(Role::Light), ..parse(&text).unwrap() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    let node = NodeConfig::new(told, peer(1), BORN).unwrap();
    node.save(&path).unwrap();
    let loaded = NodeConfig::load(&path).unwrap();
    assert_eq!(loaded, node);
    // A start that is told something else writes the file anew.
    let flag = Layer {
        policy: PolicyLayer { min_participants: Some(6), ..PolicyLayer::default() },
        ..Layer::default()
    };
    let after = loaded.told(flag).unwrap();
    after.save(&path).unwrap();
    let again = NodeConfig::load(&path).unwrap();
    let expected = PolicyLayer { min_participants: Some(6), ..node.policy };
    assert_eq!(again.policy, expected);
    let rules = again.policy().rules;
    assert_eq!(rules.proposers, Some([peer(7)].into()));
    assert_eq!(rules.epsilon_budget.unwrap().to_string(), "0.5");
    assert_eq!((rules.fields.len(), rules.trusted_heavy, rules.min_records), (2, Some(2), Some(10)));
    assert_eq!(rules.fields["age"].asked_per_day, Some(Rate::Unlimited));
    let unset = [rules.smallest_cell.is_none(), rules.unfit_rows.is_none(), rules.otherwise.is_none()];
    assert_eq!(unset, [false; 3]);
}

#[test]
fn a_policy_that_makes_no_sense_names_line_and_key() {
    let nobody = "12D3KooWnobody";
    for (text, line, names) in [
        ("[policy]\nasked_per_day = 0", 2, "policy.asked_per_day"),
        ("[policy]\nasked_per_day = \"often\"", 2, "unlimited"),
        ("[policy]\n\nepsilon_budget = 0", 3, "above 0"),
        ("[policy]\nepsilon_budget = 0.0000001", 2, "6 digits"),
        ("[policy]\nepsilon_budget = nan", 2, "above 0"),
        ("[policy]\nstatistics = [\"median\"]", 2, "median"),
        ("[policy]\nstatistics = []", 2, "policy.statistics"),
        ("[policy]\nproposers = []", 2, "policy.proposers"),
        ("role = \"light\"\n[policy]\nproposers = [\"alice\"]", 3, "`alice` is neither"),
        ("[policy]\nnames = { alice = \"12D3KooWnobody\" }", 2, nobody),
        ("[policy]\ntrusted_heavy = 17", 2, "at most 16"),
        ("[policy]\ntrusted_heavy = -1", 2, "policy.trusted_heavy"),
        ("policy.similar_below = 1", 1, "fewer than 1"),
        ("[policy]\nsimilar_sets = \"deny\"", 2, "`decline`"),
        ("[policy]\notherwise = \"allow\"", 2, "`ask` or `decline`"),
        ("[policy]\nunfit_rows = \"drop\"", 2, "`clamp`"),
        ("[policy.fields.age]\nrule = \"never\"", 2, "`deny`"),
        (
            "[policy.fields.bmi]\nrule = \"deny\"\n[policy.fields.age]\nasked_per_day = 3\nrule = \"deny\"",
            5,
            "`age`",
        ),
        ("[policy.fields.age]\nper_day = 3", 2, "asked_per_day"),
        ("[policy]\nasked_a_day = 3", 2, "asked_per_day"),
        ("[policy.fields]\n\"\" = {}", 2, "not a field name"),
        ("\n[policy.fields.\"a=b\"]\nrule = \"ask\"", 2, "`a=b`"),
    ] {
        let error = parse(text).unwrap_err();
        let ConfigError::Invalid { line: at, .. } = &error else { panic!("{text}: {error}") };
        assert_eq!(*at, line, "{text}: {error}");
        assert!(error.to_string().contains(names), "{text}: {error}");
    }
}

#[test]
fn names_and_fields_are_taken_one_by_one_from_the_strongest_source() {
    let age = "[policy.fields.age]\nasked_per_day = 3";
    let both = "[policy.fields.age]\nrule = \"ask\"\nasked_per_day = 9\n[policy.fields.bmi]\nrule = \"deny\"";
    let merged = parse(age).unwrap().over(parse(both).unwrap()).policy.rules();
    let age = merged.fields["age"];
    assert_eq!((age.rule, age.asked_per_day), (Some(FieldRule::Ask), Some(Rate::AtMost(3))));
    assert_eq!(merged.fields["bmi"].rule, Some(FieldRule::Deny));
    let whole = parse("[policy]\nstatistics = [\"sum\"]").unwrap();
    let merged = whole.over(parse("[policy]\nstatistics = [\"mean\"]").unwrap()).policy.rules();
    assert_eq!(merged.statistics, Some([Statistic::Sum].into()));
}

#[test]
fn every_rule_that_the_example_explains_can_be_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("config/light.toml")).unwrap();
    let peers = text.replace("12D3KooW...", &peer(7).to_string());
    let starts = peers.find("[policy]").unwrap();
    let is_rule = |line: &&str| {
        let rule = line.trim_start_matches("# ");
        let key = rule.split(' ').next().unwrap_or_default();
        rule.starts_with("[policy")
            || (rule.contains(" = ") && key.chars().all(|c| c == '_' || c.is_ascii_lowercase()))
    };
    let rules = peers[starts..].lines().take_while(|line| !line.starts_with("[data]")).filter(is_rule);
    let used: String = rules.map(|line| format!("{}\n", line.trim_start_matches("# "))).collect();
    let policy = parse(&used).unwrap_or_else(|error| panic!("{error}: {used}")).policy;
    let written = toml::to_string(&policy).unwrap();
    for key in ["trusted_heavy", "unfit_rows", "epsilon_budget", "similar_below", "[names]", "[fields.age]"] {
        assert!(written.contains(key), "{key}: {written}");
    }
}
