//! The letters of pictures: a font that is built in, and how wide its texts are.
//!
//! The font is DejaVu Sans (Latin, Greek, Cyrillic, Arabic and more; no Chinese, Japanese or Korean): `docs/licenses/DejaVu.txt`.

use std::sync::OnceLock;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// The built-in font, and what an SVG viewer takes where it has no such font.
pub const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";
/// From its highest to its lowest line, in ems (of its `hhea` table): what rasterising takes for the size.
pub const LINE_EM: f64 = 1.164;
/// What is put in place of the end of a text that is too long.
const ELLIPSIS: char = '…';

/// The font at this size, ready for measuring and rasterising.
pub fn font(em: f64) -> FontDesc<'static> {
    static REGISTERED: OnceLock<()> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        // A font that cannot be read leaves its family unknown, which rendering reports.
        let _ = register_font(FAMILY, FontStyle::Normal, dejavu::sans::regular());
    });
    FontDesc::new(FontFamily::Name(FAMILY), em * LINE_EM, FontStyle::Normal)
}

/// How wide a text is, in pixels.
pub fn width(text: &str, em: f64) -> f64 {
    // Measured large, since whole pixels come back.
    const ENLARGED: f64 = 8.0;
    let measured = font(em * ENLARGED).layout_box(text);
    // Without a font nothing is rendered either; this only keeps the layout going.
    let guess = || text.chars().count() as f64 * em / 2.0;
    measured.map_or_else(|_| guess(), |((left, _), (right, _))| f64::from(right - left) / ENLARGED)
}

/// As much of a text as fits, with an ellipsis where some is left out.
pub fn cut(text: &str, em: f64, room: f64) -> String {
    if width(text, em) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        let mut longer = kept.clone();
        longer.push(c);
        if width(&longer, em) + width(&ELLIPSIS.to_string(), em) > room {
            break;
        }
        kept = longer;
    }
    kept.truncate(kept.trim_end().len());
    kept.push(ELLIPSIS);
    kept
}

/// A text in lines that fit, at most so many; the last one says where more is left out.
pub fn wrapped(text: &str, em: f64, room: f64, lines_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while words.peek().is_some() && lines.len() < lines_max {
        let mut line = String::new();
        let is_last = lines.len() + 1 == lines_max;
        while let Some(word) = words.peek() {
            let longer = if line.is_empty() { (*word).to_owned() } else { format!("{line} {word}") };
            if !line.is_empty() && !is_last && width(&longer, em) > room {
                break;
            }
            line = longer;
            words.next();
            if is_last && width(&line, em) > room {
                break;
            }
        }
        lines.push(cut(&line, em, room));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_there_and_wide_letters_are_wide() {
        assert!(font(12.0).layout_box("x").is_ok(), "registered");
        assert!(width("WWWW", 12.0) > 2.0 * width("iiii", 12.0));
    }

    #[test]
    fn lines_fit_and_a_long_word_is_cut() {
        let text = format!("How high is {} in the wards of our three hospitals?", "x".repeat(200));
        for lines_max in 1..4 {
            let lines = wrapped(&text, 18.0, 300.0, lines_max);
            assert!(lines.len() <= lines_max);
            assert!(lines.iter().all(|line| width(line, 18.0) <= 300.0), "{lines:?}");
        }
        assert_eq!(wrapped("one two", 18.0, 300.0, 3), ["one two"]);
        assert_eq!(wrapped("one two three", 18.0, width("one two", 18.0) + 1.0, 3), ["one two", "three"]);
        assert!(wrapped("", 18.0, 300.0, 3).is_empty());
    }
}
