//! tokio-uring 122: the close that waits and is never woken.

use closesocket::protocol::OperationKind;
use closesocket::protocol::invariant::{Event, OperationState};

use super::scene::{DONE, Scene, Turn};
use super::{FieldModel, Repaired};
use crate::defect::Report;

const CLOSER: usize = 0;
const DRIVER: usize = 1;

/// The places of the closer.
const SLEEPS: u8 = 1;
const WOKEN: u8 = 2;
const CLOSED: u8 = 3;
const FREED: u8 = 4;

pub(super) const MODEL: FieldModel = FieldModel {
    name: "tokio-uring-close-not-woken",
    report: Report::new("tokio-rs/tokio-uring", 122),
    wrong: "A close waits until the operations in flight have let go of the shared descriptor, and the last of them does not wake it.",
    modelled: "The count of those who share the descriptor, the close that stores its waker if it is not alone, and a driver that delivers one write; not the ring.",
    repair: "Who lets go as the last but one wakes the stored waker.",
    actors: &["T1", "driver"],
    violates: &["everything-released-at-the-end"],
    steps: 4,
    start,
    turns,
};

fn start() -> Scene {
    let mut scene = Scene::new(2, 1, 1, 1);
    scene.operations[0].kind = OperationKind::Send;
    let _ = scene.register(0);
    scene
}

fn turns(scene: &Scene, repaired: Repaired, out: &mut Vec<Turn>) {
    let shared = scene.state(0) == OperationState::Pending || scene.is_ending(0);
    match scene.places[CLOSER] {
        0 if shared => out.push(scene.turn(
            (CLOSER, SLEEPS),
            "finds write #0 in flight, stores its waker and waits",
            |_| Event::Internal,
        )),
        0 | WOKEN => out.push(scene.turn(
            (CLOSER, CLOSED),
            "is alone and closes the descriptor",
            |it| it.close(0),
        )),
        CLOSED => out.push(scene.turn((CLOSER, FREED), "gives the number back", |it| it.free(0))),
        FREED => out.push(scene.turn((CLOSER, DONE), "returns", |_| returned())),
        _ => {}
    }
    match scene.state(0) {
        OperationState::Pending => {
            out.push(
                scene.turn((DRIVER, 1), "sees that write #0 has completed", |it| {
                    it.complete(0)
                }),
            );
        }
        OperationState::Ending(_) => out.push(scene.turn(
            (DRIVER, DONE),
            "delivers write #0, which lets go of the descriptor",
            |it| {
                if repaired && it.places[CLOSER] == SLEEPS {
                    it.places[CLOSER] = WOKEN;
                }
                it.deliver(0)
            },
        )),
        _ => {}
    }
}

/// The closer's own wait was no linger.
const fn returned() -> Event {
    Event::CloseReturned {
        socket: 0,
        committed: true,
        waited: false,
        result: Ok(()),
    }
}
