//! Long lines for people, broken between words where a terminal would break them anywhere.

use console::{Term, measure_text_width};

/// Under what a line belongs to.
const INDENT: &str = "  ";

/// A line for standard output.
pub fn for_stdout(text: &str) -> String {
    wrapped(text, columns_of(&Term::stdout()))
}

/// A line for standard error.
pub fn for_stderr(text: &str) -> String {
    wrapped(text, columns_of(&Term::stderr()))
}

/// How many columns standard output has; `None` where it is no terminal.
pub fn stdout_columns() -> Option<usize> {
    columns_of(&Term::stdout())
}

/// A line in so many columns.
pub fn within(text: &str, columns: usize) -> String {
    wrapped(text, Some(columns))
}

fn columns_of(term: &Term) -> Option<usize> {
    let (_, columns) = term.size_checked().filter(|_| term.is_term())?;
    Some(columns.into())
}

/// Between words, the lines after the first one indented. A word that is longer than a line stays whole.
fn wrapped(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns.filter(|columns| measure_text_width(text) > *columns) else {
        return text.to_owned();
    };
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if measure_text_width(&longer) > columns && !line.trim().is_empty() {
            lines.push(line);
            line = format!("{INDENT}{word}");
        } else {
            line = longer;
        }
    }
    lines.push(line);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_broken_between_words_and_loses_none() {
        let text = "private against any 2 of 3 heavy nodes · all 3 must come back (restarts are fine)";
        for columns in 12..100 {
            let told = wrapped(text, Some(columns));
            assert!(told.lines().all(|line| measure_text_width(line) <= columns), "{columns}: {told}");
            assert_eq!(
                told.split_whitespace().collect::<Vec<_>>(),
                text.split_whitespace().collect::<Vec<_>>()
            );
        }
        assert_eq!(wrapped(text, None), text, "in a pipe it is one line");
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        let told = wrapped("see 12D3KooWNfk3LywpCSFd7uins5pVRduWyThVmQteQQ7uCQHV2pnH there", Some(20));
        assert_eq!(told, "see\n  12D3KooWNfk3LywpCSFd7uins5pVRduWyThVmQteQQ7uCQHV2pnH\n  there");
    }
}
