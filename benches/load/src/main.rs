//! Loads the gateway and the pass-through side by side, and prints what each cost.
//!
//! Everything is measured in one run, in turns, because the machines this runs on are shared and
//! swing twofold within minutes: a ratio of two turns next to each other means something where
//! two runs do not. A wrong answer ends the run: a figure over errors is worth nothing.

mod answer_head;
mod canned;
mod child;
mod chunked;
mod client;
mod counter;
mod counting;
mod crowd;
mod directive;
mod drive;
mod failure;
mod lab;
mod machine;
mod measure;
mod policy_file;
mod process;
mod report;
mod stats;
mod store;
mod subject;
mod upstream;
mod weathers;
mod wire;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::drive::{Fleet, Until};
use crate::failure::Failure;
use crate::lab::{Conditions, Lab};
use crate::report::Section;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// Measure the gateway against the pass-through.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything below, one after another.
    All(Measuring),
    /// Requests per second at 64 connections.
    Throughput(Measuring),
    /// User-space instructions per request.
    Instructions(Measuring),
    /// User-space instructions that being seen by operators takes, and tenants.
    Parts(Measuring),
    /// Added latency at one connection.
    Latency(Measuring),
    /// Delay of a stream's chunk, alone and among 200 streams.
    ChunkDelay(Measuring),
    /// Peak memory of a 30 MiB request that fails over twice.
    FailoverMemory(Measuring),
    /// Memory of 5,000 open streams.
    StreamMemory(Measuring),
    /// Choosing a key among 1,000 and 10,000, and a full waiting room.
    Choice(Measuring),
    /// What 20,000 connections without a client key cost the others.
    Strangers(Measuring),
    /// The weather table: the gateway against a simulated provider, in every weather.
    Weathers(weathers::Weathers),
    /// Be the upstream. The other commands start this themselves.
    #[command(hide = true)]
    Upstream {
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Send a counted load, and nothing else.
    #[command(hide = true)]
    Drive(Load),
}

#[derive(Clone, Debug, Args)]
struct Measuring {
    /// Write the figures into this document too, between its marks.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where the programs are; beside this one, unless given.
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Let everything run on all cores, instead of giving the measured program one for itself.
    #[arg(long)]
    not_pinned: bool,
    /// Leave the gateway out.
    #[arg(long)]
    yardstick_only: bool,
    /// Few and short rounds: to see that everything works, not to quote.
    #[arg(long)]
    quick: bool,
}

#[derive(Debug, Args)]
struct Load {
    #[arg(long)]
    to: SocketAddr,
    #[arg(long)]
    answer: Answer,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    #[arg(long)]
    requests: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Answer {
    Json,
    Stream,
    PacedStream,
}

/// One thread for upstream and load alike: they share a core, and more threads on it would only
/// take turns.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let ended = tokio::select! {
        ended = run(command) => ended,
        ended = until_stopped() => ended,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Children end with what holds them, so a signal must end this process the ordinary way.
async fn until_stopped() -> Result<(), Failure> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminated.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Err(Failure::new("stopped by a signal"))
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Upstream { listen } => Ok(upstream::serve(listen).await?),
        Command::Drive(load) => drive(&load).await,
        Command::Weathers(with) => weathers::run(&with, &beside_this_program()?).await,
        Command::All(with) => measured(with, &Measurement::ALL).await,
        Command::Throughput(with) => measured(with, &[Measurement::Throughput]).await,
        Command::Instructions(with) => measured(with, &[Measurement::Instructions]).await,
        Command::Latency(with) => measured(with, &[Measurement::Latency]).await,
        Command::ChunkDelay(with) => measured(with, &[Measurement::ChunkDelay]).await,
        Command::FailoverMemory(with) => measured(with, &[Measurement::FailoverMemory]).await,
        Command::StreamMemory(with) => measured(with, &[Measurement::StreamMemory]).await,
        Command::Choice(with) => {
            measured(with, &[Measurement::Choice, Measurement::FullRoom]).await
        }
        Command::Strangers(with) => measured(with, &[Measurement::Strangers]).await,
        Command::Parts(with) => measured(with, &[Measurement::Parts]).await,
    }
}

#[derive(Clone, Copy, Debug)]
enum Measurement {
    Throughput,
    Instructions,
    Latency,
    ChunkDelay,
    FailoverMemory,
    StreamMemory,
    Choice,
    FullRoom,
    Strangers,
    Parts,
}

impl Measurement {
    const ALL: [Self; 10] = [
        Self::Throughput,
        Self::Instructions,
        Self::Parts,
        Self::Latency,
        Self::ChunkDelay,
        Self::FailoverMemory,
        Self::StreamMemory,
        Self::Choice,
        Self::FullRoom,
        Self::Strangers,
    ];

    async fn make(self, lab: &Lab) -> Result<Vec<Section>, Failure> {
        match self {
            Self::Throughput => measure::throughput::measure(lab).await,
            Self::Instructions => measure::instructions::measure(lab).await,
            Self::Latency => measure::latency::measure(lab).await,
            Self::ChunkDelay => measure::chunk_delay::measure(lab).await,
            Self::FailoverMemory => measure::failover_memory::measure(lab).await,
            Self::StreamMemory => measure::stream_memory::measure(lab).await,
            Self::Choice => measure::choice::measure(lab),
            Self::FullRoom => measure::full_room::measure(lab),
            Self::Strangers => measure::strangers::measure(lab).await,
            Self::Parts => measure::parts::measure(lab).await,
        }
    }
}

async fn measured(with: Measuring, measurements: &[Measurement]) -> Result<(), Failure> {
    let facts = machine::facts();
    let conditions = Conditions {
        programs: match with.programs {
            Some(folder) => folder,
            None => beside_this_program()?,
        },
        pinned: !with.not_pinned,
        yardstick_only: with.yardstick_only,
        quick: with.quick,
    };
    let lab = Lab::open(conditions).await?;
    let mut sections = Vec::new();
    let mut voids = Vec::new();
    for measurement in measurements {
        eprintln!("measuring: {measurement:?}");
        match measurement.make(&lab).await {
            Ok(found) => sections.extend(found),
            Err(failure) => {
                let failure = failure.with(format!("{measurement:?}"));
                eprintln!("void: {failure}");
                sections.push(Section::void(&failure));
                voids.push(failure.to_string());
            }
        }
    }
    let figures = report::markdown(&facts, &sections);
    std::io::stdout().write_all(figures.as_bytes())?;
    if let Some(document) = with.out {
        report::write(&document, &figures)?;
    }
    if voids.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(voids.join("; ")).with("void"))
    }
}

fn beside_this_program() -> std::io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.parent().ok_or(std::io::ErrorKind::NotFound)?;
    Ok(folder.to_owned())
}

async fn drive(load: &Load) -> Result<(), Failure> {
    let exchange = Arc::new(match load.answer {
        Answer::Json => canned::json(),
        Answer::Stream => canned::short_stream(Duration::ZERO),
        Answer::PacedStream => canned::short_stream(measure::instructions::PACE),
    });
    let mut fleet = Fleet::connect(load.to, load.connections).await?;
    let driven = fleet
        .drive(&exchange, Until::Requests(load.requests))
        .await?;
    let text = format!(
        "{} answers, {:.0} per second\n",
        driven.answers,
        driven.rate()
    );
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
