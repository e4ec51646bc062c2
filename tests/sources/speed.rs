//! How long a large table takes, and how much memory. `cargo test --test sources -- --ignored --nocapture` prints it.

use super::*;
use std::io::Write;

#[test]
#[ignore = "a measurement"]
fn a_million_rows() {
    const ROWS: usize = 1_000_000;
    let folder = Folder::new();
    let mut file = std::io::BufWriter::new(fs::File::create(folder.path("a.csv")).unwrap());
    writeln!(file, "id,age,bmi,sex,city,pressure").unwrap();
    for row in 0..ROWS {
        let (age, bmi, sex) = (row % 90, row % 300, ["f", "m"][row % 2]);
        writeln!(file, "{row},{age},{}.{},{sex},\"Town, {}\",{}", bmi / 10, bmi % 10, row % 1000, row % 200)
            .unwrap();
    }
    drop(file);
    let sources = folder.declare(&["csv = \"a.csv\""]);
    let before = peak_kib();
    let started = Instant::now();
    let (mut rows, mut bytes) = (0, 0);
    let summary = sources.read(&["age", "bmi"], Instant::now() + Duration::from_secs(60), &mut |cells| {
        rows += 1;
        bytes +=
            cells.iter().map(|cell| if let Cell::Text(text) = cell { text.len() } else { 0 }).sum::<usize>();
        ControlFlow::Continue(())
    });
    let took = started.elapsed();
    assert_eq!((summary.unwrap().rows, rows, bytes > rows), (ROWS as u64, ROWS, true));
    let grown = peak_kib() - before;
    println!("two columns of {ROWS} rows: {took:?}, {grown} KiB more at the peak");
    assert!(grown < 8 * 1024, "memory stays flat");
    let started = Instant::now();
    assert_eq!(sources.profile(|| Instant::now() + Duration::from_secs(60)).0.len(), 6);
    println!("a profile of all six columns: {:?}", started.elapsed());
}

/// The most memory that this process has had.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim_end_matches("kB").trim().parse().unwrap()
}
