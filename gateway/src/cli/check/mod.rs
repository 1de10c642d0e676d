//! `keyweir check`: what is wrong with policy files, and what they would change.

mod live;

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use keyweir_policy::config::difference::Difference;

use crate::command::failed::Failed;
use crate::command::load::{load, say};
use crate::downstream::{certificate, operator_tls};
use crate::runtime::effective::refuse_to_open;
use crate::runtime::peers;
use crate::runtime::policy_files::{self, LoadError, Loaded};
use crate::runtime::provider;
use crate::runtime::secrets::{self, OfRedis};
use crate::runtime::tokens;
use crate::upstream;

/// What `check` may be told.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The policy files, or folders of them.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Also look for the secrets, certificates and issuers' keys in the files that the policy names.
    #[arg(long)]
    secrets: bool,
    /// Also ask each provider once with each key, for its models: which keys work, whose they are,
    /// which accounts share a budget; each issuer for its keys; and the store that gateways share, whether it can
    /// be used. Ends with 5 if a key does not work. Costs no tokens.
    #[arg(long, conflicts_with = "against")]
    live: bool,
    /// With --live: how many seconds each key is waited for.
    #[arg(long, requires = "live", value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// Also print what a reload would change, from the policy in this file or folder to the one that
    /// is checked.
    #[arg(long, value_name = "OLD")]
    against: Option<PathBuf>,
    /// Also print all that the policy says, its defaults included; of secrets where they stand.
    #[arg(long)]
    effective: bool,
    /// With --against: end with 3 where a reload would change something, and with 4 where some of it
    /// needs a restart. (0: nothing; 1: a mistake.)
    #[arg(long, requires = "against")]
    exit_code: bool,
}

/// Statuses of `--exit-code`.
const CHANGED: u8 = 3;
const NEEDS_RESTART: u8 = 4;

impl Check {
    /// Checks.
    pub(super) fn run(self) -> Result<(), Failed> {
        let loaded = load(&self.files)?;
        let mut doubts = secrets::open_to_all(&loaded.policy, &loaded.folder);
        let mut secrets = None;
        if self.secrets || self.live {
            let (found, missing) = secrets::read_all(&loaded.policy, &loaded.folder);
            let asked = Some(&found.of_redis).filter(|_| self.live && missing.is_none());
            let wrong = check_named(&loaded, (self.live, asked));
            let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
            // Keys that have no secret keep no others from being tried.
            if !wrong.is_empty() || !self.live && !missing.is_empty() {
                let all = [missing, wrong].concat();
                return Err(Failed::Because(all.join("\n")));
            }
            doubts.extend(provider::doubtful_secrets(&loaded.policy, &found));
            secrets = Some((found, missing));
        }
        for doubt in doubts {
            writeln!(std::io::stderr(), "warning: {doubt}")?;
        }
        if self.effective {
            write!(std::io::stdout(), "{}", Difference::whole(&loaded.policy))?;
        }
        if let Some((secrets, missing)) = secrets.filter(|_| self.live) {
            let asked = live::run(&loaded, &secrets, Duration::from_secs(self.timeout));
            if missing.is_empty() {
                return asked;
            }
            return Err(Failed::Because(missing.join("\n")));
        }
        if let Some(old) = self.against {
            let difference = against(old, &loaded)?;
            let status = match &difference {
                _ if !self.exit_code || difference.is_empty() => return Ok(()),
                it if it.restart.is_empty() => CHANGED,
                _ => NEEDS_RESTART,
            };
            return Err(Failed::With(status));
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

/// Prints what a reload would change, from the policy at `old` to `loaded`.
fn against(old: PathBuf, loaded: &Loaded) -> Result<Difference, Failed> {
    // What is probably not meant in the old one is no matter.
    let old = match policy_files::load(&[old]) {
        Err(LoadError::Mistakes(report)) => {
            say(&report)?;
            return Err(Failed::Said);
        }
        old => old?,
    };
    let difference = Difference::between(&old.policy, &loaded.policy);
    let mut out = std::io::stdout();
    if difference.is_empty() {
        writeln!(out, "ok: a reload changes nothing")?;
    } else {
        write!(out, "{difference}")?;
    }
    let refused = refuse_to_open(&old.policy, &loaded.policy);
    refused.map_err(|why| Failed::Because(format!("a reload refuses this: {why}")))?;
    Ok(difference)
}

/// What is wrong with the certificates and issuers' keys that the files name; and, where they are to be
/// `asked`, with what is at addresses: of the store that gateways share, with these secrets.
fn check_named(loaded: &Loaded, (asked, of_redis): (bool, Option<&OfRedis>)) -> Vec<String> {
    let mut problems = Vec::new();
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
    problems.extend(tokens::check(&loaded.policy, &loaded.folder, asked));
    if let Some(tls) = &loaded.policy.gateway.tls {
        problems.extend(
            certificate::check(tls, &loaded.folder, SystemTime::now())
                .err()
                .map(|it| it.to_string()),
        );
    }
    if let Some(tls) = &loaded.policy.gateway.admin_tls {
        let read = operator_tls::read(tls, &loaded.folder);
        problems.extend(read.err().map(|it| it.to_string()));
    }
    problems.extend(peers::check(&loaded.policy, &loaded.folder, of_redis));
    problems
}
