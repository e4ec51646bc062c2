//! A network on which messages are lost, changed or held up, and nodes are killed and start again.

use std::time::Duration;

use formix_p2p::domain::{Computation, ComputationId, PeerId, Role, Sharing};
use formix_p2p::protocol::{Action, Event, Node, Settings};
use formix_p2p::sharing::Secret;
use formix_p2p::wire::Message;

use crate::bounded;
use crate::net::{Net, peer, settings};

pub const VALUES: [i32; 4] = [10, -7, 14, 25];

/// Sender, receiver, message.
pub type Sent = Vec<(PeerId, PeerId, Message)>;

/// What becomes of a message on its way: nothing, it, or others.
pub type Way<'a> = dyn FnMut(&Net, PeerId, PeerId, Message) -> Sent + 'a;

/// A network whose messages go a certain way, and where a node that is killed loses what it sent in its last turn.
pub struct Wild<'a> {
    pub net: Net,
    pub way: Box<Way<'a>>,
    lives: u8,
}

impl<'a> Wild<'a> {
    pub fn new(net: Net, way: impl FnMut(&Net, PeerId, PeerId, Message) -> Sent + 'a) -> Self {
        Self { net, way: Box::new(way), lives: 0 }
    }

    pub fn tame(net: Net) -> Self {
        Self::new(net, |_, from, to, message| vec![(from, to, message)])
    }

    fn settle(&mut self) {
        while let Some((to, event)) = self.net.queue.pop_front() {
            let events = match event {
                Event::Message { from, message } => (self.way)(&self.net, from, to, message)
                    .into_iter()
                    .map(|(from, to, message)| (to, Event::Message { from, message }))
                    .collect(),
                event => vec![(to, event)],
            };
            for (to, event) in events {
                if self.net.down.contains(&to) {
                    continue;
                }
                let store = self.net.stores.entry(to).or_default();
                let actions = self.net.nodes.get_mut(&to).unwrap().handle(self.net.now, event, store);
                self.act(to, actions);
            }
        }
    }

    fn act(&mut self, me: PeerId, actions: Vec<Action>) {
        let before = self.net.queue.len();
        for action in actions {
            let mark = matches!(
                action,
                Action::Persist(_) | Action::Erase(_) | Action::Send { .. } | Action::Publish(_)
            );
            if let Some(left) = self.net.vanish.get_mut(&me).filter(|_| mark) {
                if *left == 0 {
                    self.net.vanish.remove(&me);
                    self.net.down.push(me);
                    // What was not flushed is lost.
                    self.net.queue.truncate(before);
                    return;
                }
                *left -= 1;
            }
            self.net.act(me, action);
        }
    }

    pub fn run_for(&mut self, length: Duration) {
        let end = self.net.now + length;
        self.settle();
        while let Some((key, at)) =
            self.net.timers.iter().min_by_key(|(_, at)| **at).map(|(key, at)| (*key, *at))
        {
            if at > end {
                break;
            }
            self.net.timers.remove(&key);
            self.net.now = self.net.now.max(at);
            self.net.queue.push_back((key.0, Event::Expired(key.1)));
            self.settle();
        }
        self.net.now = end;
    }

    /// Starts it again from its store, with other random numbers.
    pub fn restart(&mut self, index: usize) {
        let me = peer(index);
        self.lives += 1;
        let net = &mut self.net;
        let records = net.stores.get(&me).map(|store| store.values().cloned().collect()).unwrap_or_default();
        net.timers.retain(|(owner, _), _| *owner != me);
        let settings =
            Settings { seed: Secret::new([100 + self.lives; 32]), ..settings(index, net.heavy, Net::open()) };
        net.nodes.insert(me, Node::new(settings));
        net.down.retain(|down| *down != me);
        net.vanish.remove(&me);
        net.queue.push_back((me, Event::Restored(records)));
        let role = |other: &PeerId| if net.values.contains_key(other) { Role::Light } else { Role::Heavy };
        for other in net.nodes.keys().filter(|other| **other != me) {
            net.queue.push_back((me, Event::Met { peer: *other, role: role(other) }));
            net.queue.push_back((*other, Event::Met { peer: me, role: Role::Heavy }));
        }
        self.settle();
    }

    /// How it ended at every heavy node that is up.
    pub fn ends(&self, id: ComputationId) -> Vec<String> {
        (0..self.net.heavy)
            .filter(|index| !self.net.down.contains(&peer(*index)))
            .map(|index| {
                let view = self.net.nodes[&peer(index)].view(id).unwrap();
                match view.answer {
                    Some(answer) => format!("H{index}: {}", answer.total()),
                    None => format!("H{index}: {:?} {:?}", view.status, view.failure),
                }
            })
            .collect()
    }

    pub fn all_read(&self, id: ComputationId, total: &str) -> bool {
        self.ends(id).iter().all(|end| end.ends_with(&format!(": {total}")))
    }
}

/// A network with a running computation.
pub fn announced(heavy: usize, sharing: Sharing) -> (Net, ComputationId) {
    let mut net = Net::with_heavy(heavy, &VALUES, &Net::open());
    let question = bounded(&net, heavy, sharing);
    let id = net.propose(Computation { patience_ms: 60_000, ..question });
    (net, id)
}
