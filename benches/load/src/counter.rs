//! Counts the instructions a program executes in user space.
//!
//! `perf` where the processor's counters can be reached: exact, and at full speed. Many virtual
//! machines hide them; there valgrind's callgrind executes the program and counts, fifty times
//! slower but repeatable to a fraction of a per cent, whatever else the machine does. Under
//! callgrind the processor has no AVX-512, and one thread runs at a time.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use crate::canned::Exchange;
use crate::drive::{Fleet, Until};
use crate::failure::Failure;
use crate::lab::{Lab, Setup};
use crate::subject::{Kind, Subject};

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// The processor's own counter, read by `perf stat`.
    Perf,
    /// `valgrind --tool=callgrind`.
    Callgrind,
}

impl Counter {
    /// `perf` if it can count instructions on this machine.
    pub(crate) fn of_this_machine() -> Self {
        let probe = Command::new("perf")
            .args(["stat", "-x,", "-e", "instructions:u", "true"])
            .output();
        let counts = probe
            .ok()
            .and_then(|output| perf_count(&String::from_utf8_lossy(&output.stderr)));
        if counts.is_some() {
            Self::Perf
        } else {
            Self::Callgrind
        }
    }

    /// Its name, as the report gives it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Perf => "perf stat -e instructions:u",
            Self::Callgrind => "valgrind --tool=callgrind",
        }
    }
}

/// A subject whose instructions are counted.
pub(crate) struct Counted {
    counter: Counter,
    /// The subject.
    pub(crate) subject: Subject,
    file: PathBuf,
    dumps: u32,
}

/// A load whose instructions are counted: so many requests over so many connections.
#[derive(Clone, Debug)]
pub(crate) struct CountedLoad {
    /// What is sent, and what must come back.
    pub(crate) exchange: Arc<Exchange>,
    /// Its name for `keyweir-load drive`.
    pub(crate) name: &'static str,
    /// How many connections send it.
    pub(crate) connections: usize,
    /// How many requests in all.
    pub(crate) requests: u64,
}

impl fmt::Display for CountedLoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            connections,
            requests,
            ..
        } = self;
        write!(f, "{requests} × {name} over {connections} connections")
    }
}

impl Counted {
    /// Starts a subject under the counter.
    pub(crate) async fn start(lab: &Lab, kind: Kind, counter: Counter) -> Result<Self, Failure> {
        let file = lab.file(&format!("{kind}.count"));
        let under = match counter {
            Counter::Perf => Vec::new(),
            Counter::Callgrind => vec![
                "valgrind".to_owned(),
                "--tool=callgrind".to_owned(),
                format!("--callgrind-out-file={}", file.display()),
            ],
        };
        let setup = Setup {
            under,
            ..Setup::default()
        };
        let subject = lab.start(kind, &setup).await?;
        Ok(Self {
            counter,
            subject,
            file,
            dumps: 0,
        })
    }

    /// Instructions per request of this load.
    pub(crate) async fn count(&mut self, load: &CountedLoad) -> Result<f64, Failure> {
        let instructions = match self.counter {
            Counter::Perf => self.count_with_perf(load)?,
            Counter::Callgrind => self.count_with_callgrind(load).await?,
        };
        Ok(instructions as f64 / load.requests as f64)
    }

    /// The load is a program of its own here: `perf` counts another process for exactly as long
    /// as the program lives that it was given.
    fn count_with_perf(&self, load: &CountedLoad) -> Result<u64, Failure> {
        let output = Command::new("perf")
            .args([
                "stat",
                "-x,",
                "-e",
                "instructions:u",
                "-p",
                &self.subject.id()?.to_string(),
            ])
            .arg("--")
            .arg(std::env::current_exe()?)
            .args(drive_arguments(self.subject.address, load))
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        perf_count(&said)
            .filter(|_| output.status.success())
            .ok_or_else(|| Failure::new(said.trim()).with("perf stat"))
    }

    async fn count_with_callgrind(&mut self, load: &CountedLoad) -> Result<u64, Failure> {
        let mut fleet = Fleet::connect(self.subject.address, load.connections).await?;
        // One answer per connection, so that opening it is not in the count; then the counter
        // begins anew, as it does at every dump.
        let connections = load.connections as u64;
        fleet
            .drive(&load.exchange, Until::Requests(connections))
            .await?;
        self.dump()?;
        fleet
            .drive(&load.exchange, Until::Requests(load.requests))
            .await?;
        self.dump()
    }

    /// Instructions since the last dump.
    fn dump(&mut self) -> Result<u64, Failure> {
        let output = Command::new("vgdb")
            .arg(format!("--pid={}", self.subject.id()?))
            .arg("dump")
            .output()
            .map_err(|error| Failure::from(error).with("vgdb"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(said.trim()).with("vgdb"));
        }
        self.dumps += 1;
        let file = self.file.with_extension(format!("count.{}", self.dumps));
        let text =
            fs::read_to_string(&file).map_err(|error| Failure::from(error).with(file.display()))?;
        callgrind_count(&text).ok_or_else(|| Failure::new("no totals").with(file.display()))
    }
}

fn drive_arguments(to: SocketAddr, load: &CountedLoad) -> [String; 9] {
    [
        "drive".to_owned(),
        "--to".to_owned(),
        to.to_string(),
        "--answer".to_owned(),
        load.name.to_owned(),
        "--connections".to_owned(),
        load.connections.to_string(),
        "--requests".to_owned(),
        load.requests.to_string(),
    ]
}

/// The count in `perf stat -x,`: the first field of its line, or words where it cannot count.
fn perf_count(said: &str) -> Option<u64> {
    said.lines()
        .find(|line| line.contains("instructions"))
        .and_then(|line| line.split(',').next())
        .and_then(|count| count.parse().ok())
}

/// The count in a callgrind file.
fn callgrind_count(text: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| {
            line.strip_prefix("totals:")
                .or(line.strip_prefix("summary:"))
        })
        .and_then(|count| count.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_what_the_tools_print() {
        let counted = "12345,,instructions:u,1000000,100.00,,\n";
        assert_eq!(perf_count(counted), Some(12_345));
        assert_eq!(
            perf_count("<not supported>,,instructions:u,0,100.00,,\n"),
            None
        );
        assert_eq!(
            callgrind_count("version: 1\nevents: Ir\nsummary: 77\n\n"),
            Some(77)
        );
        assert_eq!(callgrind_count("version: 1\n"), None);
    }
}
