//! libuv 1204: the close that shuts a shared connection down.

use closesocket::protocol::SendSide;

use super::scene::{DONE, Scene, Turn};
use super::{FieldModel, Repaired};
use crate::defect::Report;

const CLOSER: usize = 0;

pub(super) const MODEL: FieldModel = FieldModel {
    name: "libuv-shuts-a-duplicate-down",
    report: Report::new("libuv/libuv", 1204),
    wrong: "On Windows the close of a handle shuts the connection down, although a duplicate of its socket goes on.",
    modelled: "Two descriptors of one connection, and the close of the first; not the loop.",
    repair: "A socket that is known to be shared is closed without a shutdown.",
    actors: &["T1"],
    violates: &["no-release-before-last-reference"],
    steps: 1,
    start,
    turns,
};

fn start() -> Scene {
    Scene::new(1, 2, 1, 0)
}

fn turns(scene: &Scene, repaired: Repaired, out: &mut Vec<Turn>) {
    match scene.places[CLOSER] {
        0 if repaired => {
            out.push(scene.turn((CLOSER, 1), "closes descriptor 0.1", |it| it.close(0)));
        }
        0 => out.push(scene.turn(
            (CLOSER, 1),
            "shuts the connection down and closes descriptor 0.1",
            |it| {
                it.sockets[0].machine.send_side = SendSide::Finished;
                it.close(0)
            },
        )),
        1 => out.push(scene.turn((CLOSER, DONE), "gives the number back", |it| it.free(0))),
        _ => {}
    }
}
