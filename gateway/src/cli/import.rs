//! `keyweir import`: a policy made from what another gateway, or a list of keys, says.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use keyweir_policy::config::import::keys::{self, ImportedKeys};
use keyweir_policy::config::import::{Finding, ImportError, Imported, Rating, litellm};

use crate::command::failed::Failed;

/// What `import` may be told.
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, clap::Subcommand)]
enum From {
    /// From LiteLLM's config.yaml.
    Litellm {
        /// The file; - is standard input.
        file: PathBuf,
        /// Where the policy goes instead of standard output. Must not be there yet.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// From a list of provider keys: a key a line, NAME=KEY or NAME: KEY. Each gets an account.
    Keys {
        /// The file; - is standard input.
        file: PathBuf,
        /// The folder for a file with each key, which the policy names.
        #[arg(long, value_name = "FOLDER")]
        secrets: PathBuf,
        /// Where the policy goes instead of standard output. Must not be there yet.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

impl Import {
    /// Imports.
    pub(super) fn run(self) -> Result<(), Failed> {
        match self.from {
            From::Litellm { file, out } => {
                let text = read(&file, litellm::BYTES_MAX)?;
                let imported = litellm::import(&text);
                let imported = imported.map_err(|error| nothing(&file, &error))?;
                finish(&file, &imported, out.as_deref())
            }
            From::Keys { file, secrets, out } => {
                let text = read(&file, keys::BYTES_MAX)?;
                let folder = secrets.to_string_lossy();
                let found = keys::import(&text, &folder);
                let found = found.map_err(|error| nothing(&file, &error))?;
                let files = found.secrets.iter().map(|(name, _)| secrets.join(name));
                files
                    .chain(out.clone())
                    .try_for_each(|file| is_free(&file))?;
                write_secrets(&secrets, &found)?;
                finish(&file, &found.imported, out.as_deref())
            }
        }
    }
}

fn at(file: &Path, why: &dyn std::fmt::Display) -> Failed {
    Failed::Because(format!("{}: {why}", file.display()))
}

/// Tells what was found, of which nothing could be made.
fn nothing(file: &Path, error: &ImportError) -> Failed {
    if let ImportError::Nothing { findings, .. } = error {
        for finding in findings {
            eprintln!("{}:{finding}", file.display());
        }
    }
    at(file, error)
}

/// What stands in `file`, of which no more is read than may be.
fn read(file: &Path, most: usize) -> Result<String, Failed> {
    let opened: Box<dyn Read> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(fs::File::open(file).map_err(|error| at(file, &error))?)
    };
    let mut text = String::new();
    let read = opened.take(most as u64 + 1).read_to_string(&mut text);
    read.map_err(|error| at(file, &error))?;
    Ok(text)
}

/// That nothing stands where `file` is to be: so that no half of a policy is written.
fn is_free(file: &Path) -> Result<(), Failed> {
    match file.symlink_metadata() {
        Ok(_) => Err(not_new(file, &ErrorKind::AlreadyExists.into())),
        Err(_) => Ok(()),
    }
}

/// Why a new file is none.
fn not_new(file: &Path, error: &std::io::Error) -> Failed {
    match error.kind() {
        ErrorKind::AlreadyExists => at(
            file,
            &"is there already, and is not written over: name another place, or move this one away",
        ),
        _ => at(file, error),
    }
}

/// Writes a file with each key, for its owner alone.
fn write_secrets(folder: &Path, found: &ImportedKeys) -> Result<(), Failed> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.map_err(|error| at(folder, &error))?;
    for (name, secret) in &found.secrets {
        let file = folder.join(name);
        let written = create(&file).and_then(|mut to| to.write_all(secret.expose().as_bytes()));
        written.map_err(|error| not_new(&file, &error))?;
    }
    Ok(())
}

/// A new file: one that is there is not written over.
fn create(file: &Path) -> std::io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(file)
}

/// Tells what was found, and writes the policy.
fn finish(file: &Path, imported: &Imported, out: Option<&Path>) -> Result<(), Failed> {
    let mut told = std::io::stderr();
    for sentence in &imported.first {
        writeln!(told, "{}: {sentence}", file.display())?;
    }
    for finding in &imported.findings {
        writeln!(told, "{}:{finding}", file.display())?;
    }
    let count = |rating| {
        let rated = |finding: &&Finding| finding.rating == rating;
        imported.findings.iter().filter(rated).count()
    };
    writeln!(
        told,
        "exact: {}, approximate: {}, unsupported: {}",
        count(Rating::Exact),
        count(Rating::Approximate),
        count(Rating::Unsupported),
    )?;
    match out {
        Some(out) => {
            let written = create(out).and_then(|mut to| to.write_all(imported.policy.as_bytes()));
            written.map_err(|error| not_new(out, &error))
        }
        None => Ok(std::io::stdout().write_all(imported.policy.as_bytes())?),
    }
}
