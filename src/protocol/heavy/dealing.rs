//! Dealing, before a threshold computation is accepted: every heavy node shares its ρ, and its noise where there is noise,
//! among all heavy nodes. So who vanishes later takes nothing with it. (docs/PROTOCOL.md)

use std::collections::BTreeMap;

use super::Promise;
use crate::domain::{Computation, ComputationId, Failure, PeerId, Refusal, Sharing};
use crate::protocol::entry::{Entry, Stage};
use crate::protocol::turn::Turn;
use crate::sharing::{Secret, deal_rho, fresh_rho, rebuild_rho};
use crate::statistics;
use crate::wire::{Acceptance, Deal, Dealt, DealtKind, Message, Part, Record, Signed, Want, deals_digest};

/// What this node deals, and what it has been dealt so far.
#[derive(Debug)]
pub(in crate::protocol) struct Dealing {
    deal: Signed<Deal>,
    rho: Secret<[u8; 32]>,
    /// What each heavy node gets, in their order.
    rho_parts: Vec<Part>,
    noise_parts: Vec<Part>,
    /// By dealer.
    received: BTreeMap<PeerId, (Signed<Deal>, Part, Option<Part>)>,
}

impl Dealing {
    /// Takes up what was persisted; `None` if ρ is none.
    pub fn restore(
        computation: &Signed<Computation>,
        deal: Signed<Deal>,
        rho: Secret<[u8; 32]>,
        noise_parts: Vec<Part>,
    ) -> Option<Self> {
        let rho_parts = rho_parts(computation, &rho)?;
        Some(Self { deal, rho, rho_parts, noise_parts, received: BTreeMap::new() })
    }

    /// Whether this heavy node has dealt to this one: without everybody's deal nobody accepts.
    pub fn has_been_dealt_by(&self, dealer: &PeerId) -> bool {
        self.received.contains_key(dealer)
    }

    fn message_for(&self, position: usize) -> Option<Message> {
        let rho = self.rho_parts.get(position)?.clone();
        Some(Message::Deal { deal: self.deal.clone(), rho, noise: self.noise_parts.get(position).cloned() })
    }
}

/// The one dealing of a ρ.
fn rho_parts(computation: &Signed<Computation>, rho: &Secret<[u8; 32]>) -> Option<Vec<Part>> {
    let terms = computation.get();
    let Sharing::Threshold { k } = terms.sharing else { return None };
    let shares = deal_rho(rho, usize::from(k), terms.heavy.len(), computation.id().as_bytes())?;
    Some(shares.into_iter().map(|dealt| Part { share: dealt.share, blind: dealt.blind }).collect())
}

impl Entry {
    /// A proposal of a threshold computation: draws and persists what this node deals, and deals it.
    pub(super) fn begin_dealing(&mut self, turn: &mut Turn<'_>) {
        let (id, me, heavy_nodes) = (self.id, turn.me(), self.terms().heavy.clone());
        let rho = fresh_rho(turn.rng());
        let Some(rho_parts) = rho_parts(&self.computation, &rho) else { return };
        let noise = statistics::draw_noise(self.terms(), turn.rng());
        let shares = noise.and_then(|noise| {
            statistics::scheme(self.terms()).ok()?.deal_noise(noise.expose(), turn.rng()).ok()
        });
        let noise_parts: Vec<_> = shares
            .unwrap_or_default()
            .into_iter()
            .map(|share| Part { share, blind: turn.secret_bytes() })
            .collect();
        let digests = |kind, parts: &[Part]| {
            let each = heavy_nodes.iter().zip(parts);
            each.map(|(receiver, part)| part.digest(kind, id, me, *receiver)).collect()
        };
        let deal = turn.sign(Deal {
            computation: id,
            heavy: me,
            rho: digests(DealtKind::Rho, &rho_parts),
            noise: digests(DealtKind::Noise, &noise_parts),
        });
        turn.persist(Record::Dealing {
            computation: self.computation.clone(),
            deal: deal.clone(),
            rho: rho.clone(),
            noise: noise_parts.clone(),
        });
        let dealing = Dealing { deal, rho, rho_parts, noise_parts, received: BTreeMap::new() };
        if let Stage::Proposed { dealing: slot, .. } = &mut self.stage {
            *slot = Some(Box::new(dealing));
        }
        self.deal_to(turn, None);
        for other in self.others(me) {
            turn.send(other, Message::Want { computation: id, want: Want::Deal });
        }
        self.await_announcement(turn);
    }

    /// Sends its share to one heavy node, or to all.
    pub(super) fn deal_to(&mut self, turn: &mut Turn<'_>, only: Option<PeerId>) {
        let Stage::Proposed { dealing: Some(dealing), .. } = &self.stage else { return };
        for (position, heavy) in self.terms().heavy.iter().enumerate() {
            if only.is_none_or(|only| only == *heavy)
                && let Some(message) = dealing.message_for(position)
            {
                turn.send(*heavy, message);
            }
        }
    }

    /// Time to ask again for what was not dealt yet.
    pub fn deal_again(&mut self, turn: &mut Turn<'_>) {
        let (id, me) = (self.id, turn.me());
        let Stage::Proposed { dealing: Some(dealing), accepted: None, .. } = &self.stage else { return };
        let missing: Vec<_> =
            self.others(me).into_iter().filter(|other| !dealing.received.contains_key(other)).collect();
        let own_is_missing = !dealing.received.contains_key(&me);
        for other in missing {
            turn.send(other, Message::Want { computation: id, want: Want::Deal });
        }
        if own_is_missing {
            self.deal_to(turn, Some(me));
        }
    }

