//! liburing 363: the read that was meant for the connection before.

use closesocket::protocol::invariant::{DescriptorState, Event, OperationState};

use super::scene::{DONE, Scene, Turn};
use super::{FieldModel, Repaired};
use crate::defect::Report;

const PROGRAM: usize = 0;
const KERNEL: usize = 1;

/// The places of the program.
const SUBMITTED: u8 = 1;
const CANCELLED: u8 = 2;
const CLOSED: u8 = 3;

/// The places of the kernel.
const LOOKED_UP: u8 = 1;

pub(super) const MODEL: FieldModel = FieldModel {
    name: "liburing-old-read-new-connection",
    report: Report::new("axboe/liburing", 363),
    wrong: "A close ends no read that was submitted before; the number is given again, and the old read gets what arrives on the new connection.",
    modelled: "A submission that names its descriptor by number, a kernel that looks the number up when it comes to it (so says liburing 782), and a program that closes and opens again; not the data.",
    repair: "The program cancels the read and waits for its completion before it closes.",
    actors: &["T1", "kernel"],
    violates: &[
        "closed-descriptor-never-resolves",
        "every-pending-op-aborted",
        "no-operation-orphaned",
    ],
    steps: 4,
    start,
    turns,
};

fn start() -> Scene {
    Scene::new(2, 1, 2, 1)
}

fn turns(scene: &Scene, repaired: Repaired, out: &mut Vec<Turn>) {
    let looked_up = scene.places[KERNEL] != 0;
    match scene.places[PROGRAM] {
        0 => out.push(
            scene.turn((PROGRAM, SUBMITTED), "submits read #0 by number", |_| {
                Event::Internal
            }),
        ),
        SUBMITTED if repaired => cancel(scene, looked_up, out),
        SUBMITTED => close(scene, out),
        // The completion has come, or nothing was started.
        CANCELLED
            if matches!(
                scene.state(0),
                OperationState::Idle | OperationState::Ended(_)
            ) =>
        {
            close(scene, out);
        }
        CLOSED => out.push(scene.turn(
            (PROGRAM, DONE),
            "connects anew and gets the same number",
            |it| it.open_again(0, 1),
        )),
        _ => {}
    }
    if scene.places[PROGRAM] == 0 {
        return;
    }
    match (scene.places[KERNEL], scene.state(0)) {
        (0, _) if scene.descriptors[0].state != DescriptorState::Open => out.push(scene.turn(
            (KERNEL, DONE),
            "finds no descriptor of that number",
            |_| Event::Internal,
        )),
        // The program took the number from the first occupant.
        (0, _) => out.push(scene.turn(
            (KERNEL, LOOKED_UP),
            "looks the number up and lets read #0 in",
            |_| Event::Admitted {
                slot: 0,
                generation: 1,
            },
        )),
        (LOOKED_UP, OperationState::Idle) => {
            out.push(scene.turn((KERNEL, LOOKED_UP + 1), "starts read #0", |it| {
                it.register(0)
            }));
        }
        (_, OperationState::Ending(_)) => {
            out.push(scene.turn((KERNEL, DONE), "completes read #0", |it| it.deliver(0)));
        }
        _ => {}
    }
}

fn close(scene: &Scene, out: &mut Vec<Turn>) {
    out.push(scene.turn(
        (PROGRAM, CLOSED),
        "closes, and the kernel ends no read of it",
        |it| {
            let event = it.close(0);
            let _ = it.free(0);
            event
        },
    ));
}

fn cancel(scene: &Scene, looked_up: bool, out: &mut Vec<Turn>) {
    match scene.state(0) {
        OperationState::Pending => {
            out.push(scene.turn((PROGRAM, CANCELLED), "cancels read #0", |it| it.cancel(0)));
        }
        OperationState::Idle if !looked_up => out.push(scene.turn(
            (PROGRAM, CANCELLED),
            "cancels read #0 before the kernel has come to it",
            |it| {
                it.places[KERNEL] = DONE;
                Event::Internal
            },
        )),
        _ => {}
    }
}
