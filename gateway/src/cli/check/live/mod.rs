//! `keyweir check --live`: asks each provider once per key for its models, and says what each key is
//! worth, whose it is, and which accounts share a budget.

mod ask;
mod finding;
mod ownership;
mod report;

use std::io::Write;
use std::time::Duration;

use self::finding::{Found, Standing};
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
    tell(&mut out, &found)
}

/// How many keys do not work, by what is to be done about them.
fn tell(out: &mut impl Write, found: &Found) -> Result<(), Failed> {
    let count = |is: fn(&Standing) -> bool| found.values().filter(|it| is(&it.standing)).count();
    let keys = found.len();
    let failing = count(Standing::fails);
    let (refused, without) = (count(Standing::is_refused), count(Standing::lacks_secret));
    if failing == 0 {
        writeln!(out, "ok: no key of {keys} is refused")?;
        return Ok(());
    }
    for (number, what) in [
        (refused, "refused by their providers"),
        (without, "not asked with: their secrets are not there"),
        (
            failing - refused - without,
            "not tried: their providers do not answer as they should",
        ),
    ] {
        if number > 0 {
            writeln!(out, "{number} of {keys} keys: {what}")?;
        }
    }
    Err(Failed::With(KEY_FAILS))
}
