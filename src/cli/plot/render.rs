//! From marks to the bytes of a file.

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor, ShapeStyle, TextStyle};

use super::letters;
use super::picture::{Anchor, Ink, Mark, Picture, Point};

/// Pixels of a PNG for each pixel of the picture, so that it is sharp on the screens of today and on paper.
const SHARPNESS: usize = 2;
/// Everything is drawn so many times larger and made smaller again, for smooth edges.
const SMOOTHING: usize = 2;
const CHANNELS: usize = 3;
/// What an SVG backend divides sizes of text by.
const SVG_SIZE_PER_EM: f64 = 1.24;
/// How far below its middle the rasteriser's text must be placed, in ems, to have half of its capitals above.
const MIDDLE_EM: f64 = 0.25;

/// A picture could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The drawing library.
    #[error("cannot draw: {0}")]
    Draw(String),
    /// The encoder.
    #[error("cannot encode as PNG")]
    Encode(#[from] png::EncodingError),
}

/// How marks get to a backend: sizes of text differ between them.
#[derive(Clone, Copy)]
struct Scale {
    pixels: f64,
    text: f64,
    text_down_em: f64,
}

/// Scalable, with text as text.
///
/// # Errors
/// The drawing library's.
pub fn svg(picture: &Picture) -> Result<Vec<u8>, RenderError> {
    let mut text = String::new();
    let size = (picture.width.round() as u32, picture.height.round() as u32);
    // The family is registered as the font is first made; measuring text does that already.
    let scale = Scale { pixels: 1.0, text: SVG_SIZE_PER_EM / letters::LINE_EM, text_down_em: 0.0 };
    paint(&mut SVGBackend::with_string(&mut text, size), picture, scale)?;
    Ok(text.into_bytes())
}

/// Pixels, smoothed.
///
/// # Errors
/// The drawing library's, the encoder's.
pub fn png(picture: &Picture) -> Result<Vec<u8>, RenderError> {
    let (width, height) =
        (picture.width.round() as usize * SHARPNESS, picture.height.round() as usize * SHARPNESS);
    let (wide, high) = (width * SMOOTHING, height * SMOOTHING);
    let mut large = vec![0xff; wide * high * CHANNELS];
    let scale = Scale { pixels: (SHARPNESS * SMOOTHING) as f64, text: 1.0, text_down_em: MIDDLE_EM };
    paint(&mut BitMapBackend::with_buffer(&mut large, (wide as u32, high as u32)), picture, scale)?;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&smoothed(&large, wide))?;
    writer.finish()?;
    Ok(bytes)
}

/// Each pixel is the mean of the square that it stands for.
fn smoothed(large: &[u8], wide: usize) -> Vec<u8> {
    let row_bytes = wide * CHANNELS;
    let mut small = Vec::with_capacity(large.len() / (SMOOTHING * SMOOTHING));
    for rows in large.chunks_exact(row_bytes * SMOOTHING) {
        let mut sums = vec![0u32; row_bytes / SMOOTHING];
        for row in rows.chunks_exact(row_bytes) {
            let squares = row.chunks_exact(CHANNELS * SMOOTHING).zip(sums.chunks_exact_mut(CHANNELS));
            for (pixels, sums) in squares {
                for pixel in pixels.chunks_exact(CHANNELS) {
                    for (sum, channel) in sums.iter_mut().zip(pixel) {
                        *sum += u32::from(*channel);
                    }
                }
            }
        }
        small.extend(sums.iter().map(|sum| (sum / (SMOOTHING * SMOOTHING) as u32) as u8));
    }
    small
}

fn paint<B: DrawingBackend>(backend: &mut B, picture: &Picture, scale: Scale) -> Result<(), RenderError> {
    backend.ensure_prepared().map_err(failed)?;
    let corner = scale.point((picture.width, picture.height));
    backend.draw_rect((0, 0), corner, &plotters::style::WHITE, true).map_err(failed)?;
    for mark in &picture.marks {
        match mark {
            Mark::Bar { from, to, ink } => {
                backend.draw_rect(scale.point(*from), scale.point(*to), &colour(*ink), true)
            }
            Mark::Area { points, ink } => {
                backend.fill_polygon(points.iter().map(|point| scale.point(*point)), &colour(*ink))
            }
            Mark::Line { points, width, ink } => {
                let stroke = ShapeStyle {
                    color: colour(*ink).to_rgba(),
                    filled: false,
                    stroke_width: (f64::from(*width) * scale.pixels).round() as u32,
                };
                let mut points: Vec<_> = points.iter().map(|point| scale.point(*point)).collect();
                // A line to the place where it is has no direction.
                points.dedup();
                if points.len() < 2 { Ok(()) } else { backend.draw_path(points, &stroke) }
            }
            Mark::Dot { at, radius, ink } => {
                let radius = (f64::from(*radius) * scale.pixels).round() as u32;
                let fill = ShapeStyle { color: colour(*ink).to_rgba(), filled: true, stroke_width: 0 };
                backend.draw_circle(scale.point(*at), radius, &fill, true)
            }
            Mark::Text { at: (x, y), text, size, anchor, ink } => {
                let anchor = match anchor {
                    Anchor::Start => HPos::Left,
                    Anchor::Middle => HPos::Center,
                    Anchor::End => HPos::Right,
                };
                let font = letters::font(size * scale.pixels * scale.text);
                let ink = colour(*ink);
                let style = TextStyle::from(font).color(&ink).pos(Pos::new(anchor, VPos::Center));
                backend.draw_text(text, &style, scale.point((*x, y + size * scale.text_down_em)))
            }
        }
        .map_err(failed)?;
    }
    backend.present().map_err(failed)
}

impl Scale {
    fn point(self, (x, y): Point) -> (i32, i32) {
        ((x * self.pixels).round() as i32, (y * self.pixels).round() as i32)
    }
}

fn failed(error: impl std::error::Error) -> RenderError {
    RenderError::Draw(error.to_string())
}

fn colour(ink: Ink) -> RGBColor {
    let (red, green, blue) = ink.rgb();
    RGBColor(red, green, blue)
}
