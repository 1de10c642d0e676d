//! The command line: one file per command.

mod check;
mod explain;
mod hash;
mod healthcheck;
mod import;
mod log;
mod operate;
mod reload;
mod schema;
mod serve;
mod sleep;
mod top;
mod usage;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::check::Check;
use self::explain::Explain;
use self::hash::Hash;
use self::healthcheck::Healthcheck;
use self::import::Import;
use self::log::LogFormat;
use self::operate::Operate;
use self::reload::Reload;
use self::schema::Schema;
use self::serve::Serve;
use self::sleep::Sleep;
use self::top::Top;
use self::usage::Usage;
use crate::command::failed::Failed;
#[cfg(feature = "demo")]
use crate::demo;
use crate::evidence;
#[cfg(feature = "simulate")]
use crate::simulate;

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
    /// Print the JSON Schema of policy files, for editors and pipelines.
    Schema(Schema),
    /// Make a policy of what another gateway or a list of keys says, and tell what of it is left out.
    Import(Import),
    /// Make a new client key, and its hash for the policy file; or hash one that there is.
    Hash(Hash),
    /// Ask a gateway whether it is alive or ready: for images and units without curl.
    Healthcheck(Healthcheck),
    /// Print what was spent, as the ledger has it: per tenant, model, day …
    Usage(Usage),
    /// Write the report with which a provider is asked for higher limits: how near an account came to its
    /// own, who waited, where it leads.
    Evidence(evidence::Arguments),
    /// Ask a gateway why a request would get its key, or why one got it.
    Explain(Explain),
    /// Hold, trip or reset provider keys in a gateway that runs.
    Keys(Operate),
    /// Hold, trip or reset accounts in a gateway that runs.
    Accounts(Operate),
    /// Have a gateway that runs follow its policy files now, and say what changed or what is wrong; exits 1
    /// where the policy is refused.
    Reload(Reload),
    /// Watch a gateway that runs, in a terminal.
    Top(Top),
    /// Do nothing for so many seconds: for a preStop hook in an image without a shell.
    Sleep(Sleep),
    /// Show the gateway at work, with a simulated provider: no account needed.
    #[cfg(feature = "demo")]
    Demo(demo::Arguments),
    /// Say what becomes of some traffic in the policy's pools, as they are and as they might be.
    #[cfg(feature = "simulate")]
    Simulate(Box<simulate::Arguments>),
}

impl Command {
    /// Whether it draws on the terminal: messages would end up in the picture, and are only
    /// written where they were asked for.
    const fn draws(&self) -> bool {
        match self {
            Self::Serve(_)
            | Self::Check(_)
            | Self::Schema(_)
            | Self::Import(_)
            | Self::Hash(_)
            | Self::Healthcheck(_)
            | Self::Usage(_)
            | Self::Evidence(_)
            | Self::Explain(_)
            | Self::Keys(_)
            | Self::Accounts(_)
            | Self::Reload(_)
            | Self::Top(_)
            | Self::Sleep(_) => false,
            #[cfg(feature = "demo")]
            Self::Demo(_) => true,
            #[cfg(feature = "simulate")]
            Self::Simulate(_) => false,
        }
    }
}

/// Runs the program.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.command.draws() || std::env::var_os("KEYWEIR_LOG").is_some() {
        log::start(arguments.log_format);
    }
    let done = match arguments.command {
        Command::Serve(serve) => serve.run(),
        Command::Check(check) => check.run(),
        Command::Schema(schema) => schema.run(),
        Command::Import(import) => import.run(),
        Command::Hash(hash) => hash.run(),
        Command::Healthcheck(healthcheck) => healthcheck.run(),
        Command::Usage(usage) => usage.run(),
        Command::Evidence(arguments) => evidence::run(&arguments),
        Command::Explain(explain) => explain.run(),
        Command::Keys(operate) => operate.run("keys"),
        Command::Accounts(operate) => operate.run("accounts"),
        Command::Reload(reload) => reload.run(),
        Command::Top(top) => top.run(),
        Command::Sleep(sleep) => sleep.run(),
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => demo::run(&arguments),
        #[cfg(feature = "simulate")]
        Command::Simulate(arguments) => simulate::run(&arguments),
    };
    let is_for_machines = log::is_for_machines();
    if let Err(Failed::Because(why)) = &done
        && is_for_machines
    {
        tracing::error!("{why}");
    }
    log::flush();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Said) => ExitCode::FAILURE,
        Err(Failed::With(status)) => ExitCode::from(status),
        Err(Failed::Because(_)) if is_for_machines => ExitCode::FAILURE,
        Err(Failed::Because(why)) => {
            let _ = writeln!(std::io::stderr(), "keyweir: {why}");
            ExitCode::FAILURE
        }
    }
}
