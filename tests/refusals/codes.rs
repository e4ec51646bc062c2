//! The words for programs that the source gives stand in the table of `docs/CLI.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// After what a word for programs stands in the source.
const BEFORE: [&str; 10] = [
    "::usage(",
    "refused((",
    " code: ",
    "Exit::Refused,",
    "Exit::Usage,",
    "Exit::NotFound,",
    "Exit::ComputationFailed,",
    "Exit::TimedOut,",
    // The inviter's word on a ticket.
    "InvitationEnd::Left => (",
    "InvitationEnd::Failed(_) => {\n            (",
];

/// Every source file without its tests.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if !path.to_string_lossy().ends_with("tests.rs") {
            let code = fs::read_to_string(&path).unwrap();
            found.push(code.split("#[cfg(test)]").next().unwrap().to_owned());
        }
    }
}

/// The word in quotes that this begins with.
fn quoted(code: &str) -> Option<&str> {
    let word = code.trim_start().strip_prefix('"')?.split('"').next()?;
    word.chars().all(|c| c.is_ascii_lowercase() || c == '_').then_some(word)
}

/// The words between the braces of each `fn code…`.
fn of_enums(code: &str) -> impl Iterator<Item = &str> {
    let bodies = code.match_indices("fn code").map(|(at, _)| code[at..].split("\n    }\n").next().unwrap());
    bodies
        .flat_map(|body| body.match_indices("=> ").filter_map(|(at, arrow)| quoted(&body[at + arrow.len()..])))
}

#[test]
fn every_code_stands_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let mut codes: BTreeSet<&str> = files.iter().flat_map(|code| of_enums(code)).collect();
    for code in &files {
        let after = BEFORE.iter().flat_map(|mark| code.match_indices(mark));
        codes.extend(after.filter_map(|(at, mark)| quoted(&code[at + mark.len()..])));
    }
    let known = [
        "not_finished",
        "invalid_sharing",
        "wrong_answer",
        "inviter",
        "left",
        "invitation_failed",
        "ticket_used",
        "timed_out",
    ];
    assert!(known.iter().all(|code| codes.contains(code)), "the search finds fewer than there are: {codes:?}");
    let contract = fs::read_to_string(root.join("docs/CLI.md")).unwrap();
    let table = contract.split("## Exit codes").nth(1).unwrap().split("\n## ").next().unwrap();
    let missing: Vec<_> = codes.iter().filter(|code| !table.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "not in the table of docs/CLI.md: {missing:?}");
}
