//! See `closesocket_tests::fuzz::trace`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| closesocket_tests::fuzz::trace(bytes));
