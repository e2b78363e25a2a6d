//! What the engine costs over real TCP, beside what people would pick instead:
//! the standard library, and tokio on one thread.
//!
//! `cargo bench -p closesocket-tcp` prints a table of ratios, each with its
//! target; `cargo bench -p closesocket-tcp -- echo` only the rows whose name has
//! that word. Peers and load run in child processes.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that fails has nothing to measure"
)]

mod child;
mod clients;
mod engine;
mod rest;
mod servers;
mod table;
mod waking;

use table::Row;

fn main() {
    if let Some(role) = child::role() {
        return role.run();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Without `--bench` it only has to be built (`cargo test`).
    let measures = arguments.iter().any(|argument| argument == "--bench");
    let words: Vec<&String> = arguments.iter().filter(|it| !it.starts_with('-')).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(*word));
    if !measures {
        return;
    }
    println!("Medians of interleaved rounds; ratios with their quartiles: engine to each\n");
    let rows: [fn() -> Vec<Row>; 3] = [clients::rows, waking::rows, servers::rows];
    for row in rows.iter().flat_map(|rows| rows()) {
        if wanted(row.name) {
            row.measure();
        }
    }
    if wanted("at rest") {
        rest::measure();
    }
}
