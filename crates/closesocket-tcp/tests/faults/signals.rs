//! Signals that arrive in threads blocked in our calls, and in the reactor: no
//! call ends for them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use closesocket::engine::Process;
use closesocket::engine::completions::{AlertableThread, CompletionQueue, Interest, Notify};
use closesocket::engine::net::{Events, Token, Transport};
use closesocket_tcp::Tcp;
use nix::sys::pthread::{Pthread, pthread_kill, pthread_self};
use nix::sys::signal::Signal;

use crate::common::child::alone;
use crate::common::world::{LONG, Sys, Task, World, until};

/// Signals for each thread.
const SIGNALS: usize = 100;

/// Whether the handler has run since somebody looked.
fn handler() -> Arc<AtomicBool> {
    let ran = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&ran)).unwrap();
    ran
}

/// Interrupts this thread, again and again.
fn interrupt(thread: Pthread, ran: &AtomicBool) {
    for _ in 0..SIGNALS {
        pthread_kill(thread, Signal::SIGUSR1).unwrap();
        until("the handler runs", || ran.swap(false, Ordering::SeqCst));
    }
}

struct Threads {
    name: Sender<Pthread>,
    process: Process<Sys>,
}

impl Threads {
    /// Starts a call in a thread that tells its name first.
    fn start<T: Send + 'static>(
        &self,
        call: impl FnOnce(Process<Sys>) -> T + Send + 'static,
    ) -> Task<T> {
        let (name, process) = (self.name.clone(), self.process.clone());
        Task::start(move || {
            name.send(pthread_self()).unwrap();
            call(process)
        })
    }
}

#[test]
fn no_blocked_call_ends_for_a_signal() {
    alone(|| {
        let ran = handler();
        let world = World::new();
        let process = &world.process;
        let (one, mut peer, accepted) = world.stalled();
        let (lingering, mut second, also) = world.stalled();
        let (silent, mut third) = world.connect();
        let (listener, address) = world.listening();
        process.set_linger(lingering, Some(600)).unwrap();
        let queue = CompletionQueue::new();
        world.start_recv(silent, 1, Notify::queue(&queue, 7));
        let (name, names) = channel();
        let threads = Threads {
            name,
            process: process.clone(),
        };
        let recv = threads.start(move |process| process.recv(one, &mut [0; 4]));
        let send = threads.start(move |process| process.send(one, &[7; 1 << 18]));
        let accept = threads.start(move |process| process.accept(listener));
        let close = threads.start(move |process| process.close(lingering));
        until("four calls block", || process.blocked_threads() == 4);
        let select =
            threads.start(move |process| process.select(&[(silent, Interest::READABLE)], LONG));
        let taken = {
            let queue = queue.clone();
            threads.start(move |_| queue.wait(LONG).map(|it| it.key))
        };
        let alertable = threads.start(move |process| {
            let thread = AlertableThread::new();
            let notify = Notify::routine(&thread, 8, |_| ());
            process.recv_overlapped(silent, vec![0; 1], notify).unwrap();
            thread.wait(LONG)
        });
        until("both receives are there", || {
            world.provider.metrics().pending >= 5
        });
        for _ in 0..7 {
            interrupt(names.recv().unwrap(), &ran);
        }
        assert!(recv.goes_on() && send.goes_on() && accept.goes_on());
        assert!(close.goes_on() && select.goes_on() && taken.goes_on());
        assert!(alertable.goes_on());

        std::io::Write::write_all(&mut peer, b"word").unwrap();
        assert_eq!(recv.result(), Ok(4));
        let mut all = vec![0; accepted + (1 << 18)];
        std::io::Read::read_exact(&mut peer, &mut all).unwrap();
        assert_eq!(send.result(), Ok(1 << 18));
        let _dialled = std::net::TcpStream::connect(address).unwrap();
        let connection = accept.result().unwrap();
        assert_eq!(crate::common::read_to_end(&mut second).unwrap(), also);
        assert_eq!(close.result(), Ok(()));
        std::io::Write::write_all(&mut third, b"xyz").unwrap();
        assert_eq!((taken.result(), alertable.result()), (Some(7), 1));
        assert!(select.result().unwrap()[0].1.readable);
        for each in [one, silent, listener, connection] {
            process.close(each).unwrap();
        }
        world.until_nothing_is_left();
    });
}

/// Tells the name of the thread that calls it.
#[derive(Default)]
struct Namer {
    thread: Mutex<Option<Pthread>>,
    ticks: Mutex<usize>,
}

impl Events for Namer {
    fn ready(&self, _: Token) {}

    fn tick(&self) -> Option<Duration> {
        *self.thread.lock().unwrap() = Some(pthread_self());
        *self.ticks.lock().unwrap() += 1;
        None
    }
}

#[test]
fn the_reactor_goes_on_after_signals() {
    alone(|| {
        let ran = handler();
        let namer = Arc::new(Namer::default());
        let tcp = Tcp::new().unwrap();
        let events = Arc::downgrade(&namer);
        tcp.attach(events);
        tcp.wake();
        until("the reactor ticks", || *namer.ticks.lock().unwrap() == 1);
        let reactor = namer.thread.lock().unwrap().unwrap();
        // It sleeps in the kernel now, or is on its way there.
        interrupt(reactor, &ran);
        tcp.wake();
        until("the reactor ticks", || *namer.ticks.lock().unwrap() == 2);
    });
}
