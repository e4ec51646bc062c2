//! Another node's list, told by what differs: first its outline, then the leaves that are not the same here.

use serde::{Deserialize, Serialize};

use super::codec;
use super::list::{Entry, Exclusion, List, are_well_formed, list_digest};
use super::tree::{self, Leaf, Place};
use crate::domain::limits::{LEAVES_AT_ONCE, REPORTS_PER_COMPUTATION_MAX};
use crate::domain::{ComputationId, Digest, PeerId};

/// A list without its reports: the digests of its leaves, and its exclusions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// The leaves, from left to right.
    #[serde(deserialize_with = "codec::leaves")]
    pub leaves: Vec<Leaf>,
    /// The exclusions, sorted.
    #[serde(deserialize_with = "codec::exclusions")]
    pub exclusions: Vec<Exclusion>,
}

/// The reports of one leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// Its place among the leaves.
    pub leaf: u32,
    /// Its reports, sorted.
    #[serde(deserialize_with = "codec::entries_of_a_leaf")]
    pub entries: Vec<Entry>,
}

/// Another node's list, as far as it is known here. What is the same in this node's own list is not kept a second time.
#[derive(Clone, Debug)]
pub struct Told {
    outline: Outline,
    own: List,
    pieces: Vec<Piece>,
    /// How many more reports may come: a list that is too long is not gathered to its end.
    room: usize,
}

/// What is known of one leaf, and where its reports are in this node's own list.
#[derive(Clone, Debug)]
struct Piece {
    here: Place,
    there: There,
}

#[derive(Clone, Debug)]
enum There {
    /// The same as here.
    Same,
    /// It has not come.
    Lacking,
    Came(Vec<Entry>),
}

/// Why a leaf is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotTheLeaf;

impl Outline {
    /// The digest of the list; `None` for the outline of none.
    pub fn digest(&self, computation: ComputationId) -> Option<Digest> {
        let reports = tree::root_of(computation, &self.leaves)?;
        are_well_formed(&self.exclusions, computation)
            .then(|| list_digest(computation, reports, &self.exclusions))
    }
}

impl List {
    /// The reports of some of its leaves, at most [`LEAVES_AT_ONCE`] of them.
    pub fn filled(&self, computation: ComputationId, leaves: &[u32]) -> Vec<Filled> {
        let outline = self.outline(computation);
        let places = tree::places_in(self.entries(), &outline.leaves).unwrap_or_default();
        let filled = |leaf: &u32| {
            let range = places.get(*leaf as usize)?.range.clone();
            Some(Filled { leaf: *leaf, entries: self.entries().get(range)?.to_vec() })
        };
        leaves.iter().take(LEAVES_AT_ONCE).filter_map(filled).collect()
    }
}

impl Told {
    /// A list of at most so many reports with this outline, beside this node's own; `None` for the outline of none.
    pub fn new(computation: ComputationId, outline: Outline, own: &List, most: u32) -> Option<Self> {
        let places = tree::places_in(own.entries(), &outline.leaves)?;
        let piece = |(leaf, here): (&Leaf, Place)| {
            let entries = own.entries().get(here.range.clone()).unwrap_or_default();
            let same = tree::leaf_digest(computation, entries) == leaf.digest;
            Piece { here, there: if same { There::Same } else { There::Lacking } }
        };
        let pieces = outline.leaves.iter().zip(places).map(piece).collect();
        Some(Self { outline, own: own.clone(), pieces, room: usize::try_from(most).unwrap_or(usize::MAX) })
    }

    /// Its outline, as it was told.
    pub const fn outline(&self) -> &Outline {
        &self.outline
    }

    /// The first leaves that have not come, as many as are told at once.
    pub fn lacking(&self) -> Vec<u32> {
        let numbered = (0..).zip(&self.pieces);
        let lacking = numbered.filter(|(_, piece)| matches!(piece.there, There::Lacking));
        lacking.map(|(leaf, _)| leaf).take(LEAVES_AT_ONCE).collect()
    }

