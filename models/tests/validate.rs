//! A scenario that the packed state cannot hold is refused, by field and limit:
//! it is never searched.

#![allow(clippy::expect_used)]

use std::time::Duration;

use closesocket::protocol::{Connection, Linger, OperationKind};
use closesocket_models::{
    Bound, Call, CloseModel, Handle, Limits, OperationSpec, SCENARIOS, Scenario, SlotSpec,
    SocketSpec, Surroundings, ThreadSpec, check_within,
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
    let slots = said(Scenario {
        slots: &[OPEN; 20],
        ..FITS
    });
    assert_eq!(slots, "scenario `own`: slots.len() is 20, the limit is 4");
    let none = said(Scenario { slots: &[], ..FITS });
    assert_eq!(none, "scenario `own`: slots: there is none");
    let sockets = said(Scenario {
        sockets: &[SocketSpec::CONNECTED; 4],
        ..FITS
    });
    assert_eq!(
        sockets,
        "scenario `own`: sockets.len() is 4, the limit is 3"
    );
    let operations = said(Scenario {
        operations: &[RECV; 5],
        ..FITS
    });
    assert_eq!(
        operations,
        "scenario `own`: operations.len() is 5, the limit is 4"
    );
    let thread = FITS.threads[0];
    let threads = said(Scenario {
        threads: vec![thread; 5].leak(),
        ..FITS
    });
    assert_eq!(
        threads,
        "scenario `own`: threads.len() is 5, the limit is 4"
    );
    let many = calls(&[Call::Close(Handle::First(0)); 8]);
    assert_eq!(
        many,
        "scenario `own`: threads[0].calls.len() is 8, the limit is 7"
    );
    let process = said(Scenario {
        threads: &[ThreadSpec {
            process: 3,
            calls: &[],
        }],
        ..FITS
    });
    assert_eq!(
        process,
        "scenario `own`: threads[0].process is 3, the limit is 2"
    );
    let generations = calls(&[Call::Open { socket: 1 }, Call::Redeem { record: 0 }]);
    let says = "slots[0]: the count of occupants that it can have is 3, the limit is 2";
    assert!(generations.contains(says), "{generations}");
}

#[test]
fn a_socket_that_no_field_can_hold_is_refused() {
    let window = |window| SocketSpec {
        window,
        ..SocketSpec::CONNECTED
    };
    let at = |text: &str| format!("scenario `own`: sockets[0].{text}");
    assert_eq!(socket(window(3)), "it fits");
    assert_eq!(socket(window(4)), at("window is 4, the limit is 3"));
    let queued = |queued| SocketSpec {
        queued,
        ..SocketSpec::CONNECTED
    };
    assert_eq!(socket(queued(2)), "it fits");
    assert_eq!(socket(queued(3)), at("queued is 3, the limit is 2"));
    assert_eq!(socket(queued(200)), at("queued is 200, the limit is 2"));
    let listening = SocketSpec {
        connection: Connection::Listening,
        ..queued(1)
    };
    let says = at("queued: nothing is queued without a connection");
    assert_eq!(socket(listening), says);
    let inputs = SocketSpec {
        inputs: 4,
        ..SocketSpec::CONNECTED
    };
    assert_eq!(socket(inputs), at("inputs is 4, the limit is 3"));
    let joins = SocketSpec {
        joins: 255,
        ..SocketSpec::CONNECTED
    };
    assert_eq!(socket(joins), at("joins is 255, the limit is 3"));
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
    assert_eq!(operation(OperationSpec::send(3)), "it fits");
    let says = "scenario `own`: operations[0].chunks is 4, the limit is 3";
    assert_eq!(operation(OperationSpec::send(4)), says);
    let sends = said(Scenario {
        sockets: &[SocketSpec {
            queued: 2,
            ..SocketSpec::CONNECTED
        }],
        operations: vec![OperationSpec::send(3); 2].leak(),
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
    let says = "sockets[0]: the count of chunks that it can accept is 8, the limit is 7";
    assert!(sends.contains(says), "{sends}");
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
    let duplicate = |target, record| Call::Duplicate {
        through: Handle::First(0),
        target,
        record,
    };
    assert_eq!(calls(&[duplicate(1, 1)]), "it fits");
    assert_eq!(
        calls(&[duplicate(2, 0)]),
        at(".target is 2, the limit is 1")
    );
    assert_eq!(
        calls(&[duplicate(1, 2)]),
        at(".record is 2, the limit is 1")
    );
    let twice = calls(&[duplicate(1, 0), duplicate(1, 0)]);
    assert!(twice.contains("calls[1].record: the record was made before"));
    let redeem = calls(&[Call::Redeem { record: 2 }]);
    assert_eq!(redeem, at(".record is 2, the limit is 1"));
}

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u8::try_from((self.0 >> 20) % end).unwrap_or_default()
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.below(all.len() as u64))]
    }

    fn many<T>(&mut self, end: u64, one: fn(&mut Self) -> T) -> &'static [T] {
        let all: Vec<T> = (0..self.below(end)).map(|_| one(self)).collect();
        all.leak()
    }

    fn socket(&mut self) -> SocketSpec {
        let lingers = [
            Linger::off(),
            Linger::off().set_on(u16::from(self.below(3))),
            Linger::off().set_on(30).set_on(0),
        ];
        SocketSpec {
            connection: self.one_of(&[Connection::Connected, Connection::Listening]),
            linger: self.one_of(&lingers),
            nonblocking: self.below(2) == 0,
            window: self.below(5),
            queued: self.below(3),
            inputs: self.below(5),
            joins: self.below(5),
            may_be_lost: self.below(2) == 0,
            ..SocketSpec::CONNECTED
        }
    }

    fn operation(&mut self) -> OperationSpec {
        use OperationKind::{Accept, Recv, Send};
        let kind = self.one_of(&[Recv, Send, Accept]);
        OperationSpec {
            chunks: self.below(5),
            ..OperationSpec::overlapped(kind)
        }
    }

    fn call(&mut self) -> Call {
        let first = Handle::First(self.below(4));
        let through = self.one_of(&[first, first, first, Handle::Own]);
        match self.below(9) {
            0..=2 => Call::Start {
                operation: self.below(4),
                through,
            },
            3 => Call::SetLinger(through, Some(u16::from(self.below(3)))),
            4 => Call::ShutDownSend(through),
            5 => Call::Open {
                socket: self.below(3),
            },
            6 => Call::Duplicate {
                through,
                target: self.below(3),
                record: self.below(3),
            },
            7 => Call::Redeem {
                record: self.below(3),
            },
            _ => Call::Close(through),
        }
    }

    fn scenario(&mut self) -> Scenario {
        Scenario {
            sockets: self.many(4, Self::socket),
            slots: self.many(6, |it| SlotSpec {
                process: it.below(2),
                socket: Some(it.below(3)).filter(|it| *it < 2),
            }),
            operations: self.many(4, Self::operation),
            threads: self.many(5, |it| ThreadSpec {
                process: it.below(2),
                calls: it.many(4, Self::call),
            }),
            ..FITS
        }
    }
}

/// Random worlds, most of them nonsense: what is let in is searched a while, and
/// neither overflows nor is cut off on its way.
#[test]
fn what_is_let_in_never_overflows() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut let_in = 0;
    for _ in 0..200_000 {
        let_in += u32::from(said(random.scenario()) == "it fits");
    }
    assert!(let_in > 50, "{let_in} of 200000 were let in");
}
