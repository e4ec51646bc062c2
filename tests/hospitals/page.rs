//! A page with `console` blocks: the commands that it says are typed, and what they print.

use std::collections::BTreeSet;

use serde_json::Value;

const FENCE: &str = "```";
const PROMPT: &str = "$ ";

/// A page, taken apart so that it can be put together again.
pub struct Page {
    pieces: Vec<Piece>,
    /// The commands in their order.
    pub steps: Vec<Step>,
}

enum Piece {
    /// A line of words for people.
    Words(String),
    /// A line of a block that is not typed, or the fence of any block.
    Block(String),
    /// The command of this number.
    Step(usize),
}

/// One command of the page.
pub struct Step {
    typed: Vec<String>,
    printed: Vec<String>,
    /// On one line.
    pub command: String,
}

impl Page {
    /// Takes a page apart.
    pub fn parse(text: &str) -> Self {
        let mut page = Self { pieces: Vec::new(), steps: Vec::new() };
        let mut block: Option<&str> = None;
        for line in text.lines() {
            let fence = line.strip_prefix(FENCE);
            let continued = block == Some("console")
                && page.steps.last().is_some_and(|step| step.printed.is_empty() && step.is_unfinished());
            match (block, fence) {
                (None, None) => page.pieces.push(Piece::Words(line.to_owned())),
                (_, Some(kind)) => {
                    block = block.is_none().then_some(kind);
                    page.pieces.push(Piece::Block(line.to_owned()));
                }
                (Some("console"), None) if line.starts_with(PROMPT) || continued => page.type_line(line),
                (Some("console"), None) => page.steps.last_mut().unwrap().printed.push(line.to_owned()),
                (Some(_), None) => page.pieces.push(Piece::Block(line.to_owned())),
            }
        }
        page
    }

    fn type_line(&mut self, line: &str) {
        if line.starts_with(PROMPT) {
            self.pieces.push(Piece::Step(self.steps.len()));
            self.steps.push(Step { typed: Vec::new(), printed: Vec::new(), command: String::new() });
        }
        let step = self.steps.last_mut().unwrap();
        step.typed.push(line.to_owned());
        let said = line.strip_prefix(PROMPT).unwrap_or(line).trim_end_matches('\\').trim();
        step.command = format!("{} {said}", step.command).trim().to_owned();
    }

    /// The page as it is now.
    pub fn text(&self) -> String {
        let line = |piece: &Piece| match piece {
            Piece::Words(line) | Piece::Block(line) => format!("{line}\n"),
            Piece::Step(at) => {
                let step = &self.steps[*at];
                step.typed.iter().chain(&step.printed).map(|line| format!("{line}\n")).collect()
            }
        };
        self.pieces.iter().map(line).collect()
    }

    /// The lines of blocks that nobody types.
    pub fn shown(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Block(line) => Some(line.as_str()),
            Piece::Words(_) | Piece::Step(_) => None,
        })
    }

    /// Every number in a block.
    pub fn numbers_in_blocks(&self) -> BTreeSet<String> {
        let steps = self.steps.iter().flat_map(|step| step.typed.iter().chain(&step.printed));
        steps.map(String::as_str).chain(self.shown()).flat_map(numbers).collect()
    }

    /// Every number in the words, but not in the addresses of links.
    pub fn numbers_in_words(&self) -> BTreeSet<String> {
        let words = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Words(line) => Some(line.as_str()),
            Piece::Block(_) | Piece::Step(_) => None,
        });
        words.flat_map(|line| numbers(&without_addresses(line))).collect()
    }
}

impl Step {
    fn is_unfinished(&self) -> bool {
        self.typed.last().is_some_and(|line| line.ends_with('\\'))
    }

    /// Compares what was printed with the page, but for ids and times; or takes it over when the page is to be written.
    #[track_caller]
    pub fn check(&mut self, printed: &str) {
        if std::env::var_os("FORMIX_BLESS").is_some() {
            self.printed = printed.lines().map(|line| line.trim_end().to_owned()).collect();
            return;
        }
        let masked = |line: &str| line.trim_end().split_inclusive([' ', ',']).map(mask).collect::<String>();
        let expected: Vec<String> = self.printed.iter().map(|line| masked(line)).collect();
        let got: Vec<String> = printed.lines().map(masked).collect();
        assert_eq!(got, expected, "{}", self.command);
    }

    /// The words of the command after an option, up to the next option.
    pub fn words_after(&self, option: &str) -> Vec<String> {
        let mut words = shell_words(&self.command).into_iter().skip_while(|word| word != option).skip(1);
        let mut found = Vec::new();
        while let Some(word) = words.next().filter(|word| !word.starts_with("--")) {
            found.push(word);
        }
        assert!(!found.is_empty(), "{} has no {option}", self.command);
        found
    }

    /// What it says the fields look like, by name.
    pub fn schema(&self) -> Vec<(String, Value)> {
        let schema: Value = serde_json::from_str(&self.words_after("--schema")[0]).unwrap();
        let of = |field: String| {
            let own = if schema["type"] == "object" { &schema["properties"][&field] } else { &schema };
            (field, own.clone())
        };
        self.words_after("--field").into_iter().map(of).collect()
    }
}

/// A command's words, of which those in single quotes may hold spaces.
fn shell_words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words
}

/// The same for every run: computations, times and nodes lose what makes them particular.
fn mask(word: &str) -> String {
    let bare = word.trim_end_matches([' ', ',']);
    let rest = &word[bare.len()..];
    let is_time = bare.len() >= 20 && bare.ends_with('Z') && bare.as_bytes()[10] == b'T';
    let is_uid = bare.len() == 8 && bare.chars().all(|c| c.is_ascii_uppercase() || ('2'..='7').contains(&c));
    let kept = if let Some((before, _)) = bare.split_once("COMP-") {
        return format!("{before}COMP-…{rest}");
    } else if is_time {
        "TIME"
    } else if is_uid {
        "UID"
    } else {
        bare
    };
    format!("{kept}{rest}")
}

/// The numbers in a text, without signs.
fn numbers(text: &str) -> Vec<String> {
    let runs = text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|run| run.trim_matches('.'));
    runs.filter(|run| !run.is_empty()).map(str::to_owned).collect()
}

/// A line in which `[words](address)` is `[words]`.
fn without_addresses(line: &str) -> String {
    let mut parts = line.split("](");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |said, part| said + "]" + part.split_once(')').map_or("", |(_, after)| after))
}
