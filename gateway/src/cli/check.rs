//! `keyweir check`: what is wrong with policy files.

use std::io::Write;
use std::path::PathBuf;

use crate::command::failed::Failed;
use crate::command::load::load;
use crate::runtime::policy_files::Loaded;
use crate::runtime::provider;
use crate::server::listen;
use crate::upstream;

/// What `check` may be told.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The policy files, or folders of them.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Also look for the secrets and certificates that the files name.
    #[arg(long)]
    secrets: bool,
}

impl Check {
    /// Checks.
    pub(super) fn run(self) -> Result<(), Failed> {
        let loaded = load(&self.files)?;
        if self.secrets {
            check_secrets(&loaded)?;
            for doubt in provider::doubtful_secrets(&loaded.policy, &loaded.folder) {
                writeln!(std::io::stderr(), "warning: {doubt}")?;
            }
        }
        let policy = &loaded.policy;
        let providers = || policy.providers.values();
        let accounts: usize = providers().map(|provider| provider.accounts.len()).sum();
        let keys: usize = providers().map(|provider| provider.keys.len()).sum();
        writeln!(
            std::io::stdout(),
            "ok: providers: {}, accounts: {accounts}, keys: {keys}, tenants: {}",
            policy.providers.len(),
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
        .values()
        .filter_map(|it| it.ca_file.as_deref());
    problems.extend(
        own_roots
            .filter_map(|path| upstream::check_roots(&loaded.folder.join(path)).err())
            .map(|it| it.to_string()),
    );
    let providers = loaded.policy.providers.values();
    problems.extend(providers.filter_map(|it| {
        let error = upstream::check_proxy(it).err()?;
        Some(format!("provider \"{}\": {error}", it.id))
    }));
    if let Some(tls) = &loaded.policy.gateway.tls {
        problems.extend(
            listen::check_certificate(tls, &loaded.folder)
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
