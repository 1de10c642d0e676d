//! The simulated provider as a program: `simulated-provider --help`.

use std::error::Error;
use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Parser;
use simulated_provider::{Provider, World};
use tokio::signal::unix::{SignalKind, signal};

/// An LLM provider in a box: strict budgets, Anthropic's and OpenAI's APIs, faults on command.
///
/// Prints its base URL as its first line and serves until it gets SIGTERM or SIGINT. It listens
/// on 127.0.0.1, unless told another address.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The world to simulate (TOML). Without it, and without --demo, one account without limits
    /// and the key `sk-sim`.
    #[arg(long, value_name = "FILE", conflicts_with = "demo")]
    config: Option<PathBuf>,
    /// A world of eight keys in five accounts of different sizes, answering at a human pace.
    #[arg(long)]
    demo: bool,
    /// Address to listen on. Beats the file's.
    #[arg(long)]
    address: Option<IpAddr>,
    /// Port to listen on; 0 takes a free one. Beats the file's.
    #[arg(long)]
    port: Option<u16>,
    /// Serve TLS with a certificate made now, whose authority is written to this file.
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// Serve the control under `/_control/` (see `GET /_control/help`).
    #[arg(long)]
    control: bool,
    /// Print the world as TOML, with every default, and leave.
    #[arg(long)]
    print_world: bool,
    /// Threads that serve; as many as cores if absent.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let world = world(&options)?;
    if options.print_world {
        say(&toml::to_string_pretty(&world)?)?;
        return Ok(());
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = options.threads {
        runtime.worker_threads(threads.max(1));
    }
    runtime
        .enable_all()
        .build()?
        .block_on(run(world, options.tls_ca))
}

fn world(options: &Options) -> Result<World, Box<dyn Error>> {
    let mut world = match &options.config {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            World::from_toml(&text).map_err(|error| format!("{}: {error}", file.display()))?
        }
        None if options.demo => World::demo(),
        None => World::unlimited("sk-sim"),
    };
    if let Some(address) = options.address {
        world.address = address;
    }
    if let Some(port) = options.port {
        world.port = port;
    }
    if options.tls_ca.is_some() {
        world.tls.get_or_insert_default();
    }
    world.control |= options.control;
    Ok(world)
}

async fn run(world: World, tls_ca: Option<PathBuf>) -> Result<(), Box<dyn Error>> {
    let provider = Provider::start(world).await?;
    if let (Some(file), Some(ca)) = (tls_ca, provider.ca_pem()) {
        std::fs::write(&file, ca).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    // Listened for before anybody is told where it is: who knows may also stop it.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    say(&format!("{}\n", provider.base_url()))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    provider.shutdown().await;
    Ok(())
}

/// Whoever started the program reads the line through a pipe: it must not stay in a buffer.
fn say(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
