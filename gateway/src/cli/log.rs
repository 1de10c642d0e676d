//! The program's own messages: how many, how they look, and what libraries may not say.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How messages look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines, one object per line.
    Json,
}

/// From now on, messages go to standard error.
pub(super) fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("KEYWEIR_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,pingora_core=error,pingora_rustls=error"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => log
            .with_ansi(std::io::stderr().is_terminal())
            .finish()
            .with(discretion())
            .try_init(),
        LogFormat::Json => log
            .json()
            .flatten_event(true)
            .finish()
            .with(discretion())
            .try_init(),
    };
    // Only fails where a log is set up already, as in tests.
    drop(started);
    // What libraries would say below that reaches nobody (see `discretion`); unless told so here,
    // they compose it all the same, and Pingora copies the rest of its buffer for every chunk.
    log::set_max_level(log::LevelFilter::Info);
}

/// Lets nobody but us say more than what concerns operators, whatever they ask for: below that,
/// libraries print heads and bodies, and with them keys and content.
fn discretion() -> FilterFn {
    let may_speak: fn(&Metadata<'_>) -> bool =
        |message| *message.level() <= Level::INFO || message.target().starts_with("keyweir");
    FilterFn::new(may_speak).with_max_level_hint(LevelFilter::TRACE)
}
