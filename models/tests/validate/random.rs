//! Random worlds, most of them nonsense: what is let in is searched a while, and
//! neither overflows nor is cut off on its way.

use closesocket::protocol::{Connection, Linger, OperationKind};
use closesocket_models::{Call, Handle, OperationSpec, Scenario, SlotSpec, SocketSpec, ThreadSpec};

use super::{FITS, said};

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

#[test]
fn what_is_let_in_never_overflows() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut let_in = 0;
    for _ in 0..200_000 {
        let_in += u32::from(said(random.scenario()) == "it fits");
    }
    assert!(let_in > 50, "{let_in} of 200000 were let in");
}
