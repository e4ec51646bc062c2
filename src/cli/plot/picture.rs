//! A picture as a list of marks, in pixels from the upper left corner, before anything is rendered.

/// A place.
pub type Point = (f64, f64);

/// Marks on a white ground, in the order in which they are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// In pixels.
    pub width: f64,
    /// In pixels.
    pub height: f64,
    /// What is drawn.
    pub marks: Vec<Mark>,
}

/// One thing that is drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A filled rectangle.
    Bar {
        /// Upper left corner.
        from: Point,
        /// Lower right corner.
        to: Point,
        /// Its colour.
        ink: Ink,
    },
    /// A filled polygon.
    Area {
        /// Its corners.
        points: Vec<Point>,
        /// Its colour.
        ink: Ink,
    },
    /// Straight lines from point to point.
    Line {
        /// At least two.
        points: Vec<Point>,
        /// In pixels.
        width: u32,
        /// Its colour.
        ink: Ink,
    },
    /// A filled circle.
    Dot {
        /// Its centre.
        at: Point,
        /// In pixels.
        radius: u32,
        /// Its colour.
        ink: Ink,
    },
    /// One line of text.
    Text {
        /// The place that it is anchored at; half way up its capitals.
        at: Point,
        /// Printable characters only.
        text: String,
        /// The em, in pixels.
        size: f64,
        /// Which part of it stands at the place.
        anchor: Anchor,
        /// Its colour.
        ink: Ink,
    },
}

/// Which part of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// A colour by its purpose. The blue and the orange can be told apart by everybody.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ink {
    /// Words.
    Text,
    /// Words beside the matter.
    Muted,
    /// Lines behind the marks.
    Grid,
    /// The line that values are measured from.
    Axis,
    /// The answer.
    Main,
    /// A paler kind of the answer.
    Pale,
    /// What the eye should find first.
    Accent,
    /// From the palest, 0, to the answer's own colour, 1.
    Shade(f64),
    /// Words on a dark shade.
    Reverse,
}

impl Ink {
    /// Red, green, blue.
    pub fn rgb(self) -> (u8, u8, u8) {
        const MAIN: (u8, u8, u8) = (0x3f, 0x72, 0xaf);
        const PALEST: (u8, u8, u8) = (0xf1, 0xf5, 0xfa);
        match self {
            Self::Text => (0x23, 0x2b, 0x36),
            Self::Muted => (0x66, 0x70, 0x7d),
            Self::Grid => (0xe4, 0xe8, 0xec),
            Self::Axis => (0x9a, 0xa3, 0xad),
            Self::Main => MAIN,
            Self::Pale => (0xc5, 0xd7, 0xea),
            Self::Accent => (0xd9, 0x7b, 0x29),
            Self::Reverse => (0xff, 0xff, 0xff),
            Self::Shade(share) => {
                let between = |low: u8, high: u8| {
                    (f64::from(low) + (f64::from(high) - f64::from(low)) * share.clamp(0.0, 1.0)).round() as u8
                };
                (between(PALEST.0, MAIN.0), between(PALEST.1, MAIN.1), between(PALEST.2, MAIN.2))
            }
        }
    }
}
