//! Numbers that fit again after a trace was changed.

use std::collections::HashMap;

use closesocket::engine::Observation;
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
    let mut order: Vec<usize> = (0..records.len())
        .filter(|index| sequence(&mut records[*index].observation).is_some())
        .collect();
    order.sort_by_key(|index| {
        let (cell, sequence) = sequence(&mut records[*index].observation).unwrap();
        (cell, *sequence)
    });
    let mut next: HashMap<u32, u64> = HashMap::new();
    for index in order {
        let (cell, sequence) = sequence(&mut records[index].observation).unwrap();
        let number = next.entry(cell).or_default();
        *number += 1;
        *sequence = *number;
    }
}

/// The cell of an observation under a lock, and its number there.
fn sequence(observation: &mut Observation) -> Option<(u32, &mut u64)> {
    match observation {
        Observation::Opened {
            socket, sequence, ..
        }
        | Observation::Committed {
            socket, sequence, ..
        }
        | Observation::Created {
            socket, sequence, ..
        }
        | Observation::Changed {
            socket, sequence, ..
        }
        | Observation::Ordered {
            socket, sequence, ..
        }
        | Observation::Released { socket, sequence }
        | Observation::Started {
            socket, sequence, ..
        }
        | Observation::LingerEnded {
            socket, sequence, ..
        }
        | Observation::Duplicated {
            socket, sequence, ..
        }
        | Observation::Redeemed {
            socket, sequence, ..
        }
        | Observation::Reclaimed {
            socket, sequence, ..
        }
        | Observation::CloseRefused {
            under: Some((socket, sequence)),
            ..
        } => Some((socket.cell(), sequence)),
        Observation::Registered {
            operation,
            sequence,
            ..
        }
        | Observation::Taken {
            operation,
            sequence,
            ..
        }
        | Observation::Delivered {
            operation,
            under: Some(sequence),
            ..
        } => Some((operation.socket.cell(), sequence)),
        _ => None,
    }
}

/// Whether a trace without this event, or with two of it, can be true as well.
pub fn may_be_missing(observation: &Observation) -> bool {
    matches!(
        observation,
        // A try that changed nothing: it could have been made or not.
        Observation::SealMissed { .. }
        // A question whose answer nothing followed from.
        | Observation::Started { .. }
    )
}
