//! Where measurements take place: the upstream, a folder, and a rule for who runs on which core.
//!
//! The program under measurement has a core of its own, and upstream and load generator share
//! another. On two cores for everything, a ratio of throughputs would mostly be a ratio of the
//! same upstream and load generator to themselves: whatever the gateway costs more would be
//! diluted. Pinned like this, the program under measurement is what limits, and the harness shows
//! that it was.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::child::{Child, free_address};
use crate::failure::Failure;
use crate::policy_file::{self, PolicySpec};
use crate::process;
use crate::store::Store;
use crate::subject::{Kind, Subject};

/// Tenants with limits beside the one that measures, where there are any.
const MORE_TENANTS: usize = 999;

/// More than 5,000 streams need in any one process: two sockets each, and some.
const OPEN_FILES_MIN: u64 = 10_500;

/// How measurements are made.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    /// Where the programs are.
    pub(crate) programs: PathBuf,
    /// Whether the program under measurement has a core of its own.
    pub(crate) pinned: bool,
    /// Whether only the pass-through is measured.
    pub(crate) yardstick_only: bool,
    /// Fewer and shorter rounds: to see that everything works, not to quote.
    pub(crate) quick: bool,
}

/// How one subject is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Accounts in the gateway's policy.
    pub(crate) accounts: usize,
    /// The program that runs the subject's, and its arguments: an instruction counter.
    pub(crate) under: Vec<String>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            accounts: 8,
            under: Vec::new(),
        }
    }
}

/// A running upstream, and what is needed to start subjects in front of it.
pub(crate) struct Lab {
    /// How measurements are made.
    pub(crate) conditions: Conditions,
    /// Worker threads of every subject.
    pub(crate) threads: usize,
    measured_core: Option<usize>,
    upstream: SocketAddr,
    _upstream_process: Child,
    folder: TempDir,
}

