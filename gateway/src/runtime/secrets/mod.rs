//! Finds secrets where the policy file says they are: those of provider keys, and client keys.
//!
//! All that cannot be found is reported at once, and no message ever holds any of a secret. What was
//! found once is kept where it cannot be found any more, or is not whole (a file that is being
//! written is empty first): a key that works is worth more than the news that its file is gone. That
//! is told as a failure, not as a problem.

mod client_keys;
mod command;
mod files;
mod of_tenants;
mod open_to_all;
mod places;
mod problem;
mod repeated;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keyweir_policy::config::file::{Policy, Provider, SecretCommand, SecretRef};
use keyweir_policy::config::secret::{ClientKeyHash, ProviderSecret};
use keyweir_policy::terms::ids::{KeyId, ProviderId, TenantId};
use keyweir_policy::terms::table::Table;
use tokio::sync::Notify;

pub(crate) use self::command::end_all as end_commands;
use self::command::{Printed, print_all};
use self::files::{Files, Looks};
pub use self::open_to_all::open_to_all;
use self::places::{commands, of_key, of_redis};
pub(crate) use self::places::{files, is_declared};
pub use self::problem::{SecretProblem, SecretProblems};
use self::repeated::{Repeated, again};

/// For so long commands that have run before are waited for where all is read anew: most end by then, and
/// one that hangs holds up nothing else.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is done where a secret cannot be read anew.
const KNOWN_IS_USED: &str = "what was known is used";

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
    /// By the tenant's id and [`reference`].
    of_tenants: HashSet<(String, String)>,
    /// Of the files in which `secrets` were found.
    looks: Looks,
    commands: Arc<Repeated>,
}

/// Which secrets are looked for anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anew {
    /// All.
    All,
    /// Files that look another, and the environment: what commands printed last counts.
    Changed,
}

/// Reads the secrets of `policy`; relative paths start at `folder`. Blocks, for as long as commands may take
/// that have not run before, and for a moment where all is read anew.
///
/// # Errors
/// Everything that is missing or unfit, and was not found by `before`.
pub(crate) fn read(
    policy: &Policy,
    folder: &Path,
    before: &Secrets,
    anew: Anew,
) -> Result<Secrets, SecretProblems> {
    match look(policy, folder, before, anew) {
        (secrets, None) => Ok(secrets),
        (_, Some(problems)) => Err(problems),
    }
}

/// Reads the secrets of `policy` for the first time: those that are there, and what is missing.
pub(crate) fn read_all(policy: &Policy, folder: &Path) -> (Secrets, Option<SecretProblems>) {
    look(policy, folder, &Secrets::default(), Anew::All)
}

fn look(
    policy: &Policy,
    folder: &Path,
    before: &Secrets,
    anew: Anew,
) -> (Secrets, Option<SecretProblems>) {
    let commands: HashSet<&SecretCommand> = commands(policy).collect();
    let repeated = Arc::clone(&before.found.commands);
    if anew == Anew::All {
        repeated.run_again(&commands, folder, PATIENCE);
    }
    let mut printed = repeated.printed(&commands);
    let is_new = |command: &&SecretCommand| !printed.contains_key(command);
    let new: Vec<_> = commands.iter().copied().filter(is_new).collect();
    printed.extend(print_all(new, folder));
    let mut reading = Reading {
        folder,
        before: &before.found,
        files: Files::after((anew == Anew::Changed).then_some(&before.found.looks)),
        printed,
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
        reading.tell_apart(provider, &mut of_provider);
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
    let is_whole = reading.problems.is_empty();
    // What a new one could not print it is asked for again.
    let to_keep = reading.printed.iter().filter(|it| is_whole || it.1.is_ok());
    repeated.add(to_keep.map(|(command, printed)| (*command, again(printed))));
    repeated.retain(|command| commands.contains(command));
    reading.secrets.found.looks = reading.files.looks();
    reading.secrets.found.commands = repeated;
    let problems = (!is_whole).then_some(SecretProblems(reading.problems));
    (reading.secrets, problems)
}

impl Secrets {
    /// When a command is to run again, or has printed something.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.found.commands.next_due()
    }

    /// Runs the commands that are due; nobody waits for them.
    pub(crate) fn run_due(&self, folder: &Path) {
        self.found.commands.run_due(folder);
    }

    /// Tells that a command has ended.
    pub(crate) fn news(&self) -> Arc<Notify> {
        self.found.commands.news()
    }
}

