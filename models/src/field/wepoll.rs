//! wepoll 34: the registration that goes with the socket before it.

use closesocket::protocol::invariant::OperationState;

use super::scene::{DONE, Scene, Turn};
use super::{FieldModel, Repaired};
use crate::defect::Report;

const PROGRAM: usize = 0;
const POLLER: usize = 1;

pub(super) const MODEL: FieldModel = FieldModel {
    name: "wepoll-forgets-by-value",
    report: Report::new("piscisaureus/wepoll", 34),
    wrong: "The notice that a socket was closed deletes whatever is registered under its value, and by then that is the registration of the next socket.",
    modelled: "Registrations that are found by the socket's value, the notice of a local close that the poller takes later, and a program that opens and registers meanwhile; a registration is an operation here.",
    repair: "The notice deletes the registration that it was raised for, and no other.",
    actors: &["T1", "poller"],
    violates: &["each-op-ends-once"],
    steps: 4,
    start,
    turns,
};

fn start() -> Scene {
    let mut scene = Scene::new(2, 1, 2, 2);
    let _ = scene.register(0);
    scene
}

fn turns(scene: &Scene, repaired: Repaired, out: &mut Vec<Turn>) {
    match scene.places[PROGRAM] {
        0 => out.push(scene.turn(
            (PROGRAM, 1),
            "closes the socket, which raises a notice for registration #0",
            |it| {
                it.abort(0);
                it.close(0)
            },
        )),
        1 => out.push(scene.turn(
            (PROGRAM, 2),
            "opens a socket and gets the same value",
            |it| it.open_again(0, 1),
        )),
        2 => out.push(scene.turn((PROGRAM, DONE), "registers it as #1", |it| it.register(1))),
        _ => {}
    }
    if scene.is_ending(0) {
        let says = if repaired {
            "takes the notice and deletes registration #0"
        } else {
            "takes the notice and deletes what is registered under the value"
        };
        out.push(scene.turn((POLLER, DONE), says, |it| {
            if !repaired && it.state(1) == OperationState::Pending {
                it.operations[1].state = OperationState::Idle;
            }
            it.deliver(0)
        }));
    }
}
