//! See `closesocket_tests::fuzz::history`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| closesocket_tests::fuzz::history(bytes));