    /// Another heavy node's deal. With the last one, this node accepts.
    pub fn on_deal(
        &mut self,
        turn: &mut Turn<'_>,
        from: PeerId,
        deal: Signed<Deal>,
        rho: Part,
        noise: Option<Part>,
    ) {
        let (id, me, terms) = (self.id, turn.me(), self.computation.get().clone());
        let Stage::Proposed { dealing: Some(dealing), accepted: None, .. } = &mut self.stage else { return };
        let said = deal.get();
        if said.heavy != from || said.computation != id || !terms.has_heavy(&from) {
            turn.ignore(from, "deal", "it is not this heavy node's");
            return;
        }
        let Some(position) = terms.heavy.iter().position(|heavy| *heavy == me) else { return };
        let Ok(scheme) = statistics::scheme(&terms) else { return };
        let with_noise = terms.noise.is_some();
        let rho_fits = said.rho.get(position) == Some(&rho.digest(DealtKind::Rho, id, from, me))
            && rebuild_rho(1, &[(position, rho.share.expose())]).is_some();
        let noise_fits = match &noise {
            Some(part) => {
                said.noise.get(position) == Some(&part.digest(DealtKind::Noise, id, from, me))
                    && scheme.check_noise_share(part.share.expose()).is_ok()
            }
            None => said.noise.is_empty(),
        };
        let complete = said.rho.len() == terms.heavy.len()
            && (!with_noise || said.noise.len() == terms.heavy.len())
            && noise.is_some() == with_noise;
        if !(complete && rho_fits && noise_fits) {
            let refusal =
                Refusal::Invalid(format!("heavy node {} dealt this node shares that do not fit", from.uid()));
            turn.send(terms.proposer, Message::Refuse { computation: id, refusal });
            return;
        }
        dealing.received.entry(from).or_insert((deal, rho, noise));
        self.accept_when_dealt(turn);
    }

    /// With every heavy node's deal: accepts, naming all of them.
    fn accept_when_dealt(&mut self, turn: &mut Turn<'_>) {
        let (id, me, terms) = (self.id, turn.me(), self.computation.get().clone());
        let Stage::Proposed { dealing: Some(dealing), accepted, .. } = &mut self.stage else { return };
        let all: Vec<_> =
            terms.heavy.iter().filter_map(|dealer| dealing.received.get(dealer).cloned()).collect();
        if all.len() < terms.heavy.len() {
            return;
        }
        let deals: Vec<_> = all.iter().map(|(deal, ..)| deal.clone()).collect();
        let dealt = Dealt {
            rho: all.iter().map(|(_, rho, _)| rho.clone()).collect(),
            noise: all.into_iter().filter_map(|(.., noise)| noise).collect(),
            deals,
        };
        let commitment = deals_digest(id, &dealt.deals);
        let acceptance = turn.sign(Acceptance { computation: id, heavy: me, rho_commitment: commitment });
        let (rho, blind) = (dealing.rho.clone(), turn.secret_bytes());
        *accepted = Some(Box::new(Promise {
            acceptance: acceptance.clone(),
            rho: rho.clone(),
            blind: blind.clone(),
            dealt: Some(dealt.clone()),
        }));
        turn.persist(Record::Accepted {
            computation: self.computation.clone(),
            acceptance: acceptance.clone(),
            rho,
            blind,
            dealt: Some(dealt),
        });
        turn.send(terms.proposer, Message::Accept(acceptance));
        self.changed(turn);
    }
}

/// ρ of a dealer, from the shares of it that match its digests; zeros for one whose dealing is not the one of any ρ. `None` while
/// there are fewer than k.
pub(super) fn rebuild(
    id: ComputationId,
    heavy_nodes: &[PeerId],
    k: usize,
    deal: &Deal,
    shares: &[(usize, &Part)],
) -> Option<Secret<[u8; 32]>> {
    let points: Vec<_> =
        shares.iter().map(|(position, part)| (*position, part.share.expose().as_slice())).collect();
    if points.len() < k {
        return None;
    }
    let zeros = Secret::new([0; 32]);
    let Some(rho) = rebuild_rho(k, &points) else { return Some(zeros) };
    let again = deal_rho(&rho, k, heavy_nodes.len(), id.as_bytes()).unwrap_or_default();
    let digests = again.into_iter().zip(heavy_nodes).map(|(dealt, receiver)| {
        Part { share: dealt.share, blind: dealt.blind }.digest(DealtKind::Rho, id, deal.heavy, *receiver)
    });
    Some(if digests.eq(deal.rho.iter().copied()) { rho } else { zeros })
}

/// The end of a proposal whose heavy nodes were not all dealt the same.
pub(in crate::protocol) fn deals_differ(
    sharing: Sharing,
    acceptances: &[Signed<Acceptance>],
) -> Option<Failure> {
    let mut named = acceptances.iter().map(|acceptance| acceptance.get().rho_commitment);
    let first = named.next();
    let differ = matches!(sharing, Sharing::Threshold { .. }) && named.any(|digest| Some(digest) != first);
    differ.then_some(Failure::DealsDiffer)
}