/// Two keys with one credential.
fn same(secrets: &Table<KeyId, ProviderSecret>) -> Option<[KeyId; 2]> {
    let mut first: HashMap<&str, KeyId> = HashMap::new();
    secrets.iter().find_map(|(id, secret)| {
        let other = first.insert(secret.expose(), id)?;
        Some([other, id])
    })
}

/// Secrets as they are read.
struct Reading<'a> {
    folder: &'a Path,
    before: &'a Found,
    files: Files<'a>,
    printed: HashMap<&'a SecretCommand, Printed>,
    secrets: Secrets,
    problems: Vec<(String, SecretProblem)>,
}

impl Reading<'_> {
    fn secret(&mut self, whose: String, from: &SecretRef) -> Option<ProviderSecret> {
        if let SecretRef::Literal(secret) = from {
            return Some(secret.clone());
        }
        let name = reference(from);
        let known = self.before.secrets.get(&name).cloned();
        let fresh = match (from, &known) {
            (SecretRef::File(path), Some(known)) if self.files.is_same(&self.folder.join(path)) => {
                Some(Ok(known.clone()))
            }
            (SecretRef::File(path), _) => Some(self.files.secret(self.folder.join(path))),
            _ => self.text(from).map(|text| Ok(ProviderSecret::new(&text?)?)),
        };
        let secret = self.settle((whose, from), fresh, known)?;
        self.secrets.found.secrets.insert(name, secret.clone());
        Some(secret)
    }

    /// Two keys of one provider with one credential are a mistake, unless one has come by it where it was
    /// found: that one keeps what was known, and holds up nothing else.
    fn tell_apart(&mut self, provider: &Provider, secrets: &mut Table<KeyId, ProviderSecret>) {
        while let Some([first, second]) = same(secrets) {
            let declared = |key: KeyId| &provider.keys[key];
            let known = |key: KeyId| {
                let known = self.before.secrets.get(&reference(&declared(key).secret))?;
                (*known != secrets[key]).then(|| (key, known.clone()))
            };
            let Some((key, known)) = known(second).or_else(|| known(first)) else {
                let problem = SecretProblem::Same(declared(first).id.clone());
                self.problems.push((of_key(&declared(second).id), problem));
                secrets.remove(second);
                continue;
            };
            let other = if key == first { second } else { first };
            let problem = SecretProblem::Same(declared(other).id.clone());
            self.fails(&of_key(&declared(key).id), &problem, KNOWN_IS_USED);
            if let SecretRef::File(path) = &declared(key).secret {
                self.files.doubt(self.folder.join(path));
            }
            let name = reference(&declared(key).secret);
            self.secrets.found.secrets.insert(name, known.clone());
            secrets.insert(key, known);
        }
    }

    /// Notes what could not be read anew, and what is done instead.
    fn fails(&mut self, whose: &str, problem: &SecretProblem, instead: &str) {
        let failure = format!("{whose}: {problem}; {instead}");
        if !self.secrets.failures.contains(&failure) {
            self.secrets.failures.push(failure);
        }
    }

    /// What stands where `from` says; `None`: it was not looked for, since it is known.
    fn text(&self, from: &SecretRef) -> Option<Result<String, SecretProblem>> {
        match from {
            SecretRef::Literal(_) => None,
            SecretRef::Env(name) => Some(from_env(name)),
            SecretRef::File(path) => Some(files::text(&self.folder.join(path))),
            SecretRef::Command(command) => self.printed.get(command).map(again),
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
                self.fails(&whose, &problem, KNOWN_IS_USED);
                Some(known)
            }
            (Some(Err(problem)), None) => {
                self.problems.push((whose, problem));
                None
            }
            (None, known) => known,
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

#[cfg(test)]
mod tests;
