//! `data` alone: every field by its name, with counts.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::cli::args::Context;
use crate::cli::problem::Problem;
use crate::cli::table::{Look, printable, render};
use crate::config::NodeConfig;
use crate::domain::limits::SOURCE_READ_WAIT;
use crate::sources::{Kind, Profile, SourceError};

/// Reads every source of the node, and says what is there.
pub(super) fn act(context: &Context, config: &NodeConfig) -> Result<(), Problem> {
    let sources = config.sources();
    let read = || sources.profile(|| Instant::now() + SOURCE_READ_WAIT);
    let (profiles, faults) = tokio::task::block_in_place(read);
    let data = json!({
        "fields": profiles.iter().map(json_of).collect::<Vec<_>>(),
        "problems": faults
            .iter()
            .map(|fault| json!({"message": fault.to_string(), "hint": fault.hint()}))
            .collect::<Vec<_>>(),
    });
    context.output.answer(&data, || text_of(&profiles, &faults));
    Ok(())
}

fn json_of(profile: &Profile) -> Value {
    let Profile { name, origin, kind, rows, usable, missing, broken, first_broken: _ } = profile;
    let mut field = json!({
        "name": name, "type": word_of(*kind), "source": origin, "rows": rows, "usable": usable, "missing": missing,
        "broken": broken,
    });
    let more = match kind {
        Kind::Number { others } => ("not_numbers", json!(others)),
        Kind::Category { values } => ("categories", json!(values)),
        Kind::Vector { length } => ("length", json!(length)),
        Kind::Empty | Kind::Text => return field,
    };
    if let Some(members) = field.as_object_mut() {
        members.insert(more.0.to_owned(), more.1);
    }
    field
}

const fn word_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Empty => "empty",
        Kind::Number { .. } => "number",
        Kind::Category { .. } => "category",
        Kind::Vector { .. } => "vector",
        Kind::Text => "text",
    }
}

fn words_of(kind: Kind) -> String {
    match kind {
        Kind::Number { others } if others > 0 => format!("number; {others} are not"),
        Kind::Category { values: 1 } => "category, 1 value".to_owned(),
        Kind::Category { values } => format!("category, {values} values"),
        Kind::Vector { length } => format!("vector of {length}"),
        Kind::Number { .. } | Kind::Empty | Kind::Text => word_of(kind).to_owned(),
    }
}

fn text_of(profiles: &[Profile], faults: &[SourceError]) -> String {
    let mut text = if profiles.is_empty() {
        "no field: give values with `formix-p2p start NODE --data FIELD=VALUE`, or a table with --csv FILE\n"
            .to_owned()
    } else {
        let here = std::env::current_dir().ok();
        let row = |profile: &Profile| {
            vec![
                printable(&profile.name),
                words_of(profile.kind),
                profile.rows.to_string(),
                profile.usable.to_string(),
                profile.missing.to_string(),
                printable(nearby(&profile.origin, here.as_deref())),
            ]
        };
        let header = ["Field", "Type", "Rows", "Usable", "Missing", "Source"];
        format!("{}\n", render(Look::of_stdout(), &header, profiles.iter().map(row).collect()))
    };
    for Profile { name, origin, .. } in profiles {
        let only = profiles.iter().filter(|other| other.origin == *origin).count() == 1;
        let suspect = [';', '\t', '|', ','].into_iter().find(|separator| only && name.contains(*separator));
        if let Some(separator) = suspect {
            let typed = if separator == '\t' { "tab".to_owned() } else { format!("'{separator}'") };
            text += &format!(
                "\n{}: it has only one column, whose name looks like several; `start NODE --csv FILE --csv-delimiter {typed}` \
                 takes it apart\n",
                printable(origin)
            );
        }
    }
    let mut told = "";
    for Profile { origin, rows, broken, first_broken, .. } in profiles {
        if let Some(first) = first_broken
            && told != origin
        {
            told = origin;
            text += &format!(
                "\n{}: {broken} of {rows} rows cannot be taken apart, the first: {}\n",
                printable(origin),
                printable(&first.to_string())
            );
        }
    }
    for fault in faults {
        text += &format!("\nnot read: {}\n  {}\n", printable(&fault.to_string()), fault.hint());
    }
    text
}

/// A file as seen from the folder where one is; other sources as they are.
fn nearby<'a>(origin: &'a str, here: Option<&Path>) -> &'a str {
    let below = here.and_then(|here| Path::new(origin).strip_prefix(here).ok());
    below.and_then(Path::to_str).filter(|below| !below.is_empty()).unwrap_or(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_from_where_one_is() {
        let named = |origin| nearby(origin, Some(Path::new("/srv/clinic")));
        assert_eq!(named("/srv/clinic/tables/a.csv"), "tables/a.csv");
        assert_eq!(named("/srv/clinics/a.csv"), "/srv/clinics/a.csv");
        assert_eq!(named("the command export.sh"), "the command export.sh");
    }

    fn profile(name: &str, kind: Kind) -> Profile {
        Profile {
            name: name.to_owned(),
            origin: "a.csv".to_owned(),
            kind,
            rows: 5,
            usable: 3,
            missing: 1,
            broken: 1,
            first_broken: None,
        }
    }

    #[test]
    fn every_kind_has_its_words_and_its_json() {
        for (kind, words, json) in [
            (Kind::Empty, "empty", json!(null)),
            (Kind::Number { others: 0 }, "number", json!(0)),
            (Kind::Number { others: 2 }, "number; 2 are not", json!(2)),
            (Kind::Category { values: 4 }, "category, 4 values", json!(4)),
            (Kind::Vector { length: 7 }, "vector of 7", json!(7)),
            (Kind::Text, "text", json!(null)),
        ] {
            let profile = profile("age", kind);
            assert_eq!(words_of(kind), words);
            let field = json_of(&profile);
            let more = ["not_numbers", "categories", "length"].iter().find_map(|key| field.get(key));
            assert_eq!(more.cloned().unwrap_or_default(), json, "{field}");
            assert_eq!((&field["usable"], &field["missing"]), (&json!(3), &json!(1)));
        }
    }

    #[test]
    fn a_source_that_cannot_be_read_is_told_with_a_hint() {
        let fault = SourceError::NoHeader("a.csv".to_owned());
        let text = text_of(&[], &[fault]);
        assert!(
            text.contains("no field") && text.contains("a.csv is empty") && text.contains("header = false")
        );
    }
}
