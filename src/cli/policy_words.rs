//! What a node's policy means, in words for its owner.

use crate::config::NodeConfig;
use crate::consent::{Preset, Trust};
use crate::domain::Role;
use crate::domain::limits::GUARDED_ANSWERS_PER_DAY;

/// What this node will do unattended.
pub fn of(config: &NodeConfig) -> String {
    if config.role == Role::Heavy {
        return "heavy: it adds up shares, and sees who takes part but never what they answer".to_owned();
    }
    let policy = config.policy();
    let minimum = policy.min_participants;
    match (policy.preset, policy.trust) {
        (Preset::Open, _) => format!(
            "policy open: it answers every question that asks for at least {minimum} participants, whoever asks, as \
             often as asked, whichever the heavy nodes are; all of those together could read its values. For \
             demonstrations, and for networks whose every node is yours."
        ),
        (Preset::Guarded, Trust::WholeNetwork) => format!(
            "policy guarded: it answers questions that ask for at least {minimum} participants, a field at most \
             {GUARDED_ANSWERS_PER_DAY} times in a day; the swarm key makes every heavy node trusted. Other questions \
             wait in `formix-p2p pending`."
        ),
        (Preset::Guarded, Trust::Listed(listed)) if listed.is_empty() => {
            "policy guarded: no heavy node is trusted, \
            so every question waits in `formix-p2p pending`; trust one with `start --trust PEERID`."
                .to_owned()
        }
        (Preset::Guarded, Trust::Listed(listed)) => format!(
            "policy guarded: it answers questions that ask for at least {minimum} participants and for a trusted \
             heavy node ({} trusted), a field at most {GUARDED_ANSWERS_PER_DAY} times in a day. Other questions wait \
             in `formix-p2p pending`.",
            listed.len()
        ),
    }
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
    }

    #[test]
    fn guarded_without_trust_says_that_everything_waits() {
        assert!(of(&config(Preset::Guarded)).contains("every question waits"));
    }
}
