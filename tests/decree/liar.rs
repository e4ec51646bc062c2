//! A heavy node that leads two lives under one key: it shows each half of the others a machine of its own, with
//! a choice of its own, forgets what it is locked on when it likes, and asks for views that are far away. All
//! liars split the others alike.

use formix_p2p::wire::DecreeMemory;

use super::scenario::Dice;
use super::world::{World, named};
use super::*;

/// The choice, with another input by this node.
fn with_another(choice: &Choice, place: usize) -> Choice {
    let mut inputs = choice.inputs().to_vec();
    inputs[place] = Some(Digest::of("another input", &[]));
    Choice::new(inputs)
}

pub struct Liar {
    place: usize,
    /// One for each half.
    lives: [Decree; 2],
    /// Whom the first life is shown to.
    first_half: Vec<bool>,
    wants: [Choice; 2],
    /// Of each message of the others: the other life hears it too.
    gossips_permille: u64,
    forgets_permille: u64,
    /// Of each of its own messages: everybody gets it.
    blurts_permille: u64,
}

/// Takes everything.
struct Shameless<'a>(&'a Choice);

impl Judge for Shameless<'_> {
    fn own(&self) -> Option<Choice> {
        Some(self.0.clone())
    }

    fn holds(&self, _: &Choice) -> bool {
        true
    }

    fn allows(&self, _: &Choice) -> bool {
        true
    }
}

impl Liar {
    pub fn new(world: &mut World, place: usize) -> Self {
        // The halves and the two choices are drawn from the seed alone, so that all liars of a run agree on them.
        let mut shared = Dice::new(world.scenario.seed.wrapping_mul(31));
        let nodes = world.scenario.nodes;
        let first_half = (0..nodes).map(|_| shared.chance(500)).collect();
        let all: Vec<_> = (0..nodes).collect();
        let left_out = shared.place(nodes);
        let fewer: Vec<_> = all.iter().copied().filter(|input| *input != left_out).collect();
        // Everybody's inputs, too, but one is another one: what all prepare decides at once, and there are two of it.
        let another = with_another(&choice(nodes, &all), left_out);
        let second = if shared.chance(500) { another } else { choice(nodes, &fewer) };
        let tendency = |dice: &mut Dice| [0, 50, 300][dice.place(3)];
        let machine = || Decree::new(world.terms.clone(), world.first, peer(place));
        let lives = [machine(), machine()];
        let dice = &mut world.dice;
        let gossips_permille = tendency(dice);
        let (forgets_permille, blurts_permille) = (tendency(dice) / 5, tendency(dice));
        let wants = [choice(nodes, &all), second];
        Self { place, lives, first_half, wants, gossips_permille, forgets_permille, blurts_permille }
    }

    pub fn hear(&mut self, world: &mut World, from: usize, message: DecreeMessage) {
        let fellow = world.scenario.liars.contains(&from);
        let both = fellow || world.dice.chance(self.gossips_permille);
        for life in 0..2 {
            if both || self.shows(life, from) {
                // What one life refuses, the other may take.
                let _ = self.lives[life].on_message(peer(from), message.clone());
                self.go_on(world, life);
            }
        }
    }

    pub fn time_out(&mut self, world: &mut World) {
        for life in 0..2 {
            self.lives[life].on_timeout();
            self.go_on(world, life);
        }
    }

    pub fn resend(&mut self, world: &mut World) {
        for life in 0..2 {
            if world.dice.chance(self.forgets_permille) {
                let terms = world.terms.clone();
                self.lives[life] =
                    Decree::restore(terms, world.first, peer(self.place), DecreeMemory::default());
            }
            for message in self.lives[life].resend() {
                self.show(world, life, &message);
            }
            self.go_on(world, life);
        }
        if world.dice.chance(50) {
            let view = [1, 7, u32::MAX][world.dice.place(3)];
            self.show(world, 0, &DecreeMessage::ViewChange(change(self.place, view, None)));
        }
        if world.dice.chance(50) {
            // Commits to one choice, and in a later breath to nothing.
            let view = self.lives[0].view();
            let wanted = self.lives[0].proposed().unwrap_or(&self.wants[1]);
            assert!(!named(wanted).is_empty());
            let committed = commit(self.place, view, wanted);
            self.show(world, 0, &DecreeMessage::Commit(committed));
        }
    }

    fn go_on(&mut self, world: &mut World, life: usize) {
        let judge = Shameless(&self.wants[life]);
        for output in self.lives[life].advance(&judge, identity(self.place)) {
            let DecreeOutput::Broadcast(message) = output else { continue };
            self.show(world, life, &message);
            if let DecreeMessage::Proposal(justified) = &*message
                && world.dice.chance(300)
            {
                // As coordinator, it would rather have its own way.
                let (view, changes) = (justified.proposal.get().view, justified.changes.clone());
                let other = propose(self.place, view, &self.wants[1 - life], changes);
                self.show(world, 1 - life, &other);
            }
        }
    }

    fn show(&self, world: &mut World, life: usize, message: &DecreeMessage) {
        let blurts = world.dice.chance(self.blurts_permille);
        for to in (0..world.scenario.nodes).filter(|to| *to != self.place) {
            if blurts || world.scenario.liars.contains(&to) || self.shows(life, to) {
                world.send(self.place, to, message);
            }
        }
    }

    fn shows(&self, life: usize, to: usize) -> bool {
        self.first_half[to] == (life == 0)
    }
}
