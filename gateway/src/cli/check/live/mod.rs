//! `keyweir check --live`: asks each provider once per key for its models, and says what each key is
//! worth, whose it is, and which accounts share a budget.

mod ask;
mod finding;
mod ownership;
mod report;

use std::io::Write;
use std::time::Duration;

use crate::command::failed::Failed;
use crate::runtime::policy_files::Loaded;
use crate::runtime::secrets::Secrets;

/// The status if a key does not work, or could not be asked.
const KEY_FAILS: u8 = 5;

/// Asks, each key for at most `timeout`, and prints what was found.
pub(super) fn run(loaded: &Loaded, secrets: &Secrets, timeout: Duration) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let found = runtime.block_on(ask::ask_all(loaded, secrets, timeout));
    runtime.shutdown_background();
    let found = found?;
    let mut out = std::io::stdout();
    write!(out, "{}", report::Report::of(&loaded.policy, &found))?;
    for doubt in ownership::doubts(&loaded.policy, &found) {
        writeln!(std::io::stderr(), "warning: {doubt}")?;
    }
    let failing = found.values().filter(|it| it.standing.fails()).count();
    let keys = found.len();
    if failing == 0 {
        writeln!(out, "ok: no key of {keys} is refused")?;
        return Ok(());
    }
    writeln!(out, "{failing} of {keys} keys do not work")?;
    Err(Failed::With(KEY_FAILS))
}
