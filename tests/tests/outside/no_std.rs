//! The protocol without `std`.

use crate::{Outside, root};

/// With `std` anywhere below it, this handler would be the second one.
const WITHOUT_STD: &str = "\
#![no_std]

use closesocket::protocol::{Error, Preconditions};

#[panic_handler]
fn stop(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

pub fn check(preconditions: Preconditions) -> Result<(), Error> {
    preconditions.check()
}
";

fn check(name: &str, features: &str) -> (bool, String) {
    let path = root().join("crates/closesocket");
    let manifest = format!(
        "[dependencies]\nclosesocket = {{ path = {path:?}, default-features = false, features = [{features}] }}\n"
    );
    Outside::new(name, &manifest, &[("src/lib.rs", WITHOUT_STD)]).cargo(&["check"])
}

#[test]
fn the_protocol_is_used_where_there_is_no_std() {
    let (fine, said) = check("no-std", "\"serde\"");
    assert!(fine, "{said}");
    // And the check can fail.
    let (fine, said) = check("with-std", "\"std\"");
    assert!(!fine && said.contains("panic_impl"), "{said}");
}
