//! What every worker says to all: a dataflow of one broadcast.

use std::cell::RefCell;
use std::rc::Rc;

use timely::dataflow::operators::vec::Broadcast as _;
use timely::dataflow::operators::{Input as _, Inspect as _};
use timely::worker::Worker;

use crate::bytes::Wire as _;
use crate::flow::run;
use crate::shared::Shared;

/// Says these numbers, and hears those of all workers, in their order; `None` if
/// everybody is to stop.
pub(crate) fn gather(worker: &mut Worker, shared: &Shared, mine: &[u64]) -> Option<Vec<Vec<u64>>> {
    let heard = Rc::new(RefCell::new(vec![None; worker.peers()]));
    let into = Rc::clone(&heard);
    let mut input = worker.dataflow::<u64, _, _>(|scope| {
        let (input, stream) = scope.new_input::<Vec<(u64, Vec<u8>)>>();
        stream.broadcast().inspect(move |(from, bytes)| {
            let place = usize::try_from(*from).ok();
            if let Some(place) = place.and_then(|it| into.borrow_mut().get_mut(it).map(|_| it)) {
                into.borrow_mut()[place] = Some(bytes.clone());
            }
        });
        input
    });
    let mut bytes = Vec::new();
    for number in mine {
        number.write(&mut bytes);
    }
    input.send((worker.index() as u64, bytes));
    input.close();
    run(worker, shared);
    if shared.stops() {
        return None;
    }
    let heard = heard.take().into_iter();
    heard.map(|it| it.map(|bytes| numbers(&bytes))).collect()
}

fn numbers(mut bytes: &[u8]) -> Vec<u64> {
    std::iter::from_fn(|| u64::read(&mut bytes)).collect()
}
