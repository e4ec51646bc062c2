//! Estimates as dots, and how sure or how spread they are as lines through them.

use super::axis::Axis;
use super::frame::{Frame, LABEL, Room, SMALL};
use super::letters::{cut, width};
use super::picture::{Anchor, Ink, Mark, Picture};
use super::{Captions, NoPicture};
use crate::cli::answer::{Figure, Named, Term};
use crate::cli::number;
use crate::cli::table::{Look, printable};

/// Predictors that are drawn; the first ones of more.
const TERMS_MAX: usize = 50;
/// From one predictor to the next, in pixels.
const TERM: f64 = 30.0;
/// What a predictor's name may take, in pixels.
const NAME_MAX: f64 = 200.0;
/// So many standard errors to either side hold 95 in a hundred.
const NORMAL_95: f64 = 1.96;
const GAP: f64 = 8.0;

/// The mean of one field, and one and two standard deviations around it.
///
/// # Errors
/// The mean or the standard deviation is not defined.
pub fn spread(figures: &Named, captions: &Captions) -> Result<Picture, NoPicture> {
    const HEIGHT: f64 = 150.0;
    let figure = |name: &str| figures.iter().find(|(it, _)| it == name).map(|(_, figure)| figure);
    let number = |name: &str| figure(name).and_then(Figure::as_f64).ok_or(NoPicture::NotDefined);
    let (mean, deviation) = (number("mean")?, number("standard_deviation")?);
    let at = |times: f64| mean + times * deviation;
    let across = Axis::between([at(-2.5), at(2.5)]).ok_or(NoPicture::NotDefined)?;
    let shown = |name| figure(name).map(|figure| figure.shown(Look::Plain)).unwrap_or_default();
    let field = captions.field(0, "value");
    let subtitle = format!("Mean of {field}, with one and two standard deviations around it");
    let mut frame = Frame::new(captions, &subtitle, Room { left: GAP, right: GAP, height: HEIGHT });
    frame.scale_across(&across, field);
    let middle = frame.top + HEIGHT * 0.6;
    let x = |times: f64| frame.x(&across, at(times));
    let (low, one_below, centre, one_above, high) = (x(-2.0), x(-1.0), x(0.0), x(1.0), x(2.0));
    frame.line((low, middle), (high, middle), 2, Ink::Main);
    for end in [low, high] {
        frame.line((end, middle - 10.0), (end, middle + 10.0), 2, Ink::Main);
    }
    let (from, to) = ((one_below, middle - 24.0), (one_above, middle + 24.0));
    frame.draw(Mark::Bar { from, to, ink: Ink::Pale });
    frame.line((centre, middle - 24.0), (centre, middle + 24.0), 3, Ink::Accent);
    let words = format!("{} ± {}", shown("mean"), shown("standard_deviation"));
    frame.write((centre, middle - 40.0), words, LABEL, Anchor::Middle, Ink::Text);
    Ok(frame.finished())
}

/// The coefficients of the predictors with their intervals of confidence. The intercept is named: what it is measured in
/// is not what they are measured in.
///
/// # Errors
/// No predictor has a coefficient.
pub fn coefficients(terms: &[Term], r_squared: &Figure, captions: &Captions) -> Result<Picture, NoPicture> {
    let (intercept, predictors): (Vec<_>, Vec<_>) = terms.iter().partition(|term| term.name == "intercept");
    let all: Vec<(&Term, f64, f64)> = predictors
        .into_iter()
        .filter_map(|term| {
            let margin = term.standard_error.as_f64().unwrap_or(0.0) * NORMAL_95;
            Some((term, term.coefficient.as_f64()?, margin))
        })
        .take(TERMS_MAX)
        .collect();
    let ends = all.iter().flat_map(|(_, estimate, margin)| [estimate - margin, estimate + margin]);
    let across = Axis::around(ends.chain([0.0])).filter(|_| !all.is_empty()).ok_or(NoPicture::NotDefined)?;
    let names: Vec<_> = all.iter().map(|(term, ..)| cut(&printable(&term.name), LABEL, NAME_MAX)).collect();
    let words: Vec<_> = all
        .iter()
        .map(|(term, _, margin)| {
            let margin = number::rough(Look::Plain, *margin);
            format!("{} ± {margin}", term.coefficient.shown(Look::Plain))
        })
        .collect();
    let widest = |texts: &[String], em| texts.iter().map(|text| width(text, em)).fold(0.0, f64::max);
    let room = Room {
        left: widest(&names, LABEL) + 2.0 * GAP,
        right: widest(&words, SMALL) + 2.0 * GAP,
        height: TERM * all.len() as f64 + GAP,
    };
    let mut frame = Frame::new(captions, &explained(&intercept, terms.len(), r_squared, captions), room);
    frame.scale_across(&across, "coefficient, and where it lies with 95 % confidence");
    let zero = frame.x(&across, 0.0);
    frame.line((zero, frame.top), (zero, frame.bottom), 1, Ink::Axis);
    for (at, ((_, estimate, margin), (name, words))) in all.iter().zip(names.into_iter().zip(words)).enumerate()
    {
        let middle = frame.top + GAP / 2.0 + TERM * (at as f64 + 0.5);
        let (low, high) = (frame.x(&across, estimate - margin), frame.x(&across, estimate + margin));
        frame.line((low, middle), (high, middle), 2, Ink::Main);
        for end in [low, high] {
            frame.line((end, middle - 5.0), (end, middle + 5.0), 2, Ink::Main);
        }
        frame.draw(Mark::Dot { at: (frame.x(&across, *estimate), middle), radius: 5, ink: Ink::Accent });
        frame.write((frame.left - GAP, middle), name, LABEL, Anchor::End, Ink::Text);
        frame.write((frame.right + GAP, middle), words, SMALL, Anchor::Start, Ink::Muted);
    }
    Ok(frame.finished())
}

/// "bmi by 3 others; intercept 12.3; R² 0.41".
fn explained(intercept: &[&Term], terms: usize, r_squared: &Figure, captions: &Captions) -> String {
    let predictors = terms - intercept.len();
    let what = captions.fields.get(predictors).map_or("Regression", String::as_str);
    let by = if predictors == 1 { "one field".to_owned() } else { format!("{predictors} fields") };
    let mut parts = vec![format!("{what}, explained by {by}")];
    parts.extend(intercept.iter().map(|term| format!("intercept {}", term.coefficient.shown(Look::Plain))));
    parts.extend(r_squared.as_f64().map(|_| format!("R² {}", r_squared.shown(Look::Plain))));
    parts.join("; ")
}
