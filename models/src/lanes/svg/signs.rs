//! The signs of a drawing: the lines of the lanes, the marks on them, and the legend of
//! both.

use super::{CHARACTER, GAP, LINE, MARGIN, Svg, of};
use crate::lanes::{Drawing, Line, Mark};

impl Svg<'_> {
    pub(super) fn line(&mut self, line: Line, kind: &str, x: f64, (from, to): (f64, f64)) {
        let style = match line {
            Line::None => return,
            Line::Idle => "idle",
            Line::Active => "active",
            Line::Waiting => "waiting",
            Line::Locked => "locked",
        };
        let place = format!(r#"x1="{x:.1}" y1="{from:.1}" x2="{x:.1}" y2="{to:.1}""#);
        self.put(format_args!(
            r#"<line class="line {style} {kind}" {place}/>"#
        ));
        if line == Line::Locked {
            self.put(format_args!(r#"<line class="core" {place}/>"#));
        }
    }

    /// A mark: a shape of its own, and a letter if it is a special one.
    pub(super) fn mark(&mut self, mark: Mark, kind: &str, x: f64, y: f64) {
        let letter = match mark {
            Mark::Step => {
                self.put(format_args!(
                    r#"<circle class="mark {kind}" cx="{x:.1}" cy="{y:.1}" r="5.5"/>"#
                ));
                return;
            }
            Mark::Change => {
                self.put(format_args!(
                    r#"<circle class="hollow {kind}" cx="{x:.1}" cy="{y:.1}" r="4"/>"#
                ));
                return;
            }
            Mark::Commit => "C",
            Mark::Abort => "A",
            Mark::Release => "R",
            Mark::HandleBack => "H",
        };
        let corners: &[(f64, f64)] = match mark {
            Mark::Commit => &[(0.0, -10.0), (10.0, 0.0), (0.0, 10.0), (-10.0, 0.0)],
            Mark::Abort => &[
                (-3.5, -8.5),
                (3.5, -8.5),
                (8.5, -3.5),
                (8.5, 3.5),
                (3.5, 8.5),
                (-3.5, 8.5),
                (-8.5, 3.5),
                (-8.5, -3.5),
            ],
            Mark::HandleBack => &[
                (0.0, -10.0),
                (9.0, -2.0),
                (9.0, 8.0),
                (-9.0, 8.0),
                (-9.0, -2.0),
            ],
            _ => &[(-7.5, -7.5), (7.5, -7.5), (7.5, 7.5), (-7.5, 7.5)],
        };
        self.shape(corners, &format!("mark {kind}"), x, y, letter);
    }

    /// The ring around what a violation is about.
    pub(super) fn ring(&mut self, x: f64, y: f64) {
        self.put(format_args!(
            r#"<circle class="hollow wrong" cx="{x:.1}" cy="{y:.1}" r="11"/>"#
        ));
    }

    /// The sign of a violation.
    pub(super) fn warning(&mut self, x: f64, y: f64) {
        let corners = [(0.0, -8.0), (8.0, 6.5), (-8.0, 6.5)];
        self.shape(&corners, "mark wrong", x, y, "!");
    }

    fn shape(&mut self, corners: &[(f64, f64)], class: &str, x: f64, y: f64, letter: &str) {
        let points = corners
            .iter()
            .map(|(a, b)| format!("{:.1},{:.1}", x + a, y + b));
        let points = points.collect::<Vec<_>>().join(" ");
        let below = y + 4.0;
        self.put(format_args!(
            r#"<polygon class="{class}" points="{points}"/><text class="sign" x="{x:.1}" y="{below:.1}">{letter}</text>"#
        ));
    }

    /// What the marks and the lines mean, in as many lines as it takes.
    pub(super) fn legend(&mut self, y: f64, wrong: bool) -> f64 {
        let (mut x, mut y) = (MARGIN, y + LINE);
        for mark in Mark::ALL {
            let (at, next) = self.legend_place(&mut x, &mut y, mark.meaning());
            self.mark(mark, "plain", at + 8.0, y - 4.0);
            x = next;
        }
        if wrong {
            let (at, next) = self.legend_place(&mut x, &mut y, Drawing::WRONG);
            self.ring(at + 8.0, y - 4.0);
            x = next;
        }
        for line in Line::SEEN {
            let (at, next) = self.legend_place(&mut x, &mut y, line.meaning());
            self.line(line, "plain", at + 8.0, (y - 14.0, y + 5.0));
            x = next;
        }
        y + GAP
    }

    fn legend_place(&mut self, x: &mut f64, y: &mut f64, meaning: &str) -> (f64, f64) {
        let width = 24.0 + of(meaning.chars().count() + 2) * CHARACTER;
        if *x > MARGIN && *x + width > self.width {
            (*x, *y) = (MARGIN, *y + LINE + GAP);
        }
        self.text("soft", *x + 24.0, *y, meaning);
        (*x, *x + width)
    }
}
