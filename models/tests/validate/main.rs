//! A scenario that the packed state cannot hold is refused, by field and limit:
//! it is never searched.

#![allow(clippy::expect_used)]

mod random;

use std::time::Duration;

use closesocket::protocol::{Connection, Linger, OperationKind};
use closesocket_models::{
    Bound, Call, CloseModel, Handle, Limits, OperationSpec, SCENARIOS, Scenario, SlotSpec,
    SocketSpec, Surroundings, ThreadSpec, check_within,
};

use closesocket_models::state::{
    ACCEPTED, ARRIVALS, CALLS, CHUNKS, OPERATIONS, PROCESSES, RECORDS, SLOTS, SOCKETS, TARGETS,
    WORKER,
};

const RECV: OperationSpec = OperationSpec::overlapped(OperationKind::Recv);
const OPEN: SlotSpec = SlotSpec {
    process: 0,
    socket: Some(0),
};
const START: Call = Call::Start {
    operation: 0,
    through: Handle::First(0),
};
const FITS: Scenario = Scenario {
    name: "own",
    summary: "A world of one's own.",
    sockets: &[SocketSpec::CONNECTED],
    slots: &[OPEN],
    operations: &[RECV],
    threads: &[ThreadSpec {
        process: 0,
        calls: &[START, Call::Close(Handle::First(0))],
    }],
    surroundings: Surroundings::PLAIN,
    states: 0,
};

/// What is said of a scenario; it is never freed.
fn said(scenario: Scenario) -> String {
    let scenario = Box::leak(Box::new(scenario));
    match CloseModel::new(scenario, None) {
        Ok(model) => {
            // What is let in is searched without an overflow.
            let limits = Limits {
                states: 3_000,
                ..Limits::NONE
            };
            let _ = check_within(&model, limits);
            "it fits".to_owned()
        }
        Err(error) => error.to_string(),
    }
}

fn socket(spec: SocketSpec) -> String {
    said(Scenario {
        sockets: vec![spec].leak(),
        ..FITS
    })
}

fn surroundings(surroundings: Surroundings) -> String {
    said(Scenario {
        surroundings,
        ..FITS
    })
}

fn operation(spec: OperationSpec) -> String {
    said(Scenario {
        operations: vec![spec].leak(),
        ..FITS
    })
}

/// With a second socket and a free slot, so that calls can make something.
fn calls(calls: &[Call]) -> String {
    said(Scenario {
        sockets: &[SocketSpec::CONNECTED, SocketSpec::CONNECTED],
        slots: &[
            OPEN,
            SlotSpec {
                process: 0,
                socket: None,
            },
            SlotSpec {
                process: 1,
                socket: Some(0),
            },
        ],
        threads: vec![ThreadSpec {
            process: 0,
            calls: calls.to_vec().leak(),
        }]
        .leak(),
        ..FITS
    })
}

#[test]
fn every_scenario_of_the_catalogue_and_what_is_raised_of_it_fits() {
    for scenario in SCENARIOS {
        assert_eq!(scenario.validate(), Ok(()));
        for bound in Bound::ALL {
            if let Ok(raised) = scenario.raised(bound) {
                assert_eq!(raised.validate(), Ok(()));
            }
        }
    }
    assert_eq!(said(FITS), "it fits");
}

#[test]
fn what_there_is_too_much_of_is_refused_by_name_and_limit() {
    let slots = |slots| Scenario { slots, ..FITS };
    let threads = |threads: Vec<ThreadSpec>| Scenario {
        threads: threads.leak(),
        ..FITS
    };
    let of_process = |process: usize| ThreadSpec {
        process: u8::try_from(process).expect("small"),
        calls: &[],
    };
    let sockets = |sockets| Scenario { sockets, ..FITS };
    let operations = |operations| Scenario { operations, ..FITS };
    for fits in [
        slots(&[OPEN; SLOTS]),
        sockets(&[SocketSpec::CONNECTED; SOCKETS]),
        operations(&[RECV; OPERATIONS]),
        threads(vec![FITS.threads[0]; 1]),
        threads(vec![of_process(0); WORKER]),
        threads(vec![of_process(PROCESSES - 1)]),
    ] {
        assert_eq!(said(fits), "it fits");
    }
    let limited = |what, most: usize| format!("{what} is {}, the limit is {most}", most + 1);
    let cases = [
        (
            slots(&[OPEN; 20]),
            format!("slots.len() is 20, the limit is {SLOTS}"),
        ),
        (slots(&[]), "slots: there is none".to_owned()),
        (
            sockets(&[SocketSpec::CONNECTED; SOCKETS + 1]),
            limited("sockets.len()", SOCKETS),
        ),
        (
            operations(&[RECV; OPERATIONS + 1]),
            limited("operations.len()", OPERATIONS),
        ),
        (
            threads(vec![FITS.threads[0]; WORKER + 1]),
            limited("threads.len()", WORKER),
        ),
        (
            threads(vec![of_process(PROCESSES)]),
            limited("threads[0].process", PROCESSES - 1),
        ),
    ];
    for (scenario, says) in cases {
        assert_eq!(said(scenario), format!("scenario `own`: {says}"));
    }
    assert_eq!(calls(&[Call::Close(Handle::First(0)); CALLS]), "it fits");
    let many = calls(&[Call::Close(Handle::First(0)); CALLS + 1]);
    let says = limited("threads[0].calls.len()", CALLS);
    assert_eq!(many, format!("scenario `own`: {says}"));
    let generations = calls(&[Call::Open { socket: 1 }, Call::Redeem { record: 0 }]);
    let says = "slots[0]: the count of occupants that it can have is 3, the limit is 2";
    assert!(generations.contains(says), "{generations}");
}

