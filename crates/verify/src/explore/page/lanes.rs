//! The lanes of a path as a table: every row leads to its step, and the steps that can
//! come next stand in it, in the lanes of who takes them.

use std::fmt::Write as _;

use closesocket_models::lanes::{Cell, Drawing, Lane, LaneKind, Line, Mark, Row, escape};

use super::look::{Look, key};
use crate::explore::walk::{Choice, Walk};
use crate::report::count;

/// The lanes of a path, ready to be shown.
pub(super) struct Lanes<'a> {
    walk: &'a Walk,
    look: &'a Look,
    drawing: Drawing,
    /// The lanes that are left out, each with its name.
    left_out: Vec<String>,
    /// How many lanes nothing happens in.
    idle: usize,
    choices: Vec<Next>,
}

/// A step that can come next.
struct Next {
    choice: Choice,
    row: Row,
    /// The lane of who takes it.
    lane: String,
}

impl<'a> Lanes<'a> {
    /// Those of a path that is drawn so.
    pub(super) fn new(walk: &'a Walk, mut drawing: Drawing, look: &'a Look) -> Self {
        let choices = walk.choices().into_iter();
        let choices: Vec<_> = choices.map(|it| next(walk, &drawing.lanes, it)).collect();
        let acts = |lane: usize| {
            let name = drawing.lanes.get(lane).map(|it| it.name.as_str());
            choices.iter().any(|it| Some(it.lane.as_str()) == name)
        };
        let is_idle = |lane: usize| drawing.is_idle(lane) && !acts(lane);
        let places = 0..drawing.lanes.len();
        let idle: Vec<bool> = places.map(is_idle).collect();
        let name = |lane: usize| drawing.lanes.get(lane).map_or("", |it| &it.name);
        let kept: Vec<bool> = idle
            .iter()
            .enumerate()
            .map(|(lane, idle)| !(look.folded && *idle || look.hidden.contains(&key(name(lane)))))
            .collect();
        let left_out = (0..kept.len()).filter(|it| !kept[*it]);
        let left_out = left_out.map(|it| name(it).to_owned()).collect();
        drawing.keep(|lane| kept[lane]);
        Self {
            walk,
            look,
            drawing,
            left_out,
            idle: idle.iter().filter(|it| **it).count(),
            choices,
        }
    }

    /// The address of a step of this path.
    pub(super) fn to(&self, step: usize) -> String {
        let all = self.walk.steps.len();
        let at = (step < all).then_some(step);
        self.look.address("", &self.walk.way(all), at)
    }

    /// The address behind a next step. One that the path takes anyway stays on it.
    fn behind(&self, next: &Next) -> String {
        let ahead = self.walk.steps.get(self.walk.at);
        if ahead.is_some_and(|it| it.key == next.choice.key) {
            return self.to(self.walk.at + 1);
        }
        let way = self.walk.way(self.walk.at);
        let dot = if way.is_empty() { "" } else { "." };
        self.look
            .address("", &format!("{way}{dot}{}", next.choice.key), None)
    }

    /// The address behind the next step, if there is one only.
    pub(super) fn only_choice(&self) -> Option<String> {
        match self.choices.as_slice() {
            [only] => Some(self.behind(only)),
            _ => None,
        }
    }

    /// The table, with what is left out above it and what the signs mean below.
    pub(super) fn table(&self) -> String {
        let mut rows = String::new();
        for (step, row) in self.drawing.rows.iter().enumerate() {
            self.row(&mut rows, step, row);
            if step == self.walk.at {
                self.next_steps(&mut rows, step);
            }
        }
        format!(
            "{}<div class=\"pane\"><table class=\"lanes\"><thead><tr><th></th><th>step</th>{}</tr></thead>\n\
             <tbody>\n{rows}</tbody></table></div>\n{}",
            self.filter(),
            self.headings(),
            legend(self.drawing.has_wrong())
        )
    }

    /// What is left out, and how to have it back.
    fn filter(&self) -> String {
        let mut text = String::from("<p class=\"filter\">");
        let look = Look {
            folded: !self.look.folded,
            ..self.look.clone()
        };
        let words = if self.look.folded {
            "unfold idle lanes".to_owned()
        } else {
            format!("fold {}", count(self.idle, "idle lane"))
        };
        if self.idle > 0 || self.look.folded {
            let _ = write!(text, "{} ", self.relook(&look, "button", "i", &words));
        }
        let hidden = self.left_out.iter();
        for name in hidden.filter(|it| self.look.hidden.contains(&key(it))) {
            let look = self.look.toggled(&key(name));
            let _ = write!(
                text,
                "{} ",
                self.relook(&look, "button", "", &format!("+ {name}"))
            );
        }
        text + "</p>\n"
    }