    /// Whether every leaf is known.
    pub fn is_complete(&self) -> bool {
        !self.pieces.iter().any(|piece| matches!(piece.there, There::Lacking))
    }

    /// Takes a leaf; `false` if it is known already.
    ///
    /// # Errors
    /// It is not what the outline says.
    pub fn take(&mut self, computation: ComputationId, filled: Filled) -> Result<bool, NotTheLeaf> {
        let at = filled.leaf as usize;
        let (leaf, piece) = self.outline.leaves.get(at).zip(self.pieces.get_mut(at)).ok_or(NotTheLeaf)?;
        if !matches!(piece.there, There::Lacking) {
            return Ok(false);
        }
        let entries = filled.entries;
        let room = self.room.checked_sub(entries.len()).ok_or(NotTheLeaf)?;
        let sorted = entries.is_sorted_by(|left, right| left.participant < right.participant);
        let in_place = entries.iter().all(|entry| piece.here.prefix.fits(&entry.participant));
        if !sorted || !in_place || tree::leaf_digest(computation, &entries) != leaf.digest {
            return Err(NotTheLeaf);
        }
        self.room = room;
        piece.there = There::Came(entries);
        Ok(true)
    }

    /// Once it is complete: whether it is a list that an honest node makes.
    pub fn is_well_formed(&self) -> bool {
        let counts = || self.pieces.iter().map(|piece| self.entries_of(piece).len());
        let all = counts().try_fold(0_u32, |all, count| all.checked_add(u32::try_from(count).ok()?));
        let listed = |exclusion: &Exclusion| self.report_of(&exclusion.participant()).is_some();
        tree::is_split_where_it_must(&self.outline.leaves, counts())
            && all.is_some_and(|all| all <= REPORTS_PER_COMPUTATION_MAX)
            && !self.outline.exclusions.iter().any(listed)
    }

    /// Whether this report is on it.
    pub fn contains(&self, entry: &Entry) -> bool {
        self.report_of(&entry.participant) == Some(entry.manifest)
    }

    /// Whether it has evidence against a participant.
    pub fn excludes(&self, participant: &PeerId) -> bool {
        self.outline.exclusions.iter().any(|exclusion| exclusion.participant() == *participant)
    }

    /// Its reports that this node's own list does not have.
    pub fn news(&self) -> impl Iterator<Item = &Entry> {
        let came = self.pieces.iter().filter(|piece| !matches!(piece.there, There::Same));
        came.flat_map(|piece| self.entries_of(piece)).filter(|entry| !self.own.contains(entry))
    }

    /// Whose reports of this node's own list are not on it.
    pub fn left_out(&self) -> impl Iterator<Item = PeerId> {
        let differs = self.pieces.iter().filter(|piece| !matches!(piece.there, There::Same));
        let own =
            differs.flat_map(|piece| self.own.entries().get(piece.here.range.clone()).unwrap_or_default());
        own.filter(|entry| !self.contains(entry)).map(|entry| entry.participant)
    }

    /// Its reports as a list of its own.
    pub fn to_list(&self) -> List {
        List::accepted(self.pieces.iter().flat_map(|piece| self.entries_of(piece)).copied().collect())
    }

    /// The reports of some of its leaves, at most [`LEAVES_AT_ONCE`] of them.
    pub fn filled(&self, leaves: &[u32]) -> Vec<Filled> {
        let filled = |leaf: &u32| {
            let piece = self.pieces.get(*leaf as usize)?;
            Some(Filled { leaf: *leaf, entries: self.entries_of(piece).to_vec() })
        };
        leaves.iter().take(LEAVES_AT_ONCE).filter_map(filled).collect()
    }

    fn report_of(&self, participant: &PeerId) -> Option<Digest> {
        let above = self.pieces.partition_point(|piece| piece.here.prefix.begins_by(participant));
        let entries = self.entries_of(self.pieces.get(above.checked_sub(1)?)?);
        let at = entries.binary_search_by_key(participant, |entry| entry.participant).ok()?;
        entries.get(at).map(|entry| entry.manifest)
    }

