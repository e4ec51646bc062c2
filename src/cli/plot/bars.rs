//! Bars: how many records are in a bucket, how many have a category, how large an element is.

use std::collections::BTreeMap;

use super::axis::Axis;
use super::frame::{CHART_HEIGHT, Frame, LABEL, Room, SMALL};
use super::letters::{cut, width};
use super::picture::{Anchor, Ink, Mark, Picture};
use super::{Captions, NoPicture};
use crate::cli::answer::{Bucket, Element, Figure};
use crate::cli::number;
use crate::cli::table::{Look, printable};

/// Categories that are drawn; of more, the most frequent ones.
const CATEGORIES_MAX: usize = 50;
/// Pixels from one category to the next, and how thick its bar is.
const CATEGORY: (f64, f64) = (24.0, 16.0);
/// What a category's name may take.
const NAME_MAX: f64 = 220.0;
/// Elements of a vector that get a bar each; more of them make a band.
const ELEMENT_BARS_MAX: usize = 60;
/// Between a bar and what stands at it.
const GAP: f64 = 6.0;

/// Bars side by side, as wide as their buckets. Where buckets differ in width, areas are counts, not heights.
///
/// # Errors
/// No count is defined.
pub fn histogram(buckets: &[Bucket], captions: &Captions) -> Result<Picture, NoPicture> {
    let all: Vec<(f64, f64, f64, &Figure)> = buckets
        .iter()
        .filter_map(|it| Some((it.from.as_f64()?, it.to.as_f64()?, it.count.as_f64()?, &it.count)))
        .filter(|(from, to, ..)| to > from)
        .collect();
    let widths = || all.iter().map(|(from, to, ..)| to - from);
    let narrowest = widths().fold(f64::INFINITY, f64::min);
    let is_even = widths().all(|width| width <= narrowest * (1.0 + 1e-9));
    let height = |(from, to, count, _): &(f64, f64, f64, &Figure)| {
        if is_even { *count } else { count / (to - from) }
    };
    let across =
        Axis::between(all.iter().flat_map(|(from, to, ..)| [*from, *to])).ok_or(NoPicture::NotDefined)?;
    let up = Axis::around(all.iter().map(height).chain([0.0])).ok_or(NoPicture::NotDefined)?;
    let field = captions.field(0, "value");
    let room = Room { left: Frame::room_for(&up), right: 0.0, height: CHART_HEIGHT };
    let mut frame = Frame::new(captions, &format!("Histogram of {field}"), room);
    let counted = if is_even { "records".to_owned() } else { format!("records per 1 of {field}") };
    frame.scale_up(&up, &counted);
    let ground = frame.y(&up, 0.0);
    for bucket in &all {
        let (from, to, _, figure) = bucket;
        let (left, right) = (frame.x(&across, *from), frame.x(&across, *to));
        let top = frame.y(&up, height(bucket));
        // A thin line of the ground between two bars, where there is room for it.
        let seam = if right - left > 6.0 { 1.0 } else { 0.0 };
        frame.draw(bar((left + seam, top), ((right - seam).max(left + 1.0), ground)));
        let words = figure.shown(Look::Plain);
        if width(&words, SMALL) < right - left - 2.0 {
            let y = top.min(ground) - GAP - 2.0;
            frame.write(((left + right) / 2.0, y), words, SMALL, Anchor::Middle, Ink::Muted);
        }
    }
    frame.line((frame.left, ground), (frame.right, ground), 1, Ink::Axis);
    let edges = edges(buckets);
    let ticks = if fits(&frame, &across, &edges) { edges } else { across.ticks() };
    frame.ticks_across(&across, &ticks, field);
    Ok(frame.finished())
}

/// Every edge with its words.
fn edges(buckets: &[Bucket]) -> Vec<(f64, String)> {
    let first = buckets.first().map(|bucket| &bucket.from);
    let all = first.into_iter().chain(buckets.iter().map(|bucket| &bucket.to));
    all.filter_map(|edge| Some((edge.as_f64()?, edge.shown(Look::Plain)))).collect()
}

fn fits(frame: &Frame, axis: &Axis, ticks: &[(f64, String)]) -> bool {
    let half = |words: &str| width(words, LABEL) / 2.0 + GAP / 2.0;
    let pairs = ticks.iter().zip(ticks.iter().skip(1));
    pairs
        .into_iter()
        .all(|((a, before), (b, after))| frame.x(axis, *a) + half(before) < frame.x(axis, *b) - half(after))
}

