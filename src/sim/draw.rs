//! From one seed to a scenario.

use std::collections::BTreeSet;

use super::cheat::Cheat;
use super::dice::Dice;
use super::scenario::{
    Crash, Cut, GRACE_MS, Moment, NodeIndex, NodePlan, Owner, Question, Scenario, Shape, Source, StoreFate,
    Weather,
};
use crate::domain::{Decimal, Modulus, Noise, Role, Sharing, Statistic};

/// Light nodes whose powers of two fit a total modulo 2^32.
const LIGHTS_IN_32_BITS: usize = 26;
/// Light nodes whose squares of powers of two fit a field of 128 bits, thousands of records each.
const LIGHTS_OF_SQUARES: usize = 20;
/// Clocks are this far off at most, so that two are never further apart than nodes tolerate.
const SKEW_MAX_MS: u64 = 14_000;
/// Light nodes of a run with proofs: each of their reports costs every heavy node a millisecond without optimisation.
const LIGHTS_WITH_PROOFS: usize = 12;

/// Which ways of sharing are drawn, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schemes {
    /// Every one, every statistic, and questions by invitation beside the others: even seeds draw additive runs, of the odd
    /// ones every other has a threshold.
    All,
    /// The same without invitations: what seeds drew before there were any.
    Proposed,
    /// Every one, of counts, sums and means of one record each: what seeds drew before there were other statistics.
    OneRecord,
    /// Additive sharing alone, without noise: what seeds drew before there was anything else.
    Additive,
}

impl Scenario {
    /// The scenario of this seed.
    pub fn draw(seed: u64) -> Self {
        Self::draw_from(seed, Schemes::All)
    }

    /// The scenario of this seed among these ways of sharing.
    pub fn draw_from(seed: u64, schemes: Schemes) -> Self {
        let dice = &mut Dice::new(seed, "scenario");
        // A stream of its own, so that runs without proofs stay what they were.
        let scheme_dice = &mut Dice::new(seed, "schemes");
        let proofs = schemes != Schemes::Additive && seed % 2 == 1;
        let most = if dice.chance(200) { 7 } else { 4 };
        let heavies = dice.count(3, most);
        let lights = match dice.below(20) {
            0 => dice.count(0, 50),
            1..=4 => dice.count(8, 20),
            _ => dice.count(0, 8),
        };
        let lights = if proofs { lights.min(LIGHTS_WITH_PROOFS) } else { lights };
        let mut nodes: Vec<_> = (0..heavies).map(|_| NodePlan::honest(Role::Heavy)).collect();
        nodes.extend((0..lights).map(|_| NodePlan::honest(Role::Light)));
        let rough = dice.chance(700);
        let mut scenario = Self {
            seed,
            nodes,
            questions: Vec::new(),
            weather: if rough { weather(dice) } else { Weather::FAIR },
            crashes: Vec::new(),
            cuts: Vec::new(),
        };
        for _ in 0..dice.pick(&[1, 1, 1, 2, 3, 4]).unwrap_or(1) {
            let question = scenario.question(dice);
            scenario.questions.push(question);
        }
        if schemes != Schemes::Additive {
            for question in &mut scenario.questions {
                share_otherwise(question, seed, scheme_dice);
            }
        }
        if matches!(schemes, Schemes::All | Schemes::Proposed) {
            let dice = &mut Dice::new(seed, "statistics");
            for question in &mut scenario.questions {
                ask_otherwise(question, lights, dice);
            }
        }
        if schemes == Schemes::All {
            scenario.invitations(&mut Dice::new(seed, "invitations"));
        }
        scenario.people(dice);
        if rough {
            scenario.misfortunes(dice);
        }
        if dice.chance(if proofs { 800 } else { 350 }) {
            scenario.cheats(dice, proofs.then_some(seed));
        }
        scenario
    }

