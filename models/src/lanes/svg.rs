//! A drawing as SVG.
//!
//! It brings its own background and style, so that it can be read wherever it is
//! put: in a file, or in the middle of somebody else's page, light or dark.

mod signs;

use std::fmt::Write;

use super::{Drawing, Lane, LaneKind, Row};

/// The width of a character of the fixed-width font, in pixels.
const CHARACTER: f64 = 7.25;
/// The height of a line of text, in pixels.
const LINE: f64 = 15.0;
/// The space between two rows, in pixels.
const GAP: f64 = 9.0;
/// The space around everything, in pixels.
const MARGIN: f64 = 12.0;
/// From a lane's line to its text, in pixels.
const BESIDE: f64 = 13.0;

/// How much smaller than drawn it may be shown, so that it can still be read.
const LEAST: f64 = 0.75;

/// Okabe and Ito's colours, which the colour-blind can tell apart; on a dark
/// ground the lighter ones of each pair. Every selector begins with the class,
/// because a style inside a page holds for the whole page.
const STYLE: &str = "\
svg.lanes{--lanes-ground:#fff;--lanes-band:#f3f5f7;--lanes-text:#1a1a1a;--lanes-soft:#595f66;\
--lanes-thread:#0072b2;--lanes-descriptor:#b35f00;--lanes-socket:#007a59;\
--lanes-surroundings:#a04878;--lanes-wrong:#d55e00;--lanes-wrong-text:#a84300;--lanes-wrong-ground:#fdebdd;\
font:12px ui-monospace,'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace}\
@media (prefers-color-scheme:dark){svg.lanes{--lanes-ground:#14181d;--lanes-band:#1c2229;\
--lanes-text:#eceff1;--lanes-soft:#a7b0b8;--lanes-thread:#56b4e9;--lanes-descriptor:#e69f00;\
--lanes-socket:#2fc49a;--lanes-surroundings:#e39cc5;--lanes-wrong:#ff8a3c;--lanes-wrong-text:#ff9a57;\
--lanes-wrong-ground:#41240f}}\
svg.lanes text{fill:var(--lanes-text);stroke:none;white-space:pre}\
svg.lanes .ground{fill:var(--lanes-ground)}\
svg.lanes .band{fill:var(--lanes-band)}\
svg.lanes .title,svg.lanes .head{font-weight:bold}\
svg.lanes .head{fill:var(--lane)}\
svg.lanes .soft{fill:var(--lanes-soft)}\
svg.lanes .behind{fill:var(--lanes-behind,var(--lanes-ground))}\
svg.lanes .thread{--lane:var(--lanes-thread)}\
svg.lanes .descriptor{--lane:var(--lanes-descriptor)}\
svg.lanes .socket{--lane:var(--lanes-socket)}\
svg.lanes .surroundings{--lane:var(--lanes-surroundings)}\
svg.lanes .plain{--lane:var(--lanes-soft)}\
svg.lanes .line{stroke:var(--lane);fill:none}\
svg.lanes .idle{stroke-width:1.5;stroke-dasharray:1.5 3}\
svg.lanes .active{stroke-width:4}\
svg.lanes .waiting{stroke-width:4;stroke-dasharray:5 4}\
svg.lanes .locked{stroke-width:9}\
svg.lanes .core{stroke:var(--lanes-ground);stroke-width:4}\
svg.lanes .reach{stroke:var(--lanes-soft);stroke-width:1}\
svg.lanes .mark{fill:var(--lane);stroke:var(--lanes-ground);stroke-width:1.5}\
svg.lanes .hollow{fill:var(--lanes-ground);stroke:var(--lane);stroke-width:2}\
svg.lanes .sign{fill:var(--lanes-ground);font-size:10px;font-weight:bold;text-anchor:middle}\
svg.lanes .wrong{--lane:var(--lanes-wrong)}\
svg.lanes .wrong-ground{fill:var(--lanes-wrong-ground);stroke:var(--lanes-wrong);\
stroke-dasharray:6 3}\
svg.lanes .banded{--lanes-behind:var(--lanes-band)}\
svg.lanes .wrong-row{--lanes-behind:var(--lanes-wrong-ground)}\
svg.lanes .wrong-text{fill:var(--lanes-wrong-text);font-weight:bold}";

