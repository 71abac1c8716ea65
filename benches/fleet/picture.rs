//! The rate of the requests over the week, drawn as SVG.

use std::fmt::Write as _;

use crate::{
    tally::Tally,
    week::{MINUTE, Millis, OUTAGES, WEEK},
};

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
const COLOURS: [&str; 2] = ["#1f6feb", "#d1570b"];

/// Ten to the power of these, in requests a second: from the bottom to the top.
const LOWEST: i32 = -2;
const HIGHEST: i32 = 5;

pub fn draw(size: u32, curves: &[(&str, Tally)]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"16\" font-size=\"14\">Token requests a second of {size} instances, by minute; \
         outages in grey</text>\n",
        WIDTH + LEFT + 20.0,
        HEIGHT + TOP + 40.0
    );
    for outage in OUTAGES {
        let (from, to) = (across(outage.start), across(outage.end));
        line(
            &mut svg,
            &format!(
                "<rect x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{HEIGHT}\" fill=\"#ddd\"/>",
                (to - from).max(1.0)
            ),
        );
    }
    for power in LOWEST..=HIGHEST {
        let y = down(10_f64.powi(power));
        line(
            &mut svg,
            &format!(
                "<path d=\"M{LEFT} {y:.1}h{WIDTH}\" stroke=\"#bbb\" stroke-width=\"0.5\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                10_f64.powi(power)
            ),
        );
    }
    for day in 0..7 {
        let x = LEFT + WIDTH * (f64::from(day) + 0.5) / 7.0;
        let y = TOP + HEIGHT + 18.0;
        line(
            &mut svg,
            &format!("<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">day {}</text>", day + 1),
        );
    }
    for (number, ((name, tally), colour)) in curves.iter().zip(COLOURS).enumerate() {
        let x = LEFT + 160.0 * number as f64;
        line(&mut svg, &format!("<text x=\"{x}\" y=\"32\" fill=\"{colour}\">{name}</text>"));
        line(&mut svg, &curve(tally, colour));
    }
    svg + "</svg>\n"
}

fn line(svg: &mut String, line: &str) {
    svg.push_str(line);
    svg.push('\n');
}

/// A column for each quarter of an hour, from the lowest rate of a minute in it to the highest.
fn curve(tally: &Tally, colour: &str) -> String {
    const COLUMN: usize = 15;
    let mut path = String::new();
    for (number, minutes) in tally.rates().chunks(COLUMN).enumerate() {
        let x = across((number * COLUMN) as Millis * MINUTE);
        let low = minutes.iter().copied().fold(f64::INFINITY, f64::min);
        let high = minutes.iter().copied().fold(0.0, f64::max);
        if high > 0.0 {
            let (top, bottom) = (down(high), down(low).max(down(high) + 1.0));
            write!(path, "M{x:.1} {top:.1}V{bottom:.1}").expect("a string takes all");
        }
    }
    format!("<path d=\"{path}\" stroke=\"{colour}\" stroke-width=\"1.5\" fill=\"none\"/>")
}

fn across(at: Millis) -> f64 {
    LEFT + WIDTH * at as f64 / WEEK as f64
}

fn down(rate: f64) -> f64 {
    let lowest = f64::from(LOWEST);
    let share = (rate.max(1e-9).log10().max(lowest) - lowest) / (f64::from(HIGHEST) - lowest);
    TOP + HEIGHT * (1.0 - share)
}
