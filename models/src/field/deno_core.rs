//! deno_core 183: the close that holds the table while others are called.

use closesocket::protocol::invariant::Event;

use super::scene::{DONE, Scene, Turn};
use super::{FieldModel, Repaired};
use crate::defect::Report;

const CLOSER: usize = 0;

/// The places of the closer.
const TAKEN: u8 = 1;
const CLOSED: u8 = 2;
const DELIVERED: u8 = 3;

pub(super) const MODEL: FieldModel = FieldModel {
    name: "deno-core-close-under-the-table",
    report: Report::new("denoland/deno_core", 183),
    wrong: "A close through the table keeps the table while the resource ends its operations, and who is called then wants the table: it waits for itself.",
    modelled: "One table with one owner at a time, one resource with a pending operation, and its callback, which runs in the close and asks for the table; not the promises.",
    repair: "The resource is taken out of the table, the table let go, and then the resource closed.",
    actors: &["T1"],
    violates: &["everything-released-at-the-end"],
    steps: 3,
    start,
    turns,
};

fn start() -> Scene {
    let mut scene = Scene::new(1, 1, 1, 1);
    let _ = scene.register(0);
    scene
}

fn turns(scene: &Scene, repaired: Repaired, out: &mut Vec<Turn>) {
    // Only the closer takes the table: as reported it has it from its first step
    // to its end.
    let table_is_taken = !repaired && scene.places[CLOSER] != DONE;
    match scene.places[CLOSER] {
        0 => {
            let says = if repaired {
                "takes the resource out of the table and lets the table go"
            } else {
                "borrows the table to close the resource"
            };
            out.push(scene.turn((CLOSER, TAKEN), says, |_| Event::Internal));
        }
        TAKEN => out.push(scene.turn(
            (CLOSER, CLOSED),
            "closes the resource, which aborts #0",
            |it| {
                it.abort(0);
                it.close(0)
            },
        )),
        CLOSED if !table_is_taken => out.push(scene.turn(
            (CLOSER, DELIVERED),
            "calls back for #0, which uses the table",
            |it| it.deliver(0),
        )),
        DELIVERED => out.push(scene.turn((CLOSER, DONE), "gives the number back", |it| it.free(0))),
        _ => {}
    }
}
