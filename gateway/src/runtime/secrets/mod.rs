//! Finds secrets where the policy file says they are: those of provider keys, and client keys.
//!
//! All that cannot be found is reported at once, and no message ever holds any of a secret. What was
//! found once is kept where it cannot be found any more, or is not whole (a file that is being
//! written is empty first): a key that works is worth more than the news that its file is gone. That
//! is told as a failure, not as a problem.

mod client_keys;
mod command;
mod open_to_all;
mod places;
mod problem;

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use keyweir_policy::config::file::{Policy, SecretCommand, SecretRef};
use keyweir_policy::config::secret::{ClientKeyHash, ProviderSecret};
use keyweir_policy::terms::ids::{KeyId, ProviderId, TenantId};
use keyweir_policy::terms::table::Table;

pub(crate) use self::command::end_all as end_commands;
pub use self::open_to_all::open_to_all;
use self::places::{commands, of_key, of_redis, of_tenant};
pub(crate) use self::places::{files, is_declared};
use self::problem::BYTES_MAX;
pub use self::problem::{SecretProblem, SecretProblems};
use crate::runtime::regular_file;

/// How soon a command runs again that has failed, at the latest.
const RETRY: Duration = Duration::from_secs(10);

/// The secrets of each provider's keys.
pub(crate) type OfKeys = Table<ProviderId, Table<KeyId, ProviderSecret>>;

/// All secrets of a policy.
#[derive(Default, Debug)]
pub(crate) struct Secrets {
    pub(crate) of_keys: OfKeys,
    /// Which tenant each client key belongs to.
    pub(crate) client_keys: Vec<(ClientKeyHash, TenantId)>,
    /// What operators have to show on the admin listener.
    pub(crate) admin_token: Option<ProviderSecret>,
    /// What is shown to the store that gateways share.
    pub(crate) of_redis: OfRedis,
    /// What could not be read anew: a line for each.
    pub(crate) failures: Vec<String>,
    /// What was found where, to be kept if it goes.
    found: Found,
}

/// What is shown to the store that gateways share.
#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) struct OfRedis {
    pub(crate) password: Option<ProviderSecret>,
    pub(crate) sentinel_password: Option<ProviderSecret>,
}

/// What was found, by [`reference`].
#[derive(Default, Debug)]
struct Found {
    secrets: HashMap<String, ProviderSecret>,
    client_keys: HashMap<String, Vec<ClientKeyHash>>,
    /// When each command is to run again.
    due: HashMap<SecretCommand, Instant>,
}

/// Which secrets are looked for anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anew {
    /// All.
    All,
    /// All but what commands printed that are not due.
    Due,
}

/// Reads the secrets of `policy`; relative paths start at `folder`. Blocks, for as long as commands
/// may take.
///
/// # Errors
/// Everything that is missing or unfit, and was not found by `before`.
pub(crate) fn read(
    policy: &Policy,
    folder: &Path,
    before: &Secrets,
    anew: Anew,
) -> Result<Secrets, SecretProblems> {
    let now = Instant::now();
    let is_due = |command: &SecretCommand| {
        let due = before.found.due.get(command);
        anew == Anew::All || due.is_none_or(|due| *due <= now)
    };
    let commands: HashSet<&SecretCommand> = commands(policy).collect();
    let to_run = commands.iter().copied().filter(|command| is_due(command));
    let mut reading = Reading {
        folder,
        before: &before.found,
        printed: command::run_all(to_run.collect(), folder),
        secrets: Secrets::default(),
        problems: Vec::new(),
    };
    for (id, provider) in policy.providers.iter() {
        let mut of_provider = Table::default();
        for (key, declared) in provider.keys.iter() {
            let whose = of_key(&declared.id);
            if let Some(secret) = reading.secret(whose, &declared.secret) {
                of_provider.insert(key, secret);
            }
        }
        let label = |key: KeyId| provider.keys[key].id.as_str();
        reading.problems.extend(same(&of_provider, label));
        reading.secrets.of_keys.insert(id, of_provider);
    }
    if let Some(from) = &policy.gateway.admin_token {
        let token = reading.secret("gateway.admin_token".to_owned(), from);
        reading.secrets.admin_token = token;
    }
    let [password, sentinel_password] = of_redis(policy).map(|(whose, from)| {
        let from = from?;
        reading.secret(whose.to_owned(), from)
    });
    reading.secrets.of_redis = OfRedis {
        password,
        sentinel_password,
    };
    reading.client_keys(policy);
    reading.note_due(&commands, now);
    if reading.problems.is_empty() {
        Ok(reading.secrets)
    } else {
        Err(SecretProblems(reading.problems))
    }
}

impl Secrets {
    /// When a command is to run again.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.found.due.values().min().copied()
    }
}

/// Keys of one provider with one credential.
fn same<'a>(
    secrets: &Table<KeyId, ProviderSecret>,
    label: impl Fn(KeyId) -> &'a str,
) -> Vec<(String, SecretProblem)> {
    let mut first: HashMap<&str, &str> = HashMap::new();
    let mut problems = Vec::new();
    for (id, secret) in secrets.iter() {
        if let Some(other) = first.insert(secret.expose(), label(id)) {
            let problem = SecretProblem::Same(other.to_owned());
            problems.push((format!("key \"{}\"", label(id)), problem));
        }
    }
    problems
}

