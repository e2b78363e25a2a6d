//! Toy spaces, whose counts are known, and stateright's checker beside.

#![allow(clippy::expect_used, clippy::panic)]

mod checkpoints;
mod limits;
mod models;
mod processes;
mod toys;
