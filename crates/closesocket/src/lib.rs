//! Closing a shared socket correctly while other threads still use it.
//!
//! The library has two layers. [`protocol`] decides: pure functions over two
//! small state machines, for those who have a runtime of their own. [`engine`]
//! runs it: a concurrent socket provider in Winsock's terms, generic over
//! synchronization primitives, transport, clock and probe. On top are two types that
//! own their descriptor: [`Stream`] and [`Listener`].
//!
//! Without the feature `std`, which is on by default, there is the protocol
//! alone; it needs `core` and `alloc`.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "std")]
pub mod engine;
pub mod protocol;

#[cfg(feature = "std")]
mod owned;

#[cfg(feature = "std")]
pub use owned::{Listener, Stream};