    fn question(&self, dice: &mut Dice) -> Question {
        let heavies = self.heavies();
        let lights = self.nodes.len() - heavies;
        let mut heavy: Vec<_> = (0..heavies).map(NodeIndex).collect();
        let asked = dice.count(3, heavies);
        while heavy.len() > asked {
            heavy.remove(dice.count(0, heavy.len() - 1));
        }
        if dice.chance(300) {
            heavy.reverse();
        }
        let list = dice.chance(400).then(|| {
            (heavies..self.nodes.len()).filter(|_| dice.chance(800)).map(NodeIndex).collect::<BTreeSet<_>>()
        });
        let list = list.filter(|list| !list.is_empty());
        let possible = list.as_ref().map_or(lights, BTreeSet::len).max(1);
        let minimum = if dice.chance(100) { possible } else { dice.count(1, possible.min(4)) };
        let maximum = if dice.chance(100) { dice.count(minimum, possible) } else { lights.max(minimum) };
        let wide = [Modulus::Bits64, Modulus::Bits128];
        let any = [Modulus::Bits32, Modulus::Bits64, Modulus::Bits128];
        let moduli: &[Modulus] = if lights > LIGHTS_IN_32_BITS { &wide } else { &any };
        let to_u32 = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Question {
            asked_at: dice.between(500, 4_000),
            proposer: NodeIndex(dice.count(0, self.nodes.len() - 1)),
            heavy,
            statistic: dice
                .pick(&[Statistic::Sum, Statistic::Sum, Statistic::Mean, Statistic::Count])
                .unwrap_or(Statistic::Sum),
            records: 1,
            sharing: Sharing::Additive { modulus: dice.pick(moduli).unwrap_or(Modulus::Bits64) },
            noise: None,
            shape: dice
                .pick(&[Shape::Unbounded, Shape::Bounded, Shape::Hundredths])
                .unwrap_or(Shape::Unbounded),
            min_participants: to_u32(minimum),
            max_participants: to_u32(maximum),
            open_for: dice.between(500, 8_000),
            patience: dice.between(1_000, 15_000),
            grace: GRACE_MS,
            list,
            guests: None,
        }
    }

    /// Some runs have a question by invitation instead of the first one.
    fn invitations(&mut self, dice: &mut Dice) {
        let last = self.nodes.len() - 1;
        // Each node has a value of its own.
        if !dice.chance(300) || self.nodes.len() > 48 {
            return;
        }
        let Some(question) = self.questions.first_mut() else { return };
        let mut parties: Vec<_> = (0..=last).map(NodeIndex).collect();
        let most = dice.count(2, last.clamp(2, 6));
        while parties.len() > most {
            parties.remove(dice.count(0, parties.len() - 1));
        }
        let Some((inviter, others)) = parties.split_first() else { return };
        question.invite(*inviter, others.iter().copied(), |_| dice.between(0, 3_000));
        // Time to come, and then to answer.
        question.open_for = question.open_for.max(2_000) + dice.between(0, 8_000);
        let count = question.max_participants;
        question.min_participants = count;
        if let Sharing::Threshold { .. } = question.sharing {
            let quorum = u32::try_from(dice.count(count as usize / 2 + 1, count as usize)).unwrap_or(count);
            question.min_participants = quorum;
            let k = u8::try_from(dice.count(2, quorum as usize)).unwrap_or(2);
            question.sharing = Sharing::Threshold { k };
        }
    }

    /// Owners, sources, late joiners, clocks.
    fn people(&mut self, dice: &mut Dice) {
        let mostly_off = dice.chance(200);
        for node in &mut self.nodes {
            if dice.chance(300) {
                let most = if mostly_off { SKEW_MAX_MS } else { 400 };
                let skew = i64::try_from(dice.below(2 * most)).unwrap_or(0);
                node.skew_ms = skew - i64::try_from(most).unwrap_or(0);
            }
            if node.role == Role::Heavy {
                continue;
            }
            let wait = dice.between(100, 6_000);
            node.owner = match dice.below(20) {
                0 => Owner::Approves(wait),
                1 => Owner::Declines(wait),
                2 => Owner::Answers(wait),
                3 => Owner::Away,
                4..=8 => Owner::Trusting,
                _ => Owner::Open,
            };
            node.source = match dice.below(20) {
                0 => Source::Unfit,
                1 => Source::Missing,
                2 => Source::Unreadable,
                _ => Source::PowerOfTwo,
            };
            if dice.chance(150) {
                node.starts_at = dice.between(1_000, 9_000);
            }
        }
    }

    fn misfortunes(&mut self, dice: &mut Dice) {
        let last = self.nodes.len() - 1;
        for _ in 0..dice.below(7) {
            let moment = if dice.chance(300) {
                Moment::At(dice.between(200, 20_000))
            } else {
                let action = dice.between(1, 200);
                // Small numbers are where the steps of the protocol are.
                Moment::AfterAction(if dice.chance(500) { dice.between(1, action) } else { action })
            };
            let store = if dice.chance(60) { StoreFate::Wiped } else { StoreFate::Kept };
            // Half of them hit heavy nodes, on which more hangs.
            let most = if dice.chance(500) { self.heavies() - 1 } else { last };
            let node = NodeIndex(dice.count(0, most));
            let down_for = (!dice.chance(120)).then(|| dice.between(1, 9_000));
            self.crashes.push(Crash { node, moment, down_for, store });
        }
        for _ in 0..dice.below(3) {
            let from = dice.between(500, 12_000);
            let island = (0..=last).map(NodeIndex).filter(|_| dice.chance(400)).collect();
            self.cuts.push(Cut { from, until: from + dice.between(50, 8_000), island });
        }
    }

