//! What a run consists of: nodes, questions, weather and misfortunes. Drawn from a seed, or written by hand.

use std::collections::BTreeSet;
use std::fmt;

use super::cheat::Cheat;
use crate::domain::{Decimal, Modulus, Noise, NumberSchema, Role, Sharing, Statistic};

/// A node's place in the scenario: heavy nodes first, then light nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(pub usize);

/// What [`Shape::Wide`] reaches.
const WIDE_BITS: u32 = 40;
/// Reports of one slice: few, so that something comes between two slices also where there are only a handful.
const SLICE_REPORTS: usize = 2;
/// The grace unless a run is about it, as on the command line.
pub(super) const GRACE_MS: u64 = 3_000;

/// A whole run. All times are milliseconds from its beginning.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Everything random follows from it.
    pub seed: u64,
    /// The nodes; heavy nodes first.
    pub nodes: Vec<NodePlan>,
    /// What is asked.
    pub questions: Vec<Question>,
    /// The network.
    pub weather: Weather,
    /// Who stops, when, and for how long.
    pub crashes: Vec<Crash>,
    /// When the network falls apart.
    pub cuts: Vec<Cut>,
}

/// One node.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// Heavy or light.
    pub role: Role,
    /// When it is started for the first time.
    pub starts_at: u64,
    /// How far its clock is ahead of true time.
    pub skew_ms: i64,
    /// What it finds when it reads its private value.
    pub source: Source,
    /// What its owner does.
    pub owner: Owner,
    /// How it misbehaves, if it does.
    pub cheat: Option<Cheat>,
    /// Reports over which it computes in one slice.
    pub slice: usize,
}

/// A light node's private data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// 2^i steps for the i-th light node, so that a sum names its participants.
    PowerOfTwo,
    /// A value that is no multiple of any step in use.
    Unfit,
    /// There is no such field.
    Missing,
    /// It is there and cannot be read now.
    Unreadable,
}

/// What a light node's owner does with questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Lets the node answer everything unattended.
    Open,
    /// Lets the node answer unattended because all heavy nodes are trusted.
    Trusting,
    /// Is asked, and approves after so long.
    Approves(u64),
    /// Is asked, and declines after so long.
    Declines(u64),
    /// Is asked, and types the value after so long.
    Answers(u64),
    /// Is asked, and is on holiday.
    Away,
}

/// One computation.
#[derive(Clone, Debug)]
pub struct Question {
    /// When it is proposed.
    pub asked_at: u64,
    /// By whom.
    pub proposer: NodeIndex,
    /// The heavy nodes, in order.
    pub heavy: Vec<NodeIndex>,
    /// What is computed.
    pub statistic: Statistic,
    /// How many records one light node may answer with.
    pub records: u32,
    /// How the answers are split.
    pub sharing: Sharing,
    /// What is added so that the result is differentially private. It needs a shape with bounds.
    pub noise: Option<Noise>,
    /// What the values look like.
    pub shape: Shape,
    /// The minimum of participants.
    pub min_participants: u32,
    /// The maximum of participants.
    pub max_participants: u32,
    /// From proposal to deadline.
    pub open_for: u64,
    /// The patience.
    pub patience: u64,
    /// The grace: how long missing heavy nodes are waited for where a threshold does without them.
    pub grace: u64,
    /// The closed list, if there is one.
    pub list: Option<BTreeSet<NodeIndex>>,
    /// By invitation: the other parties, in the order of their seats. Then `heavy` is the proposer and these, and so is
    /// the list; the maximum is how many they are, the minimum the quorum.
    pub guests: Option<Vec<Guest>>,
}

/// A node that is invited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Which.
    pub node: NodeIndex,
    /// When its owner has the ticket, after the invitation is made.
    pub after_ms: u64,
}

/// The schema of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Whole numbers without bounds.
    Unbounded,
    /// Whole numbers from −1000.
    Bounded,
    /// Hundredths from 0.
    Hundredths,
    /// Whole numbers from 0 to 2^40, whatever the values are: a proof of them needs the larger field.
    Wide,
}

/// How the network treats messages until it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// The usual delay, from and to.
    pub delay: (u64, u64),
    /// How many in a thousand take up to three seconds.
    pub slow_permille: u64,
    /// How many in a thousand are lost.
    pub loss_permille: u64,
    /// How many in a thousand come twice.
    pub twice_permille: u64,
    /// How many nodes in a thousand a gossip message reaches.
    pub gossip_permille: u64,
    /// From when on nothing is slow, lost or doubled any more.
    pub calm_from: u64,
}

/// A node stops without warning: its memory is gone, its store remains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Which.
    pub node: NodeIndex,
    /// When.
    pub moment: Moment,
    /// How long it is down; for good if `None`.
    pub down_for: Option<u64>,
    /// Whether its store survives.
    pub store: StoreFate,
}

/// When a node crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// At this time, between two events.
    At(u64),
    /// Right after this many of its actions (those that leave a mark: persist, erase, send, publish).
    AfterAction(u64),
}

/// What a crash leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFate {
    /// Everything that was persisted.
    Kept,
    /// Nothing but the identity: somebody deleted the file.
    Wiped,
}

/// Some nodes cannot reach the others for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// From when.
    pub from: u64,
    /// Until when.
    pub until: u64,
    /// Who is on the one side.
    pub island: BTreeSet<NodeIndex>,
}

impl fmt::Display for NodeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl NodePlan {
    /// An honest node that is there from the beginning.
    pub const fn honest(role: Role) -> Self {
        Self {
            role,
            starts_at: 0,
            skew_ms: 0,
            source: Source::PowerOfTwo,
            owner: Owner::Open,
            cheat: None,
            slice: SLICE_REPORTS,
        }
    }
}

