//! Who was in the set, and other questions over nearly the same participants, told to people.

use super::number;
use super::table::Look;
use crate::control::{ComputationView, SimilarView};

/// Names that people are shown; of more they would read none.
const NAMES_SHOWN_MAX: usize = 20;

/// The rows of one computation in full; none where this node does not know who was in the set.
pub fn rows(look: Look, view: &ComputationView) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(members) = &view.members {
        let names = if members.len() > NAMES_SHOWN_MAX {
            format!(
                "{}; `formix-p2p status {} --json` names them",
                number::whole(look, members.len() as u64),
                view.id
            )
        } else {
            members.join(", ")
        };
        rows.push(("members", names));
    }
    if !view.similar.is_empty() {
        let similar: Vec<_> = view.similar.iter().map(named).collect();
        rows.push(("similar sets", similar.join("; ")));
    }
    rows
}

fn named(similar: &SimilarView) -> String {
    let SimilarView { id, difference } = similar;
    let (noun, whom) = match difference {
        1 => ("participant", "that one".to_owned()),
        several => ("participants", format!("those {several}")),
    };
    format!("{id} differs by {difference} {noun}: both results can tell about {whom} alone")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::computation::tests::running;

    #[test]
    fn few_members_are_named_and_many_counted() {
        let mut view = running();
        assert_eq!(rows(Look::Plain, &view), []);
        view.members = Some(vec!["ABC".to_owned(), "DEF".to_owned()]);
        assert_eq!(rows(Look::Plain, &view), [("members", "ABC, DEF".to_owned())]);
        view.members = Some(vec!["ABC".to_owned(); 21]);
        let rows = rows(Look::Plain, &view);
        assert_eq!(rows, [("members", "21; `formix-p2p status COMP-FZ375MV7 --json` names them".to_owned())]);
    }

    #[test]
    fn a_similar_set_says_what_both_results_tell() {
        let mut view = running();
        let similar = |id: &str, difference| SimilarView { id: id.to_owned(), difference };
        view.similar = vec![similar("COMP-AAAAAAAA", 1), similar("COMP-BBBBBBBB", 2)];
        let expected = "COMP-AAAAAAAA differs by 1 participant: both results can tell about that one alone; \
                        COMP-BBBBBBBB differs by 2 participants: both results can tell about those 2 alone";
        assert_eq!(rows(Look::Plain, &view), [("similar sets", expected.to_owned())]);
    }
}
