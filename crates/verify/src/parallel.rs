//! Jobs side by side, on as many threads as there are processors.

use std::cmp::Reverse;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Runs every job and returns the results in the order of the jobs. Those that
/// weigh most come first, so that none is left over for one thread at the end.
pub(crate) fn side_by_side<J: Sync, R: Send>(
    jobs: &[J],
    weight: impl Fn(&J) -> usize,
    run: impl Fn(&J) -> R + Sync,
) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut order: Vec<(usize, &J)> = jobs.iter().enumerate().collect();
    order.sort_by_key(|(_, job)| Reverse(weight(job)));
    let queue = Mutex::new(order.into_iter());
    let done = Mutex::new(Vec::new());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        for _ in 0..threads.min(jobs.len()) {
            scope.spawn(|| {
                while let Some((index, job)) = next() {
                    let result = run(job);
                    done.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((index, result));
                }
            });
        }
    });
    let mut results = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::side_by_side;

    #[test]
    fn every_job_runs_once_and_the_results_keep_their_order() {
        let jobs: Vec<usize> = (0..100).collect();
        let results = side_by_side(&jobs, |it| it % 7, |it| it * 2);
        assert_eq!(results, (0..100).map(|it| it * 2).collect::<Vec<_>>());
        assert!(side_by_side(&[] as &[usize], |_| 0, |it| *it).is_empty());
    }
}