    fn entries_of<'a>(&'a self, piece: &'a Piece) -> &'a [Entry] {
        match &piece.there {
            There::Same => self.own.entries().get(piece.here.range.clone()).unwrap_or_default(),
            There::Lacking => &[],
            There::Came(entries) => entries,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limits::LEAF_ENTRIES_MAX;

    fn id() -> ComputationId {
        ComputationId::of_body(b"one")
    }

    fn entry(number: u32, version: u8) -> Entry {
        let key = Digest::of("participant", &[&number.to_be_bytes()]);
        let manifest = Digest::of("manifest", &[&number.to_be_bytes(), &[version]]);
        Entry { participant: PeerId::from_public_key(*key.as_bytes()), manifest }
    }

    fn list(numbers: impl IntoIterator<Item = u32>) -> List {
        let mut entries: Vec<_> = numbers.into_iter().map(|number| entry(number, 0)).collect();
        entries.sort();
        List::accepted(entries)
    }

    /// What one node tells of its list to another one; and how many leaves that took.
    fn told(there: &List, here: &List) -> (Told, usize) {
        let mut told = Told::new(id(), there.outline(id()), here, 1_000_000).unwrap();
        let mut leaves = 0;
        while !told.is_complete() {
            for leaf in there.filled(id(), &told.lacking()) {
                leaves += 1;
                assert_eq!(told.take(id(), leaf), Ok(true));
            }
        }
        assert!(told.is_well_formed());
        (told, leaves)
    }

    #[test]
    fn a_list_is_told_by_what_differs() {
        let here = list(0..20_000);
        let there = list((0..20_000).filter(|number| ![5, 700, 19_999].contains(number)).chain([50_000]));
        let (told, leaves) = told(&there, &here);
        assert!(leaves <= 4, "{leaves}");
        assert_eq!(told.to_list(), there);
        let mut left_out: Vec<_> = told.left_out().collect();
        left_out.sort();
        let mut expected: Vec<_> = [5, 700, 19_999].map(|number| entry(number, 0).participant).to_vec();
        expected.sort();
        assert_eq!(left_out, expected);
        assert_eq!(told.news().collect::<Vec<_>>(), [&entry(50_000, 0)]);
        assert!(
            (0..20_000).all(|number| told.contains(&entry(number, 0)) == there.contains(&entry(number, 0)))
        );
        assert!(
            !told.contains(&entry(700, 0)) && !told.contains(&entry(7, 1)) && told.contains(&entry(50_000, 0))
        );
    }

    #[test]
    fn lists_of_any_sizes_are_told_to_each_other() {
        let sizes = [0, 1, 255, 256, 257, 258, 513, 3_000];
        for (there, here) in sizes.into_iter().flat_map(|there| sizes.map(|here| (there, here))) {
            let (there, here) = (list(0..there), list(100..100 + here));
            assert_eq!(told(&there, &here).0.to_list(), there);
            assert_eq!(there.outline(id()).digest(id()), Some(there.digest(id())));
        }
    }

    #[test]
    fn the_digest_follows_from_every_report_and_the_computation() {
        let first = list(0..1_000);
        assert_eq!(first.digest(id()), list((0..1_000).rev()).digest(id()));
        assert_ne!(first.digest(id()), list(0..999).digest(id()));
        assert_ne!(first.digest(id()), first.digest(ComputationId::of_body(b"another")));
        let mut entries = first.entries().to_vec();
        entries[500].manifest = Digest::of("another", &[]);
        assert_ne!(List::accepted(entries).digest(id()), first.digest(id()));
    }

    #[test]
    fn keys_that_begin_alike_make_no_large_leaf() {
        let alike = |number: u32| {
            let mut key = [7; 32];
            key[28..].copy_from_slice(&number.to_be_bytes());
            Entry { participant: PeerId::from_public_key(key), manifest: Digest::of("one", &[]) }
        };
        let there = List::accepted((0..2_000).map(alike).collect());
        let outline = there.outline(id());
        assert!(outline.leaves.len() < 300, "{}", outline.leaves.len());
        let (told, _) = told(&there, &list(0..700));
        assert_eq!(told.to_list(), there);
        let all: Vec<u32> = (0..300).collect();
        let filled = all.chunks(LEAVES_AT_ONCE).flat_map(|leaves| there.filled(id(), leaves));
        assert!(filled.map(|leaf| leaf.entries.len()).all(|entries| entries <= LEAF_ENTRIES_MAX));
    }

    #[test]
    fn a_leaf_that_lies_is_not_taken() {
        let (there, here) = (list(0..1_000), list(2_000..2_001));
        let mut told = Told::new(id(), there.outline(id()), &here, 1_000_000).unwrap();
        let honest = there.filled(id(), &told.lacking());
        let lies: [fn(&mut Filled); 5] = [
            |leaf| {
                leaf.entries.pop();
            },
            |leaf| leaf.entries[0].manifest = Digest::of("another", &[]),
            |leaf| leaf.entries.reverse(),
            |leaf| leaf.leaf += 1,
            |leaf| leaf.leaf = 9_999,
        ];
        for lie in lies {
            let mut leaf = honest[0].clone();
            lie(&mut leaf);
            assert_eq!(told.take(id(), leaf), Err(NotTheLeaf));
        }
        assert_eq!(told.take(id(), honest[0].clone()), Ok(true));
        assert_eq!(told.take(id(), honest[0].clone()), Ok(false));
        assert!(!told.is_complete());
    }

    /// Else a liar could have a node gather millions of reports, leaf by leaf, before it sees that they make no list.
    #[test]
    fn a_list_that_is_longer_than_the_computation_allows_is_not_gathered_to_its_end() {
        let (there, here) = (list(0..1_000), list(2_000..2_001));
        let taken = |most: u32| {
            let mut told = Told::new(id(), there.outline(id()), &here, most).unwrap();
            let (mut took, mut refused) = (0, 0);
            for leaf in there.filled(id(), &told.lacking()) {
                let entries = leaf.entries.len();
                match told.take(id(), leaf) {
                    Ok(_) => took += entries,
                    Err(NotTheLeaf) => refused += entries,
                }
            }
            (took, refused, told.is_complete())
        };
        assert_eq!(taken(1_000), (1_000, 0, true));
        let (took, refused, complete) = taken(999);
        assert!(took <= 999 && took + refused == 1_000 && !complete, "{took} {refused}");
    }

    #[test]
    fn an_outline_of_no_tree_is_none() {
        let whole = list(0..1_000).outline(id());
        let broken: [fn(&mut Outline); 4] = [
            |outline| outline.leaves.clear(),
            |outline| {
                outline.leaves.pop();
            },
            |outline| outline.leaves[0].depth += 1,
            |outline| outline.leaves[0].depth = 255,
        ];
        for breaks in broken {
            let mut outline = whole.clone();
            breaks(&mut outline);
            assert_eq!(outline.digest(id()), None);
            assert!(Told::new(id(), outline, &List::default(), 1_000_000).is_none());
        }
        let mut swapped = whole.clone();
        swapped.leaves.swap(0, 1);
        assert_ne!(swapped.digest(id()), whole.digest(id()));
    }

    #[test]
    fn a_tree_that_is_split_too_often_is_no_list() {
        // Forty reports in two leaves, where one would do.
        let there = list(0..40);
        let (left, right): (Vec<_>, Vec<_>) =
            there.entries().iter().partition(|entry| entry.participant.public_key()[0] < 0x80);
        let leaf = |entries: &[Entry]| Leaf { depth: 1, digest: tree::leaf_digest(id(), entries) };
        let outline = Outline { leaves: vec![leaf(&left), leaf(&right)], exclusions: Vec::new() };
        let mut told = Told::new(id(), outline, &list(90..91), 1_000_000).unwrap();
        for (leaf, entries) in (0..).zip([left, right]) {
            assert_eq!(told.take(id(), Filled { leaf, entries }), Ok(true));
        }
        assert!(told.is_complete() && !told.is_well_formed());
    }
}