impl Drawing {
    /// The drawing as one SVG element, which is also a whole SVG file. All text
    /// is escaped.
    #[must_use]
    pub fn to_svg(&self) -> String {
        Svg::new(self).draw()
    }
}

/// Text as it can stand in XML and HTML. Characters that XML does not have
/// become replacement characters.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(it),
            it if it.is_control() || matches!(it, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            it => out.push(it),
        }
    }
    out
}

/// Text of a drawing, in one line.
fn label(text: &str) -> String {
    escape(text).replace(['\n', '\t'], " ")
}

/// A drawing with its places.
struct Svg<'a> {
    drawing: &'a Drawing,
    /// Where each lane's line is.
    lanes: Vec<f64>,
    width: f64,
    out: String,
}

/// A count of characters or lines as a length.
fn of(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

impl<'a> Svg<'a> {
    fn new(drawing: &'a Drawing) -> Self {
        let mut x = MARGIN + of(drawing.sentence_width(Drawing::SENTENCE) + 4) * CHARACTER + 18.0;
        let mut lanes = Vec::new();
        for lane in 0..drawing.lanes.len() {
            lanes.push(x);
            let text = of(drawing.lane_width(lane)) * CHARACTER;
            x += BESIDE + text.max(18.0) + 12.0;
        }
        let notes = drawing.notes.iter().map(|it| it.chars().count());
        let longest = notes.max().unwrap_or(0).min(110);
        let width = x.max(MARGIN + of(longest) * CHARACTER) + MARGIN;
        Self {
            drawing,
            lanes,
            width,
            out: String::new(),
        }
    }

    /// Adds to the elements. Writing to a string cannot fail.
    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(element);
        self.out.push('\n');
    }

    fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let text = label(text);
        self.put(format_args!(
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{text}</text>"#
        ));
    }

    fn draw(mut self) -> String {
        let drawing = self.drawing;
        let mut y = MARGIN + LINE;
        self.text("title", MARGIN, y, &drawing.title);
        y += LINE;
        y = self.headings(y);
        for (index, row) in drawing.rows.iter().enumerate() {
            y = self.row(index, row, y);
        }
        y = self.notes(y + GAP);
        y = self.legend(y + GAP, drawing.has_wrong());
        let (width, height) = (self.width.ceil(), (y + MARGIN).ceil());
        let title = label(&drawing.title);
        let body = self.out;
        format!(
            concat!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" class="lanes" width="{width}" "#,
                r#"height="{height}" viewBox="0 0 {width} {height}" role="img" "#,
                r#"style="min-width:{least}px" "#,
                "aria-label=\"{title}\">\n<style>{style}</style>\n",
                "<rect class=\"ground\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\n",
                "{body}</svg>\n"
            ),
            width = width,
            height = height,
            least = (width * LEAST).ceil(),
            title = title,
            style = STYLE,
            body = body
        )
    }

    fn headings(&mut self, y: f64) -> f64 {
        let drawing = self.drawing;
        let headings: Vec<_> = drawing.lanes.iter().map(Drawing::heading_lines).collect();
        let height = headings.iter().map(Vec::len).max().unwrap_or(0);
        for (lane, lines) in headings.iter().enumerate() {
            let (x, kind) = (self.lanes[lane] - 5.0, class(&drawing.lanes[lane]));
            for (line, text) in lines.iter().enumerate() {
                self.text(&format!("head {kind}"), x, y + of(line + 1) * LINE, text);
            }
        }
        y + of(height) * LINE + GAP
    }

    /// Draws a row and says where the next one begins.
    fn row(&mut self, index: usize, row: &Row, y: f64) -> f64 {
        let cells: Vec<_> = row.cells.iter().map(Drawing::cell_lines).collect();
        let (sentence, violates) = Drawing::sentence_lines(row, Drawing::SENTENCE);
        let lines = cells.iter().map(Vec::len);
        let lines = lines.chain([sentence.len() + violates.len(), 1]).max();
        let height = of(lines.unwrap_or(1)) * LINE + GAP;
        let wrong = !violates.is_empty();
        let class = match (wrong, index % 2) {
            (true, _) => "row wrong-row",
            (false, 1) => "row banded",
            _ => "row",
        };
        self.put(format_args!(r#"<g class="{class}" data-step="{index}">"#));
        self.background(index, wrong, y, height);
        let middle = y + GAP / 2.0 + LINE / 2.0;
        for lane in 0..row.cells.len() {
            self.lines(index, row, lane, (y, middle, y + height));
        }
        if let Some((first, last)) = Drawing::reach(row).filter(|(first, last)| first < last) {
            let (from, to) = (self.lanes[first], self.lanes[last]);
            self.put(format_args!(
                r#"<line class="reach" x1="{from:.1}" y1="{middle:.1}" x2="{to:.1}" y2="{middle:.1}"/>"#
            ));
        }
        let baseline = middle + 4.0;
        self.text("soft", MARGIN, baseline, &format!("{index:>3}"));
        let x = MARGIN + 4.0 * CHARACTER;
        for (line, text) in sentence.iter().enumerate() {
            self.text("says", x, baseline + of(line) * LINE, text);
        }
        for (line, text) in violates.iter().enumerate() {
            let y = baseline + of(sentence.len() + line) * LINE;
            if line == 0 {
                self.warning(MARGIN + 2.5 * CHARACTER - 4.0, y - 4.0);
            }
            self.text("wrong-text", x, y, text);
        }
        for (lane, cell) in row.cells.iter().enumerate() {
            for (line, text) in cells[lane].iter().enumerate() {
                let (x, y) = (self.lanes[lane] + BESIDE, baseline + of(line) * LINE);
                if line == 0 {
                    self.behind(x, y, text);
                }
                self.text("new", x, y, text);
            }
            if Drawing::is_wrong(row, lane) {
                self.ring(self.lanes[lane], middle);
            }
            if let Some(mark) = cell.mark {
                let kind = self::class(&self.drawing.lanes[lane]);
                self.mark(mark, kind, self.lanes[lane], middle);
            }
        }
        self.put(format_args!("</g>"));
        y + height
    }

    /// Every other row has a band, so that the eye finds its way; one with a
    /// violation has a frame as well.
    fn background(&mut self, index: usize, wrong: bool, y: f64, height: f64) {
        let class = match (wrong, index % 2) {
            (true, _) => "wrong-ground",
            (false, 1) => "band",
            _ => return,
        };
        let (x, width) = (MARGIN / 2.0, self.width - MARGIN);
        self.put(format_args!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="3"/>"#
        ));
    }

    /// Hides the row's line behind a text.
    fn behind(&mut self, x: f64, y: f64, text: &str) {
        let (x, y) = (x - 3.0, y - 9.0);
        let width = of(text.chars().count()) * CHARACTER + 6.0;
        self.put(format_args!(
            r#"<rect class="behind" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="10"/>"#
        ));
    }

    /// A lane's line above and below the middle of a row.
    fn lines(
        &mut self,
        index: usize,
        row: &Row,
        lane: usize,
        (top, middle, bottom): (f64, f64, f64),
    ) {
        let above = self.drawing.line_above(index, lane);
        let below = row.cells[lane].line;
        let kind = class(&self.drawing.lanes[lane]);
        if above == below {
            self.line(above, kind, self.lanes[lane], (top, bottom));
        } else {
            self.line(above, kind, self.lanes[lane], (top, middle));
            self.line(below, kind, self.lanes[lane], (middle, bottom));
        }
    }

    fn notes(&mut self, mut y: f64) -> f64 {
        for note in &self.drawing.notes {
            for line in super::wrap(note, 110) {
                y += LINE;
                self.text("wrong-text", MARGIN, y, &line);
            }
        }
        y
    }
}

/// The class of a lane's colour.
const fn class(lane: &Lane) -> &'static str {
    match lane.kind {
        LaneKind::Thread => "thread",
        LaneKind::Descriptor => "descriptor",
        LaneKind::Socket => "socket",
        LaneKind::Surroundings => "surroundings",
    }
}