/// Secrets as they are read.
struct Reading<'a> {
    folder: &'a Path,
    before: &'a Found,
    printed: HashMap<&'a SecretCommand, Result<String, SecretProblem>>,
    secrets: Secrets,
    problems: Vec<(String, SecretProblem)>,
}

impl Reading<'_> {
    fn secret(&mut self, whose: String, from: &SecretRef) -> Option<ProviderSecret> {
        if let SecretRef::Literal(secret) = from {
            return Some(secret.clone());
        }
        let name = reference(from);
        let fresh = self.text(from).map(|text| {
            let text = text?;
            Ok(ProviderSecret::new(&text)?)
        });
        let known = self.before.secrets.get(&name).cloned();
        let secret = self.settle((whose, from), fresh, known)?;
        self.secrets.found.secrets.insert(name, secret.clone());
        Some(secret)
    }

    fn client_keys(&mut self, policy: &Policy) {
        let mut all: Vec<_> = policy.client_keys().collect();
        let mut owner: HashMap<ClientKeyHash, TenantId> = all.iter().copied().collect();
        for (id, tenant) in policy.tenants.iter() {
            let whose = of_tenant(&tenant.id);
            for from in &tenant.client_key_refs {
                let name = reference(from);
                let fresh = self.text(from).map(|text| client_keys::parse(&text?));
                let known = self.before.client_keys.get(&name).cloned();
                let Some(hashes) = self.settle((whose.clone(), from), fresh, known) else {
                    continue;
                };
                for hash in &hashes {
                    match owner.insert(*hash, id) {
                        Some(other) if other != id => {
                            let other = policy.tenant(other).id.clone();
                            let problem = SecretProblem::SameClientKey(other);
                            self.problems.push((whose.clone(), problem));
                        }
                        Some(_) => {}
                        None => all.push((*hash, id)),
                    }
                }
                self.secrets.found.client_keys.insert(name, hashes);
            }
        }
        self.secrets.client_keys = all;
    }

    /// What stands where `from` says; `None`: it was not looked for, since it is known.
    fn text(&self, from: &SecretRef) -> Option<Result<String, SecretProblem>> {
        match from {
            SecretRef::Literal(_) => None,
            SecretRef::Env(name) => Some(from_env(name)),
            SecretRef::File(path) => Some(from_file(&self.folder.join(path))),
            SecretRef::Command(command) => self.printed.get(command).map(|printed| match printed {
                Ok(text) => Ok(text.clone()),
                Err(problem) => Err(problem.again()),
            }),
        }
    }

    /// What counts of what was found now and what was known.
    fn settle<T>(
        &mut self,
        (whose, from): (String, &SecretRef),
        fresh: Option<Result<T, SecretProblem>>,
        known: Option<T>,
    ) -> Option<T> {
        let fresh = fresh.map(|fresh| fresh.map_err(|problem| problem.of(from)));
        match (fresh, known) {
            (Some(Ok(fresh)), _) => Some(fresh),
            (Some(Err(problem)), Some(known)) => {
                let failure = format!("{whose}: {problem}; what was known is used");
                self.secrets.failures.push(failure);
                Some(known)
            }
            (Some(Err(problem)), None) => {
                self.problems.push((whose, problem));
                None
            }
            (None, known) => known,
        }
    }

    /// Notes when each command is to run again.
    fn note_due(&mut self, commands: &HashSet<&SecretCommand>, now: Instant) {
        for command in commands {
            let due = match (self.printed.get(command), self.before.due.get(command)) {
                (Some(Ok(_)), _) => now + command.refresh,
                (None, Some(due)) => *due,
                (Some(Err(_)), _) | (None, None) => now + command.refresh.min(RETRY),
            };
            self.secrets.found.due.insert((*command).clone(), due);
        }
    }
}

/// A name for where a secret is.
fn reference(from: &SecretRef) -> String {
    match from {
        SecretRef::Env(name) => format!("env {name}"),
        SecretRef::File(path) => format!("file {}", path.display()),
        SecretRef::Command(command) => format!("command {:?}", command.words),
        SecretRef::Literal(_) => String::new(),
    }
}

fn from_env(name: &str) -> Result<String, SecretProblem> {
    std::env::var(name).map_err(|error| match error {
        std::env::VarError::NotPresent => SecretProblem::EnvMissing,
        std::env::VarError::NotUnicode(_) => SecretProblem::EnvNotText,
    })
}

fn from_file(path: &Path) -> Result<String, SecretProblem> {
    let file = regular_file::open(path).map_err(SecretProblem::FileUnreadable)?;
    let mut text = String::new();
    let read = file
        .take(BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(SecretProblem::FileUnreadable)?;
    if read as u64 > BYTES_MAX {
        return Err(SecretProblem::FileTooLarge);
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
