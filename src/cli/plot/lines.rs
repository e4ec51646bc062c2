//! Lines: which share of the records lies below a value, and how one field goes with another.

use super::axis::Axis;
use super::frame::{CHART_HEIGHT, Frame, LABEL, Room};
use super::picture::{Anchor, Ink, Mark, Picture};
use super::{Captions, NoPicture};
use crate::cli::answer::{Figure, Named, Quantiles};
use crate::cli::table::Look;

/// Steps of the cumulative share, as far as the quantiles that were asked for tell it.
///
/// # Errors
/// Nothing is counted.
pub fn steps(quantiles: &Quantiles, captions: &Captions) -> Result<Picture, NoPicture> {
    let Quantiles { points, median, minimum, maximum, resolution } = quantiles;
    let asked = points.iter().map(|(share, value)| (share.as_f64(), value.as_f64()));
    let known = asked.chain([(Some(0.5), median.as_f64()), (Some(1.0), maximum.as_f64())]);
    let mut steps: Vec<(f64, f64)> = known.filter_map(|(share, value)| Some((share?, value?))).collect();
    // The median of an even number of records, and the extremes, need not be the quantiles of the same share.
    steps.sort_by(|(a, value), (b, other)| a.total_cmp(b).then(value.total_cmp(other)));
    let first = minimum.as_f64().or_else(|| steps.first().map(|(_, value)| *value));
    let first = first.filter(|_| !steps.is_empty()).ok_or(NoPicture::NotDefined)?;
    let across = steps.iter().map(|(_, value)| *value).chain([first]);
    let across = Axis::around(across).ok_or(NoPicture::NotDefined)?;
    let up = Axis::around([0.0, 1.0]).ok_or(NoPicture::NotDefined)?;
    let field = captions.field(0, "value");
    let room = Room { left: Frame::room_for(&up), right: 20.0, height: CHART_HEIGHT };
    let resolution = resolution.shown(Look::Plain);
    let subtitle = format!("Share of the records up to a value of {field}, with a resolution of {resolution}");
    let mut frame = Frame::new(captions, &subtitle, room);
    frame.scale_up(&up, "share of the records");
    frame.scale_across(&across, field);
    let mut line = vec![(frame.x(&across, first), frame.y(&up, 0.0))];
    let mut height = frame.y(&up, 0.0);
    for (share, value) in &steps {
        let x = frame.x(&across, *value);
        line.push((x, height));
        height = frame.y(&up, *share);
        line.push((x, height));
    }
    frame.draw(Mark::Line { points: line, width: 2, ink: Ink::Main });
    if let Some(value) = median.as_f64() {
        let at = (frame.x(&across, value), frame.y(&up, 0.5));
        frame.draw(Mark::Dot { at, radius: 5, ink: Ink::Accent });
        let words = format!("median {}", median.shown(Look::Plain));
        frame.write((at.0 + 10.0, at.1 + 12.0), words, LABEL, Anchor::Start, Ink::Text);
    }
    Ok(frame.finished())
}

/// The line of regression between two fields. A result has no means, so it runs through the middle of both: axes say how
/// far from their means the fields are. Around it, where two thirds of the records lie if they lie as errors do.
///
/// # Errors
/// The fields do not vary, or not together, so that their spread cannot be told.
pub fn regression(figures: &Named, captions: &Captions) -> Result<Picture, NoPicture> {
    let figure = |name: &str| figures.iter().find(|(it, _)| it == name).map(|(_, figure)| figure);
    let number = |name: &str| figure(name).and_then(Figure::as_f64).ok_or(NoPicture::NotDefined);
    let (slope, correlation) = (number("regression_slope")?, number("correlation_coefficient")?);
    // The slope is the covariance in variances of the first field.
    let variance = number("covariance")? / slope;
    if !(variance.is_finite() && variance > 0.0 && correlation != 0.0) {
        return Err(NoPicture::NotDefined);
    }
    let deviation = variance.sqrt();
    let other = deviation * slope / correlation;
    let residual = other * (1.0 - correlation * correlation).max(0.0).sqrt();
    let reach = 2.5 * deviation;
    let height = |x: f64, times: f64| slope * x + times * residual;
    let corners = [-reach, reach].into_iter().flat_map(|x| [height(x, -1.0), height(x, 1.0)]);
    let up = Axis::around(corners).ok_or(NoPicture::NotDefined)?;
    let across = Axis::between([-reach, reach]).ok_or(NoPicture::NotDefined)?;
    let shown = |name| figure(name).map(|figure| figure.shown(Look::Plain)).unwrap_or_default();
    let (x_name, y_name) = (captions.field(0, "x"), captions.field(1, "y"));
    let (intercept, slope) = (shown("regression_intercept"), shown("regression_slope"));
    let (sign, slope) = slope.strip_prefix('-').map_or(("+", slope.as_str()), |slope| ("−", slope));
    let subtitle = format!(
        "{y_name} = {intercept} {sign} {slope} × {x_name}; correlation {}; shaded: one standard deviation of what is left",
        shown("correlation_coefficient")
    );
    let room = Room { left: Frame::room_for(&up), right: 20.0, height: CHART_HEIGHT };
    let mut frame = Frame::new(captions, &subtitle, room);
    let corners = [(-reach, 1.0), (reach, 1.0), (reach, -1.0), (-reach, -1.0)];
    let at = |x: f64, times: f64| (frame.x(&across, x), frame.y(&up, height(x, times)));
    let points = corners.map(|(x, times)| at(x, times)).to_vec();
    let ends = [-reach, reach].map(|x| at(x, 0.0)).to_vec();
    let middle = at(0.0, 0.0);
    frame.draw(Mark::Area { points, ink: Ink::Pale });
    frame.scale_up(&up, &format!("{y_name}, difference from its mean"));
    frame.scale_across(&across, &format!("{x_name}, difference from its mean"));
    frame.draw(Mark::Line { points: ends, width: 2, ink: Ink::Main });
    frame.draw(Mark::Dot { at: middle, radius: 5, ink: Ink::Accent });
    Ok(frame.finished())
}
