//! Tables in text.

use super::*;
use formix_p2p::sources::RowFault;

#[test]
fn the_columns_asked_for_are_read_in_the_order_asked_for() {
    let folder = Folder::new();
    folder.write("a.csv", "id,age,bmi\n1,41,22.5\n2,,NA\n3, 50 ,\"30\"\n");
    let rows = folder.rows("csv = \"a.csv\"", &["bmi", "age"]);
    let expected: Rows = [[Some("22.5"), Some("41")], [None, None], [Some("30"), Some("50")]]
        .map(|row| row.map(|cell| cell.map(str::to_owned)).to_vec())
        .to_vec();
    assert_eq!(rows, expected);
}

#[test]
fn every_way_to_write_a_table_is_read() {
    let folder = Folder::new();
    for (name, content, more) in [
        ("plain.csv", &b"a,n\nx,1.5\ny,2\n"[..], ""),
        ("crlf.csv", b"a,n\r\nx,1.5\r\ny,2\r\n", ""),
        ("no-end.csv", b"a,n\nx,1.5\ny,2", ""),
        ("bom.csv", b"\xef\xbb\xbfn,a\n1.5,x\n2,y\n", ""),
        ("tabs.tsv", b"a\tn\nx\t1.5\ny\t2\n", ""),
        ("tabs.txt", b"a\tn\nx\t1.5\ny\t2\n", "delimiter = \"tab\""),
        ("semicolons.csv", b"a;n\nx;1.5\ny;2\n", "delimiter = \";\""),
        ("commas.csv", b"a;n\nx;1,5\ny;2\n", "decimal = \",\""),
        ("quoted-commas.csv", b"a,n\nx,\"1,5\"\ny,2\n", "decimal = \",\"\ndelimiter = \",\""),
        ("quotes.csv", b"a,n\n\"x, or \"\"y\"\"\n\",1.5\n\"y\",\"2\"\n", ""),
        ("other-quotes.csv", b"a,n\n'x,1',1.5\ny,'2'\n", "quote = \"'\""),
        ("renamed.csv", b"a,N (mmHg)\nx,1.5\ny,2\n", "columns = { n = \"N (mmHg)\" }"),
        ("numbered.csv", b"n,n\nx,1.5\ny,2\n", "columns = { a = 1, n = 2 }"),
        ("bare.csv", b"x,1.5\ny,2\n", "header = false\ncolumns = { n = 2 }"),
    ] {
        folder.write(name, content);
        let rows = folder.rows(&format!("csv = \"{name}\"\n{more}"), &["n"]);
        assert_eq!(column(&rows), "1.5 2", "{name}");
    }
}

#[test]
fn missing_values_are_those_that_the_owner_names() {
    let folder = Folder::new();
    folder.write("a.csv", "n,m\n1,x\nNA,x\n,x\n-,x\nnull,x\nNaN,x\n");
    let by_default = folder.rows("csv = \"a.csv\"", &["n"]);
    assert_eq!(column(&by_default), "1 · · - · NaN", "NaN is not taken for a missing value unasked");
    let named = folder.rows("csv = \"a.csv\"\nmissing = [\"-\", \"NaN\"]", &["n"]);
    assert_eq!(column(&named), "1 NA · · null ·", "an empty cell is always missing");
}

#[test]
fn a_point_that_groups_thousands_makes_no_smaller_number() {
    let folder = Folder::new();
    folder.write("a.csv", "n\n1.234\n1.234,5\n-0,5\nv1.2\n");
    let rows = folder.rows("csv = \"a.csv\"\ndecimal = \",\"", &["n"]);
    let numbers: Vec<_> = rows
        .iter()
        .map(|row| row[0].as_ref().unwrap().parse::<formix_p2p::domain::Decimal>().is_ok())
        .collect();
    assert_eq!(numbers, [false, false, true, false]);
    assert_eq!(rows[3][0].as_deref(), Some("v1.2"));
}

