//! `keyweir simulate`: what becomes of some traffic in a policy's pools, as they are and as they
//! might be.
//!
//! The policy core runs in the world of `keyweir-simulator`, whose accounts have the limits that
//! the policy declares. Each case is the same traffic, drawn from the same seed, in a policy that
//! was changed in one way or another, so that what differs is the change's doing. Nothing is sent,
//! and no secret is read.
//!
//! *Parts.* Model groups share no budget, and providers share nothing at all: the traffic of each
//! group at each provider is a run of its own, and a case is the sum of its parts. The budget for
//! retries, which groups do share, hardly matters here: nothing but limits goes wrong.

mod accounts;
mod asked;
pub(crate) mod carried;
mod curves;
mod figures;
mod outcome;
mod part;
mod plot;
mod recorded;
mod table;
mod verdict;
mod what_if;
mod world;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use keyweir_policy::config::file::Policy;

use crate::command::failed::Failed;
use crate::command::load::load;

use self::asked::Asked;
use self::outcome::{Simulated, Simulation};
use self::what_if::Case;

/// Requests of one case, which are all in memory.
const REQUESTS_MAX: f64 = 500_000.0;
/// Requests of all cases, times accounts: what the all-knowing scheduler looks at.
const LOOKS_MAX: f64 = 200_000_000.0;
/// Requests of all cases, however few the accounts.
const REQUESTS_IN_ALL_MAX: f64 = 2_000_000.0;

/// What the simulation may be told.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  keyweir simulate --policy keys.toml --model claude-opus-4-1 --rate 5/s --scale 1.2
  keyweir simulate --policy keys.toml --traffic traffic.toml --without team-a-1 \\
      --limit team-a=x2 --what-if 'scale 1.5, limit team-a:output_tokens=x2' --plot pool.svg

Account limits have to be declared in the policy ([[account.limit]]); no secrets are read.")]
pub struct Arguments {
    /// The policy file, or a folder of them.
    #[arg(long, short, default_value = "keys.toml")]
    policy: PathBuf,
    #[command(flatten)]
    asked: asked::Arguments,
    #[command(flatten)]
    cases: what_if::Arguments,
    /// Print everything as JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Also draw demand, answers and who waits over time, as SVG.
    #[arg(long, value_name = "FILE.svg", value_parser = svg_path)]
    plot: Option<PathBuf>,
}

fn svg_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("svg") => Ok(path),
        _ => Err("plots are drawn as SVG: name a file that ends in .svg".to_owned()),
    }
}

/// Runs the simulation and says what came of it.
///
/// # Errors
/// If the policy, the traffic or a what-if is wrong, or nothing can be simulated.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failed> {
    let policy = load(std::slice::from_ref(&arguments.policy))?.policy;
    let asked = asked::read(&arguments.asked, &policy)?;
    let cases = arguments.cases.read(&policy).map_err(Failed::Because)?;
    check_size(&policy, &asked, &cases).map_err(Failed::Because)?;
    let mut notes = asked.notes.clone();
    let mut simulated = Vec::with_capacity(cases.len());
    for case in &cases {
        simulated.push(simulate(&policy, &asked, case, &mut notes)?);
    }
    let simulation = Simulation {
        seed: asked.seed,
        minutes: asked.minutes,
        notes,
        cases: simulated.iter().map(|it| it.outcome.clone()).collect(),
    };
    if let Some(path) = &arguments.plot {
        write_plot(path, &plot::draw(&simulated, &asked))?;
    }
    let mut text = if arguments.json {
        serde_json::to_string_pretty(&simulation)? + "\n"
    } else {
        table::show(&simulation)
    };
    if let Some(path) = arguments.plot.as_ref().filter(|_| !arguments.json) {
        text += &format!("\nDrawn in {}.\n", path.display());
    }
    print(&text)
}

/// A reader that has seen enough, such as `head`, is no failure.
fn print(text: &str) -> Result<(), Failed> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// One case, from the policy to what came of it.
fn simulate(
    policy: &Policy,
    asked: &Asked,
    case: &Case,
    notes: &mut Vec<String>,
) -> Result<Simulated, Failed> {
    let mut changed = policy.clone();
    for change in &case.changes {
        change.apply(&mut changed).map_err(Failed::Because)?;
    }
    let built = world::build(&changed, asked, case.scale());
    if case.changes.is_empty() {
        // Cases are about what is there; what is missing is told once.
        part::check(&built).map_err(Failed::Because)?;
        notes.extend(built.notes.iter().cloned());
    }
    let simulated = figures::run(case, &changed, asked, built).map_err(Failed::Because)?;
    if simulated.outcome.requests == 0 {
        return Err(Failed::Because(format!(
            "{}: no request came within {} minutes; raise the rate or --minutes",
            case.label, asked.minutes
        )));
    }
    Ok(simulated)
}

/// Whether the work can be done within a minute or so.
fn check_size(policy: &Policy, asked: &Asked, cases: &[Case]) -> Result<(), String> {
    let plain = asked.requests_expected();
    let of = |case: &Case| plain * case.scale();
    let most = cases.iter().map(of).fold(0.0, f64::max);
    if most > REQUESTS_MAX {
        return Err(format!(
            "that is some {most:.0} requests, and {REQUESTS_MAX} can be simulated; lower \
             --minutes, which may be as short as 1"
        ));
    }
    let all: f64 = cases.iter().map(of).sum();
    let accounts = policy.accounts().count().max(1);
    let all_max = REQUESTS_IN_ALL_MAX.min(LOOKS_MAX / accounts as f64);
    if all > all_max {
        return Err(format!(
            "that is some {all:.0} requests in {} cases, and with {accounts} accounts {all_max:.0} \
             can be simulated at a time; lower --minutes, which may be as short as 1, or ask for \
             fewer cases",
            cases.len()
        ));
    }
    Ok(())
}

fn write_plot(path: &Path, svg: &str) -> Result<(), Failed> {
    std::fs::write(path, svg)
        .map_err(|error| Failed::Because(format!("cannot write {}: {error}", path.display())))
}
