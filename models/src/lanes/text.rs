//! A drawing as lines for a terminal.

use super::{Drawing, Line, Mark, Row, wrap};

/// Columns of a step's number.
const NUMBER: usize = 4;
/// The most columns of a note.
const NOTE: usize = 100;

impl Drawing {
    /// The drawing as lines of text, in Unicode box drawing, without colours.
    #[must_use]
    pub fn to_text(&self) -> String {
        let widths: Vec<usize> = (0..self.lanes.len())
            .map(|lane| self.lane_width(lane) + 3)
            .collect();
        let sentence = self.sentence_width() + 2;
        let canvas = Canvas { widths, sentence };
        let mut out = format!("{}\n\n", self.title);
        self.headings(&canvas, &mut out);
        for (index, row) in self.rows.iter().enumerate() {
            self.row(&canvas, index, row, &mut out);
        }
        out.push('\n');
        out.push_str(&legend());
        for line in self.notes.iter().flat_map(|note| wrap(note, NOTE)) {
            out.push_str(&line);
            out.push('\n');
        }
        out
    }

    fn headings(&self, canvas: &Canvas, out: &mut String) {
        let headings: Vec<_> = self.lanes.iter().map(Self::heading_lines).collect();
        let height = headings.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let mut text = canvas.blank();
            for (lane, heading) in headings.iter().enumerate() {
                if let Some(part) = heading.get(line) {
                    canvas.write(&mut text, canvas.column(lane), part);
                }
            }
            push_line(out, &text);
        }
    }

    fn row(&self, canvas: &Canvas, index: usize, row: &Row, out: &mut String) {
        let cells: Vec<_> = row.cells.iter().map(Self::cell_lines).collect();
        let (sentence, violates) = Self::sentence_lines(row);
        let beside: Vec<_> = sentence.iter().chain(&violates).collect();
        let height = cells.iter().map(Vec::len).chain([beside.len(), 1]).max();
        for line in 0..height.unwrap_or(1) {
            let mut text = canvas.blank();
            if line == 0 {
                canvas.write(&mut text, 0, &format!("{index:>3}"));
            }
            if let Some(part) = beside.get(line) {
                canvas.write(&mut text, NUMBER, part);
            }
            if line >= sentence.len() && line < beside.len() {
                canvas.write(&mut text, 0, " !!");
            }
            if let Some((first, last)) = Self::reach(row).filter(|_| line == 0) {
                for column in canvas.column(first)..canvas.column(last) {
                    canvas.write(&mut text, column, "─");
                }
            }
            for (lane, cell) in row.cells.iter().enumerate() {
                let sign = match cell.mark.filter(|_| line == 0) {
                    Some(mark) => mark.sign(),
                    None if line == 0 => {
                        let crossed = Self::reach(row).is_some_and(|(a, b)| a < lane && lane < b);
                        crossing(self.line_above(index, lane), crossed)
                    }
                    None => cell.line.sign(),
                };
                canvas.write(&mut text, canvas.column(lane), sign);
                if line == 0 && Self::is_wrong(row, lane) {
                    canvas.write(&mut text, canvas.column(lane) - 1, "!");
                }
                if let Some(part) = cells.get(lane).and_then(|it| it.get(line)) {
                    canvas.write(&mut text, canvas.column(lane) + 1, &format!(" {part} "));
                }
            }
            push_line(out, &text);
        }
    }
}

/// Where things stand in a line.
struct Canvas {
    /// The columns of each lane.
    widths: Vec<usize>,
    /// The columns of the sentence.
    sentence: usize,
}

impl Canvas {
    fn column(&self, lane: usize) -> usize {
        NUMBER + self.sentence + self.widths.iter().take(lane).sum::<usize>()
    }

    fn blank(&self) -> Vec<char> {
        vec![' '; self.column(self.widths.len()) + 1]
    }

    /// Writes over what is there; what does not fit is left out.
    fn write(&self, line: &mut [char], column: usize, text: &str) {
        let places = line.iter_mut().skip(column);
        places.zip(text.chars()).for_each(|(place, it)| *place = it);
    }
}

fn push_line(out: &mut String, line: &[char]) {
    let text: String = line.iter().collect();
    out.push_str(text.trim_end());
    out.push('\n');
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

fn legend() -> String {
    let marks = Mark::ALL.map(|it| format!("{} {}", it.sign(), it.meaning()));
    let lines = Line::SEEN.map(|it| format!("{} {}", it.sign(), it.meaning()));
    format!("{}\n{}\n", marks.join("   "), lines.join("   "))
}
