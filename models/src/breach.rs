//! What a step breaks: which part of which invariant, of what, and by whom.

use closesocket::protocol::invariant::{Event, Invariant, Object, Step, Witness, World};

use crate::action::Action;
use crate::model::{CloseModel, ENDS, Transition};
use crate::rank::rank;
use crate::state::{SOCKETS, State, WORKER};
use crate::view::View;

/// An invariant that a step breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The invariant's name.
    pub id: &'static str,
    /// What must hold.
    pub sentence: &'static str,
    /// What is wrong, and with what; `None` where an invariant of one's own does not
    /// say so.
    pub witness: Option<Witness>,
    /// Who took the step, if it was a thread: "T3 in P1".
    pub by: Option<String>,
}

impl Breach {
    /// What a reader should know at the end: what is wrong, and what must hold.
    pub(crate) fn note(&self) -> String {
        let what = self.what().map_or_else(String::new, |it| format!(": {it}"));
        format!("{} does not hold{what}. {}", self.id, self.sentence)
    }

    /// What is wrong, in one sentence without a full stop: "record 0 was redeemed a
    /// second time, by T3 in P1".
    #[must_use]
    pub fn what(&self) -> Option<String> {
        let name = |object| match object {
            Object::Thread(WORKER) => "the transport".to_owned(),
            object => object.to_string(),
        };
        let what = self.witness?.in_names(name);
        Some(match &self.by {
            Some(by) => format!("{what}, by {by}"),
            None => what,
        })
    }
}

/// Everything that a step breaks, in the order of the table.
pub(crate) fn of_step<W: World>(step: &Step<'_, W>, by: Option<&str>) -> Vec<Breach> {
    let breaches = Invariant::<W>::TABLE.iter().filter_map(|it| {
        let witness = (it.witness)(step)?;
        Some(Breach {
            id: it.id,
            sentence: it.sentence,
            witness: Some(witness),
            by: by.map(str::to_owned),
        })
    });
    breaches.collect()
}

impl CloseModel {
    /// What a transition of this state breaks, in the order of the table; behind it that
    /// it can be taken for ever, which the model alone sees, and the invariants of one's
    /// own ([`CloseModel::judged_by`]). One that the state does not have is judged as one
    /// that no rule speaks of.
    #[must_use]
    pub fn breaches(&self, before: &State, transition: &Transition) -> Vec<Breach> {
        let action = transition.action;
        let (event, after) = self.taken(before, transition);
        let by = self.name_of(action);
        let mut breaches = self.on_step(before, event, &after, |step| of_step(step, by.as_deref()));
        if rank(&after) >= rank(before) && !breaches.iter().any(|it| it.id == Self::ends().id) {
            let ends = Self::ends();
            breaches.push(Breach {
                id: ends.id,
                sentence: ends.sentence,
                witness: Some(goes_round(action, before, &after)),
                by: None,
            });
        }
        breaches.extend(self.on_step(before, event, &after, |step| {
            let own = self.own.iter().filter(|it| !it.holds(step));
            own.map(|it| Breach {
                id: it.id,
                sentence: it.sentence,
                witness: it.witness(step),
                by: by.clone(),
            })
            .collect::<Vec<_>>()
        }));
        breaches
    }

    /// What the last step of a path breaks.
    #[must_use]
    pub fn breaches_of_path(&self, path: &[Transition]) -> Vec<Breach> {
        let before = match path {
            [.., before, _] => before.next,
            _ => self.start(),
        };
        path.last()
            .map_or_else(Vec::new, |last| self.breaches(&before, last))
    }

    /// Whether a predicate of your own, as those of the table are, holds of the step
    /// from `before` by `transition`.
    #[must_use]
    pub fn holds(
        &self,
        before: &State,
        transition: &Transition,
        predicate: impl Fn(&Step<'_, View<'_>>) -> bool,
    ) -> bool {
        let (event, after) = self.taken(before, transition);
        self.on_step(before, event, &after, predicate)
    }

    fn on_step<R>(
        &self,
        before: &State,
        event: Event,
        after: &State,
        judge: impl FnOnce(&Step<'_, View<'_>>) -> R,
    ) -> R {
        let view = |state| View {
            scenario: self.scenario,
            state,
        };
        judge(&Step {
            before: &view(before),
            event,
            after: &view(after),
        })
    }

    const fn ends() -> Invariant<View<'static>> {
        Invariant::<View<'static>>::TABLE[ENDS]
    }

    /// Who takes a step, with the process if there are several.
    fn name_of(&self, action: Action) -> Option<String> {
        let thread = action.thread.map(usize::from)?;
        let spec = self.scenario.threads.get(thread);
        Some(match spec {
            None => "the transport".to_owned(),
            Some(spec) if self.scenario.is_shared() => {
                format!("T{} in P{}", thread + 1, spec.process)
            }
            Some(_) => format!("T{}", thread + 1),
        })
    }

    /// What a transition of this state was, for the rules, and the state that it led
    /// to: of a reduced model not the canonical one, in which others have the names.
    fn taken(&self, before: &State, transition: &Transition) -> (Event, State) {
        let mut found = (Event::Internal, transition.next);
        self.full().transitions(before, |event, it| {
            if it.action == transition.action && self.form(&it.next) == transition.next {
                found = (event, it.next);
            }
        });
        found
    }
}

/// What is wrong with a step that the rank does not fall on.
fn goes_round(action: Action, before: &State, after: &State) -> Witness {
    let changed = (0..SOCKETS).find(|&it| before.socket(it) != after.socket(it));
    match (action.thread, changed) {
        (Some(thread), _) => {
            let what = "takes a step that it can take again and again";
            Witness::new(Object::Thread(usize::from(thread)), what)
        }
        (None, changed) => {
            let what = "has an input that can come again and again";
            Witness::new(Object::Socket(changed.unwrap_or(0)), what)
        }
    }
}
