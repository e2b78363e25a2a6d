//! Closing a shared socket correctly while other threads still use it.
#![forbid(unsafe_code)]
pub mod protocol;
