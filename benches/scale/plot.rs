//! The table as a picture.

use crate::LINES;

/// Microseconds a participant over the number of participants, both logarithmic.
pub fn plot(points: &[(&str, u32, f64, f64)]) -> String {
    let x = |participants: u32| 60.0 + (f64::from(participants).log10() - 3.0) / 3.0 * 480.0;
    let y = |microseconds: f64| 300.0 - (microseconds.max(1.0).log10()) / 4.0 * 260.0;
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 350\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"640\" height=\"350\" fill=\"white\"/>\n<text x=\"60\" y=\"20\">microseconds of one heavy node \
         for one participant, by the number of participants</text>\n",
    );
    for power in 0..=4_i32 {
        let at = y(10_f64.powi(power));
        let label = 10_u32.pow(power.unsigned_abs());
        svg += &format!(
            "<line x1=\"60\" y1=\"{at:.0}\" x2=\"540\" y2=\"{at:.0}\" stroke=\"#ddd\"/>\
             <text x=\"52\" y=\"{:.0}\" text-anchor=\"end\">{label}</text>\n",
            at + 4.0
        );
    }
    for power in 3..=6 {
        let (at, label) = (x(10_u32.pow(power)), 10_u32.pow(power));
        svg += &format!("<text x=\"{at:.0}\" y=\"320\" text-anchor=\"middle\">{label}</text>\n");
    }
    let colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];
    let mut lines: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
    for (part, of) in [("intake", 0), ("agreement", 1)] {
        for (name, ..) in LINES {
            let own = points.iter().filter(|point| point.0 == name);
            let place =
                |point: &(&str, u32, f64, f64)| (x(point.1), y(if of == 0 { point.2 } else { point.3 }));
            lines.push((format!("{name}, {part}"), own.map(place).collect()));
        }
    }
    // Lines that end at the same place keep their names apart.
    for (((label, line), colour), apart) in lines.iter().zip(colours).zip([-4.0, 12.0].into_iter().cycle()) {
        let path: Vec<_> = line.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        svg += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
            path.join(" ")
        );
        if let Some((x, y)) = line.last() {
            svg += &format!(
                "<text x=\"{:.0}\" y=\"{:.0}\" fill=\"{colour}\">{label}</text>\n",
                x + 6.0,
                y + apart
            );
        }
    }
    svg + "</svg>\n"
}
