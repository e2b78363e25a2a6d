//! The pages: whole without a script, which adds keys, the switch of colours and
//! what searches find meanwhile. Every address in them is relative.

mod frame;
mod lanes;
mod look;
mod panel;
mod place;
mod specification;
mod start;
mod verdict;

pub(super) use frame::{SCRIPT, no_such_step, path, refusal, style};
pub(super) use look::Look;
pub(super) use place::place;
pub(super) use specification::specification;
pub(super) use start::start;