impl Weather {
    /// A network that behaves from the beginning.
    pub const FAIR: Self = Self {
        delay: (1, 20),
        slow_permille: 0,
        loss_permille: 0,
        twice_permille: 0,
        gossip_permille: 1_000,
        calm_from: 0,
    };
}

impl Shape {
    /// The step between values.
    pub fn step(self) -> Decimal {
        match self {
            Self::Unbounded | Self::Bounded | Self::Wide => Decimal::ONE,
            Self::Hundredths => Decimal::new(1, 2).unwrap_or(Decimal::ONE),
        }
    }

    /// The schema, for values up to 2^`bits` steps.
    pub fn schema(self, bits: u32) -> NumberSchema {
        let largest = self.step().times(1 << bits);
        let schema = match self {
            Self::Unbounded => Ok(NumberSchema::default()),
            Self::Bounded => NumberSchema::new(self.step(), Decimal::new(-1_000, 0), largest),
            Self::Hundredths => NumberSchema::new(self.step(), Decimal::new(0, 0), largest),
            Self::Wide => NumberSchema::new(self.step(), Decimal::new(0, 0), self.step().times(1 << WIDE_BITS)),
        };
        // Bounds of at most 50 bits in the right order make a schema.
        schema.unwrap_or_default()
    }
}

impl Question {
    /// Makes it one by invitation, of this node and these others.
    pub(super) fn invite(
        &mut self,
        inviter: NodeIndex,
        others: impl Iterator<Item = NodeIndex>,
        mut after_ms: impl FnMut(u64) -> u64,
    ) {
        let guests: Vec<_> =
            (1..).zip(others).map(|(place, node)| Guest { node, after_ms: after_ms(place) }).collect();
        let parties: Vec<_> = [inviter].into_iter().chain(guests.iter().map(|guest| guest.node)).collect();
        let count = u32::try_from(parties.len()).unwrap_or(u32::MAX);
        self.proposer = inviter;
        self.list = Some(parties.iter().copied().collect());
        self.heavy = parties;
        (self.min_participants, self.max_participants) = (count, count);
        self.guests = Some(guests);
    }
}

impl Scenario {
    /// Everything goes well: honest nodes, fair weather, one sum over all light nodes by light node 0 (or heavy
    /// node 0 without light nodes), open for 2 s.
    pub fn calm(heavies: usize, lights: usize) -> Self {
        let heavy = (0..heavies).map(|_| NodePlan::honest(Role::Heavy));
        let light = (0..lights).map(|_| NodePlan::honest(Role::Light));
        let count = u32::try_from(lights).unwrap_or(u32::MAX);
        let question = Question {
            asked_at: 1_000,
            proposer: NodeIndex(if lights == 0 { 0 } else { heavies }),
            heavy: (0..heavies).map(NodeIndex).collect(),
            statistic: Statistic::Sum,
            records: 1,
            sharing: Sharing::Additive { modulus: Modulus::Bits64 },
            noise: None,
            shape: Shape::Unbounded,
            min_participants: count.clamp(1, 3),
            max_participants: count.max(1),
            open_for: 2_000,
            patience: 5_000,
            grace: GRACE_MS,
            list: None,
            guests: None,
        };
        Self {
            seed: 0,
            nodes: heavy.chain(light).collect(),
            questions: vec![question],
            weather: Weather::FAIR,
            crashes: Vec::new(),
            cuts: Vec::new(),
        }
    }

    /// As `calm`, shared in this way, and with the bounds that proofs need.
    pub fn calm_under(sharing: Sharing, heavies: usize, lights: usize) -> Self {
        let mut scenario = Self::calm(heavies, lights);
        for question in &mut scenario.questions {
            question.sharing = sharing;
            question.shape = Shape::Bounded;
        }
        scenario
    }

    /// How many heavy nodes there are.
    pub fn heavies(&self) -> usize {
        self.nodes.iter().filter(|node| node.role == Role::Heavy).count()
    }

    /// The exponent of a node's value: light nodes first; heavy nodes have one by invitation.
    pub(super) fn exponent(&self, node: NodeIndex) -> u32 {
        let lights = self.nodes.len() - self.heavies();
        let place = node.0.checked_sub(self.heavies()).unwrap_or(lights + node.0);
        u32::try_from(place).unwrap_or(u32::MAX).min(49)
    }

    /// As `calm`, by invitation: the first node invites all others, who come one after the other.
    pub fn by_invitation(sharing: Sharing, quorum: u32, heavies: usize, lights: usize) -> Self {
        let mut scenario = Self::calm_under(sharing, heavies, lights);
        for question in &mut scenario.questions {
            question.invite(NodeIndex(0), (1..heavies + lights).map(NodeIndex), |place| 100 * place);
            question.min_participants = quorum;
        }
        scenario
    }

    /// What people call a node: H0, L3.
    pub fn name(&self, node: NodeIndex) -> String {
        let heavies = self.heavies();
        if node.0 < heavies { format!("H{}", node.0) } else { format!("L{}", node.0 - heavies) }
    }

    /// When the network behaves for good: no loss, no cut, every node that comes back has come back.
    pub fn settles_at(&self) -> u64 {
        let cuts = self.cuts.iter().map(|cut| cut.until);
        let starts = self.nodes.iter().map(|node| node.starts_at);
        cuts.chain(starts).fold(self.weather.calm_from, u64::max)
    }
}
