//! A drawing as lines for a terminal, as wide as that is.
//!
//! What is new in a lane stands beside it, where there is room. Where there is not, the
//! lanes in which nothing happens go, then the sentences get narrower, and then all
//! words stand to the right of the lanes, which then need two columns each.

use std::iter;

use super::{Drawing, Line, Mark, Row, VIOLATES, wrap};

/// Columns of a step's number.
const NUMBER: usize = 4;
/// Columns behind the sentences.
const AFTER: usize = 2;
/// Columns of a lane besides its words.
const BESIDE: usize = 3;
/// The most columns of a note.
const NOTE: usize = 100;
/// The fewest columns of the sentences, if words stand beside the lanes.
const NARROW: usize = 26;
/// No terminal is narrower.
const LEAST: usize = 40;

impl Drawing {
    /// The drawing as lines of text, in Unicode box drawing, without colours, of at most
    /// so many columns (at least 40). A line says which lanes were left out.
    #[must_use]
    pub fn to_text(&self, columns: usize) -> String {
        let columns = columns.max(LEAST);
        let widths: Vec<_> = (0..self.lanes.len())
            .map(|it| self.lane_width(it))
            .collect();
        let fits = |left_out: &[usize], wraps| {
            let kept = widths.iter().enumerate();
            let kept = kept
                .filter(|it| !left_out.contains(&it.0))
                .map(|it| it.1 + BESIDE);
            // Behind the last lane there need be no space.
            NUMBER + self.sentence_width(wraps) + AFTER + kept.sum::<usize>() <= columns + 1
        };
        let spare = (0..self.lanes.len()).filter(|&it| self.is_spare(it));
        let spare: Vec<_> = spare.collect();
        let mut fewer = (0..=spare.len()).rev().map(|it| &spare[it..]);
        let left_out = fewer.find(|it| fits(it, Self::SENTENCE)).unwrap_or(&spare);
        let mut narrower = (NARROW..=Self::SENTENCE).rev();
        let wraps = narrower.find(|&it| fits(left_out, it));
        let (busy, names) = self.without(left_out);
        let canvas = match wraps {
            Some(wraps) => Canvas::beside(&busy, wraps),
            None => Canvas::under(&busy, columns),
        };
        busy.lines(&canvas, columns, &names)
    }

    /// Whether nothing happens in a lane, and nothing is wrong with what it is of.
    fn is_spare(&self, lane: usize) -> bool {
        self.is_idle(lane) && !self.rows.iter().any(|row| Self::is_wrong(row, lane))
    }

    /// The drawing without these lanes, and their names.
    fn without(&self, lanes: &[usize]) -> (Self, Vec<&str>) {
        let mut rest = self.clone();
        rest.keep(|it| !lanes.contains(&it));
        let names = lanes.iter().map(|&it| self.lanes[it].name.as_str());
        (rest, names.collect())
    }

    fn lines(&self, canvas: &Canvas, columns: usize, left_out: &[&str]) -> String {
        let names = left_out.join(", ");
        let left_out = format!("left out, as nothing happens there: {names}");
        let left_out = (!names.is_empty()).then_some(&left_out);
        let mut out = String::new();
        for line in iter::once(&self.title).chain(left_out) {
            out += &(fold(line, columns).join("\n") + "\n");
        }
        out.push('\n');
        if canvas.beside {
            self.headings(canvas, &mut out);
        } else {
            self.stairs(canvas, &mut out);
        }
        for (index, row) in self.rows.iter().enumerate() {
            self.row(canvas, index, row, &mut out);
        }
        out.push('\n');
        self.legend(columns, &mut out);
        for note in &self.notes {
            out += &(fold(note, NOTE.min(columns)).join("\n") + "\n");
        }
        out
    }

