//! The yardstick on the gateway's allocator.

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::io::Result<()> {
    passthrough::serve(&passthrough::Arguments::parse())
}
