//! What is at which address.

use std::sync::Arc;
use std::time::Duration;

use closesocket_models::CloseModel;
use serde::Serialize;

use super::api;
use super::board::{Board, Entry};
use super::http::{Answer, Request};
use super::page::{self, Look};
use super::walk::Walk;
use crate::check::Job;
use crate::names;

const FOUND: &str = "200 OK";
const MALFORMED: &str = "400 Bad Request";
const NOT_FOUND: &str = "404 Not Found";
const NOT_ALLOWED: &str = "405 Method Not Allowed";
const UNFIT: &str = "422 Unprocessable Content";
const FAILED: &str = "500 Internal Server Error";

/// How long a page waits for the end of its search, so that it opens at once at
/// what that finds.
const A_MOMENT: Duration = Duration::from_millis(1_500);

/// All pages.
pub(super) struct Site {
    board: Arc<Board>,
    /// What the command names: stateright's service is at the root for it too.
    named: Option<Arc<Entry>>,
}

/// Why there is no page: the status, and a sentence.
type Refusal = (&'static str, String);

impl Site {
    /// The pages, of which the command may have named one: its search begins.
    pub(super) fn new(job: Option<Job>) -> Self {
        let board = Board::new();
        let named = job.and_then(|job| board.find(job.defect.is_some(), job.name()).cloned());
        if let Some(entry) = &named {
            board.search(entry, Duration::ZERO);
        }
        Self { board, named }
    }

    pub(super) fn answer(&self, request: &Request) -> Answer {
        self.found(request).unwrap_or_else(|(status, sentence)| {
            let text = page::refusal(&request.path, status, &sentence);
            html(status, &text)
        })
    }

    fn found(&self, request: &Request) -> Result<Answer, Refusal> {
        let path = request.path.as_str();
        if request.method == "POST" && path.ends_with("/.runtocompletion") {
            let (entry, _) = self.service(path)?;
            self.board.search(entry, Duration::ZERO);
            return Ok(Answer::new(FOUND, "text/plain", ""));
        }
        if request.method != "GET" {
            return Err((NOT_ALLOWED, "Pages are only read here: GET.".to_owned()));
        }
        match path {
            "/" => {
                self.board.search_small();
                Ok(html(FOUND, &page::start(&self.board)))
            }
            "/style.css" => Ok(Answer::new(
                FOUND,
                "text/css; charset=utf-8",
                &page::style(),
            )),
            "/explore.js" => {
                let kind = "text/javascript; charset=utf-8";
                Ok(Answer::new(FOUND, kind, page::SCRIPT))
            }
            "/specification" => {
                let text = page::specification();
                let text = text.ok_or((NOT_FOUND, "The specification is not here.".to_owned()))?;
                Ok(html(FOUND, &text))
            }
            _ if path.contains("/.") => self.serve_api(path),
            _ => {
                let (entry, rest) = self.entry(path)?;
                if rest.is_empty() {
                    self.walk(entry, &request.query)
                } else {
                    Err(nothing_here())
                }
            }
        }
    }

    /// The entry of a path, and what follows its name.
    fn entry<'a>(&self, path: &'a str) -> Result<(&Arc<Entry>, &'a str), Refusal> {
        let mut parts = path.trim_start_matches('/').splitn(3, '/');
        let (kind, name) = (parts.next(), parts.next().unwrap_or_default());
        let rest = parts.next().unwrap_or_default();
        let (is_defect, unknown) = match kind {
            Some("scenario") => (false, names::no_scenario(name)),
            Some("defect") => (true, names::no_defect(name)),
            _ => return Err(nothing_here()),
        };
        let entry = self.board.find(is_defect, name);
        entry.map(|it| (it, rest)).ok_or((NOT_FOUND, unknown))
    }

    /// What answers as stateright's service at a path, and which of its paths that is.
    fn service<'a>(&self, path: &'a str) -> Result<(&Arc<Entry>, &'a str), Refusal> {
        match (path.strip_prefix("/."), &self.named) {
            (Some(_), Some(entry)) => Ok((entry, &path[1..])),
            (Some(_), None) => Err(nothing_here()),
            (None, _) => self.entry(path),
        }
    }

    fn serve_api(&self, path: &str) -> Result<Answer, Refusal> {
        let (entry, rest) = self.service(path)?;
        let model = model(&entry.job)?;
        if rest == ".status" {
            return json(&api::status(model, entry));
        }
        let indices = rest.strip_prefix(".states").ok_or_else(nothing_here)?;
        match api::states(model, entry, indices) {
            Ok(states) => json(&states),
            Err(sentence) => Ok(Answer::new(NOT_FOUND, "text/plain", &sentence)),
        }
    }

    /// The page of a place; without one the shortest counterexample, or the start.
    fn walk(&self, entry: &Arc<Entry>, query: &str) -> Result<Answer, Refusal> {
        let look = Look::of(query);
        let model = model(&entry.job)?;
        let patience = if look.steps.is_none() {
            A_MOMENT
        } else {
            Duration::ZERO
        };
        self.board.search(entry, patience);
        let Some(steps) = &look.steps else {
            let shortest = entry.report().and_then(|it| it.shortest());
            if let Some(path) = shortest {
                let way = Walk::way_of(&model, path);
                let there = look.address(entry.job.name(), &way, None);
                return Ok(Answer::see_other(&there));
            }
            return self.show(entry, Walk::follow(model, "").ok(), &look);
        };
        match Walk::follow(model, steps) {
            Ok(mut walk) => {
                if let Some(at) = &look.at {
                    let at = at.parse().ok().filter(|at| *at <= walk.steps.len());
                    let last = walk.steps.len();
                    walk.at = at.ok_or_else(|| {
                        let sentence = format!("`at` is a step of the path, from 0 to {last}.");
                        (MALFORMED, sentence)
                    })?;
                }
                self.show(entry, Some(walk), &look)
            }
            Err(wrong) => {
                let back = look.address("", &wrong.way, None);
                let text = page::no_such_step(&entry.job, &wrong.to_string(), &back);
                Ok(html(NOT_FOUND, &text))
            }
        }
    }

    fn show(&self, entry: &Entry, walk: Option<Walk>, look: &Look) -> Result<Answer, Refusal> {
        let walk = walk.ok_or((FAILED, "There is no start.".to_owned()))?;
        Ok(html(FOUND, &page::place(entry, &walk, look)))
    }
}

fn model(job: &Job) -> Result<CloseModel, Refusal> {
    job.model().map_err(|unfit| (UNFIT, unfit.to_string()))
}

fn nothing_here() -> Refusal {
    (NOT_FOUND, "There is nothing at this address.".to_owned())
}

fn html(status: &str, text: &str) -> Answer {
    Answer::new(status, "text/html; charset=utf-8", text)
}

fn json(value: &impl Serialize) -> Result<Answer, Refusal> {
    match serde_json::to_string(value) {
        Ok(text) => Ok(Answer::new(FOUND, "application/json", &text)),
        Err(error) => Err((FAILED, error.to_string())),
    }
}
