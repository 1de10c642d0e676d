//! Prints `docs/CLASSIFICATION.md` anew, after a change of the table:
//! `cargo run -p keyweir-wire --example classification > docs/CLASSIFICATION.md`.

#![expect(clippy::print_stdout, reason = "it is made to print")]

use keyweir_wire::classify::page;

fn main() {
    print!("{}", page());
}
