//! Numbers that fit again after a trace was changed.

use std::collections::HashMap;

use closesocket::engine::observe::{Observation, Step};
use closesocket_trace::Record;

/// Numbers the threads' records and the cells' sections anew, without a gap, in
/// the order in which they are.
pub fn renumber(records: &mut [Record]) {
    let mut numbers: HashMap<u32, u64> = HashMap::new();
    for record in records.iter_mut() {
        let number = numbers.entry(record.thread).or_default();
        *number += 1;
        record.number = *number;
    }
    let place = |record: &Record| {
        let place = record.observation.at?;
        Some((place.socket.cell(), place.sequence))
    };
    let mut order: Vec<usize> = (0..records.len())
        .filter(|index| place(&records[*index]).is_some())
        .collect();
    order.sort_by_key(|index| place(&records[*index]));
    let mut next: HashMap<u32, u64> = HashMap::new();
    for index in order {
        if let Some(place) = &mut records[index].observation.at {
            let number = next.entry(place.socket.cell()).or_default();
            *number += 1;
            place.sequence = *number;
        }
    }
}

/// Whether a trace without this event, or with two of it, can be true as well.
pub fn may_be_missing(observation: &Observation) -> bool {
    matches!(
        observation.step,
        // A try that changed nothing: it could have been made or not.
        Step::SealMissed
        // A question whose answer nothing followed from.
        | Step::Started { .. }
    )
}
