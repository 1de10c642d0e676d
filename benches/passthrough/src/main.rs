//! The yardstick on the system's allocator, as Pingora comes out of the box.

use clap::Parser;

fn main() -> std::io::Result<()> {
    passthrough::serve(&passthrough::Arguments::parse())
}
