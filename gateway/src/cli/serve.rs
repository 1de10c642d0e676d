//! `keyweir serve`: a gateway until a signal ends it.

use std::path::PathBuf;

use keyweir_policy::terms::replicas::Replicas;

use crate::command::failed::Failed;
use crate::command::load::load;
use crate::runtime::secrets;
use crate::server::serve::{self, Options, State};
use crate::server::service_manager;
use crate::server::shutdown::{self, Ending, Signals};
use crate::telemetry::access_log::Target;

/// What `serve` may be told.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// The policy file, or a folder of them.
    #[arg(long, short, default_value = "keys.toml")]
    policy: PathBuf,
    /// Where the access log goes: "stdout", "off", or a file.
    #[arg(long, default_value = "stdout")]
    access_log: Target,
    /// The folder in which what was spent and learned is kept over restarts, or "off"; by default beside
    /// the policy.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// How many gateways share the accounts and the tenants, this one included, whatever the policy says
    /// (gateway.replicas): each takes its share.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(Replicas::MAX)))]
    replicas: Option<u32>,
}

impl Serve {
    /// Serves.
    pub(super) fn run(self) -> Result<(), Failed> {
        let files = vec![self.policy];
        let loaded = load(&files)?;
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
            files,
            hash: loaded.hash,
            warnings: loaded
                .warnings
                .problems
                .iter()
                .map(ToString::to_string)
                .collect(),
            folder: loaded.folder,
            access_log: self.access_log,
            state: match self.state {
                None => State::BesidePolicy,
                Some(folder) if folder.as_os_str() == "off" => State::Off,
                Some(folder) => State::In(folder),
            },
            replicas: self.replicas.map(Replicas::new),
        };
        let served = runtime.block_on(async {
            let (mut signals, hang_ups) = (Signals::listen()?, shutdown::hang_ups()?);
            let rotations = shutdown::rotations()?;
            let running = serve::start(loaded.policy, &options).await?;
            hang_ups.reload(running.reloader());
            rotations.reopen(running.gateway());
            for address in &running.clear {
                tracing::info!(%address, "listening");
            }
            for address in &running.tls {
                tracing::info!(%address, "listening, TLS");
            }
            if let Some(address) = running.admin {
                tracing::info!(%address, "listening for operators");
            }
            service_manager::ready();
            let ending = signals.ending().await;
            service_manager::stopping();
            match ending {
                Ending::Drain => tokio::select! {
                    () = running.drain() => {}
                    () = signals.interrupted() => tracing::warn!("stopped in the middle of draining"),
                },
                Ending::Now => running.stop().await,
            }
            Ok(())
        });
        secrets::end_commands();
        runtime.shutdown_background();
        served
    }
}
