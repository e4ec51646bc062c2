//! Pictures of every statistic.

use serde_json::{Value, json};

use super::*;
use crate::cli::answer::Answer;
use crate::cli::plot::picture::{Anchor, Ink, Mark};

fn captions(fields: &[&str]) -> Captions {
    Captions {
        title: "How are the wards of our three hospitals doing this year?".to_owned(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        footnote: "3 participants, 1284 records · COMP-FZ375MV7".to_owned(),
    }
}

fn picture(fields: &[&str], result: &Value) -> Picture {
    drawn(&Answer::of(result), &captions(fields)).unwrap()
}

fn refusal(result: &Value) -> NoPicture {
    drawn(&Answer::of(result), &captions(&["x"])).unwrap_err()
}

fn samples() -> Vec<(&'static str, Vec<&'static str>, Value)> {
    let edges: Vec<_> = (0..13).map(|at| 80 + 10 * at).collect();
    let categories: serde_json::Map<_, _> =
        (1..21).map(|at| (format!("category number {at:02}"), json!((at * 37) % 41 + 3))).collect();
    let table: serde_json::Map<_, _> = ["never", "former", "light", "heavy"]
        .iter()
        .enumerate()
        .map(|(at, row)| {
            ((*row).to_owned(), json!({"female": 60 - 14 * at, "male": 48 - 6 * at, "other": at + 1}))
        })
        .collect();
    let vector: Vec<_> = (0..24).map(|at| (f64::from(at) * 0.7).sin()).collect();
    let long: Vec<_> = (0..2000).map(|at| (f64::from(at) * 0.01).sin() + f64::from(at % 7) / 10.0).collect();
    vec![
        (
            "histogram",
            vec!["systolic"],
            json!({"edges": edges, "counts": [2, 11, 48, 120, 233, 310, 260, 160, 90, 34, 12, 4]}),
        ),
        (
            "uneven",
            vec!["age"],
            json!({"edges": [0, 18, 30, 50, 65, 100], "counts": [120, 200, 400, 380, 184]}),
        ),
        ("frequency", vec!["ward"], json!({"histogram": categories, "mode": "category number 10"})),
        (
            "contingency",
            vec!["smoker", "sex"],
            json!({"table": table, "mode": null, "chi_square": 12.345_678_901_234, "degrees_of_freedom": 6}),
        ),
        (
            "quantiles",
            vec!["age"],
            json!({
                "median": 54.5, "quantiles": {"0.05": 21.5, "0.25": 38.5, "0.5": 54.5, "0.75": 67.5, "0.95": 84.5},
                "minimum": 18, "maximum": 99, "resolution": 1
            }),
        ),
        (
            "univariate",
            vec!["age"],
            json!({"mean": 54.233_333_333_333_33, "standard_deviation": 12.3, "variance": 1}),
        ),
        (
            "regression",
            vec!["age", "bmi", "smoker", "systolic"],
            json!({
                "coefficients": {"age": 0.51, "bmi": 1.2, "smoker": -3.4, "intercept": 81.25},
                "standard_errors": {"age": 0.05, "bmi": 0.31, "smoker": 2.1, "intercept": 4.0}, "r_squared": 0.412
            }),
        ),
        (
            "bivariate",
            vec!["age", "systolic"],
            json!({
                "covariance": 92.0, "covariance_mle": 91.9, "correlation_coefficient": 0.43,
                "regression_slope": 0.61, "regression_intercept": 98.2, "regression_slope_only": 2.3
            }),
        ),
        ("vector", vec!["update"], json!({"mean": vector, "sum": vector})),
        ("long-vector", vec!["update"], json!({"mean": long, "sum": long})),
    ]
}

/// Where the words of a picture are: left, right, and half way up.
fn words(picture: &Picture) -> Vec<(f64, f64, f64, f64, String)> {
    let all = picture.marks.iter().filter_map(|mark| match mark {
        Mark::Text { at: (x, y), text, size, anchor, .. } => {
            let width = letters::width(text, *size);
            let left = match anchor {
                Anchor::Start => *x,
                Anchor::Middle => x - width / 2.0,
                Anchor::End => x - width,
            };
            Some((left, left + width, *y, *size, text.clone()))
        }
        Mark::Bar { .. } | Mark::Area { .. } | Mark::Line { .. } | Mark::Dot { .. } => None,
    });
    all.collect()
}

/// The bars of the answer's own colour: left, top, right, bottom.
fn bars(picture: &Picture) -> Vec<[f64; 4]> {
    let all = picture.marks.iter().filter_map(|mark| match mark {
        Mark::Bar { from, to, ink: Ink::Main } => Some([from.0, from.1, to.0, to.1]),
        Mark::Bar { .. } | Mark::Area { .. } | Mark::Line { .. } | Mark::Dot { .. } | Mark::Text { .. } => None,
    });
    all.collect()
}

/// Attributes of the rectangles of this colour in an SVG: x, y, width, height.
fn rectangles(svg: &str, fill: &str) -> Vec<[f64; 4]> {
    let ours = svg.lines().filter(|line| line.starts_with("<rect") && line.contains(fill));
    let number = |line: &str, name: &str| {
        let rest = line.split(&format!(" {name}=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    ours.map(|line| ["x", "y", "width", "height"].map(|name| number(line, name))).collect()
}

#[test]
fn nothing_overlaps_and_nothing_hangs_out() {
    for (name, fields, result) in samples() {
        let picture = picture(&fields, &result);
        let words = words(&picture);
        assert!(words.len() > 5, "{name}");
        for (at, (left, right, y, em, text)) in words.iter().enumerate() {
            assert!(*left >= 0.0 && *right <= picture.width, "{name}: `{text}` from {left} to {right}");
            assert!(*y > em / 2.0 && *y < picture.height - em / 2.0, "{name}: `{text}` at {y}");
            for (other_left, other_right, other_y, _, other) in &words[at + 1..] {
                let apart = (y - other_y).abs() >= em * 0.9 || right < other_left || other_right < left;
                assert!(apart, "{name}: `{text}` and `{other}`");
            }
        }
        for mark in &picture.marks {
            let points = match mark {
                Mark::Bar { from, to, .. } => vec![*from, *to],
                Mark::Area { points, .. } | Mark::Line { points, .. } => points.clone(),
                Mark::Dot { at, .. } => vec![*at],
                Mark::Text { .. } => continue,
            };
            for (x, y) in points {
                assert!(
                    (0.0..=picture.width).contains(&x) && (0.0..=picture.height).contains(&y),
                    "{name}: {x} {y}"
                );
            }
        }
    }
}

#[test]
fn bars_are_as_high_as_their_counts() {
    let counts = [2.0, 11.0, 48.0, 120.0, 233.0, 310.0, 260.0, 160.0, 90.0, 34.0, 12.0, 4.0];
    let (_, fields, result) = samples().swap_remove(0);
    let svg = String::from_utf8(rendered(&picture(&fields, &result), Format::Svg).unwrap()).unwrap();
    let rectangles = rectangles(&svg, "#3F72AF");
    assert_eq!(rectangles.len(), counts.len(), "{svg}");
    let per_record = rectangles[5][3] / counts[5];
    for ([_, y, width, height], count) in rectangles.iter().zip(counts) {
        assert!((height - count * per_record).abs() <= 1.0, "{count}: {height}");
        assert_eq!(y + height, rectangles[0][1] + rectangles[0][3], "they stand on one line");
        assert!((width - rectangles[0][2]).abs() <= 1.0);
    }
}

#[test]
fn uneven_buckets_have_their_counts_as_areas() {
    let result = json!({"edges": [0, 10, 40], "counts": [100, 300], "samples": 400, "participants": 4});
    let bars = bars(&picture(&["age"], &result));
    assert!((bars[0][3] - bars[0][1] - (bars[1][3] - bars[1][1])).abs() < 1e-6, "as dense: {bars:?}");
    assert!((bars[1][2] - bars[1][0]) / (bars[0][2] - bars[0][0]) > 2.9, "three times as wide: {bars:?}");
}

#[test]
fn noise_below_nothing_hangs_from_the_line() {
    let bars = bars(&picture(&["x"], &json!({"edges": [0, 1, 2], "counts": [10, -5]})));
    assert_eq!(bars[0][3], bars[1][1], "{bars:?}");
    assert!(((bars[0][3] - bars[0][1]) / (bars[1][3] - bars[1][1]) - 2.0).abs() < 1e-6);
}

#[test]
fn of_many_categories_the_most_frequent_are_drawn() {
    let counts: serde_json::Map<_, _> = (0..312).map(|at| (format!("ward {at:03}"), json!(at))).collect();
    let picture = picture(&["ward"], &json!({"histogram": counts, "mode": "ward 311"}));
    assert_eq!(bars(&picture).len(), 50);
    let words = words(&picture);
    assert!(words.iter().any(|(.., text)| text == "Records by ward; the 50 most frequent of 312 categories"));
    assert!(
        words.iter().any(|(.., text)| text == "ward 311") && !words.iter().any(|(.., text)| text == "ward 100")
    );
}

#[test]
fn what_others_chose_is_only_text() {
    let hostile = "</text><script>alert(1)</script>\u{1b}\u{202e}\u{0}&\"'";
    let captions = Captions {
        title: hostile.repeat(20),
        fields: vec![hostile.to_owned(), hostile.to_owned()],
        footnote: hostile.to_owned(),
    };
    for result in [
        json!({"histogram": {hostile: 3, "b": 1}, "mode": hostile}),
        json!({"table": {hostile: {hostile: 3}, "b": {hostile: 1}}, "mode": null, "chi_square": null}),
        json!({"coefficients": {hostile: 3, "intercept": 1}, "standard_errors": {}, "r_squared": null}),
    ] {
        let picture = drawn(&Answer::of(&result), &captions).unwrap();
        let svg = String::from_utf8(rendered(&picture, Format::Svg).unwrap()).unwrap();
        assert!(svg.contains("&lt;/text&gt;&lt;script&gt;"), "{svg}");
        assert!(!svg.contains("<script"), "{svg}");
        assert!(!svg.contains(['\u{1b}', '\u{202e}', '\u{0}']), "{svg}");
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }
}

#[test]
fn a_png_has_the_picture_in_it_without_a_font_of_the_system() {
    let picture = picture(&["x"], &json!({"edges": [0, 1, 2], "counts": [1, 4]}));
    let bytes = rendered(&picture, Format::Png).unwrap();
    assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n");
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (1600, picture.height.round() as u32 * 2));
    let at = |x: f64, y: f64| {
        let from = ((y * 2.0) as usize * info.width as usize + (x * 2.0) as usize) * 3;
        (pixels[from], pixels[from + 1], pixels[from + 2])
    };
    let [left, top, right, bottom] = bars(&picture)[1];
    assert_eq!(at((left + right) / 2.0, (top + bottom) / 2.0), Ink::Main.rgb(), "inside the bar");
    assert_eq!(at(2.0, 2.0), (0xff, 0xff, 0xff), "the ground");
    // Letters are there: pixels of the title's own colour, about its place.
    let (left, right, y, em, _) = words(&picture).swap_remove(0);
    let across = || (left as u32..right as u32).map(f64::from);
    let down = || ((y - em / 2.0) as u32..(y + em / 2.0) as u32).map(f64::from);
    let dark = down().flat_map(|y| across().map(move |x| (x, y))).filter(|(x, y)| at(*x, *y).0 < 0x60).count();
    assert!(dark > 200, "{dark}");
}

#[test]
fn what_cannot_be_drawn_is_refused_by_cause() {
    assert_eq!(refusal(&json!({"mean": 7, "sum": 28, "samples": 4})), NoPicture::OneNumber);
    let row: serde_json::Map<_, _> = (0..31).map(|at| (at.to_string(), json!(1))).collect();
    let wide = json!({"table": {"a": row}, "chi_square": null});
    assert_eq!(refusal(&wide), NoPicture::TooLarge { rows: 1, columns: 31, most: 30 });
    for undefined in [
        json!({"mean": null, "variance": null, "standard_deviation": null}),
        json!({"coefficients": {"age": null, "intercept": null}, "standard_errors": {}, "r_squared": null}),
        json!({
            "covariance": 0.0, "regression_slope": 0.0, "correlation_coefficient": 0.0, "regression_intercept": 1
        }),
        json!({"median": null, "quantiles": {"0.5": null}, "minimum": null, "maximum": null, "resolution": 1}),
        json!({"edges": [1], "counts": []}),
        json!({"histogram": {}, "mode": null}),
        json!({"table": {}, "mode": null, "chi_square": null}),
        json!({"mean": [], "sum": []}),
        json!({"mean": [null], "sum": [null]}),
    ] {
        assert_eq!(refusal(&undefined), NoPicture::NotDefined, "{undefined}");
    }
}

#[test]
fn nobody_and_everybody_alike_is_a_picture_all_the_same() {
    for result in [
        json!({"edges": [0, 1, 2], "counts": [0, 0]}),
        json!({"histogram": {"a": 0}, "mode": null}),
        json!({"table": {"a": {"b": 0}}, "mode": null, "chi_square": null}),
        json!({"mean": 5, "standard_deviation": 0, "variance": 0}),
        json!({"median": 5, "quantiles": {}, "minimum": 5, "maximum": 5, "resolution": 1}),
        json!({"mean": [1e300, -1e300], "sum": [0, 0]}),
    ] {
        let svg = rendered(&picture(&["x"], &result), Format::Svg).unwrap();
        assert!(!String::from_utf8(svg).unwrap().contains("NaN"), "{result}");
    }
}
