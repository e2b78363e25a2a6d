//! Closing with operations pending, beside other ways to tell so many waiters.

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

fn cancelled_tokens(receives: u64) -> Contender {
    Contender::measured("CancellationToken cancel", move |times| {
        rounds(times, || {
            let tokens: Vec<_> = (0..receives).map(|_| CancellationToken::new()).collect();
            let waiters = tokens.clone();
            let took = timed(|| tokens.iter().for_each(CancellationToken::cancel));
            assert!(waiters.iter().all(CancellationToken::is_cancelled));
            took
        })
    })
}

fn dropped_senders(receives: u64) -> Contender {
    Contender::measured("oneshot::Sender drop", move |times| {
        rounds(times, || {
            let (senders, mut receivers): (Vec<_>, Vec<_>) =
                (0..receives).map(|_| oneshot::channel::<u64>()).unzip();
            let took = timed(|| drop(senders));
            assert!(receivers.iter_mut().all(|it| it.try_recv().is_err()));
            took
        })
    })
}

fn rounds(times: u64, round: impl Fn() -> Duration) -> Duration {
    (0..times).map(|_| round()).sum()
}

fn timed(act: impl FnOnce()) -> Duration {
    let start = Instant::now();
    act();
    start.elapsed()
}
