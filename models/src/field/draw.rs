//! A path of such a model as lanes, as those of the model of ours are drawn.

use closesocket::protocol::invariant::{
    DescriptorState, Event, Object, OperationState, OperationView, SocketView, Step, World,
};

use super::FieldModel;
use super::scene::{DONE, Scene, Turn};
use crate::breach::{self, Breach};
use crate::lanes::{Cell, Drawing, Lane, LaneKind, Line, Mark, Row, Violation};

/// What a lane is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Actor(usize),
    Descriptor { slot: usize, generation: u32 },
    Socket(usize),
}

/// Draws a path from the start of a model.
pub(super) fn of_path(model: &FieldModel, start: &Scene, path: &[Turn]) -> Drawing {
    let lanes = lanes(model, start, path);
    let cells = |before: Option<&Scene>, after: &Scene, actor: Option<usize>, event: Event| {
        let cells = lanes.iter().enumerate().map(|(index, (of, _))| {
            let texts = texts(*of, before, after);
            let mark = if actor == Some(index) {
                Some(mark_of(event))
            } else {
                (!texts.is_empty()).then(|| mark_of_change(&texts))
            };
            let line = line(model, *of, after);
            Cell { line, mark, texts }
        });
        cells.collect()
    };
    let mut rows = vec![Row {
        sentence: "the start".to_owned(),
        actor: None,
        cells: cells(None, start, None, Event::Internal),
        violates: Vec::new(),
    }];
    let (mut before, mut notes) = (start, Vec::new());
    for turn in path {
        let who = turn.actor.and_then(|it| model.actors.get(it)).copied();
        let by = who.map(|it| match turn.actor {
            Some(actor) if model.is_thread(actor) => it.to_owned(),
            _ => format!("the {it}"),
        });
        let step = Step {
            before,
            event: turn.event,
            after: &turn.next,
        };
        let breaches = breach::of_step(&step, by.as_deref());
        notes.extend(breaches.iter().map(Breach::note));
        let violates = breaches.iter().map(|it| {
            let of = it.witness.and_then(|it| of_object(it.object, &turn.next));
            let lane = of.and_then(|of| lanes.iter().position(|lane| lane.0 == of));
            Violation {
                invariant: it.id.to_owned(),
                witness: it.what(),
                lane,
            }
        });
        rows.push(Row {
            sentence: who.map_or_else(
                || turn.says.to_owned(),
                |who| format!("{who} {}", turn.says),
            ),
            actor: turn.actor,
            cells: cells(Some(before), &turn.next, turn.actor, turn.event),
            violates: violates.collect(),
        });
        before = &turn.next;
    }
    Drawing {
        title: format!("{}, as {} tells it", model.name, model.report),
        lanes: lanes.into_iter().map(|it| it.1).collect(),
        rows,
        notes,
    }
}

/// The lane that an object is in: an operation in that of its descriptor.
fn of_object(object: Object, scene: &Scene) -> Option<Of> {
    Some(match object {
        Object::Socket(socket) => Of::Socket(socket),
        Object::Descriptor {
            slot, generation, ..
        } => Of::Descriptor { slot, generation },
        Object::Operation(index) => {
            let operation = scene.operations.get(index)?;
            let (slot, generation) = (operation.slot, operation.generation);
            Of::Descriptor { slot, generation }
        }
        Object::Thread(actor) => Of::Actor(actor),
        Object::Record(_) | Object::Process(_) => return None,
    })
}

/// The actors, then every descriptor's life, then the sockets.
fn lanes(model: &FieldModel, start: &Scene, path: &[Turn]) -> Vec<(Of, Lane)> {
    let mut lanes = Vec::new();
    for (actor, name) in model.actors.iter().enumerate() {
        let kind = if model.is_thread(actor) {
            LaneKind::Thread
        } else {
            LaneKind::Surroundings
        };
        let name = (*name).to_owned();
        lanes.push((Of::Actor(actor), Lane { name, kind }));
    }
    let end = path.last().map_or(start, |it| &it.next);
    for (slot, last) in end.descriptors.iter().enumerate() {
        for generation in 1..=last.generation {
            let name = format!("descriptor {slot}.{generation}");
            let kind = LaneKind::Descriptor;
            lanes.push((Of::Descriptor { slot, generation }, Lane { name, kind }));
        }
    }
    for socket in 0..end.sockets() {
        let name = format!("socket {socket}");
        let kind = LaneKind::Socket;
        lanes.push((Of::Socket(socket), Lane { name, kind }));
    }
    lanes
}

