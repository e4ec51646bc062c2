//! The words of questions among parties: who is a heavy node and a participant at once is a party to people.

/// What they are called elsewhere, and what among parties; longer ones first.
const WORDS: [(&str, &str); 10] = [
    ("heavy nodes", "parties"),
    ("heavy node", "party"),
    ("insufficient participants", "too few parties have answered"),
    ("participants", "parties"),
    ("participant", "party"),
    ("the proposer", "the inviter"),
    ("this proposer", "this inviter"),
    ("from the proposal", "from when everybody has joined"),
    ("the proposal", "the invitation"),
    ("a computation", "an invitation"),
];
/// A command that is another one among parties.
const COMMAND: (&str, &str) = ("formix-p2p propose", "formix-p2p invite");

/// A text of ours in the words of parties. What stands between backquotes is somebody else's, and stays as it is.
pub fn of_parties(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(place, part)| {
        if place % 2 == 1 {
            return part.replace(COMMAND.0, COMMAND.1);
        }
        WORDS.iter().fold(part.to_owned(), |part, (word, among)| part.replace(word, among))
    });
    parts.collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_between_backquotes_stay_as_they_are() {
        for (text, among) in [
            ("heavy node ABC did not come back", "party ABC did not come back"),
            ("heavy nodes A, B lie", "parties A, B lie"),
            ("insufficient participants: 1 of 3", "too few parties have answered: 1 of 3"),
            ("`participants`: the participants differ", "`participants`: the parties differ"),
            ("see `formix-p2p propose --help`", "see `formix-p2p invite --help`"),
        ] {
            assert_eq!(of_parties(text), among);
        }
    }
}
