//! Says what this is built with: in its repository its sources are beside it, and
//! reports can point into them; on Linux there are real connections.

use std::env::var_os;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(repository)");
    println!("cargo::rustc-check-cfg=cfg(connections)");
    println!("cargo::rerun-if-changed=build.rs");
    if std::path::Path::new("../../docs/specification.md").exists() {
        println!("cargo::rustc-cfg=repository");
    }
    let linux = var_os("CARGO_CFG_TARGET_OS").is_some_and(|it| it == "linux");
    if linux && var_os("CARGO_FEATURE_TCP").is_some() {
        println!("cargo::rustc-cfg=connections");
    }
}
