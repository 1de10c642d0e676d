//! `keyweir evidence`: the report that a provider's sales team asks for before it raises a limit: how near
//! an account came to its limits, for how long, who had to wait, where it leads, and what the simulator
//! says of twice the limit.
//!
//! What was carried is the ledger's ([`crate::runtime::ledger`]); here it is put into words and drawn. The
//! work is the command's: a gateway that is asked adds up, and no more.

mod chart;
#[cfg(feature = "simulate")]
mod doubled;
mod report;
#[cfg(test)]
mod tests;
mod words;

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::command::admin_client::encoded;
use crate::command::failed::Failed;
use crate::command::ledger_place::{LedgerPlace, Place};
use crate::runtime::ledger::{Evidence, FORMAT, Question, Store, evidence, nothing};
use crate::runtime::loads::hour_of;
use crate::runtime::policy_files;
use crate::runtime::tenancy::wall;
use crate::telemetry::escape::seen_json;

/// What `evidence` may be told.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  keyweir evidence --account team-a --since 30d
  keyweir evidence --account team-a --out for-sales/team-a.md")]
pub(crate) struct Arguments {
    /// The account's id, as the policy has it.
    #[arg(long)]
    account: String,
    /// The first day (UTC) that counts: 2026-11-01, or 30d for 30 days back; 62d at most.
    #[arg(long, default_value = "30d", allow_hyphen_values = true)]
    since: String,
    /// Where the report goes; its picture is beside it, as .svg. `-` prints it, without a picture
    /// [default: evidence-ACCOUNT.md]
    #[arg(long, value_name = "FILE.md", value_parser = report_path)]
    out: Option<PathBuf>,
    /// Print the figures as JSON instead.
    #[arg(long, conflicts_with = "out")]
    json: bool,
    #[command(flatten)]
    place: LedgerPlace,
}

fn report_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("md") => Ok(path),
        _ if text == "-" => Ok(path),
        _ => Err(
            "reports are written as Markdown: name a file that ends in .md, or - to print it"
                .to_owned(),
        ),
    }
}

/// Writes the report.
///
/// # Errors
/// If there is nothing to report, or it cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failed> {
    let found = find(arguments)?;
    let mut stdout = std::io::stdout().lock();
    if arguments.json {
        let text = seen_json(serde_json::to_string_pretty(&found)?);
        writeln!(stdout, "{text}")?;
        return Ok(());
    }
    let out = arguments.out.clone();
    let path =
        out.unwrap_or_else(|| PathBuf::from(format!("evidence-{}.md", plain(&found.account))));
    if path.as_os_str() == "-" {
        stdout.write_all(report::write(&found, None).as_bytes())?;
        return Ok(());
    }
    let picture = path.with_extension("svg");
    let name = picture.file_name().map(|it| encoded(&it.to_string_lossy()));
    // What refers to the other comes last.
    write(&picture, &chart::draw(&found))?;
    write(&path, &report::write(&found, name.as_deref()))?;
    writeln!(stdout, "Written: {}, {}", path.display(), picture.display())?;
    Ok(())
}

fn find(arguments: &Arguments) -> Result<Evidence, Failed> {
    let question = Question::read(&arguments.account, &arguments.since, hour_of(wall()));
    let question = question.map_err(|why| Failed::Because(format!("--{why}")))?;
    match arguments.place.find()? {
        Place::File(store) => from_file(arguments, &store, &question),
        Place::Gateway(admin) => {
            let account = encoded(&arguments.account);
            let since = encoded(&arguments.since);
            let answer = admin.ask("GET", &format!("/evidence?account={account}&since={since}"))?;
            let found: Option<Evidence> = serde_json::from_str(&answer).ok();
            found.filter(|it| it.format == FORMAT).ok_or_else(|| {
                Failed::Because(
                    "the gateway's answer is of another version of this program; use the one that serves"
                        .to_owned(),
                )
            })
        }
    }
}

fn from_file(
    arguments: &Arguments,
    store: &Store,
    question: &Question,
) -> Result<Evidence, Failed> {
    let unreadable = |error| Failed::Because(format!("the ledger cannot be read: {error}"));
    if let Some(found) = evidence(store, question).map_err(unreadable)? {
        return Ok(found);
    }
    let kept = store
        .loaded_accounts()
        .map_err(|it| unreadable(Box::new(it)))?;
    // Without a policy the ledger alone says which accounts there are.
    let policy = policy_files::load(std::slice::from_ref(&arguments.place.policy)).ok();
    let accounts = policy.iter().flat_map(|loaded| loaded.policy.accounts());
    let known: Vec<&str> = accounts.map(|(_, account)| account.id.as_str()).collect();
    Err(Failed::Because(nothing(question, &known, &kept)))
}

/// An account's name in a file's.
fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    name.chars()
        .map(|c| if is_plain(c) { c } else { '-' })
        .collect()
}

/// Writes a file as a whole, or not at all; whatever stood there, a link too, makes way for it.
fn write(path: &Path, text: &str) -> Result<(), Failed> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let _ = std::fs::remove_file(&part);
    let written = std::fs::File::create_new(&part)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&part, path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&part);
        Failed::Because(format!("cannot write {}: {error}", path.display()))
    })
}
