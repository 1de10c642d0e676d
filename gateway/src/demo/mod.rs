//! The gateway at work, with a simulated provider and some traffic, in one process.
//!
//! Nothing here is staged: the gateway is started as `serve` starts it, the provider enforces its
//! budgets by a bookkeeping of its own, and clients, gateway and provider talk over sockets on
//! loopback. What is scripted is the weather (`story`): how much clients ask, and what goes
//! wrong at the provider. What is shown is read from the gateway's pool, from what clients got,
//! and from the provider's own counters (`scene`).

mod bar;
mod client;
mod feed;
mod ink;
mod plain;
mod scene;
mod screen;
mod stage;
mod story;
mod summary;
mod tally;
mod terminal;
mod traffic;
mod try_it;
mod waits;
mod world;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior};

use crate::command::failed::Failed;

use self::plain::Lines;
use self::scene::Scene;
use self::stage::Stage;
use self::terminal::Terminal;
use self::try_it::TryIt;

/// Between two looks at the gateway: eight pictures a second move smoothly and cost little.
const LOOK_EVERY: Duration = Duration::from_millis(125);

/// How long requests that are under way may take once the traffic has stopped.
const FINISH_MAX: Duration = Duration::from_secs(15);

/// What the demonstration may be told.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The port clients connect to, on 127.0.0.1; 0 takes a free one [default: 8080, or a free one
    /// if that is taken]
    #[arg(long)]
    port: Option<u16>,
    /// What clients ask for in the calm, as a share of what all keys together can serve.
    #[arg(long, default_value_t = 0.6, value_parser = share)]
    load: f64,
    /// Where the traffic's and the provider's draws come from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop after so many seconds. Without it, Ctrl-C ends the demonstration.
    #[arg(long, value_parser = seconds)]
    seconds: Option<f64>,
    /// Print lines, also where there is a terminal to draw on.
    #[arg(long)]
    plain: bool,
}

fn share(text: &str) -> Result<f64, String> {
    bounded(text, 0.01, 20.0)
}

fn seconds(text: &str) -> Result<f64, String> {
    bounded(text, 0.1, 1e6)
}

fn bounded(text: &str, least: f64, most: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("a number from {least} to {most} is wanted")),
    }
}

/// Runs the demonstration.
///
/// # Errors
/// If it cannot be set up, or if it ran its time and nothing was answered.
pub fn run(arguments: &Arguments) -> Result<(), Failed> {
    // The pool's draws come from the thread's generator.
    fastrand::seed(arguments.seed);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("keyweir")
        .enable_all()
        .build()?;
    let performed = runtime.block_on(perform(arguments));
    runtime.shutdown_background();
    performed
}

async fn perform(arguments: &Arguments) -> Result<(), Failed> {
    let mut signals = Signals::listen()?;
    let mut stage = Stage::open(arguments).await?;
    let mut show = Show::choose(arguments, stage.try_it());
    let end = match play(arguments, &mut stage, &mut show, &mut signals).await {
        Ok(end) => end,
        // Nobody is looking any more; that is as good an end as any.
        Err(_) => End::Told,
    };
    show.close();
    let summary = stage.close().await;
    // Whoever closed the pipe does not want to know.
    let _ = std::io::stdout().write_all(summary.to_string().as_bytes());
    match end {
        End::TimeOver if summary.answered == 0 => {
            Err(Failed::Because("no request was answered".to_owned()))
        }
        _ => Ok(()),
    }
}

/// How the demonstration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// By a signal.
    Told,
    /// By `--seconds`.
    TimeOver,
}

async fn play(
    arguments: &Arguments,
    stage: &mut Stage,
    show: &mut Show,
    signals: &mut Signals,
) -> std::io::Result<End> {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ends = arguments
        .seconds
        .map(|secs| Instant::now() + Duration::from_secs_f64(secs));
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Told::End => return Ok(End::Told),
                Told::Pause => show.pause()?,
            },
            _ = looks.tick() => {
                let now = Instant::now();
                if ends.is_some_and(|ends| now >= ends) {
                    stage.hush();
                    if stage.is_quiet() || ends.is_some_and(|ends| now >= ends + FINISH_MAX) {
                        return Ok(End::TimeOver);
                    }
                }
                show.draw(stage.look())?;
            }
        }
    }
}

/// How the demonstration is shown.
enum Show {
    Live(Terminal),
    Plain(Lines),
}

impl Show {
    fn choose(arguments: &Arguments, try_it: TryIt) -> Self {
        let is_live = !arguments.plain && std::io::stdout().is_terminal();
        if is_live {
            Self::Live(Terminal::new(try_it))
        } else {
            Self::Plain(Lines::new(try_it))
        }
    }

    fn draw(&mut self, scene: &Scene) -> std::io::Result<()> {
        match self {
            Self::Live(terminal) => terminal.draw(scene),
            Self::Plain(lines) => lines.draw(scene),
        }
    }

    /// Stops the process as Ctrl-Z does, but leaves the terminal in order.
    fn pause(&mut self) -> std::io::Result<()> {
        if let Self::Live(terminal) = self {
            terminal.leave();
        }
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)?;
        Ok(())
    }

    fn close(&mut self) {
        if let Self::Live(terminal) = self {
            terminal.leave();
        }
    }
}

/// The signals that concern a program on a terminal. A terminal that is closed ends it too.
struct Signals {
    ends: [Signal; 3],
    pause: Signal,
}

enum Told {
    End,
    Pause,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            ends: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            ],
            pause: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
        })
    }

    async fn next(&mut self) -> Told {
        let [interrupt, terminate, hang_up] = &mut self.ends;
        tokio::select! {
            _ = interrupt.recv() => Told::End,
            _ = terminate.recv() => Told::End,
            _ = hang_up.recv() => Told::End,
            _ = self.pause.recv() => Told::Pause,
        }
    }
}
