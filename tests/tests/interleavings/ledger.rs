//! The ledger: what the engine's probe saw in one execution, judged at its end.

use std::collections::BTreeMap;

use closesocket::engine::{Descriptor, Observation, OperationId, Probe, ProcessId, SocketId};
use closesocket::protocol::{Cause, Error, Waiting};

use super::primitives::Notes;
use super::replay::Words;

/// A probe that notes everything. It is not visible to loom, so it adds no
/// synchronization; and since loom switches threads only before an atomic
/// instruction or a lock, its order is the order of the steps.
#[derive(Default)]
pub(crate) struct Ledger(Notes<Observation>);

impl Probe for Ledger {
    fn observe(&self, observation: Observation) {
        self.0.push(observation);
    }
}

impl Ledger {
    /// What was seen so far.
    pub(crate) fn observations(&self) -> Vec<Observation> {
        self.0.all()
    }

    /// Fails unless everything seen is in order and complete, and the DLL has
    /// got back exactly the handles that it should.
    pub(crate) fn judge(&self, returned: &[(ProcessId, Descriptor, u64)]) {
        let observations = self.observations();
        let mut words = Words::default();
        let mut book = Book::default();
        for (index, observation) in observations.iter().enumerate() {
            let outcome = words
                .step(observation)
                .and_then(|()| book.step(observation));
            if let Err(violation) = outcome {
                show(&observations[..=index]);
                panic!("{violation}");
            }
        }
        if let Err(violation) = book.finish(returned) {
            show(&observations);
            panic!("{violation}");
        }
    }
}

fn show(observations: &[Observation]) {
    for observation in observations {
        println!("  {observation:?}");
    }
}

/// A process's descriptor.
type Name = (ProcessId, Descriptor);

#[derive(Debug)]
struct DescriptorLife {
    socket: SocketId,
    committed: Option<Cause>,
    claimed: bool,
    returned: bool,
}

#[derive(Debug)]
struct OperationLife {
    through: Name,
    waiting: Waiting,
    /// Taken, and by which close if one aborted it.
    taken: Option<Option<Cause>>,
    delivered: bool,
}

#[derive(Default)]
struct SocketLife {
    references: usize,
    released: bool,
}

/// The lives of descriptors, operations and sockets, as seen so far.
#[derive(Default)]
struct Book {
    descriptors: BTreeMap<Name, DescriptorLife>,
    operations: BTreeMap<OperationId, OperationLife>,
    sockets: BTreeMap<SocketId, SocketLife>,
    /// A redeemed record's reference becomes the next descriptor.
    redeemed: Option<SocketId>,
}

type Verdict = Result<(), String>;

fn demand(holds: bool, violation: &str, of: &dyn std::fmt::Debug) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(format!("{violation}: {of:?}"))
    }
}

impl Book {
    fn step(&mut self, observation: &Observation) -> Verdict {
        match *observation {
            Observation::Opened {
                process,
                descriptor,
                socket,
                ..
            } => self.opened((process, descriptor), socket),
            Observation::Committed {
                process,
                descriptor,
                socket,
                cause,
                last,
                ..
            } => self.committed((process, descriptor), socket, cause, last),
            Observation::Claimed {
                process,
                descriptor,
                won: true,
                ..
            } => self.claimed((process, descriptor)),
            Observation::HandleReturned {
                process,
                descriptor,
                ..
            } => self.returned((process, descriptor)),
            Observation::Registered {
                process,
                descriptor,
                operation,
                waiting,
                ..
            } => self.registered((process, descriptor), operation, waiting),
            Observation::Taken {
                operation, aborted, ..
            } => self.taken(operation, aborted),
            Observation::Delivered {
                operation,
                posted,
                error,
            } => self.delivered(operation, posted, error),
            Observation::Duplicated { socket, .. } => self.add_reference(socket),
            Observation::Redeemed { socket, .. } => {
                self.redeemed = Some(socket);
                Ok(())
            }
            Observation::Reclaimed { socket, last, .. } => self.drop_reference(socket, last),
            Observation::Released { socket, .. } => self.released(socket),
            _ => Ok(()),
        }
    }

    fn add_reference(&mut self, socket: SocketId) -> Verdict {
        let life = self.sockets.entry(socket).or_default();
        life.references += 1;
        demand(!life.released, "used after its release", &socket)
    }

    fn drop_reference(&mut self, socket: SocketId, last: bool) -> Verdict {
        let life = self.sockets.entry(socket).or_default();
        demand(life.references > 0, "one reference too many", &socket)?;
        life.references -= 1;
        let wrong = "wrong about the last reference";
        demand((life.references == 0) == last, wrong, &socket)
    }