    /// A link to the same place, seen in another way.
    fn relook(&self, look: &Look, class: &str, keys: &str, text: &str) -> String {
        let all = self.walk.steps.len();
        let at = (self.walk.at < all).then_some(self.walk.at);
        let key = if keys.is_empty() {
            String::new()
        } else {
            format!(" <kbd>{keys}</kbd>")
        };
        format!(
            "<a class=\"{class}\" data-keys=\"{keys}\" href=\"{}\">{}{key}</a>",
            escape(&look.address("", &self.walk.way(all), at)),
            escape(text)
        )
    }

    fn headings(&self) -> String {
        let lanes = self.drawing.lanes.iter().enumerate().map(|(place, lane)| {
            let marked = if self.witnessed(0, place) { " witness-lane" } else { "" };
            let look = self.look.toggled(&key(&lane.name));
            let hide = self.relook(&look, "hide", "", "\u{d7}");
            format!(
                "<th class=\"lane {}{marked}\" scope=\"col\">{}<span title=\"hide this lane\">{hide}</span></th>",
                class(lane.kind),
                escape(&lane.name)
            )
        });
        lanes.collect()
    }

    fn row(&self, out: &mut String, step: usize, row: &Row) {
        let place = match step.cmp(&self.walk.at) {
            std::cmp::Ordering::Less => "past",
            std::cmp::Ordering::Equal => "here",
            std::cmp::Ordering::Greater => "ahead",
        };
        let wrong = if row.violates.is_empty() {
            ""
        } else {
            " wrong"
        };
        let current = if step == self.walk.at {
            " aria-current=\"step\""
        } else {
            ""
        };
        let violates = row.violates.iter().map(|it| {
            let witness = it.witness.as_ref().map_or_else(String::new, |it| {
                format!("<span class=\"witness\">{}</span>", escape(it))
            });
            let id = escape(&it.invariant);
            format!("<strong class=\"violates\">\u{2717} violates {id}</strong>{witness}")
        });
        let _ = write!(
            out,
            "<tr class=\"row {place}{wrong}\" data-step=\"{step}\"{current}><th scope=\"row\">{step}</th>\
             <td class=\"says\"><a href=\"{}\">{}</a>{}</td>",
            escape(&self.to(step)),
            escape(&row.sentence),
            violates.collect::<String>()
        );
        for (lane, cell) in row.cells.iter().enumerate() {
            self.cell(out, step, row, lane, cell);
        }
        out.push_str("</tr>\n");
    }

    fn cell(&self, out: &mut String, step: usize, row: &Row, lane: usize, cell: &Cell) {
        let kind = self.drawing.lanes.get(lane).map_or("", |it| class(it.kind));
        let reach = match Drawing::reach(row) {
            Some((first, last)) if first < last && first == lane => " reach from",
            Some((first, last)) if first < last && last == lane => " reach to",
            Some((first, last)) if (first..last).contains(&lane) => " reach",
            _ => "",
        };
        let above = line(self.drawing.line_above(step, lane));
        let of_witness = if self.witnessed(step, lane) {
            " witness-lane"
        } else {
            ""
        };
        let wrong = row.violates.iter().any(|it| it.lane == Some(lane));
        let object = if wrong { " object" } else { "" };
        let _ = write!(
            out,
            "<td class=\"lane {kind} above-{above} below-{}{reach}{of_witness}{object}\">",
            line(cell.line)
        );
        if wrong {
            let _ = write!(
                out,
                "<i class=\"mark wrong-mark\" title=\"{}\">\u{2717}</i>",
                Drawing::WRONG
            );
        } else if let Some(mark) = cell.mark {
            let _ = write!(
                out,
                "<i class=\"mark\" title=\"{}\">{}</i>",
                mark.meaning(),
                mark.sign()
            );
        }
        for text in &cell.texts {
            let _ = write!(out, "<span>{}</span>", escape(text));
        }
        out.push_str("</td>");
    }

