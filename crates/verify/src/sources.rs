//! The sources that define and decide what this project checks. Built from its package this
//! program has none beside it.

/// A file, by its path from the root of the repository, and its text.
type Source = (&'static str, &'static str);

#[cfg(repository)]
macro_rules! sources {
    ($($path:literal)+) => { &[$(($path, include_str!(concat!("../../../", $path)))),+] };
}

/// The sources of our own suite.
#[cfg(repository)]
pub(crate) const SOURCES: &[Source] = sources! {
    "docs/specification.md"
    "crates/closesocket/src/protocol/close.rs"
    "crates/closesocket/src/protocol/drain.rs"
    "crates/closesocket/src/protocol/ending.rs"
    "crates/closesocket/src/protocol/invariant/descriptors.rs"
    "crates/closesocket/src/protocol/invariant/operations.rs"
    "crates/closesocket/src/protocol/invariant/processes.rs"
    "crates/closesocket/src/protocol/invariant/sockets.rs"
    "crates/closesocket/src/protocol/program.rs"
    "crates/closesocket/src/protocol/record.rs"
    "crates/closesocket/src/protocol/socket.rs"
    "crates/closesocket/src/protocol/startup.rs"
    "crates/closesocket/src/protocol/word.rs"
    "models/src/catalogue/cancel.rs"
    "models/src/catalogue/deep.rs"
    "models/src/catalogue/linger.rs"
    "models/src/catalogue/one_descriptor.rs"
    "models/src/catalogue/process.rs"
    "models/src/catalogue/sharing.rs"
    "models/src/defect/table.rs"
};
#[cfg(not(repository))]
pub(crate) const SOURCES: &[Source] = &[];
