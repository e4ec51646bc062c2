//! Programs that print.

use super::*;

/// A program in the folder, which is the shell under another name, and how it is declared. No file is written, since one
/// that is still open for another test could not be run.
fn script(folder: &Folder, body: &str, more: &str) -> String {
    let program = folder.path("export.sh");
    if !program.exists() {
        std::os::unix::fs::symlink("/bin/sh", program).unwrap();
    }
    let fields = if more.contains("fields") { "" } else { "fields = [\"n\"]\n" };
    format!("command = [\"./export.sh\", \"-c\", '''{body}\n''', \"sh\", \"one argument\"]\n{fields}{more}")
}

#[test]
fn every_format_is_read() {
    let folder = Folder::new();
    for (format, body, expected) in [
        ("numbers", "echo 1.5; echo; echo ' 2 '", "1.5 2"),
        ("numbers", "printf 41", "41"),
        ("numbers", "true", ""),
        ("json", "echo '[1.50, 2]'", "1.50 2"),
        ("json", "echo 41", "41"),
        ("json", "echo '{\"n\": 41}'", "41"),
        (
            "json",
            "echo '[{\"n\":1},{\"m\":5},{\"n\":null},{\"n\":\"yes\"},{\"n\":true},{\"n\":[0.1,0.2]}]'",
            "1 · · yes true [0.1,0.2]",
        ),
        (
            "json",
            "printf '{\"n\":1}\\n{\"n\":123456789012345678901234567890}\\n'",
            "1 123456789012345678901234567890",
        ),
        ("json", "printf ' [ ]'", ""),
        ("json", "true", ""),
        ("json", "echo '[[0.1,0.2],[0.3,0.4]]'", "[0.1,0.2] [0.3,0.4]"),
        ("csv", "printf 'm,n\\n1,2\\n3,\\n'", "2 ·"),
    ] {
        let declared = script(&folder, body, &format!("format = \"{format}\""));
        assert_eq!(column(&folder.rows(&declared, &["n"])), expected, "{body}");
    }
}

#[test]
fn a_line_of_several_numbers_is_one_record() {
    let folder = Folder::new();
    let declared = script(&folder, "printf '1 2\\n3\\n4\\t5\\n'", "fields = [\"a\", \"b\"]");
    let (rows, summary) = folder.read(&declared, &["b", "a"]).unwrap();
    assert_eq!(
        rows,
        [[Some("2"), Some("1")], [Some("5"), Some("4")]]
            .map(|row| row.map(|it| it.map(str::to_owned)).to_vec())
    );
    assert_eq!(
        summary.first_broken.unwrap().to_string(),
        "line 2: the number of its cells is 1, that of the columns 2"
    );
}

#[test]
fn records_that_are_none_are_counted() {
    let folder = Folder::new();
    let body = "echo '[{\"a\":1,\"b\":2}, 8675309, {\"a\":{\"x\":1}}, {\"a\":3}]'";
    let declared = script(&folder, body, "fields = [\"a\", \"b\"]\nformat = \"json\"");
    let (rows, summary) = folder.read(&declared, &["a"]).unwrap();
    assert_eq!((column(&rows).as_str(), summary.broken), ("1 3", 2));
    assert_eq!(summary.first_broken.unwrap().to_string(), "record 2: it is not an object with the fields");
}

#[test]
fn a_program_gets_its_arguments_and_little_else() {
    let folder = Folder::new();
    let body = "[ \"$1\" = 'one argument' ] && [ -x export.sh ] && [ -n \"$PATH\" ] || exit 3\nenv | grep -c CARGO\ncat";
    let declared = script(&folder, body, "format = \"numbers\"");
    assert!(std::env::vars().any(|(name, _)| name.starts_with("CARGO")));
    assert_eq!(column(&folder.rows(&declared, &["n"])), "0");
}

