//! What every picture has: a title above, a footnote below, and room for a chart between them.

use super::Captions;
use super::axis::Axis;
use super::letters::{width, wrapped};
use super::picture::{Anchor, Ink, Mark, Picture, Point};
use crate::cli::table::printable;

/// In pixels, as all of these.
pub const WIDTH: f64 = 800.0;
/// Of a chart whose height does not follow from what is in it.
pub const CHART_HEIGHT: f64 = 360.0;
/// The em of labels and numbers.
pub const LABEL: f64 = 12.0;
/// The em of figures that stand at their marks.
pub const SMALL: f64 = 11.0;
const TITLE: f64 = 18.0;
const MARGIN: f64 = 28.0;
const TITLE_LINE: f64 = 25.0;
const LINE: f64 = 17.0;
const TITLE_LINES_MAX: usize = 3;
const FOOTNOTE_LINES_MAX: usize = 3;
/// Between a number on an axis and the chart.
const TICK_GAP: f64 = 8.0;

/// A picture in the making, and the room that its chart has.
pub struct Frame {
    picture: Picture,
    /// The left edge of the chart.
    pub left: f64,
    /// Its right edge.
    pub right: f64,
    /// Its upper edge.
    pub top: f64,
    /// Its lower edge.
    pub bottom: f64,
}

/// How much of the picture goes to words around the chart.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Labels at the left.
    pub left: f64,
    /// Numbers at the right.
    pub right: f64,
    /// The chart itself, from top to bottom.
    pub height: f64,
}

impl Frame {
    /// A picture with its title, a line that says what is drawn, and its footnote.
    pub fn new(captions: &Captions, subtitle: &str, room: Room) -> Self {
        let inner = WIDTH - 2.0 * MARGIN;
        let mut picture = Picture { width: WIDTH, height: 0.0, marks: Vec::new() };
        let mut y = MARGIN + TITLE / 2.0;
        for line in wrapped(&printable(&captions.title), TITLE, inner, TITLE_LINES_MAX) {
            picture.marks.push(text((MARGIN, y), line, TITLE, Anchor::Start, Ink::Text));
            y += TITLE_LINE;
        }
        for line in wrapped(&printable(subtitle), LABEL, inner, 2) {
            picture.marks.push(text((MARGIN, y), line, LABEL, Anchor::Start, Ink::Muted));
            y += LINE;
        }
        // A line for the name of what is measured upwards, and one of air.
        let top = y + 2.0 * LINE;
        let bottom = top + room.height;
        // Two lines for numbers and the name of the axis below.
        let mut y = bottom + 4.0 * LINE;
        for line in wrapped(&printable(&captions.footnote), SMALL, inner, FOOTNOTE_LINES_MAX) {
            picture.marks.push(text((MARGIN, y), line, SMALL, Anchor::Start, Ink::Muted));
            y += LINE;
        }
        picture.height = y + MARGIN - LINE / 2.0;
        Self { picture, left: MARGIN + room.left, right: WIDTH - MARGIN - room.right, top, bottom }
    }

    /// How wide a chart is between such labels.
    pub const fn inner_width(left: f64, right: f64) -> f64 {
        WIDTH - 2.0 * MARGIN - left - right
    }

    /// How much room the numbers of an axis at the left need.
    pub fn room_for(axis: &Axis) -> f64 {
        axis.ticks().iter().map(|(_, words)| width(words, LABEL)).fold(0.0, f64::max) + TICK_GAP
    }

    /// One more mark, over those that are there.
    pub fn draw(&mut self, mark: Mark) {
        self.picture.marks.push(mark);
    }

    /// One more text.
    pub fn write(&mut self, at: Point, words: impl Into<String>, size: f64, anchor: Anchor, ink: Ink) {
        self.draw(text(at, words.into(), size, anchor, ink));
    }

    /// A straight line.
    pub fn line(&mut self, from: Point, to: Point, width: u32, ink: Ink) {
        self.draw(Mark::Line { points: vec![from, to], width, ink });
    }

    /// Where a number is from left to right.
    pub fn x(&self, axis: &Axis, number: f64) -> f64 {
        axis.place(number, self.left, self.right)
    }

    /// Where a number is from bottom to top.
    pub fn y(&self, axis: &Axis, number: f64) -> f64 {
        axis.place(number, self.bottom, self.top)
    }

    /// Lines across for round numbers, and the numbers at the left; above them what they count.
    pub fn scale_up(&mut self, axis: &Axis, name: &str) {
        for (number, words) in axis.ticks() {
            let y = self.y(axis, number);
            self.line((self.left, y), (self.right, y), 1, Ink::Grid);
            self.write((self.left - TICK_GAP, y), words, LABEL, Anchor::End, Ink::Muted);
        }
        let at = (MARGIN, self.top - LINE);
        self.write(at, printable(name), LABEL, Anchor::Start, Ink::Text);
    }

    /// Lines upwards for round numbers, and the numbers below.
    pub fn scale_across(&mut self, axis: &Axis, name: &str) {
        for (number, words) in axis.ticks() {
            let x = self.x(axis, number);
            self.line((x, self.top), (x, self.bottom), 1, Ink::Grid);
            self.below(x, words);
        }
        self.name_below(name);
    }

    /// Numbers below without lines.
    pub fn ticks_across(&mut self, axis: &Axis, ticks: &[(f64, String)], name: &str) {
        for (number, words) in ticks {
            let x = self.x(axis, *number);
            self.line((x, self.bottom), (x, self.bottom + 4.0), 1, Ink::Axis);
            self.below(x, words.clone());
        }
        self.name_below(name);
    }

    /// A word under the chart.
    pub fn below(&mut self, x: f64, words: String) {
        self.write((x, self.bottom + LINE), words, LABEL, Anchor::Middle, Ink::Muted);
    }

    /// What the numbers below are.
    pub fn name_below(&mut self, name: &str) {
        let at = ((self.left + self.right) / 2.0, self.bottom + 2.2 * LINE);
        self.write(at, printable(name), LABEL, Anchor::Middle, Ink::Text);
    }

    /// The picture as it stands.
    pub fn finished(self) -> Picture {
        self.picture
    }
}

const fn text(at: Point, text: String, size: f64, anchor: Anchor, ink: Ink) -> Mark {
    Mark::Text { at, text, size, anchor, ink }
}
