//! Judges the steps on descriptor words: opening, entering, leaving, claiming
//! and recycling, each by the shipped function for it.

use closesocket::engine::SocketId;
use closesocket::engine::observe::{Observation, Step};
use closesocket::protocol::invariant::{DescriptorState, DescriptorView, Event};
use closesocket::protocol::program::{self, Did, Next, Owed};
use closesocket::protocol::returns_handle;
use closesocket::protocol::word::{self, Recycling, Word, WordPhase};

use super::Verdict;
use super::judge::Judge;
use super::needs::Header as _;
use super::thread::{Claim, Must, Name};
use crate::words::count;

impl Judge {
    pub(super) fn judge_handle(
        &mut self,
        thread: u32,
        must: Must,
        observation: &Observation,
    ) -> Verdict {
        let (name, before) = (observation.name()?, observation.before());
        match observation.step {
            Step::Opened { life } => {
                let socket = observation.socket()?;
                self.opened(name, socket, (life, before?), must)
            }
            Step::Entered { holders, admitted } => {
                self.entered(thread, name, before?, holders, admitted)
            }
            Step::Left { holders } => self.left(thread, name, before?, holders, must),
            Step::SealMissed => {
                // Only a commit ends this state, and the lock keeps others out.
                if before?.is_open(name.1.generation()) {
                    Ok(())
                } else {
                    Err("a close missed a word that was not open".to_owned())
                }
            }
            Step::Claimed { won } => self.claimed(thread, name, before?, won, must),
            Step::HandleReturned { succeeded } => self.handle_returned(thread, name, succeeded),
            Step::Recycled { retired } => self.recycled(thread, name, before?, retired),
            _ => Err("not a step on a word".to_owned()),
        }
    }

    fn opened(
        &mut self,
        name: Name,
        id: SocketId,
        (life, before): (u64, Word),
        must: Must,
    ) -> Verdict {
        let (process, descriptor) = name;
        if !matches!(must, Must::Open(_) | Must::OpenRedeemed(..)) {
            return Err("nothing was made or redeemed to be opened".to_owned());
        }
        if before.phase() != WordPhase::Free {
            return Err("the slot was not free".to_owned());
        }
        if word::descriptor(before, descriptor.slot()) != descriptor {
            return Err("the descriptor is not the word's next occupant".to_owned());
        }
        if self.descriptors.insert(name, id).is_some() {
            return Err("the descriptor was issued before".to_owned());
        }
        let socket = self.socket(id)?;
        socket.require_settled()?;
        socket.step(Event::Internal, |local| {
            local.names.push(name);
            local.lives.push(life);
            local.descriptors.push(DescriptorView {
                generation: descriptor.generation(),
                state: DescriptorState::Open,
                process,
                socket: 0,
                life_over: false,
                life_swept: false,
                inside: 0,
                handle_returns: 0,
                retired: false,
            });
        })?;
        let (counted, real) = (socket.machine().references, socket.local.references());
        if counted as usize == real {
            Ok(())
        } else {
            Err(format!(
                "the socket counts {}, there are {real}",
                count(counted, "reference")
            ))
        }
    }

    fn entered(
        &mut self,
        thread: u32,
        name: Name,
        before: Word,
        holders: u64,
        admitted: bool,
    ) -> Verdict {
        let generation = name.1.generation();
        if !matches!(holders, 1 | 2) {
            return Err(format!("no call enters with {holders} holds"));
        }
        if word::admit(before, generation, holders).is_ok() != admitted {
            return Err(if admitted {
                "the call was let in, which the protocol refuses".to_owned()
            } else {
                "the call was refused, which the protocol lets in".to_owned()
            });
        }
        if program::next(Did::Enter { admitted }, Owed::default) == Next::BackOut {
            self.thread(thread).must = Must::BackOut(name, holders);
            return Ok(());
        }
        let holds = self.thread(thread).holds(name);
        holds.calls += 1;
        holds.operations += holders - 1;
        let socket = self.socket_of(name)?;
        let slot = socket.local.slot(name).ok_or("unknown descriptor")?;
        socket.step(Event::Admitted { slot, generation }, |local| {
            local.descriptors[slot].inside += 1;
        })
    }

