//! silk 55: the cancel that drops what has arrived.

use closesocket::protocol::invariant::{Event, OperationState};

use super::scene::{DONE, Scene, Turn};
use super::{FieldModel, Repaired};
use crate::defect::Report;

const CANCELLER: usize = 0;
const KERNEL: usize = 1;
const SCHEDULER: usize = 2;

pub(super) const MODEL: FieldModel = FieldModel {
    name: "silk-cancels-what-completed",
    report: Report::new("ClickHouse/silk", 55),
    wrong: "A cancel that comes between the kernel's completion and the scheduler's look at it takes the result away: bytes were read, and nobody gets them.",
    modelled: "One read, whose completion the kernel writes and the scheduler delivers later, and a cancel that forgets where the result goes; not the fibers.",
    repair: "A cancel leaves a read that has completed its result.",
    actors: &["T1", "kernel", "scheduler"],
    violates: &["cancel-ends-only-its-own"],
    steps: 2,
    start,
    turns,
};

fn start() -> Scene {
    let mut scene = Scene::new(3, 1, 1, 1);
    scene.sockets[0].input_waits = true;
    let _ = scene.register(0);
    scene
}

fn turns(scene: &Scene, repaired: Repaired, out: &mut Vec<Turn>) {
    let state = scene.state(0);
    if scene.places[CANCELLER] == 0 {
        let to = (CANCELLER, DONE);
        out.push(match state {
            OperationState::Pending => scene.turn(to, "cancels read #0", |it| it.cancel(0)),
            OperationState::Ending(_) if !repaired => scene.turn(
                to,
                "cancels read #0 and drops the result that is on its way",
                |it| it.cancel(0),
            ),
            _ => scene.turn(to, "finds read #0 completed", |_| Event::Internal),
        });
    }
    match state {
        OperationState::Pending => out.push(scene.turn(
            (KERNEL, DONE),
            "reads the bytes and writes the completion of #0",
            |it| {
                it.sockets[0].input_waits = false;
                it.complete(0)
            },
        )),
        OperationState::Ending(_) => {
            out.push(scene.turn((SCHEDULER, DONE), "delivers read #0", |it| it.deliver(0)));
        }
        _ => {}
    }
}