    fn opened(&mut self, name: Name, socket: SocketId) -> Verdict {
        if self.redeemed.take() != Some(socket) {
            self.add_reference(socket)?;
        }
        let life = DescriptorLife {
            socket,
            committed: None,
            claimed: false,
            returned: false,
        };
        let before = self.descriptors.insert(name, life);
        demand(before.is_none(), "a descriptor was issued twice", &name)
    }

    fn committed(&mut self, name: Name, socket: SocketId, cause: Cause, last: bool) -> Verdict {
        let life = self.descriptors.get_mut(&name).ok_or("never opened")?;
        demand(life.socket == socket, "closed another socket", &name)?;
        let twice = "two closes of one descriptor committed";
        demand(life.committed.replace(cause).is_none(), twice, &name)?;
        self.drop_reference(socket, last)
    }

    fn claimed(&mut self, name: Name) -> Verdict {
        let life = self.descriptors.get_mut(&name).ok_or("never opened")?;
        demand(life.committed.is_some(), "claimed but not closed", &name)?;
        demand(!life.claimed, "claimed twice", &name)?;
        life.claimed = true;
        let delivered = |it: &OperationLife| it.through != name || it.delivered;
        let overlapped = |it: &&OperationLife| it.waiting == Waiting::Overlapped;
        let all = self.operations.values().filter(overlapped).all(delivered);
        demand(all, "claimed before a result was delivered", &name)
    }

    fn returned(&mut self, name: Name) -> Verdict {
        let life = self.descriptors.get_mut(&name).ok_or("never opened")?;
        demand(life.claimed, "handle returned too early", &name)?;
        demand(!life.returned, "handle returned twice", &name)?;
        life.returned = true;
        Ok(())
    }

    fn registered(&mut self, name: Name, operation: OperationId, waiting: Waiting) -> Verdict {
        let life = self.descriptors.get(&name).ok_or("never opened")?;
        let orphaned = "an operation was orphaned: registered after the commit";
        demand(life.committed.is_none(), orphaned, &operation)?;
        let elsewhere = "an operation was registered at another socket";
        demand(life.socket == operation.socket, elsewhere, &operation)?;
        let life = OperationLife {
            through: name,
            waiting,
            taken: None,
            delivered: false,
        };
        let before = self.operations.insert(operation, life);
        demand(before.is_none(), "registered twice", &operation)
    }

    fn taken(&mut self, operation: OperationId, aborted: Option<Cause>) -> Verdict {
        let life = self.operations.get_mut(&operation).ok_or("unknown")?;
        demand(life.taken.is_none(), "taken twice", &operation)?;
        life.taken = Some(aborted);
        let closed = self.descriptors.get(&life.through);
        let closed = closed.is_some_and(|it| it.committed.is_some());
        let left = "the close left an operation behind";
        demand(aborted.is_some() == closed, left, &operation)
    }

    fn delivered(&mut self, operation: OperationId, posted: bool, error: Option<Error>) -> Verdict {
        let life = self.operations.get_mut(&operation).ok_or("unknown")?;
        let taken = life.taken.ok_or("delivered but not taken")?;
        demand(!life.delivered, "delivered twice", &operation)?;
        life.delivered = true;
        let overlapped = life.waiting == Waiting::Overlapped;
        let (post, told) = match taken {
            None => (overlapped, error),
            Some(_) if !overlapped => (false, Some(Error::Interrupted)),
            Some(Cause::Call) => (true, Some(Error::OperationAborted)),
            Some(_) => (false, None),
        };
        let wrong = "the wrong notice";
        demand((posted, error) == (post, told), wrong, &operation)
    }

    fn released(&mut self, socket: SocketId) -> Verdict {
        let life = self.sockets.entry(socket).or_default();
        demand(!life.released, "released twice", &socket)?;
        life.released = true;
        let early = "released before the last reference";
        demand(life.references == 0, early, &socket)
    }

    fn finish(&self, returned: &[(ProcessId, Descriptor, u64)]) -> Verdict {
        for (name, life) in &self.descriptors {
            let cause = life.committed.ok_or(format!("never closed: {name:?}"))?;
            demand(life.claimed, "never claimed", name)?;
            let expected = usize::from(cause != Cause::Death);
            let got = returned.iter().filter(|it| (it.0, it.1) == *name).count();
            demand(got == expected, "not exactly one handle upcall", name)?;
            demand(life.returned == (got == 1), "an upcall unseen", name)?;
        }
        for (operation, life) in &self.operations {
            demand(life.delivered, "an operation never ended", operation)?;
        }
        for (socket, life) in &self.sockets {
            demand(life.references == 0, "a reference is left", socket)?;
            demand(life.released, "never released", socket)?;
        }
        Ok(())
    }
}