    fn left(&mut self, thread: u32, name: Name, before: Word, holders: u64, must: Must) -> Verdict {
        if holders == 0 || before.holders() < holders {
            return Err(format!(
                "{holders} holders left a word that counts {}",
                before.holders()
            ));
        }
        if must != Must::BackOut(name, holders) && self.thread(thread).leave(name, holders)? {
            let socket = self.socket_of(name)?;
            let slot = socket.local.slot(name).ok_or("unknown descriptor")?;
            socket.step(Event::Internal, |local| {
                let inside = &mut local.descriptors[slot].inside;
                *inside = inside.saturating_sub(1);
            })?;
        }
        let last_out = word::leave(before, holders);
        if program::next(Did::Leave { last_out }, Owed::default) == Next::Claim {
            let empty = Word::from_bits(before.bits() - holders);
            self.thread(thread).must = Must::Claim(name.0, name.1.slot(), empty);
        }
        Ok(())
    }

    fn claimed(&mut self, thread: u32, name: Name, before: Word, won: bool, must: Must) -> Verdict {
        let Must::Claim(_, _, seen) = must else {
            return Err("the thread has left no descriptor closed and empty".to_owned());
        };
        if won != (before == seen && word::claim(before).is_some()) {
            return Err("the claim ended otherwise than its compare-and-swap".to_owned());
        }
        if word::descriptor(seen, name.1.slot()) != name.1 {
            return Err("the word is another descriptor's".to_owned());
        }
        if !won {
            return Ok(());
        }
        let kind = self.began()?.0;
        let socket = self.socket_of(name)?;
        let id = socket.id;
        let slot = socket.local.slot(name).ok_or("unknown descriptor")?;
        let DescriptorState::Closed(cause) = socket.local.descriptors[slot].state else {
            return Err("the descriptor is not closed".to_owned());
        };
        let won = Did::Claim {
            won,
            returns_handle: returns_handle(kind, cause),
        };
        self.thread(thread).claims.push(Claim {
            name,
            socket: id,
            next: program::next(won, Owed::default),
            failed: false,
        });
        Ok(())
    }

    /// The innermost claim of the thread, which must be this one.
    fn claim(&mut self, thread: u32, name: Name) -> Result<&mut Claim, String> {
        let claim = self.thread(thread).claims.last_mut();
        claim
            .filter(|it| it.name == name)
            .ok_or_else(|| "the thread has not claimed the descriptor".to_owned())
    }

    fn handle_returned(&mut self, thread: u32, name: Name, succeeded: bool) -> Verdict {
        let claim = self.claim(thread, name)?;
        if claim.next != Next::ReturnHandle {
            return Err("no handle is due to go back".to_owned());
        }
        claim.next = program::next(Did::ReturnHandle, Owed::default);
        claim.failed = !succeeded;
        let id = claim.socket;
        let socket = self.socket(id)?;
        let slot = socket.local.slot(name).ok_or("unknown descriptor")?;
        socket.step(Event::HandleReturned { slot }, |local| {
            let descriptor = &mut local.descriptors[slot];
            descriptor.handle_returns = descriptor.handle_returns.saturating_add(1);
            descriptor.retired |= !succeeded;
        })
    }

    fn recycled(&mut self, thread: u32, name: Name, before: Word, retired: bool) -> Verdict {
        let claim = *self.claim(thread, name)?;
        if claim.next != Next::Recycle {
            return Err("the handle has not gone back yet".to_owned());
        }
        if before.phase() != WordPhase::Claimed {
            return Err("the slot was not claimed".to_owned());
        }
        if (word::recycle(before, !claim.failed) == Recycling::Retired) != retired {
            return Err("the slot's fate is not the one that the protocol decides".to_owned());
        }
        self.thread(thread).claims.pop();
        self.descriptors.remove(&name);
        let socket = self.socket(claim.socket)?;
        let slot = socket.local.slot(name).ok_or("unknown descriptor")?;
        let inside = socket.local.descriptors[slot].inside;
        if inside > 0 {
            return Err(format!("{inside} are still inside"));
        }
        if socket.operations.values().any(|it| it.name == name) {
            return Err("an operation of the descriptor has not ended".to_owned());
        }
        // Outlived by its socket, perhaps; a section of which may be at work.
        socket.forget_descriptor(slot);
        self.forget_if_finished(claim.socket)
    }
}
