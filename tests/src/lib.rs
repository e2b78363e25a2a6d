//! What the tests share: the calls a provider answers, a naive oracle of the
//! whole provider, a runner of the shipped protocol, and the ledger of what has
//! to happen exactly once.
#![forbid(unsafe_code)]

pub mod call;
pub mod ledger;
pub mod oracle;
pub mod runner;
pub mod script;
