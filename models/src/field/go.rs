//! go 7970: the write to whatever has the number by then.

use closesocket::protocol::invariant::{DescriptorState, Event};

use super::scene::{DONE, Scene, Turn};
use super::{FieldModel, Repaired};
use crate::defect::Report;

const WRITER: usize = 0;
const CLOSER: usize = 1;

pub(super) const MODEL: FieldModel = FieldModel {
    name: "go-writes-to-a-reused-number",
    report: Report::new("golang/go", 7970),
    wrong: "A write has read the number from the file when another goroutine closes it; an open gets the number, and the write goes there.",
    modelled: "A file that is a number, a write that reads it and then uses it, a close and an open beside it; not the poller.",
    repair: "A call holds the file while it uses the number, and the number goes back when nobody holds it.",
    actors: &["T1", "T2"],
    violates: &["closed-descriptor-never-resolves"],
    steps: 5,
    start,
    turns,
};

fn start() -> Scene {
    Scene::new(2, 1, 2, 0)
}

/// The write is let in through the number of the first occupant.
const ADMITTED: Event = Event::Admitted {
    slot: 0,
    generation: 1,
};

fn turns(scene: &Scene, repaired: Repaired, out: &mut Vec<Turn>) {
    let occupant = scene.descriptors[0];
    let still_there = occupant.generation == 1 && occupant.state == DescriptorState::Open;
    match scene.places[WRITER] {
        0 if !still_there => {
            out.push(scene.turn((WRITER, DONE), "finds the file closed", |_| Event::Internal));
        }
        0 if repaired => out.push(scene.turn((WRITER, 1), "takes hold of the file", |it| {
            it.descriptors[0].inside += 1;
            ADMITTED
        })),
        0 => out.push(
            scene.turn((WRITER, 1), "reads the number from the file", |_| {
                Event::Internal
            }),
        ),
        1 if repaired => out.push(scene.turn((WRITER, DONE), "writes and lets go", |it| {
            it.descriptors[0].inside -= 1;
            Event::Internal
        })),
        1 if occupant.state == DescriptorState::Open => {
            out.push(scene.turn((WRITER, DONE), "writes to the number", |_| ADMITTED));
        }
        1 => out.push(
            scene.turn((WRITER, DONE), "is told that the number is bad", |_| {
                Event::Internal
            }),
        ),
        _ => {}
    }
    match scene.places[CLOSER] {
        0 => out.push(scene.turn((CLOSER, 1), "closes the file", |it| it.close(0))),
        1 if occupant.inside == 0 => {
            out.push(scene.turn((CLOSER, 2), "gives the number back", |it| it.free(0)));
        }
        2 => out.push(scene.turn(
            (CLOSER, DONE),
            "opens another file and gets the same number",
            |it| it.open_again(0, 1),
        )),
        _ => {}
    }
}