    /// The names of the lanes above them.
    fn headings(&self, canvas: &Canvas, out: &mut String) {
        let headings: Vec<_> = self.lanes.iter().map(Self::heading_lines).collect();
        let height = headings.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let mut text = canvas.blank();
            for (lane, heading) in headings.iter().enumerate() {
                if let Some(part) = heading.get(line) {
                    write(&mut text, canvas.lanes[lane], part);
                }
            }
            push_line(out, &text);
        }
    }

    /// The names of the lanes, a line each, that of the leftmost lane first.
    fn stairs(&self, canvas: &Canvas, out: &mut String) {
        for (lane, heading) in self.lanes.iter().enumerate() {
            let mut text = canvas.blank();
            for column in canvas.lanes.iter().take(lane) {
                write(&mut text, *column, "│");
            }
            write(
                &mut text,
                canvas.lanes[lane],
                &format!("┌ {}", heading.name),
            );
            push_line(out, &text);
        }
    }

    fn row(&self, canvas: &Canvas, index: usize, row: &Row, out: &mut String) {
        let cells: Vec<_> = if canvas.beside {
            row.cells.iter().map(Self::cell_lines).collect()
        } else {
            Vec::new()
        };
        let (said, violates) = self.says(canvas, row);
        let height = cells.iter().map(Vec::len);
        let height = height.chain([said.len() + violates.len(), 1]).max();
        for line in 0..height.unwrap_or(1) {
            let mut text = canvas.blank();
            if line == 0 {
                write(&mut text, 0, &format!("{index:>3}"));
            }
            let violated = violates.get(line.wrapping_sub(said.len()));
            if violated.is_some_and(|it| it.starts_with(VIOLATES)) {
                write(&mut text, 0, " !!");
            }
            if let Some(part) = said.get(line).or(violated) {
                write(&mut text, canvas.says, part);
            }
            if line == 0 {
                self.middle(canvas, index, row, &mut text);
            }
            for (lane, cell) in row.cells.iter().enumerate() {
                let column = canvas.lanes[lane];
                if line > 0 {
                    write(&mut text, column, cell.line.sign());
                }
                if let Some(part) = cells.get(lane).and_then(|it| it.get(line)) {
                    write(&mut text, column + 1, &format!(" {part} "));
                }
            }
            push_line(out, &text);
        }
    }

    /// The lines of what a row says, the violations apart.
    fn says(&self, canvas: &Canvas, row: &Row) -> (Vec<String>, Vec<String>) {
        if canvas.beside {
            return Self::sentence_lines(row, canvas.wraps);
        }
        let mut said = fold(&row.sentence, canvas.wraps);
        for (lane, cell) in self.lanes.iter().zip(&row.cells) {
            if !cell.texts.is_empty() {
                let what = format!("{}: {}", lane.name, cell.texts.join(", "));
                let lines = fold(&what, canvas.wraps - 2);
                said.extend(lines.iter().map(|it| format!("  {it}")));
            }
        }
        let violates = row.violates.iter();
        let violates =
            violates.flat_map(|it| fold(&format!("{VIOLATES} {}", it.invariant), canvas.wraps));
        (said, violates.collect())
    }

    /// The signs of a row's lanes, and the line through those that it touches.
    fn middle(&self, canvas: &Canvas, index: usize, row: &Row, text: &mut [char]) {
        let reach = Self::reach(row);
        if let Some((first, last)) = reach {
            for column in canvas.lanes[first]..canvas.lanes[last] {
                write(text, column, "─");
            }
        }
        for (lane, cell) in row.cells.iter().enumerate() {
            let crossed = reach.is_some_and(|(a, b)| a < lane && lane < b);
            let above = self.line_above(index, lane);
            let sign = cell
                .mark
                .map_or_else(|| crossing(above, crossed), Mark::sign);
            write(text, canvas.lanes[lane], sign);
            if Self::is_wrong(row, lane) {
                write(text, canvas.lanes[lane] - 1, "!");
            }
        }
    }
}

/// Where things stand in a line.
struct Canvas {
    /// The column of each lane.
    lanes: Vec<usize>,
    /// The column of the sentences.
    says: usize,
    /// The most columns of a line of a sentence.
    wraps: usize,
    /// All columns.
    width: usize,
    /// What is new in a lane stands beside it, and not below the sentence.
    beside: bool,
}