    /// With `turn`, whoever cheats about proofs is taken in turn.
    fn cheats(&mut self, dice: &mut Dice, turn: Option<u64>) {
        let (about_proofs, others): (Vec<_>, Vec<_>) =
            Cheat::ALL.into_iter().partition(|cheat| cheat.is_about_proofs());
        let has_threshold = turn.is_some_and(|turn| turn % 4 == 3);
        let about_proofs: Vec<_> =
            about_proofs.into_iter().filter(|cheat| has_threshold || !cheat.is_about_thresholds()).collect();
        for nth in 0..dice.between(1, 2) {
            let in_turn = turn.and_then(|turn| {
                let place = (turn / 4 + 5 * nth).checked_rem(about_proofs.len() as u64)?;
                about_proofs.get(usize::try_from(place).ok()?)
            });
            let cheat = in_turn.copied().filter(|_| dice.chance(600)).or_else(|| dice.pick(&others));
            let Some(cheat) = cheat else { continue };
            let nodes = self.nodes.iter().enumerate();
            let fitting: Vec<_> =
                nodes.filter(|(_, node)| node.role == cheat.role()).map(|(index, _)| index).collect();
            let Some(index) = dice.pick(&fitting) else { continue };
            if let Some(node) = self.nodes.get_mut(index) {
                node.cheat = Some(cheat);
                self.crashes.retain(|crash| crash.node != NodeIndex(index));
            }
        }
    }
}

/// Puts a scheme with proofs in the place of the additive one, and noise on some results.
fn share_otherwise(question: &mut Question, seed: u64, dice: &mut Dice) {
    let heavy = question.heavy.len();
    let k = u8::try_from(dice.count(2, heavy)).unwrap_or(2);
    // As many may vanish as agreement allows, mostly.
    let threshold = if dice.chance(700) { Sharing::threshold_of(heavy) } else { Sharing::Threshold { k } };
    let proven = match seed % 4 {
        1 => Some(Sharing::Prio3),
        3 => Some(threshold),
        _ => None,
    };
    if let Some(sharing) = proven.filter(|_| dice.chance(900)) {
        question.sharing = sharing;
        let small = [Shape::Bounded, Shape::Bounded, Shape::Hundredths, Shape::Wide];
        question.shape = dice.pick(&small).unwrap_or(Shape::Bounded);
    }
    // Noise at the largest values does not fit 32 bits.
    let narrow = question.sharing == Sharing::Additive { modulus: Modulus::Bits32 };
    let public = question.statistic == Statistic::Count;
    if question.shape != Shape::Unbounded && !narrow && !public && dice.chance(120) {
        let epsilon = dice.pick(&[(1, 1), (1, 0), (10, 0)]);
        let epsilon = epsilon.and_then(|(mantissa, scale)| Decimal::new(mantissa, scale));
        question.noise = epsilon.map(|epsilon| Noise { epsilon });
    }
}

/// Asks for another statistic, of more records, where that fits.
fn ask_otherwise(question: &mut Question, lights: usize, dice: &mut Dice) {
    let plain = question.clone();
    if dice.chance(400) {
        let statistics: Vec<_> = Statistic::ALL.iter().map(|(statistic, _)| *statistic).collect();
        question.statistic = dice.pick(&statistics).unwrap_or(Statistic::Sum);
    }
    if dice.chance(400) {
        question.records = dice.pick(&[2, 5, 10_000]).unwrap_or(1);
    }
    let bounded = question.shape != Shape::Unbounded;
    // Squares need room, and ranges an end.
    let wide =
        question.sharing != Sharing::Additive { modulus: Modulus::Bits128 } && !question.sharing.is_proven();
    let cramped = question.statistic.multiplies() && (wide || lights > LIGHTS_OF_SQUARES);
    let endless = matches!(question.statistic, Statistic::Histogram | Statistic::Quantiles) && !bounded;
    let narrow = question.sharing == Sharing::Additive { modulus: Modulus::Bits32 } && question.records > 5;
    let public = question.statistic == Statistic::Count && question.records == 1 && question.noise.is_some();
    let noisy = question.noise.is_some() && question.statistic.multiplies();
    if cramped || endless || narrow || public || noisy {
        *question = plain;
    }
}

fn weather(dice: &mut Dice) -> Weather {
    let fastest = dice.between(1, 30);
    Weather {
        delay: (fastest, fastest + dice.between(1, 200)),
        slow_permille: dice.pick(&[0, 20, 200]).unwrap_or(0),
        loss_permille: dice.pick(&[0, 10, 100, 400]).unwrap_or(0),
        twice_permille: dice.pick(&[0, 50, 300]).unwrap_or(0),
        gossip_permille: dice.pick(&[0, 500, 900, 1_000]).unwrap_or(0),
        calm_from: dice.between(0, 15_000),
    }
}
