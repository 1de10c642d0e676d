//! Commands that have printed something, and run again without anybody waiting for them.
//!
//! A command may hang for as long as it is let (a vault that is down), and meanwhile other secrets change,
//! and tenants are taken out. So a reload takes what each command printed last, and one that is due runs
//! beside it; its end is a reason to reload. Only a command that never ran is waited for: without it the
//! policy would not be whole.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use keyweir_policy::config::file::SecretCommand;
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use super::command::{Printed, run_all};
use super::problem::SecretProblem;

/// How soon a command runs again that has failed, at the latest.
pub(super) const RETRY: Duration = Duration::from_secs(10);

/// The commands that have run.
#[derive(Default)]
pub(super) struct Repeated {
    last_runs: Mutex<HashMap<SecretCommand, LastRun>>,
    /// One has ended: for who waits for a moment …
    ended: Condvar,
    /// … and for who follows changes.
    news: Arc<Notify>,
}

struct LastRun {
    printed: Printed,
    ended_at: Instant,
    is_running: bool,
    /// It has ended since it was last asked which are due.
    is_news: bool,
}

impl LastRun {
    fn new(printed: Printed, is_news: bool) -> Self {
        Self {
            printed,
            ended_at: Instant::now(),
            is_running: false,
            is_news,
        }
    }

    /// When it is to run again; `None`: it runs.
    fn due(&self, command: &SecretCommand) -> Option<Instant> {
        let span = match self.printed {
            Ok(_) => command.refresh,
            Err(_) => command.refresh.min(RETRY),
        };
        (!self.is_running).then(|| self.ended_at + span)
    }
}

impl fmt::Debug for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeated").finish_non_exhaustive()
    }
}

impl Repeated {
    /// When something is to be done: to read what one has printed, or to run one.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let runs = self.last_runs.lock();
        let due = runs.iter().filter_map(|(command, run)| {
            let news = run.is_news.then_some(run.ended_at);
            news.or_else(|| run.due(command))
        });
        due.min()
    }

    /// Tells who waits that one has ended.
    pub(super) fn news(&self) -> Arc<Notify> {
        Arc::clone(&self.news)
    }

    /// Runs those that are due.
    pub(super) fn run_due(self: &Arc<Self>, folder: &Path) {
        let now = Instant::now();
        let mut runs = self.last_runs.lock();
        let mut due = Vec::new();
        for (command, run) in runs.iter_mut() {
            run.is_news = false;
            if run.due(command).is_some_and(|due| due <= now) {
                run.is_running = true;
                due.push(command.clone());
            }
        }
        drop(runs);
        self.run(due, folder.to_owned());
    }

    /// Runs all of `commands` that have run before, and waits for them for so long at most.
    pub(super) fn run_again(
        self: &Arc<Self>,
        commands: &HashSet<&SecretCommand>,
        folder: &Path,
        patience: Duration,
    ) {
        let until = Instant::now() + patience;
        let mut runs = self.last_runs.lock();
        let mut again = Vec::new();
        for (command, run) in runs.iter_mut() {
            if commands.contains(command) && !run.is_running {
                run.is_running = true;
                again.push(command.clone());
            }
        }
        drop(runs);
        self.run(again, folder.to_owned());
        let mut runs = self.last_runs.lock();
        while runs.values().any(|run| run.is_running) {
            if self.ended.wait_until(&mut runs, until).timed_out() {
                return;
            }
        }
    }

    fn run(self: &Arc<Self>, commands: Vec<SecretCommand>, folder: PathBuf) {
        if commands.is_empty() {
            return;
        }
        let repeated = Arc::clone(self);
        std::thread::spawn(move || {
            run_all(commands.iter().collect(), &folder, |command, printed| {
                let run = LastRun::new(printed, true);
                repeated.last_runs.lock().insert(command.clone(), run);
                repeated.ended.notify_all();
                repeated.news.notify_one();
            });
        });
    }

    /// What each of `commands` printed last, of those that have run before.
    pub(super) fn printed<'a>(
        &self,
        commands: &HashSet<&'a SecretCommand>,
    ) -> HashMap<&'a SecretCommand, Printed> {
        let runs = self.last_runs.lock();
        let printed = commands.iter().filter_map(|command| {
            let run = runs.get(*command)?;
            Some((*command, again(&run.printed)))
        });
        printed.collect()
    }

    /// They have run for the first time.
    pub(super) fn add<'a>(&self, printed: impl IntoIterator<Item = (&'a SecretCommand, Printed)>) {
        let mut runs = self.last_runs.lock();
        for (command, printed) in printed {
            let first = || LastRun::new(printed, false);
            runs.entry(command.clone()).or_insert_with(first);
        }
    }

    /// Keeps what is known of those that `is_used`.
    pub(super) fn retain(&self, is_used: impl Fn(&SecretCommand) -> bool) {
        let mut runs = self.last_runs.lock();
        runs.retain(|command, run| run.is_running || is_used(command));
    }
}

/// The same once more.
pub(super) fn again(printed: &Printed) -> Printed {
    match printed {
        Ok(text) => Ok(text.clone()),
        Err(problem) => Err(SecretProblem::again(problem)),
    }
}
