//! The program's own messages: how many, how they look, and what libraries may not say.

use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use clap::ValueEnum;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::runtime::ledger::is_guarded;
use crate::telemetry::messages::{self, Messages};

/// How messages look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines, one object per line.
    Json,
}

/// What is said unless the operator asks for other things.
const USUAL: &str = "info,pingora_core=error,pingora_rustls=error";

/// What Pingora says of connections to providers, as errors: that an idle one was closed by the
/// other side, which is ordinary. What failed is told by whoever needed the connection.
const CONNECTORS: &str = "pingora_core::connectors";

/// What the watcher of files says, as warnings, of folders that are gone when it looks: ordinary where
/// Kubernetes swaps `..data`. What cannot be watched is told by whoever wants it watched.
const WATCHER: &str = "notify";

/// From now on, messages go to standard error.
pub(super) fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("KEYWEIR_LOG").unwrap_or_else(|_| EnvFilter::new(USUAL));
    let has_colour = format == LogFormat::Text && std::io::stderr().is_terminal();
    let Some(messages) = Messages::start(format == LogFormat::Json, has_colour) else {
        return;
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || messages);
    let started = match format {
        LogFormat::Text => log
            .with_ansi(has_colour)
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
    std::panic::set_hook(Box::new(panicked));
}

/// Whether messages go out as one object per line.
pub(super) fn is_for_machines() -> bool {
    messages::are_json()
}

/// Waits until all messages are written, or for a moment.
pub(super) fn flush() {
    messages::flush();
}

/// Tells of a panic as of anything else: the library would write to standard error itself, and wait
/// for it. Only where it happened, and what is always said there: what was made up for the occasion
/// may hold a request's content.
fn panicked(panic: &PanicHookInfo<'_>) {
    if is_guarded() {
        // It is made an error, which is told where it is met.
        return;
    }
    let at = panic.location().map(ToString::to_string);
    let what = panic.payload().downcast_ref::<&'static str>();
    tracing::error!(
        at = at.as_deref(),
        what,
        "a mistake in keyweir ended what it was at; please report it"
    );
    if std::thread::current().name() == Some("main") {
        messages::flush();
    }
}

/// Lets nobody but us say more than what concerns operators, whatever they ask for: below that,
/// libraries print heads and bodies, and with them keys and content.
fn discretion() -> FilterFn {
    let may_speak: fn(&Metadata<'_>) -> bool = |message| {
        let target = message.target();
        target.starts_with("keyweir")
            || (*message.level() <= Level::INFO
                && ![CONNECTORS, WATCHER]
                    .iter()
                    .any(|it| target.starts_with(it)))
    };
    FilterFn::new(may_speak).with_max_level_hint(LevelFilter::TRACE)
}