const fn mark_of(event: Event) -> Mark {
    match event {
        Event::Committed { .. } => Mark::Commit,
        Event::HandleReturned { .. } => Mark::HandleBack,
        _ => Mark::Step,
    }
}

fn mark_of_change(texts: &[String]) -> Mark {
    if texts.iter().any(|it| it == "released") {
        Mark::Release
    } else if texts.iter().any(|it| it.ends_with(" aborted")) {
        Mark::Abort
    } else {
        Mark::Change
    }
}

/// How a lane goes on.
fn line(model: &FieldModel, of: Of, scene: &Scene) -> Line {
    match of {
        Of::Actor(actor) if !model.is_thread(actor) => Line::Idle,
        Of::Actor(actor) => match scene.places[actor] {
            0 => Line::Idle,
            DONE => Line::None,
            _ if scene.rested => Line::Waiting,
            _ => Line::Active,
        },
        Of::Descriptor { slot, generation } => match occupant(scene, slot, generation) {
            Some(DescriptorState::Open) => Line::Active,
            Some(DescriptorState::Closed(_)) => Line::Waiting,
            Some(DescriptorState::Free) | None => Line::None,
        },
        Of::Socket(socket) => {
            let it = scene.sockets[socket];
            match (it.releases, it.machine.references) {
                (0, 0) => Line::None,
                (0, _) => Line::Active,
                _ => Line::Idle,
            }
        }
    }
}

/// Where the occupant of a slot is in its life, if it is this one.
fn occupant(scene: &Scene, slot: usize, generation: u32) -> Option<DescriptorState> {
    let it = scene.descriptors[slot];
    (it.generation == generation).then_some(it.state)
}

/// What is new in a lane; at the start, what is there.
fn texts(of: Of, before: Option<&Scene>, after: &Scene) -> Vec<String> {
    match of {
        Of::Actor(_) => Vec::new(),
        Of::Descriptor { slot, generation } => {
            let is = occupant(after, slot, generation);
            let was = before.map(|it| occupant(it, slot, generation));
            let mut texts = Vec::new();
            if was != Some(is) {
                texts.extend(is.map(|it| {
                    match it {
                        DescriptorState::Free => "freed",
                        DescriptorState::Open => "open",
                        DescriptorState::Closed(_) => "closed",
                    }
                    .to_owned()
                }));
            }
            for (index, is) in after.operations.iter().enumerate() {
                let was = before.map(|it| &it.operations[index]);
                if (is.slot, is.generation) == (slot, generation) {
                    texts.extend(operation(index, was, is));
                }
            }
            texts
        }
        Of::Socket(socket) => {
            let was = before.map(|it| &it.sockets[socket]);
            socket_texts(was, &after.sockets[socket])
        }
    }
}

fn operation(index: usize, was: Option<&OperationView>, is: &OperationView) -> Option<String> {
    let before = was.map_or(OperationState::Idle, |it| it.state);
    let lost = was.is_some_and(|it| it.failed.is_none()) && is.failed.is_some();
    let state = match is.state {
        OperationState::Ending(None) if before == is.state && lost => "result lost",
        it if it == before => return None,
        OperationState::Idle => "forgotten",
        OperationState::Pending => "pending",
        OperationState::Ending(Some(_)) => "aborted",
        OperationState::Ending(None) => "taken out",
        OperationState::Ended(_) => "ended",
    };
    Some(format!("#{index} {state}"))
}

fn socket_texts(was: Option<&SocketView>, is: &SocketView) -> Vec<String> {
    let mut texts = Vec::new();
    let references = |it: &SocketView| it.machine.references;
    if was.map_or(0, references) != references(is) {
        texts.push(match references(is) {
            1 => "1 reference".to_owned(),
            count => format!("{count} references"),
        });
    }
    if was.is_some_and(|it| it.machine.send_side != is.machine.send_side) {
        texts.push("FIN sent".to_owned());
    }
    if was.map_or(0, |it| it.releases) != is.releases {
        texts.push("released".to_owned());
    }
    texts
}