    /// Whether a lane is that of an object with which something is wrong on the step
    /// that is looked at: it is marked all the way down to there.
    fn witnessed(&self, step: usize, lane: usize) -> bool {
        let here = self.drawing.rows.get(self.walk.at);
        let mut violates = here.into_iter().flat_map(|it| &it.violates);
        step <= self.walk.at && violates.any(|it| it.lane == Some(lane))
    }

    /// The steps that can come next, or why there are none.
    fn next_steps(&self, out: &mut String, step: usize) {
        let Some(here) = self.drawing.rows.get(step) else {
            return;
        };
        let lanes = self.drawing.lanes.len();
        if self.choices.is_empty() {
            let why = if here.violates.is_empty() {
                "this run has ended"
            } else {
                "no step is taken behind a violation"
            };
            let _ = writeln!(
                out,
                "<tr class=\"end\"><th></th><td class=\"says soft\">{why}</td><td colspan=\"{lanes}\"></td></tr>"
            );
        }
        for (index, next) in self.choices.iter().enumerate() {
            self.next_step(out, here, index + 1, next);
        }
    }

    fn next_step(&self, out: &mut String, here: &Row, number: usize, next: &Next) {
        let to = escape(&self.behind(next));
        let (key, shown) = match number {
            1..=9 => (format!(" data-keys=\"{number}\""), number.to_string()),
            _ => (String::new(), String::new()),
        };
        let violates = next.row.violates.iter();
        let violates = violates.map(|it| format!(" \u{2717} violates {}", escape(&it.invariant)));
        let _ = write!(
            out,
            "<tr class=\"next\"><th><kbd>{shown}</kbd></th><td class=\"says\">\
             <a class=\"button\"{key} href=\"{to}\">{}{}</a></td>",
            escape(&next.row.sentence),
            violates.collect::<String>()
        );
        for (lane, cell) in here.cells.iter().enumerate() {
            let Some(of) = self.drawing.lanes.get(lane) else {
                continue;
            };
            let (kind, line) = (class(of.kind), line(cell.line));
            let takes = if of.name == next.lane {
                format!(
                    "<a class=\"mark take\" tabindex=\"-1\" aria-hidden=\"true\" href=\"{to}\">\u{25b6}</a>"
                )
            } else {
                String::new()
            };
            let _ = write!(
                out,
                "<td class=\"lane {kind} above-{line} below-{line}\">{takes}</td>"
            );
        }
        out.push_str("</tr>\n");
    }
}

/// A next step, in the words and with the lane that its row will have, if it is
/// among these.
fn next(walk: &Walk, lanes: &[Lane], choice: Choice) -> Next {
    let mut path = walk.transitions();
    path.truncate(walk.at);
    path.push(choice.transition);
    let mut drawing = Drawing::of_path(&walk.model, &path);
    let row = drawing.rows.pop().unwrap_or(Row {
        sentence: choice.transition.action.to_string(),
        actor: None,
        cells: Vec::new(),
        violates: Vec::new(),
    });
    let lane = row.actor.and_then(|it| drawing.lanes.get(it));
    // What the transport does, if it has no lane yet, happens in the world.
    let lane = lane.filter(|it| lanes.contains(it));
    let lane = lane.map_or_else(|| "world".to_owned(), |it| it.name.clone());
    Next { choice, row, lane }
}

/// What the marks and the lines mean.
fn legend(wrong: bool) -> String {
    let marks = Mark::ALL.map(|it| format!("<span><i>{}</i> {}</span>", it.sign(), it.meaning()));
    let lines = Line::SEEN.map(|it| {
        format!(
            "<span><i class=\"line-{}\"></i> {}</span>",
            line(it),
            it.meaning()
        )
    });
    let wrong = wrong.then(|| format!("<span><i>\u{2717}</i> {}</span>", Drawing::WRONG));
    format!(
        "<p class=\"legend soft\">{}{}{}</p>\n",
        marks.concat(),
        wrong.unwrap_or_default(),
        lines.concat()
    )
}

const fn line(line: Line) -> &'static str {
    match line {
        Line::None => "none",
        Line::Idle => "idle",
        Line::Active => "active",
        Line::Waiting => "waiting",
        Line::Locked => "locked",
    }
}

const fn class(kind: LaneKind) -> &'static str {
    match kind {
        LaneKind::Thread => "thread",
        LaneKind::Descriptor => "descriptor",
        LaneKind::Socket => "socket",
        LaneKind::Surroundings => "surroundings",
    }
}