#[test]
fn rows_that_cannot_be_taken_apart_are_counted_and_the_others_read() {
    let folder = Folder::new();
    folder.write("a.csv", b"n,m\n1,x\n2\n3,x,8675309\n4,\xff\n\xff\xfe8675309,x\n\n6,x\n");
    let (rows, summary) = folder.read("csv = \"a.csv\"", &["n"]).unwrap();
    assert_eq!(column(&rows), "1 4 6", "a column that nobody asks for may hold anything");
    assert_eq!((summary.rows, summary.broken), (6, 3));
    let first = summary.first_broken.unwrap();
    assert_eq!((first.number, &first.fault), (3, &RowFault::Ragged { cells: 1, columns: 2 }));
    assert_eq!(first.to_string(), "line 3: the number of its cells is 1, that of the columns 2");
    folder.write("b.csv", b"n\n\xff8675309\n");
    let broken = folder.read("csv = \"b.csv\"", &["n"]).unwrap().1.first_broken.unwrap();
    assert_eq!(broken.to_string(), "line 2: the value of `n` is not UTF-8");
}

#[test]
fn a_header_alone_is_a_table_without_rows() {
    let folder = Folder::new();
    folder.write("a.csv", "n,m\n");
    assert_eq!(folder.read("csv = \"a.csv\"", &["n"]).unwrap().1, ReadSummary::default());
}

#[test]
fn a_table_that_cannot_be_read_is_named() {
    let folder = Folder::new();
    pipe(&folder.path("pipe.csv"));
    fs::create_dir(folder.path("folder.csv")).unwrap();
    let endless = format!("n\n\"{CANARY}{}", "x".repeat(3 * 1024 * 1024));
    for (name, content, more, names) in [
        ("no.csv", None, "", "No such file"),
        ("folder.csv", None, "", "is a folder"),
        ("pipe.csv", None, "", "is a pipe"),
        ("/dev/zero", None, "", "is a device"),
        ("empty.csv", Some(&b""[..]), "", "empty.csv is empty"),
        ("twice.csv", Some(b"n,n\n8675309,2\n"), "", "two columns `n`"),
        ("header.csv", Some(b"n,\xff\n8675309,2\n"), "", "the header of"),
        (
            "column.csv",
            Some(b"m\n8675309\n"),
            "columns = { n = \"N\" }",
            "no column `N`, which is to be the field `n`",
        ),
        ("place.csv", Some(b"m\n8675309\n"), "columns = { n = 2 }", "no column 2"),
        ("renamed.csv", Some(b"N,N\n8675309,1\n"), "columns = { n = \"N\" }", "two columns `N`"),
        ("other.csv", Some(b"m\n8675309\n"), "", "no source has a field `n`"),
        ("endless.csv", Some(endless.as_bytes()), "", "the record after line"),
    ] {
        if let Some(content) = content {
            folder.write(name, content);
        }
        let error = folder.read(&format!("csv = \"{name}\"\n{more}"), &["n"]).unwrap_err().to_string();
        assert!(error.contains(names), "{name}: {error}");
    }
}

#[test]
fn a_sink_that_has_enough_ends_the_reading() {
    let folder = Folder::new();
    folder.write("a.csv", format!("n\n{}", "1\n".repeat(1_000)));
    let sources = folder.declare(&["csv = \"a.csv\""]);
    let mut seen = 0;
    let summary = sources
        .read(&["n"], soon(), &mut |_| {
            seen += 1;
            if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!((summary.rows, seen), (3, 3));
}

#[test]
fn time_runs_out_in_a_table_too() {
    let folder = Folder::new();
    folder.write("a.csv", format!("n\n{}", "1\n".repeat(1_000_000)));
    let sources = folder.declare(&["csv = \"a.csv\""]);
    let deadline = Instant::now() + Duration::from_millis(5);
    let error = sources.read(&["n"], deadline, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, SourceError::TimedOut { .. }), "{error}");
}

proptest::proptest! {
    #[test]
    fn what_a_program_writes_as_a_table_is_what_is_read(
        cells in proptest::collection::vec(("\\PC{0,12}", "[,;\"'\t\r\n a-z]{0,12}"), 0..20),
        delimiter in proptest::sample::select(vec![b',', b';', b'\t']),
    ) {
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
        writer.write_record(["a", "b"]).unwrap();
        for (a, b) in &cells {
            writer.write_record([a, b]).unwrap();
        }
        let folder = Folder::new();
        folder.write("a.csv", writer.into_inner().unwrap());
        let delimiter = char::from(delimiter).to_string().replace('\t', "tab");
        let rows = folder.rows(&format!("csv = \"a.csv\"\nmissing = []\ndelimiter = \"{delimiter}\""), &["b", "a"]);
        let read = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let written: Rows = cells.iter().map(|(a, b)| vec![read(b), read(a)]).collect();
        proptest::prop_assert_eq!(rows, written);
    }
}
