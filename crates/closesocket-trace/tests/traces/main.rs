//! Traces: written, read back, judged, and cut off.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines
)]

mod common;

mod cut_off;
mod cuts;
mod mutations;
mod rare_shapes;
mod reader;
mod real_traces;
mod refused;
mod tcp;
