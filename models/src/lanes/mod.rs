//! A path of steps drawn as lanes: time goes downwards, and every thread, every
//! descriptor's life, every socket and the surroundings have a lane each.
//!
//! A [`Drawing`] knows nothing of the model: it is lanes and rows in words. It is
//! made from a path by [`Drawing::of_path`], or from what was recorded of a real run by
//! [`Drawing::of_records`], and rendered in two ways, as SVG ([`Drawing::to_svg`]) and as
//! lines for a terminal ([`Drawing::to_text`]).

mod path;
mod run;
mod svg;
mod text;
mod words;

pub use svg::escape;

/// The word before an invariant that a step violates.
const VIOLATES: &str = "violates";

/// A path, ready to be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// What is drawn, in one line.
    pub title: String,
    /// The lanes, from left to right.
    pub lanes: Vec<Lane>,
    /// The start and every step, from top to bottom.
    pub rows: Vec<Row>,
    /// What a reader should know at the end, one sentence each.
    pub notes: Vec<String>,
}

/// One lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its heading.
    pub name: String,
    /// What it shows.
    pub kind: LaneKind,
}

/// What a lane shows; each kind has its own colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneKind {
    /// A thread.
    Thread,
    /// The life of one descriptor.
    Descriptor,
    /// A socket: references, queue, phase.
    Socket,
    /// The transport, the peer, the clock and the processes.
    Surroundings,
}

/// The start, or one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What happens, in one sentence.
    pub sentence: String,
    /// The lane of who does it; `None` for the start and the end.
    pub actor: Option<usize>,
    /// What it does to each lane, in the order of the lanes.
    pub cells: Vec<Cell>,
    /// The invariants that the step violates.
    pub violates: Vec<Violation>,
}

/// An invariant that a step violates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its name.
    pub invariant: String,
    /// What is wrong with which object, in one sentence without a full stop; `None`
    /// where the objects are those of no run.
    pub witness: Option<String>,
    /// The lane of that object.
    pub lane: Option<usize>,
}

/// What a row does to a lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// How the lane goes on below the row.
    pub line: Line,
    /// The mark in the lane, if the row touches it.
    pub mark: Option<Mark>,
    /// What is new, a few words each.
    pub texts: Vec<String>,
}

/// How a lane goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Line {
    /// Not there: not yet, or not any more.
    #[default]
    None,
    /// A thread between two calls, a descriptor whose end is under way, a
    /// released socket.
    Idle,
    /// A thread in a call, an open descriptor, a socket with references.
    Active,
    /// A blocked thread, a sealed descriptor, a draining socket.
    Waiting,
    /// A thread that has a socket's lock.
    Locked,
}

/// A mark in a lane. Each has a shape and a sign of its own, besides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Takes the step.
    Step,
    /// Is changed by the step.
    Change,
    /// A close commits.
    Commit,
    /// An operation is aborted.
    Abort,
    /// A socket is released.
    Release,
    /// A handle is given back.
    HandleBack,
}

impl Mark {
    /// All marks, in the order of the legend.
    pub const ALL: [Self; 6] = [
        Self::Step,
        Self::Change,
        Self::Commit,
        Self::Abort,
        Self::Release,
        Self::HandleBack,
    ];

    /// What it means, for the legend.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Step => "takes the step",
            Self::Change => "changed",
            Self::Commit => "commits a close",
            Self::Abort => "abort",
            Self::Release => "released",
            Self::HandleBack => "handle back",
        }
    }
}

impl Line {
    /// Those that are seen, in the order of the legend.
    pub const SEEN: [Self; 4] = [Self::Active, Self::Waiting, Self::Locked, Self::Idle];

    /// What it means, for the legend.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::None => "not there",
            Self::Idle => "between calls, ending, released",
            Self::Active => "in a call, open",
            Self::Waiting => "blocked, sealed, draining",
            Self::Locked => "has the lock",
        }
    }
}

