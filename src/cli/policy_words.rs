//! What a node's policy means, in words for its owner.

use crate::config::NodeConfig;
use crate::consent::{Otherwise, Policy, Preset, Rate, Rules, Trust};
use crate::domain::Role;

/// What this node will do unattended.
pub fn of(config: &NodeConfig) -> String {
    if config.role == Role::Heavy {
        return "heavy: it adds up shares, and sees who takes part but never what they answer".to_owned();
    }
    let policy = config.policy();
    let more = if has_more(&policy.rules) {
        " Rules in its node.toml say more; `formix-p2p policy show` lists them."
    } else {
        ""
    };
    format!("{}{more}", preset(&policy))
}

fn preset(policy: &Policy) -> String {
    let minimum = policy.min_participants;
    let often = match policy.asked_per_day() {
        Rate::AtMost(most) => format!("a field at most {most} times in a day"),
        Rate::Unlimited => "as often as asked".to_owned(),
    };
    let others = match policy.otherwise() {
        Otherwise::Ask => "Other questions wait in `formix-p2p pending`.",
        Otherwise::Decline => "Other questions are declined.",
    };
    match (policy.preset, &policy.trust) {
        (Preset::Open, _) if policy.rules == Rules::default() => format!(
            "policy open: it answers every question that asks for at least {minimum} participants, whoever asks, as \
             often as asked, whichever the heavy nodes are; all of those together could read its values. For \
             demonstrations, and for networks whose every node is yours."
        ),
        (Preset::Open, _) => format!(
            "policy open: it answers questions that ask for at least {minimum} participants, {often}; all of the \
             heavy nodes together could read its values."
        ),
        (Preset::Guarded, Trust::WholeNetwork) => format!(
            "policy guarded: it answers questions that ask for at least {minimum} participants, {often}; the swarm \
             key makes every heavy node trusted. {others}"
        ),
        (Preset::Guarded, Trust::Listed(listed)) if listed.is_empty() && policy.trusted_heavy() != Some(0) => {
            let every = match policy.otherwise() {
                Otherwise::Ask => "every question waits in `formix-p2p pending`",
                Otherwise::Decline => "every question is declined",
            };
            format!(
                "policy guarded: no heavy node is trusted, so {every}; trust one with `start --trust PEERID`."
            )
        }
        (Preset::Guarded, Trust::Listed(listed)) => format!(
            "policy guarded: it answers questions that ask for at least {minimum} participants and for a trusted \
             heavy node ({} trusted), {often}. {others}",
            listed.len()
        ),
    }
}

/// Whether rules are set that the sentence above does not tell of.
fn has_more(rules: &Rules) -> bool {
    let told = Rules { asked_per_day: None, otherwise: None, ..rules.clone() };
    told != Rules::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layer;
    use crate::domain::{PeerId, Timestamp};

    fn config(preset: Preset) -> NodeConfig {
        let mut told = Layer { role: Some(Role::Light), ..Layer::default() };
        told.policy.preset = Some(preset);
        NodeConfig::new(told, PeerId::from_public_key([1; 32]), Timestamp::default()).unwrap()
    }

    #[test]
    fn open_says_plainly_what_it_means() {
        let said = of(&config(Preset::Open));
        assert!(said.contains("every question") && said.contains("could read its values"), "{said}");
        assert!(!said.contains("policy show"), "{said}");
    }

    #[test]
    fn guarded_without_trust_says_that_everything_waits() {
        assert!(of(&config(Preset::Guarded)).contains("every question waits"));
    }

    #[test]
    fn rules_beyond_the_preset_are_pointed_at() {
        let mut config = config(Preset::Open);
        config.policy.min_records = Some(10);
        let said = of(&config);
        assert!(said.contains("policy show") && !said.contains("every question"), "{said}");
        config.policy = crate::config::PolicyLayer {
            otherwise: Some(Otherwise::Decline),
            ..crate::config::PolicyLayer::default()
        };
        assert!(of(&config).contains("every question is declined"));
    }
}
