//! The command line.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use keyweir_policy::file::Report;
use keyweir_policy::secret::ClientKey;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::runtime::policy_files::{self, LoadError, Loaded};
use crate::runtime::provider;
use crate::server::serve::{self, Options};
use crate::server::shutdown::{Ending, Signals};
use crate::telemetry::access_log::Target;
use crate::{demo, simulate, upstream};

/// A gateway that turns a pool of LLM API keys into answers.
#[derive(Debug, Parser)]
#[command(name = "keyweir", version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// How the program's own messages look (on standard error; KEYWEIR_LOG sets how many:
    /// error, warn, info, debug).
    #[arg(long, value_enum, default_value_t, global = true)]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve requests until SIGTERM (finishes what runs) or SIGINT (stops at once).
    Serve(Serve),
    /// Check policy files, and say what is wrong and what to write instead.
    Check(Check),
    /// Make a new client key, and its hash for the policy file.
    Hash,
    /// Show the gateway at work, with a simulated provider: no account needed.
    Demo(demo::Arguments),
    /// Say what becomes of some traffic in the policy's pools, as they are and as they might be.
    Simulate(Box<simulate::Arguments>),
}

impl Command {
    /// Whether it draws on the terminal: messages would end up in the picture, and are only
    /// written where they were asked for.
    const fn draws(&self) -> bool {
        matches!(self, Self::Demo(_))
    }
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// The policy file, or a folder of them.
    #[arg(long, short, default_value = "keys.toml")]
    policy: PathBuf,
    /// Where the access log goes: "stdout", "off", or a file.
    #[arg(long, default_value = "stdout")]
    access_log: Target,
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The policy files, or folders of them.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Also look for the secrets and certificates that the files name.
    #[arg(long)]
    secrets: bool,
}

/// How messages look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines, one object per line.
    Json,
}

/// Runs the program.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.command.draws() || std::env::var_os("KEYWEIR_LOG").is_some() {
        start_log(arguments.log_format);
    }
    let done = match arguments.command {
        Command::Serve(serve) => serve.run(),
        Command::Check(check) => check.run(),
        Command::Hash => hash(),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Said) => ExitCode::FAILURE,
        Err(Failed::Because(why)) => {
            let _ = writeln!(std::io::stderr(), "keyweir: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Why a command failed.
pub enum Failed {
    /// It has said so itself.
    Said,
    /// This is to be said.
    Because(String),
}

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Because(error.to_string())
    }
}

fn start_log(format: LogFormat) {
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

impl Serve {
    fn run(self) -> Result<(), Failed> {
        let loaded = load(&[self.policy])?;
        let threads = match loaded.policy.gateway.threads {
            Some(threads) => threads,
            None => std::thread::available_parallelism()?.get(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("keyweir")
            .enable_all()
            .build()?;
        let options = Options {
            folder: loaded.folder,
            access_log: self.access_log,
        };
        let served = runtime.block_on(async {
            let mut signals = Signals::listen()?;
            let running = serve::start(loaded.policy, &options).await?;
            for address in &running.clear {
                tracing::info!(%address, "listening");
            }
            for address in &running.tls {
                tracing::info!(%address, "listening, TLS");
            }
            if let Some(address) = running.admin {
                tracing::info!(%address, "listening for operators");
            }
            match signals.ending().await {
                Ending::Drain => tokio::select! {
                    () = running.drain() => {}
                    () = signals.interrupted() => tracing::warn!("stopped in the middle of draining"),
                },
                Ending::Now => running.stop().await,
            }
            Ok(())
        });
        runtime.shutdown_background();
        served
    }
}

/// Loads the policy at `paths`; what is wrong with it is said.
pub(crate) fn load(paths: &[PathBuf]) -> Result<Loaded, Failed> {
    let loaded = match policy_files::load(paths) {
        // Each line begins with its place, where editors look for it.
        Err(LoadError::Mistakes(report)) => {
            say(&report)?;
            return Err(Failed::Said);
        }
        loaded => loaded?,
    };
    say(&loaded.warnings)?;
    Ok(loaded)
}

/// Tells on the terminal what is wrong, if anything is.
pub(crate) fn say(report: &Report) -> Result<(), Failed> {
    if !report.problems.is_empty() {
        write!(std::io::stderr(), "{report}")?;
    }
    Ok(())
}

impl Check {
    fn run(self) -> Result<(), Failed> {
        let loaded = load(&self.files)?;
        if self.secrets {
            check_secrets(&loaded)?;
        }
        let policy = &loaded.policy;
        let keys: usize = policy
            .accounts
            .iter()
            .map(|account| account.keys.len())
            .sum();
        writeln!(
            std::io::stdout(),
            "ok: providers: {}, accounts: {}, keys: {keys}, tenants: {}",
            policy.providers.len(),
            policy.accounts.len(),
            policy.tenants.len(),
        )?;
        Ok(())
    }
}

fn check_secrets(loaded: &Loaded) -> Result<(), Failed> {
    let mut problems = Vec::new();
    if let Err(error) = provider::check_secrets(&loaded.policy, &loaded.folder) {
        problems.push(error.to_string());
    }
    let own_roots = loaded
        .policy
        .providers
        .iter()
        .filter_map(|it| it.ca_file.as_deref());
    problems.extend(
        own_roots
            .filter_map(|path| upstream::check_roots(&loaded.folder.join(path)).err())
            .map(|it| it.to_string()),
    );
    if let Some(tls) = &loaded.policy.gateway.tls {
        problems.extend(
            crate::server::listen::check_certificate(tls, &loaded.folder)
                .err()
                .map(|it| it.to_string()),
        );
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Failed::Because(problems.join("\n")))
    }
}

fn hash() -> Result<(), Failed> {
    let mut random = [0; 32];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut random)
        .map_err(|_| Failed::Because("the system has no randomness to give".to_owned()))?;
    let key = ClientKey::from_random(random);
    let mut out = std::io::stdout();
    writeln!(
        out,
        "client key, to be given to the client; it is not shown again:"
    )?;
    writeln!(out, "  {}", key.expose())?;
    writeln!(out, "its hash, for the policy file:")?;
    writeln!(out, "  client_keys = [\"{}\"]", key.hash())?;
    Ok(())
}