impl Lab {
    /// Places this process on its core and starts the upstream beside it.
    pub(crate) async fn open(conditions: Conditions) -> Result<Self, Failure> {
        allow_open_files()?;
        let cores = process::allowed_cores()?;
        let measured_core = match (cores.first(), cores.last()) {
            (Some(first), Some(last)) if first != last && conditions.pinned => {
                place_here(*last)?;
                Some(*first)
            }
            _ => None,
        };
        let folder = tempfile::tempdir()?;
        let upstream = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["upstream", "--listen", &upstream.to_string()]);
        let mut process = Child::start(&mut command, folder.path(), "upstream")?;
        process.wait_until_listening(upstream).await?;
        Ok(Self {
            threads: if measured_core.is_some() {
                1
            } else {
                cores.len().max(1)
            },
            conditions,
            measured_core,
            upstream,
            _upstream_process: process,
            folder,
        })
    }

    /// The subjects that are compared under these conditions, out of `wanted`.
    pub(crate) fn kinds(&self, wanted: &[Kind]) -> Vec<Kind> {
        let is_gateway = |kind: &Kind| kind.program() == Kind::Gateway.program();
        wanted
            .iter()
            .copied()
            .filter(|kind| !(is_gateway(kind) && self.conditions.yardstick_only))
            .collect()
    }

    /// Starts all of `wanted` that are compared.
    pub(crate) async fn start_all(&self, wanted: &[Kind]) -> Result<Vec<Subject>, Failure> {
        let mut subjects = Vec::new();
        for kind in self.kinds(wanted) {
            subjects.push(self.start(kind, &Setup::default()).await?);
        }
        Ok(subjects)
    }

    /// Starts one subject and waits until it listens.
    pub(crate) async fn start(&self, kind: Kind, setup: &Setup) -> Result<Subject, Failure> {
        let Some(program) = kind.program() else {
            return Ok(Subject {
                kind,
                address: self.upstream,
                child: None,
                _store: None,
            });
        };
        let address = free_address()?;
        let store = match kind {
            Kind::GatewaySharing => Some(Store::start(self.folder.path()).await?),
            _ => None,
        };
        let table = store.as_ref().map(Store::table);
        let arguments = match kind {
            Kind::Direct | Kind::PassThrough | Kind::PassThroughMimalloc => {
                self.passthrough_arguments(address)
            }
            _ => self.gateway_arguments(kind, address, setup.accounts, table)?,
        };
        let mut command = self.command(program, &setup.under);
        command.args(arguments);
        let mut child = Child::start(&mut command, self.folder.path(), &kind.to_string())?;
        child.wait_until_listening(address).await?;
        Ok(Subject {
            kind,
            address,
            child: Some(child),
            _store: store,
        })
    }

    /// A file of this name in the folder of this lab.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// How cores were shared out, in words.
    pub(crate) fn placement(&self) -> String {
        match self.measured_core {
            Some(core) => format!(
                "the program under measurement alone on core {core}, with one worker thread; \
                 upstream and load generator together on another"
            ),
            None => format!("all on all cores, {} worker threads each", self.threads),
        }
    }

    fn command(&self, program: &str, under: &[String]) -> Command {
        let mut words = Vec::new();
        if let Some(core) = self.measured_core {
            words.extend(["taskset".to_owned(), "-c".to_owned(), core.to_string()]);
        }
        words.extend_from_slice(under);
        words.push(
            self.conditions
                .programs
                .join(program)
                .to_string_lossy()
                .into_owned(),
        );
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    }

    fn passthrough_arguments(&self, listen: SocketAddr) -> Vec<String> {
        let words = [
            "--listen",
            &listen.to_string(),
            "--upstream",
            &self.upstream.to_string(),
            "--threads",
            &self.threads.to_string(),
        ];
        words.map(str::to_owned).to_vec()
    }

    fn gateway_arguments(
        &self,
        kind: Kind,
        listen: SocketAddr,
        accounts: usize,
        more_settings: Option<String>,
    ) -> io::Result<Vec<String>> {
        let is_observed = kind == Kind::GatewayObserved;
        let spec = PolicySpec {
            listen,
            admin: match kind {
                Kind::GatewayUnobserved => None,
                _ => Some(free_address()?),
            },
            traces: is_observed.then_some(self.upstream),
            upstream: self.upstream,
            accounts,
            more_tenants: match kind {
                Kind::GatewayOfTenants => MORE_TENANTS,
                _ => 0,
            },
            threads: self.threads,
        };
        let file = self.file(&format!("policy-{}.toml", listen.port()));
        let text = policy_file::text(&spec) + &more_settings.unwrap_or_default();
        fs::write(&file, text)?;
        let file = file.to_string_lossy().into_owned();
        let mut words = vec!["serve".to_owned(), "--policy".to_owned(), file];
        let more: &[&str] = match kind {
            Kind::GatewayUnlogged => &["--access-log", "off"],
            Kind::GatewayUnobserved => &["--access-log", "off", "--state", "off"],
            _ => &[],
        };
        words.extend(more.iter().map(|word| (*word).to_owned()));
        Ok(words)
    }
}

/// Places this process, and so every child that is not placed elsewhere.
fn place_here(core: usize) -> Result<(), Failure> {
    let arguments = ["-cp", &core.to_string(), &std::process::id().to_string()].map(str::to_owned);
    run("taskset", &arguments)
}

/// Raises the limit on open files for this process and its children as far as it may be.
fn allow_open_files() -> Result<(), Failure> {
    let most = process::open_files_hard_max()?;
    if process::open_files_max()? < most {
        let limit = format!("--nofile={most}:{most}");
        run(
            "prlimit",
            &["--pid".to_owned(), std::process::id().to_string(), limit],
        )?;
    }
    if most < OPEN_FILES_MIN {
        return Err(Failure::new(format!(
            "needs `ulimit -n {OPEN_FILES_MIN}` or more"
        )));
    }
    Ok(())
}

fn run(program: &str, arguments: &[String]) -> Result<(), Failure> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| Failure::from(error).with(program))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(Failure::new(String::from_utf8_lossy(&output.stderr).trim()).with(program))
    }
}