#[test]
fn a_socket_that_no_field_can_hold_is_refused() {
    const PLAIN: SocketSpec = SocketSpec::CONNECTED;
    let window = |window| SocketSpec { window, ..PLAIN };
    let queued = |queued| SocketSpec { queued, ..PLAIN };
    let inputs = |inputs| SocketSpec { inputs, ..PLAIN };
    let joins = |joins| SocketSpec { joins, ..PLAIN };
    for fits in [window(CHUNKS), queued(2), inputs(ARRIVALS), joins(ARRIVALS)] {
        assert_eq!(socket(fits), "it fits");
    }
    let listening = SocketSpec {
        connection: Connection::Listening,
        ..queued(1)
    };
    let over = |what, most| format!("{what} is {}, the limit is {most}", most + 1);
    for (spec, says) in [
        (window(CHUNKS + 1), over("window", CHUNKS)),
        (queued(3), over("queued", 2)),
        (queued(200), "queued is 200, the limit is 2".to_owned()),
        (
            listening,
            "queued: nothing is queued without a connection".to_owned(),
        ),
        (inputs(ARRIVALS + 1), over("inputs", ARRIVALS)),
        (joins(ARRIVALS + 1), over("joins", ARRIVALS)),
    ] {
        assert_eq!(socket(spec), format!("scenario `own`: sockets[0].{says}"));
    }
}

#[test]
fn a_linger_option_or_a_deadline_without_a_code_is_refused() {
    let linger = |linger| {
        socket(SocketSpec {
            linger,
            ..SocketSpec::CONNECTED
        })
    };
    for fits in [0, 1, Linger::DEFAULT_SECONDS] {
        assert_eq!(linger(Linger::off().set_on(fits)), "it fits");
    }
    for seconds in [2, 3, 29, 31, u16::MAX] {
        let said = linger(Linger::off().set_on(seconds));
        let says = "sockets[0].linger leads to Linger";
        assert!(said.contains(says) && said.contains("no code"), "{said}");
        let set = Call::SetLinger(Handle::First(0), Some(seconds));
        let said = calls(&[Call::Close(Handle::First(1)), set]);
        assert!(
            said.contains("threads[0].calls[1] leads to Linger"),
            "{said}"
        );
    }
    let limit = |limit| {
        surroundings(Surroundings {
            drain_limit: Some(limit),
            ..Surroundings::PLAIN
        })
    };
    for fits in [1, 2, 30] {
        assert_eq!(limit(Duration::from_secs(fits)), "it fits");
    }
    for wrong in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
        let said = limit(wrong);
        assert!(said.contains("surroundings.drain_limit leads to"), "{said}");
    }
}

#[test]
fn surroundings_that_cannot_be_counted_are_refused() {
    let startups = |startups| {
        surroundings(Surroundings {
            startups,
            ..Surroundings::PLAIN
        })
    };
    assert_eq!(startups(3), "it fits");
    let says = "scenario `own`: surroundings.startups is 4, the limit is 3";
    assert_eq!(startups(4), says);
    let generations = |generations| {
        surroundings(Surroundings {
            generations: Some(generations),
            ..Surroundings::PLAIN
        })
    };
    assert_eq!(generations(3), "it fits");
    let says = "scenario `own`: surroundings.generations is 4, the limit is 3";
    assert_eq!(generations(4), says);
    assert!(generations(0).contains("its first occupant"));
}