/// A bar for each category, below one another.
///
/// # Errors
/// No count is defined.
pub fn frequency(counts: &[(String, Figure)], captions: &Captions) -> Result<Picture, NoPicture> {
    let all: Vec<(&str, f64, &Figure)> =
        counts.iter().filter_map(|(name, figure)| Some((name.as_str(), figure.as_f64()?, figure))).collect();
    let shown = most_frequent(&all);
    let across = Axis::around(shown.iter().map(|(_, count, _)| *count).chain([0.0]));
    let across = across.filter(|_| !shown.is_empty()).ok_or(NoPicture::NotDefined)?;
    let names: Vec<_> = shown.iter().map(|(name, ..)| cut(&printable(name), LABEL, NAME_MAX)).collect();
    let figures: Vec<_> = shown.iter().map(|(.., figure)| figure.shown(Look::Plain)).collect();
    let widest = |texts: &[String], em| texts.iter().map(|text| width(text, em)).fold(0.0, f64::max);
    let room = Room {
        left: widest(&names, LABEL) + 2.0 * GAP,
        right: widest(&figures, SMALL) + GAP,
        height: CATEGORY.0 * shown.len() as f64 + GAP,
    };
    let mut subtitle = format!("Records by {}", captions.field(0, "category"));
    if shown.len() < all.len() {
        subtitle += &format!("; the {} most frequent of {} categories", shown.len(), all.len());
    }
    let mut frame = Frame::new(captions, &subtitle, room);
    frame.scale_across(&across, "records");
    let ground = frame.x(&across, 0.0);
    for (at, ((_, count, _), (name, figure))) in shown.iter().zip(names.into_iter().zip(figures)).enumerate() {
        let middle = frame.top + GAP / 2.0 + CATEGORY.0 * (at as f64 + 0.5);
        let end = frame.x(&across, *count);
        let (above, below) = (middle - CATEGORY.1 / 2.0, middle + CATEGORY.1 / 2.0);
        frame.draw(bar((ground, above), (end, below)));
        frame.write((frame.left - GAP, middle), name, LABEL, Anchor::End, Ink::Text);
        frame.write((end.max(ground) + GAP, middle), figure, SMALL, Anchor::Start, Ink::Muted);
    }
    frame.line((ground, frame.top), (ground, frame.bottom), 1, Ink::Axis);
    Ok(frame.finished())
}

/// In the order in which they stand; of too many, the most frequent ones.
fn most_frequent<'a, 'b>(all: &[(&'a str, f64, &'b Figure)]) -> Vec<(&'a str, f64, &'b Figure)> {
    let mut shown = all.to_vec();
    if shown.len() > CATEGORIES_MAX {
        shown.sort_by(|(_, a, _), (_, b, _)| b.total_cmp(a));
        shown.truncate(CATEGORIES_MAX);
    }
    shown
}

/// The means of a vector's elements: bars of a short one, the extremes of each column of pixels of a
/// long one.
///
/// # Errors
/// No mean is defined.
pub fn vector(elements: &[Element], captions: &Captions) -> Result<Picture, NoPicture> {
    let means: Vec<_> = elements
        .iter()
        .zip(1u32..)
        .filter_map(|(element, at)| Some((f64::from(at), element.mean.as_f64()?)))
        .collect();
    let up = Axis::around(means.iter().map(|(_, mean)| *mean).chain([0.0])).ok_or(NoPicture::NotDefined)?;
    let last = elements.len() as f64;
    let across = Axis::between([0.5, last + 0.5]).filter(|_| !means.is_empty()).ok_or(NoPicture::NotDefined)?;
    let field = captions.field(0, "vector");
    let room = Room { left: Frame::room_for(&up), right: 0.0, height: CHART_HEIGHT };
    let mut frame = Frame::new(captions, &format!("Means of the elements of {field}"), room);
    frame.scale_up(&up, "mean");
    let ground = frame.y(&up, 0.0);
    if elements.len() <= ELEMENT_BARS_MAX {
        for (at, mean) in &means {
            let (left, right) = (frame.x(&across, at - 0.4), frame.x(&across, at + 0.4));
            frame.draw(bar((left, frame.y(&up, *mean)), (right, ground)));
        }
    } else {
        for (x, (low, high)) in by_column(means.iter().map(|(at, mean)| (frame.x(&across, *at), *mean))) {
            let x = f64::from(x);
            let (top, bottom) = (frame.y(&up, high), frame.y(&up, low));
            frame.draw(bar((x, top), (x + 1.0, bottom.max(top + 2.0))));
        }
    }
    frame.line((frame.left, ground), (frame.right, ground), 1, Ink::Axis);
    let mut ticks = across.ticks();
    ticks.retain(|(at, _)| at.fract() == 0.0 && (1.0..=last).contains(at));
    let whole = ticks.into_iter().map(|(at, _)| (at, number::whole(Look::Plain, at as u64)));
    frame.ticks_across(&across, &whole.collect::<Vec<_>>(), "element");
    Ok(frame.finished())
}

/// The lowest and the highest of the numbers in each column of pixels.
fn by_column(numbers: impl Iterator<Item = (f64, f64)>) -> BTreeMap<i32, (f64, f64)> {
    let mut columns = BTreeMap::new();
    for (x, number) in numbers {
        let (low, high) = columns.entry(x as i32).or_insert((number, number));
        (*low, *high) = (low.min(number), high.max(number));
    }
    columns
}

/// Between these corners, whichever is higher.
fn bar((x0, y0): (f64, f64), (x1, y1): (f64, f64)) -> Mark {
    Mark::Bar { from: (x0.min(x1), y0.min(y1)), to: (x0.max(x1), y0.max(y1)), ink: Ink::Main }
}
