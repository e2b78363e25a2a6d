//! Closing with operations pending, beside other ways to tell so many waiters.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use closesocket::engine::System;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::world::World;
use super::{Contender, Contest};

/// Closing with so many receives pending, all to one completion queue.
pub(crate) fn close_with_pending(receives: u64) -> Contest {
    let (tokens, senders) = (cancelled_tokens(receives), dropped_senders(receives));
    let (tokens, senders) = if receives == 1 {
        (tokens.at_most(1.5), senders)
    } else {
        (tokens.at_most(0.15), senders.at_most(0.4))
    };
    Contest {
        name: format!("close with {receives} pending, for each"),
        threads: 1,
        each: receives,
        contenders: vec![
            closes("engine", World::idle(), receives),
            tokens,
            senders,
            closes("engine, in memory", World::in_memory(), receives),
            taken(World::idle(), receives),
        ],
    }
}

fn closes<S: System>(name: &'static str, world: World<S>, receives: u64) -> Contender {
    Contender::measured(name, move |times| {
        let [close, _] = world.close_with_pending(receives, times);
        close
    })
}

/// Taking what the close has posted is the takers' work, not the closer's.
fn taken<S: System>(world: World<S>, receives: u64) -> Contender {
    Contender::measured("engine, taking the completions", move |times| {
        let [_, take] = world.close_with_pending(receives, times);
        take
    })
}

/// A task waits for each token.
fn cancelled_tokens(receives: u64) -> Contender {
    Contender::measured("CancellationToken cancel", move |times| {
        rounds(times, || {
            let tokens: Vec<_> = (0..receives).map(|_| CancellationToken::new()).collect();
            let waits = tokens.iter().map(|it| it.clone().cancelled_owned());
            let mut waits: Vec<_> = waits.map(Box::pin).collect();
            assert!(waits.iter_mut().all(|it| poll(it.as_mut()).is_pending()));
            let took = timed(|| tokens.iter().for_each(CancellationToken::cancel));
            assert!(waits.iter_mut().all(|it| poll(it.as_mut()).is_ready()));
            took
        })
    })
}

/// A task waits at each receiver.
fn dropped_senders(receives: u64) -> Contender {
    Contender::measured("oneshot::Sender drop", move |times| {
        rounds(times, || {
            let (senders, mut receivers): (Vec<_>, Vec<_>) =
                (0..receives).map(|_| oneshot::channel::<u64>()).unzip();
            assert!(
                receivers
                    .iter_mut()
                    .all(|it| poll(Pin::new(it)).is_pending())
            );
            let took = timed(|| drop(senders));
            assert!(receivers.iter_mut().all(|it| poll(Pin::new(it)).is_ready()));
            took
        })
    })
}

/// Lets a task that does nothing when it is woken wait.
fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn rounds(times: u64, round: impl Fn() -> Duration) -> Duration {
    (0..times).map(|_| round()).sum()
}

fn timed(act: impl FnOnce()) -> Duration {
    let start = Instant::now();
    act();
    start.elapsed()
}