#[test]
fn operations_that_do_not_fit_are_refused() {
    assert_eq!(operation(OperationSpec::send(CHUNKS)), "it fits");
    let says = format!(
        "scenario `own`: operations[0].chunks is {}, the limit is {CHUNKS}",
        CHUNKS + 1
    );
    assert_eq!(operation(OperationSpec::send(CHUNKS + 1)), says);
    let sends = said(Scenario {
        sockets: &[SocketSpec {
            queued: 2,
            ..SocketSpec::CONNECTED
        }],
        operations: vec![OperationSpec::send(CHUNKS); 2].leak(),
        threads: &[ThreadSpec {
            process: 0,
            calls: &[
                START,
                Call::Start {
                    operation: 1,
                    through: Handle::Own,
                },
            ],
        }],
        ..FITS
    });
    let says = format!(
        "sockets[0]: the count of chunks that it can accept is {}, the limit is {ACCEPTED}",
        2 + 2 * CHUNKS
    );
    assert!(sends.contains(&says), "{sends}");
}

#[test]
fn a_call_that_names_what_is_not_there_is_refused() {
    let close = |slot| calls(&[Call::Close(Handle::First(slot))]);
    assert_eq!(close(1), "it fits");
    let at = |text: &str| format!("scenario `own`: threads[0].calls[0]{text}");
    assert_eq!(close(3), at(": the slot is 3, but there are only 3"));
    assert_eq!(close(255), at(": the slot is 255, but there are only 3"));
    assert_eq!(close(2), at(": the slot is another process's"));
    let start = |operation| {
        calls(&[Call::Start {
            operation,
            through: Handle::First(0),
        }])
    };
    assert_eq!(start(1), at(".operation is 1, but there are only 1"));
    let twice = calls(&[START, START]);
    assert!(twice.contains("calls[1].operation: the operation was started before"));
    let slot = said(Scenario {
        slots: &[SlotSpec {
            process: 0,
            socket: Some(5),
        }],
        ..FITS
    });
    let says = "scenario `own`: slots[0].socket is 5, but there are only 1";
    assert_eq!(slot, says);
    let gap = said(Scenario {
        sockets: &[SocketSpec::CONNECTED; 2],
        slots: &[SlotSpec {
            process: 0,
            socket: Some(1),
        }],
        ..FITS
    });
    assert!(gap.contains("sockets[0]: no slot refers to it"), "{gap}");
}

#[test]
fn what_a_call_makes_is_made_once_and_has_room() {
    let at = |text: &str| format!("scenario `own`: threads[0].calls[0]{text}");
    let open = |socket| Call::Open { socket };
    assert_eq!(calls(&[open(1)]), "it fits");
    assert_eq!(calls(&[open(2)]), at(".socket is 2, but there are only 2"));
    assert_eq!(calls(&[open(0)]), at(".socket: the socket was made before"));
    let twice = calls(&[open(1), open(1)]);
    assert!(twice.contains("calls[1].socket: the socket was made before"));
    let take = |operation| {
        calls(&[Call::TakeAccepted {
            operation,
            socket: 1,
        }])
    };
    assert_eq!(take(0), at(".operation: the operation is no accept"));
    assert_eq!(take(9), at(".operation is 9, but there are only 1"));
    let accepts = |call: Call| {
        let take = Call::TakeAccepted {
            operation: 0,
            socket: 1,
        };
        said(Scenario {
            sockets: &[SocketSpec::CONNECTED; 2],
            operations: vec![OperationSpec::overlapped(OperationKind::Accept)].leak(),
            threads: vec![ThreadSpec {
                process: 0,
                calls: vec![take, call].leak(),
            }]
            .leak(),
            ..FITS
        })
    };
    assert_eq!(accepts(Call::Startup), "it fits");
    let ends = at(".operation: the life of a process that accepts does not end");
    assert_eq!(accepts(Call::Cleanup), ends);
    assert_eq!(accepts(Call::Die), ends);
    let duplicate = |target, record| Call::Duplicate {
        through: Handle::First(0),
        target,
        record,
    };
    let small = |it: usize| u8::try_from(it).expect("small");
    assert_eq!(calls(&[duplicate(1, 1)]), "it fits");
    assert_eq!(calls(&[duplicate(small(TARGETS) - 1, 0)]), "it fits");
    let over = |what, count| format!(".{what} is {count}, the limit is {}", count - 1);
    assert_eq!(
        calls(&[duplicate(small(TARGETS), 0)]),
        at(&over("target", TARGETS))
    );
    assert_eq!(
        calls(&[duplicate(1, small(RECORDS))]),
        at(&over("record", RECORDS))
    );
    let twice = calls(&[duplicate(1, 0), duplicate(1, 0)]);
    assert!(twice.contains("calls[1].record: the record was made before"));
    let redeem = calls(&[Call::Redeem { record: 2 }]);
    assert_eq!(redeem, at(".record is 2, the limit is 1"));
}