impl Canvas {
    /// Sentences of at most so many columns to the left, words beside the lanes.
    fn beside(drawing: &Drawing, wraps: usize) -> Self {
        let mut width = NUMBER + drawing.sentence_width(wraps) + AFTER;
        let mut lanes = Vec::new();
        for lane in 0..drawing.lanes.len() {
            lanes.push(width);
            width += drawing.lane_width(lane) + BESIDE;
        }
        Self {
            lanes,
            says: NUMBER,
            wraps,
            width,
            beside: true,
        }
    }

    /// The lanes to the left, as close as can be, all words behind them.
    fn under(drawing: &Drawing, columns: usize) -> Self {
        let lanes: Vec<_> = (0..drawing.lanes.len())
            .map(|it| NUMBER + 1 + 2 * it)
            .collect();
        let says = NUMBER + 2 + 2 * lanes.len();
        let wraps = columns.saturating_sub(says).max(LEAST / 2);
        Self {
            lanes,
            says,
            wraps,
            width: says + wraps,
            beside: false,
        }
    }

    fn blank(&self) -> Vec<char> {
        vec![' '; self.width]
    }
}

/// Writes over what is there; what does not fit is left out.
fn write(line: &mut [char], column: usize, text: &str) {
    let places = line.iter_mut().skip(column);
    places.zip(text.chars()).for_each(|(place, it)| *place = it);
}

fn push_line(out: &mut String, line: &[char]) {
    let text: String = line.iter().collect();
    out.push_str(text.trim_end());
    out.push('\n');
}

/// Breaks a text into lines of at most `width` characters, a longer word behind a
/// hyphen.
fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for mut rest in wrap(text, width) {
        while let Some((end, _)) = rest.char_indices().nth(width) {
            let at = rest[..end].rfind('-').map_or(end, |it| it + 1);
            let behind = rest.split_off(at);
            lines.push(std::mem::replace(&mut rest, behind));
        }
        lines.push(rest);
    }
    lines
}

/// A lane that a row does not touch, perhaps crossed by the row's line.
const fn crossing(line: Line, crossed: bool) -> &'static str {
    match (line, crossed) {
        (_, false) => line.sign(),
        (Line::None, true) => "─",
        (Line::Idle | Line::Waiting, true) => "┼",
        (Line::Active, true) => "╂",
        (Line::Locked, true) => "╫",
    }
}

impl Line {
    const fn sign(self) -> &'static str {
        match self {
            Self::None => " ",
            Self::Idle => "│",
            Self::Active => "┃",
            Self::Waiting => "┊",
            Self::Locked => "║",
        }
    }
}

impl Mark {
    /// Its shape, as one character.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Step => "●",
            Self::Change => "○",
            Self::Commit => "◆",
            Self::Abort => "✕",
            Self::Release => "■",
            Self::HandleBack => "▲",
        }
    }
}

impl Drawing {
    /// What the signs mean, marks and lines apart, each in as many lines as it takes.
    fn legend(&self, columns: usize, out: &mut String) {
        let marks = Mark::ALL.map(|it| format!("{} {}", it.sign(), it.meaning()));
        let wrong = self.has_wrong().then(|| format!("! {}", Self::WRONG));
        let marks: Vec<_> = marks.into_iter().chain(wrong).collect();
        let lines = Line::SEEN.map(|it| format!("{} {}", it.sign(), it.meaning()));
        for entries in [&marks[..], &lines[..]] {
            let mut line = String::new();
            for entry in entries {
                let more = line.chars().count() + 3 + entry.chars().count();
                if !line.is_empty() && more > columns {
                    *out += &std::mem::take(&mut line);
                    out.push('\n');
                }
                let between = if line.is_empty() { "" } else { "   " };
                line += &format!("{between}{entry}");
            }
            *out += &line;
            out.push('\n');
        }
    }
}
