//! Giving handles back.

use closesocket::engine::Error;

use super::model::{NO_ORDER, must_fail, reached, run_model};
use super::primitives::Defect;
use super::world::{Setup, World, spawn};

fn handle_after_everybody() {
    let world = World::new();
    let descriptor = world.process.socket().unwrap();
    let caller = spawn(&world, move |world| {
        let admission = world.process.begin(descriptor);
        if admission.is_ok() {
            world.dll.mark();
        }
        admission.is_ok()
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    let was_inside = caller.join().unwrap();
    let returned = world.dll.returned.all();
    assert_eq!(returned.len(), 1);
    let seen = returned[0].2 == 1;
    assert_eq!(seen, was_inside, "the upcall did not see what went before");
    reached(if was_inside { "inside" } else { "refused" });
    world.judge();
}

//= docs/specification.md#h1-once-for-each-closed-descriptor
//# - A non-IFS provider MUST give back, exactly once, the handle of every descriptor that a close
//# or a cleanup has closed.
//= docs/specification.md#h2-after-the-operations
//# - A handle MUST NOT be given back while a thread is inside a call through its descriptor.
#[test]
fn the_handle_goes_back_once_and_after_all_that_was_done_inside() {
    run_model(None, 970, &["inside", "refused"], handle_after_everybody);
}

//= docs/specification.md#h2-after-the-operations
//# - A handle MUST NOT be given back while a thread is inside a call through its descriptor.
#[test]
fn a_leave_that_publishes_nothing_is_caught_by_the_handle_upcall() {
    must_fail(
        Defect::SubtractionIsRelaxed,
        None,
        "the upcall did not see",
        handle_after_everybody,
    );
}

fn failing_upcall() {
    let world = World::set_up(&Setup {
        upcall_fails: true,
        ..Setup::default()
    });
    let descriptor = world.process.socket().unwrap();
    let callers = [0, 1].map(|_| {
        spawn(&world, move |world| {
            world.process.begin(descriptor).map(|_| ()).err()
        })
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    for caller in callers {
        let error = caller.join().unwrap();
        assert!(matches!(error, None | Some(Error::NotSocket)));
        reached(if error.is_none() { "inside" } else { "refused" });
    }
    world.judge_with_retired(1);
}

//= docs/specification.md#h4-one-attempt
//# - The provider MUST NOT attempt the handle upcall more than once for a descriptor.
//= docs/specification.md#h4-one-attempt
//# - A slot whose handle upcall has failed MUST be retired, so that it never serves another
//# descriptor.
#[test]
fn an_upcall_that_fails_is_not_repeated_and_retires_its_slot() {
    run_model(Some(3), 3_300, &["inside", "refused"], failing_upcall);
}

//= docs/specification.md#h4-one-attempt
//# - The provider MUST NOT attempt the handle upcall more than once for a descriptor.
#[test]
fn a_claim_that_is_a_plain_store_is_caught_by_the_failing_upcall() {
    must_fail(Defect::SwapIsAStore, Some(3), NO_ORDER, failing_upcall);
}
