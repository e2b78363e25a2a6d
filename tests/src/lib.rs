//! What the tests share: the calls a provider answers, a naive oracle of the
//! whole provider, the engine behind the same interface, the ledger of
//! what has to happen exactly once, and the sources for the tests that read them.
#![forbid(unsafe_code)]

pub mod call;
pub mod engine_runner;
pub mod fuzz;
pub mod ledger;
pub mod oracle;
pub mod script;
pub mod sources;
pub mod trial;

/// The snippets of `docs/embedding.md`, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
pub struct Embedding;