#[test]
fn a_program_that_does_not_do_well_is_named_and_not_quoted() {
    let folder = Folder::new();
    for (format, body, names) in [
        ("numbers", "echo 8675309; echo 'the value 8675309 is odd' >&2; exit 7", "failed: exit status: 7"),
        ("json", "exit 1", "failed: exit status: 1"),
        ("csv", "exit 1", "failed: exit status: 1"),
        ("csv", "true", "not even a header"),
        ("numbers", "kill -TERM $$", "failed: signal: 15"),
        ("json", "echo 'hello 8675309'", "does not print JSON: line 1"),
        ("json", "echo '[1, 2'", "does not print JSON: line"),
        ("json", "echo '[1] [8675309]'", "does not print JSON: line 1"),
        ("json", "echo '[NaN]'", "does not print JSON: line 1, column 2"),
        ("json", "printf '\"'; yes 8675309 | tr -d '\\n'", "the record after record 0 has more than"),
        ("numbers", "yes 8675309 | tr -d '\\n'", "the record after line 0 has more than"),
    ] {
        let declared = script(&folder, body, &format!("format = \"{format}\""));
        let error = folder.read(&declared, &["n"]).unwrap_err().to_string();
        assert!(error.contains("export.sh") && error.contains(names), "{body}: {error}");
    }
    let error = folder.read("command = [\"./no.sh\"]\nfields = [\"n\"]", &["n"]).unwrap_err().to_string();
    assert!(error.contains("no.sh cannot be run"), "{error}");
    folder.write("text.sh", "echo 1");
    let error = folder.read("command = [\"./text.sh\"]\nfields = [\"n\"]", &["n"]).unwrap_err().to_string();
    assert!(error.contains("text.sh cannot be run"), "{error}");
}

#[test]
fn words_where_numbers_should_be_are_handed_over_or_counted() {
    let folder = Folder::new();
    let declared = script(&folder, "echo garbage; echo more garbage; printf '\\377\\n'; echo NaN", "");
    let (rows, summary) = folder.read(&declared, &["n"]).unwrap();
    assert_eq!((column(&rows).as_str(), summary.broken), ("garbage NaN", 2));
}

#[test]
fn a_program_whose_time_is_over_is_ended_with_its_children() {
    let folder = Folder::new();
    for body in [
        "echo $$ > group; sleep 1000 & sleep 1000",
        "echo $$ > group; exec >&-; sleep 1000 & sleep 1000",
        "echo $$ > group; yes 1",
        "echo $$ > group; trap '' TERM; while :; do :; done",
    ] {
        let declared = script(&folder, body, "timeout = \"300ms\"");
        let started = Instant::now();
        let error = folder.read(&declared, &["n"]).unwrap_err();
        assert!(matches!(error, SourceError::TimedOut { .. }), "{body}: {error}");
        assert!(started.elapsed() < Duration::from_secs(10), "{body}");
        assert!(group_is_gone(&folder), "{body}");
    }
}

#[test]
fn a_program_that_nobody_listens_to_any_more_is_ended() {
    let folder = Folder::new();
    let sources = folder.declare(&[&script(&folder, "echo $$ > group; yes 1", "")]);
    let summary = sources.read(&["n"], soon(), &mut |_| ControlFlow::Break(())).unwrap();
    assert_eq!(summary.rows, 1);
    assert!(group_is_gone(&folder));
}

#[test]
fn programs_can_be_ended_from_another_thread() {
    let folder = Folder::new();
    let sources = folder.declare(&[&script(&folder, "echo $$ > group; echo 1; sleep 1000", "")]);
    let (began, begun) = std::sync::mpsc::sync_channel(1);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut began = Some(began);
            sources.read(&["n"], soon(), &mut |_| {
                began.take().unwrap().send(()).unwrap();
                ControlFlow::Continue(())
            })
        });
        begun.recv().unwrap();
        sources.clone().end_programs();
        let error = reading.join().unwrap().unwrap_err().to_string();
        assert!(error.contains("failed: signal: 9"), "{error}");
    });
    assert!(group_is_gone(&folder));
}

/// Whether no process of the group is left but those that have ended and wait to be noticed.
pub(super) fn group_is_gone(folder: &Folder) -> bool {
    let group = fs::read_to_string(folder.path("group")).unwrap().trim().to_owned();
    let until = soon();
    while Instant::now() < until {
        let left = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            // What stands behind the name, which may hold anything: state, parent, group.
            let stat = fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
            let mut rest = stat.rsplit_once(')')?.1.split_whitespace();
            Some((rest.next()? != "Z", rest.nth(1)? == group))
        });
        if !left.into_iter().any(|state| state == (true, true)) {
            return true;
        }
        std::thread::yield_now();
    }
    false
}
