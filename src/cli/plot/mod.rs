//! Pictures of results, as SVG or PNG. A chart becomes a list of marks; two renderers draw it.

mod axis;
mod bars;
mod dots;
mod frame;
mod heat;
mod letters;
mod lines;
mod picture;
mod render;

use std::path::Path;

use super::answer::Answer;
use picture::Picture;
pub use render::RenderError;

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Scalable, with text as text.
    Svg,
    /// Pixels.
    Png,
}

/// What stands around a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captions {
    /// The question in words.
    pub title: String,
    /// The fields, in the order in which they were asked for; as many as are known.
    pub fields: Vec<String>,
    /// Participants, records, where it comes from.
    pub footnote: String,
}

/// Why there is no picture of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPicture {
    /// One number or two.
    #[error("it is one number")]
    OneNumber,
    /// The figures that would be drawn are null.
    #[error("its figures are not defined for these records")]
    NotDefined,
    /// A table with too many cells to read.
    #[error(
        "a table of {rows} × {columns} cells is too large for a picture; at most {most} × {most} are drawn"
    )]
    TooLarge {
        /// Categories of the first field.
        rows: usize,
        /// Categories of the second field.
        columns: usize,
        /// What is drawn.
        most: usize,
    },
}

impl Format {
    /// By the ending of the file's name.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "svg" => Some(Self::Svg),
            "png" => Some(Self::Png),
            _ => None,
        }
    }
}

impl Captions {
    /// The field at this place, or a word for it.
    fn field<'a>(&'a self, at: usize, otherwise: &'a str) -> &'a str {
        self.fields.get(at).map_or(otherwise, String::as_str)
    }
}

/// The picture of an answer.
///
/// # Errors
/// There is nothing to draw, or too much.
pub fn drawn(answer: &Answer, captions: &Captions) -> Result<Picture, NoPicture> {
    match answer {
        Answer::Numbers(_) => Err(NoPicture::OneNumber),
        Answer::Univariate(figures) => dots::spread(figures, captions),
        Answer::Bivariate(figures) => lines::regression(figures, captions),
        Answer::Frequency { counts, .. } => bars::frequency(counts, captions),
        Answer::Histogram(buckets) => bars::histogram(buckets, captions),
        Answer::Quantiles(quantiles) => lines::steps(quantiles, captions),
        Answer::Contingency(table) => heat::table(table, captions),
        Answer::Regression { terms, r_squared } => dots::coefficients(terms, r_squared, captions),
        Answer::VectorMean(elements) => bars::vector(elements, captions),
    }
}

/// The bytes of the file.
///
/// # Errors
/// The renderer fails.
pub fn rendered(picture: &Picture, format: Format) -> Result<Vec<u8>, RenderError> {
    match format {
        Format::Svg => render::svg(picture),
        Format::Png => render::png(picture),
    }
}

#[cfg(test)]
mod tests;