impl Drawing {
    /// Drops the lanes that are not to be kept, by their place.
    pub fn keep(&mut self, kept: impl Fn(usize) -> bool) {
        let places: Vec<_> = (0..self.lanes.len()).filter(|&it| kept(it)).collect();
        let place_of = |lane| places.iter().position(|&it| it == lane);
        for row in &mut self.rows {
            row.actor = row.actor.and_then(place_of);
            for it in &mut row.violates {
                it.lane = it.lane.and_then(place_of);
            }
            let cells = places.iter().filter_map(|&it| row.cells.get(it).cloned());
            row.cells = cells.collect();
        }
        let lanes = places.iter().filter_map(|&it| self.lanes.get(it).cloned());
        self.lanes = lanes.collect();
    }

    /// Whether no row changes anything in a lane.
    #[must_use]
    pub fn is_idle(&self, lane: usize) -> bool {
        let mut steps = self.rows.iter().skip(1).filter_map(|it| it.cells.get(lane));
        steps.all(|it| it.mark.is_none())
    }

    /// What the sign at the object of a violation means, for the legend.
    pub const WRONG: &str = "what is wrong";

    /// Whether something in a lane is wrong.
    #[must_use]
    pub fn has_wrong(&self) -> bool {
        let mut violates = self.rows.iter().flat_map(|it| &it.violates);
        violates.any(|it| it.lane.is_some())
    }

    /// The most characters in a line of a sentence.
    pub(crate) const SENTENCE: usize = 44;
    /// The most characters in a line of a cell.
    pub(crate) const CELL: usize = 12;

    /// The lines of a row's sentence, then those of its violations; a longer word has a
    /// line to itself.
    pub(crate) fn sentence_lines(row: &Row, width: usize) -> (Vec<String>, Vec<String>) {
        let violations = row
            .violates
            .iter()
            .flat_map(|it| wrap(&format!("{VIOLATES} {}", it.invariant), width));
        (wrap(&row.sentence, width), violations.collect())
    }

    /// Whether a lane is of something that a row's violations are about.
    pub(crate) fn is_wrong(row: &Row, lane: usize) -> bool {
        row.violates.iter().any(|it| it.lane == Some(lane))
    }

    /// The most characters in any line of a sentence that is broken at this width.
    pub(crate) fn sentence_width(&self, width: usize) -> usize {
        let lines = self.rows.iter().flat_map(|row| {
            let (sentence, violates) = Self::sentence_lines(row, width);
            sentence.into_iter().chain(violates)
        });
        lines.map(|it| it.chars().count()).max().unwrap_or(0)
    }

    /// The lines of a cell.
    pub(crate) fn cell_lines(cell: &Cell) -> Vec<String> {
        let texts = cell.texts.iter();
        texts.flat_map(|text| wrap(text, Self::CELL)).collect()
    }

    /// The lines of a lane's heading; a thread's lane is narrow.
    pub(crate) fn heading_lines(lane: &Lane) -> Vec<String> {
        let width = match lane.kind {
            LaneKind::Thread => 5,
            _ => Self::CELL,
        };
        wrap(&lane.name, width)
    }

    /// The most characters in any line of a lane.
    pub(crate) fn lane_width(&self, lane: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.cells.get(lane));
        let lines = cells.flat_map(Self::cell_lines);
        let headings = self.lanes.get(lane).map(Self::heading_lines);
        let widths = lines.chain(headings.into_iter().flatten());
        widths.map(|it| it.chars().count()).max().unwrap_or(0)
    }

    /// How a lane comes down to a row; the start has nothing above it.
    #[must_use]
    pub fn line_above(&self, row: usize, lane: usize) -> Line {
        let above = self.rows.get(row.saturating_sub(1));
        above
            .and_then(|it| it.cells.get(lane))
            .map_or(Line::None, |it| it.line)
    }

    /// The leftmost and the rightmost lane that a step touches; `None` for the start
    /// and the end, which nobody takes.
    #[must_use]
    pub fn reach(row: &Row) -> Option<(usize, usize)> {
        row.actor?;
        let touched = |it: &(usize, &Cell)| it.1.mark.is_some();
        let mut lanes = row.cells.iter().enumerate().filter(touched);
        let first = lanes.next()?.0;
        Some((first, lanes.next_back().map_or(first, |it| it.0)))
    }
}

/// Breaks a text between words into lines of at most `width` characters; a
/// longer word has a line to itself.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
