//! The weather table over real sockets: the real gateway with its default settings, between
//! clients that never retry and a simulated provider with strict buckets.
//!
//! Rows run one at a time, each with a provider and gateways of its own. Clients and provider live
//! in this process, on one thread; the gateway has the rest of the machine. What is counted does
//! not depend on how busy the machine is; what is timed does.

mod all_knowing;
mod client;
mod figures;
mod forecast;
mod gateways;
mod ledger;
mod random;
mod recipe_world;
mod traffic;
mod verdict;
mod weather;
mod world;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use simulated_provider::{Control, Provider};
use tokio::time::{Instant, sleep_until};

use self::client::Crowd;
use self::figures::{Figures, Observed};
use self::forecast::{Fate, Forecast};
use self::gateways::{Gateways, Wanted};
use self::ledger::Ledger;
use self::weather::STRIKES_AT;
use crate::failure::Failure;
use crate::report::{self, print};
use crate::store::Store;

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Weathers {
    /// Only this row; with `--random`, only this world met in the field.
    #[arg(long)]
    only: Option<String>,
    /// Instead of the table: the worlds that were met in the field, and so many drawn at random from the
    /// seed and those that follow it.
    #[arg(long, value_name = "WORLDS")]
    random: Option<u64>,
    /// How many of these go side by side.
    #[arg(long, default_value_t = 4, requires = "random")]
    at_once: usize,
    /// Seconds of arrivals; what happens to a row happens at 20 s.
    #[arg(long, default_value_t = 50.0)]
    seconds: f64,
    /// Everything random follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The gateway; `keyweir` beside this program, unless given.
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// Write the table into this document too, between its marks.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Keep policies, access logs and messages of the last row here.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// Runs the rows and prints the table.
pub(crate) async fn run(arguments: &Weathers, beside: &Path) -> Result<(), Failure> {
    let program = match &arguments.gateway {
        Some(program) => program.clone(),
        None => beside.join("keyweir"),
    };
    let temporary = tempfile::tempdir()?;
    let folder = arguments.keep.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(folder)?;
    if let Some(drawn) = arguments.random {
        let worlds = random::Worlds {
            drawn,
            seed: arguments.seed,
            secs: arguments.seconds,
            only: arguments.only.as_deref(),
            at_once: arguments.at_once,
        };
        return random::run(worlds, &program, folder).await;
    }
    let wanted = |it: &Forecast| arguments.only.as_deref().is_none_or(|only| only == it.name);
    let rows: Vec<Forecast> = Forecast::all().into_iter().filter(wanted).collect();
    if rows.is_empty() {
        return Err(Failure::new("no row of that name"));
    }
    let mut table = format!(
        "Seed {}, {} s of arrivals per row.\n\n{}",
        arguments.seed,
        arguments.seconds,
        verdict::TABLE_HEAD
    );
    print(&table)?;
    for forecast in rows {
        let observed = observe(&forecast, arguments, &program, folder).await?;
        let figures = Figures::of(&forecast, &observed);
        let row = verdict::row(&forecast, &figures);
        print(&row)?;
        table += &row;
        eprintln!(
            "{}: at the provider {:?}; unanswered {:?}",
            forecast.name, figures.by_status, figures.unanswered
        );
    }
    if let Some(document) = &arguments.out {
        report::write(document, &table)?;
    }
    Ok(())
}

async fn observe(
    forecast: &Forecast,
    arguments: &Weathers,
    program: &Path,
    folder: &Path,
) -> Result<Observed, Failure> {
    let secs = arguments.seconds * forecast.length;
    let provider = Provider::start(world::world(arguments.seed, forecast.sizes))
        .await
        .map_err(|error| Failure::new(error.to_string()))?;
    let client_keys: Vec<String> = (0..forecast.loads.len())
        .map(|tenant| format!("kw_{tenant:043}"))
        .collect();
    let mut store = match forecast.store {
        None => None,
        Some(_) => Some(Store::start(folder).await?),
    };
    let table = store.as_ref().map(Store::table).unwrap_or_default();
    let gateways = Gateways::start(Wanted {
        program,
        folder,
        provider: provider.base_url(),
        accounts: &world::accounts(),
        replicas: forecast.replicas,
        client_keys: &client_keys,
        settings: &format!("{}{table}", forecast.settings),
    })
    .await?;
    let control = provider.control().clone();
    let began = Instant::now();
    forecast.weather.begin(&control);
    let crowd = Crowd {
        gateways: gateways.addresses.clone(),
        client_keys,
        began,
    };
    let arrivals = traffic::arrivals(&forecast.streams(), forecast.sizes, secs, arguments.seed);
    let mut ledger = Ledger::default();
    let seen = tokio::select! {
        seen = crowd.send(arrivals) => seen,
        () = Ledger::keep(control.clone(), began, |entry| ledger.push(entry)) => Vec::new(),
        struck = strike(forecast, &control, &mut store, began) => return Err(struck),
    };
    let observed = Observed {
        seen,
        ledger,
        counters: control.counters(),
        faults: control.faults(),
        secs,
    };
    drop(gateways);
    provider.shutdown().await;
    Ok(observed)
}

/// Lets happen what happens, and never ends unless it cannot.
async fn strike(
    forecast: &Forecast,
    control: &Control,
    store: &mut Option<Store>,
    began: Instant,
) -> Failure {
    sleep_until(began + Duration::from_secs_f64(STRIKES_AT)).await;
    forecast.weather.strike(control);
    match (forecast.store, &store) {
        (Some(Fate::Killed), _) => *store = None,
        (Some(Fate::Stalled), Some(stalled)) => {
            if let Err(error) = stalled.stall() {
                return error.into();
            }
        }
        _ => {}
    }
    std::future::pending().await
}
