//! Which node dies of which record, when, and what may become of the computation then.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::net::{HEAVY, Net, VALUES};

pub const PROPOSER: usize = HEAVY;
const MOMENTS: [&str; 3] = ["before-commit", "after-commit", "after-release"];
/// Far longer than it takes: heavy nodes close when everybody on the list has reported, whoever was killed included.
const OPEN_FOR: Duration = Duration::from_secs(30);
/// What asks for more participants than there are can have no list, and closes at its deadline. Longer than heavy nodes have to accept it
/// (4 s), so that none refuses it for being over.
const OPEN_FOR_TOO_FEW: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Additive,
    Prio3,
    Threshold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    Proposer,
    Heavy,
    Light,
}

/// How the node comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It is started again.
    Straight,
    /// It is killed twice while it takes up its memory, and once more before its first commit.
    Interrupted,
}

#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub scheme: Scheme,
    pub victim: Victim,
    pub kind: &'static str,
    pub moment: &'static str,
    pub recovery: Recovery,
}

/// What may become of the computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// There is none.
    Nothing,
    /// It fails, because whoever asked has gone, or a heavy node did not accept in time.
    NeverAnnounced,
    /// One of these two.
    SumOrNeverAnnounced,
    /// Fewer take part than it asks for; or a heavy node did not accept in time, which whoever asks has to write down as well.
    TooFew,
    /// The exact sum over everybody.
    Sum,
}

impl Scheme {
    const ALL: [Self; 3] = [Self::Additive, Self::Prio3, Self::Threshold];

    fn steps(self, victim: Victim) -> &'static [&'static str] {
        match (victim, self) {
            (Victim::Heavy, Self::Additive) => &[
                "accepted",
                "announced",
                "held",
                "receipts",
                "closed",
                "frozen",
                "voted",
                "opened",
                "certificate",
                "members",
            ],
            (Victim::Heavy, Self::Prio3) => &[
                "accepted",
                "announced",
                "held",
                "receipts",
                "closed",
                "frozen",
                "verifying",
                "voted",
                "opened",
                "certificate",
                "members",
            ],
            (Victim::Heavy, Self::Threshold) => &[
                "dealing",
                "accepted",
                "announced",
                "held",
                "receipts",
                "closed",
                "lists-decree",
                "frozen",
                "verifying",
                "verifiers-decree",
                "voted",
                "opened",
                "openings-decree",
                "certificate",
                "members",
            ],
            (Victim::Light, _) => &["announced", "report", "ledger", "certificate", "members", "compared"],
            (Victim::Proposer, _) => {
                &["proposed", "announced", "report", "ledger", "certificate", "members", "compared"]
            }
        }
    }
}

impl Victim {
    const ALL: [Self; 3] = [Self::Proposer, Self::Heavy, Self::Light];

    pub const fn at(self) -> usize {
        match self {
            Self::Proposer => PROPOSER,
            Self::Heavy => 1,
            Self::Light => HEAVY + 2,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, victim, kind, moment, recovery } = self;
        write!(f, "{scheme:?} {victim:?} {moment}:{kind} {recovery:?}")
    }
}

impl Case {
    /// Every kind of record at every moment, for every role under every scheme; every second one falls while it recovers, too.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for scheme in Scheme::ALL {
            for victim in Victim::ALL {
                // A failure is told alike under n of n.
                let failed: &[&str] = if scheme == Scheme::Prio3 { &[] } else { &["failed"] };
                for kind in scheme.steps(victim).iter().chain(failed) {
                    for moment in MOMENTS {
                        let recovery = [Recovery::Straight, Recovery::Interrupted][all.len() % 2];
                        all.push(Self { scheme, victim, kind, moment, recovery });
                    }
                }
            }
        }
        all
    }

    pub const fn new(scheme: Scheme, victim: Victim, moment: &'static str, kind: &'static str) -> Self {
        Self { scheme, victim, kind, moment, recovery: Recovery::Straight }
    }

    pub const fn interrupted(self) -> Self {
        Self { recovery: Recovery::Interrupted, ..self }
    }

    pub fn place(&self) -> String {
        format!("{}:{}", self.moment, self.kind)
    }

    pub fn end(&self) -> End {
        match (self.victim, self.kind, self.moment) {
            (Victim::Proposer, "proposed", "before-commit") => End::Nothing,
            (Victim::Proposer, "proposed", _) | (Victim::Proposer, "announced", "before-commit") => {
                End::NeverAnnounced
            }
            // Its own answer may be in the same commit as the announcement.
            (Victim::Proposer, "report" | "ledger", "before-commit") => End::SumOrNeverAnnounced,
            // Whoever asks waits 4 s for every acceptance, and a busy machine may take longer to start a node.
            (Victim::Heavy, "dealing" | "accepted", _) => End::SumOrNeverAnnounced,
            (_, "failed", _) => End::TooFew,
            _ => End::Sum,
        }
    }

    pub fn question(&self, net: &Net) -> Value {
        let bounds = r#"{"type":"number","minimum":0,"maximum":10}"#;
        let everybody = (HEAVY..HEAVY + VALUES.len()).map(|at| net.peer(at).to_string()).collect();
        let (listed, open_for, min_participants): (Vec<String>, _, _) = match self.end() {
            End::TooFew => (Vec::new(), OPEN_FOR_TOO_FEW, VALUES.len() + 1),
            End::Nothing | End::NeverAnnounced | End::SumOrNeverAnnounced | End::Sum => {
                (everybody, OPEN_FOR, VALUES.len())
            }
        };
        let mut question = json!({
            "prompt": self.to_string(), "statistic": "sum", "fields": ["n"], "schema": bounds, "heavy": [],
            "participants": listed, "deadline_ms": u64::try_from(open_for.as_millis()).unwrap(),
            "patience_ms": 20_000, "min_participants": min_participants,
        });
        match self.scheme {
            Scheme::Additive => question["modulus_bits"] = 64.into(),
            Scheme::Prio3 => question["sharing"] = "prio3".into(),
            Scheme::Threshold => question["threshold"] = 2.into(),
        }
        question
    }
}
