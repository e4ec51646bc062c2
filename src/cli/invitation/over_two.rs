//! What must be known where a result may be over two parties: each of them can work out what the other said.

use crate::cli::wrapped;
use crate::control::InvitationView;
use crate::domain::Computation;

/// The smallest result that hides what each party said from each other one is over three.
const TELLS: u32 = 2;

/// What is said before parties are invited to this question; `None` where every result is over more than two.
pub fn of_question(draft: &Computation) -> Option<String> {
    let parties = u32::try_from(draft.heavy.len()).unwrap_or(u32::MAX);
    let noise = draft.noise.map(|noise| noise.to_string());
    told(parties, draft.min_participants, noise.as_deref())
}

/// What is said before a party agrees to this invitation; `None` where every result is over more than two.
pub fn of_invitation(view: &InvitationView) -> Option<String> {
    let noise = view.noise.as_ref().map(|noise| format!("ε = {}", noise.epsilon));
    told(view.parties, view.quorum, noise.as_deref())
}

/// What to do instead, for whoever invites so many.
pub const fn way_out(parties: u32) -> &'static str {
    if parties == TELLS {
        "pass --yes, or invite a third party"
    } else {
        "pass --yes, or leave --quorum and --survives out: then all must answer"
    }
}

/// As it is written on standard error.
pub fn note(told: &str) -> String {
    wrapped::for_stderr(told)
}

fn told(parties: u32, quorum: u32, noise: Option<&str>) -> Option<String> {
    // Each knows what it has drawn itself.
    let up_to = noise.map(|noise| format!(", up to the noise that others draw ({noise})")).unwrap_or_default();
    let learns = format!("each learns the other's value{up_to}: it is the total without its own.");
    match (parties, quorum) {
        (_, quorum) if quorum > TELLS => None,
        (..=TELLS, _) => Some(format!("With two parties {learns}")),
        (more, _) => Some(format!(
            "The result may be over two of the {more} parties, since a quorum of {quorum} is enough; of those two {learns}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::invitation::words::tests::open;
    use crate::control::NoiseView;

    #[test]
    fn a_result_that_may_be_over_two_is_warned_of_and_no_other() {
        for (parties, quorum) in [(3, 3), (4, 3), (5, 3), (16, 16)] {
            assert_eq!(told(parties, quorum, None), None, "{quorum} of {parties}");
        }
        assert_eq!(
            told(2, 2, None).unwrap(),
            "With two parties each learns the other's value: it is the total without its own."
        );
        assert_eq!(
            told(3, 2, None).unwrap(),
            "The result may be over two of the 3 parties, since a quorum of 2 is enough; of those two each learns the other's \
             value: it is the total without its own."
        );
    }

    #[test]
    fn noise_is_not_left_out() {
        let noise = NoiseView { mechanism: "discrete-laplace".to_owned(), epsilon: "0.5".parse().unwrap() };
        let noisy = InvitationView { parties: 2, quorum: 2, noise: Some(noise), ..open() };
        assert_eq!(
            of_invitation(&noisy).unwrap(),
            "With two parties each learns the other's value, up to the noise that others draw (ε = 0.5): it is the total \
             without its own."
        );
        let quorum = InvitationView { parties: 3, ..noisy };
        let told = of_invitation(&quorum).unwrap();
        assert!(told.contains("over two of the 3 parties") && told.contains("up to the noise"), "{told}");
        assert_eq!(of_invitation(&open()), None);
    }
}
