//! `keyweir reload`: has a gateway that runs follow its policy files, and says what came of it.
//!
//! SIGHUP does the same and cannot say: a pipeline that deploys a policy has to know whether it is in force.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::Value;

use crate::command::admin_client::AdminAddress;
use crate::command::failed::Failed;
use crate::telemetry::escape::harmless;

/// What `reload` may be told.
#[derive(Debug, clap::Args)]
pub(super) struct Reload {
    /// Print the gateway's answer as it is.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminAddress,
}

impl Reload {
    /// Asks, prints what is different, and fails with what is wrong.
    pub(super) fn run(&self) -> Result<(), Failed> {
        let said = self.admin.ask_for("POST", "/reload", &["200", "422"])?;
        let told: Value = serde_json::from_str(&said).map_err(|_| {
            Failed::Because("the answer is none of a gateway that can reload".to_owned())
        })?;
        let is_refused = told["result"] == "failed";
        if self.json {
            let _ = write!(std::io::stdout(), "{said}");
        } else {
            let _ = write!(std::io::stdout(), "{}", in_force(&told));
            let _ = write!(std::io::stderr(), "{}", amiss(&told));
        }
        match is_refused {
            true => Err(Failed::Said),
            false => Ok(()),
        }
    }
}

fn lines<'a>(told: &'a Value, name: &str) -> impl Iterator<Item = String> + use<'a> {
    let lines = told[name].as_array().map_or(&[][..], Vec::as_slice);
    lines.iter().map(|line| match line.as_str() {
        Some(text) => harmless(text).into_owned(),
        None => harmless(&line.to_string()).into_owned(),
    })
}

/// What is in force now.
fn in_force(told: &Value) -> String {
    let hash = told["policy"].as_str().unwrap_or("unknown");
    let mut text = match told["result"].as_str() {
        Some("changed") => format!("changed: policy {hash} is in force\n"),
        Some("unchanged") => format!("unchanged: policy {hash} is in force\n"),
        _ => format!("refused: policy {hash} stays in force\n"),
    };
    for change in lines(told, "changes") {
        let _ = writeln!(text, "  {change}");
    }
    text
}

/// What is wrong, or only half right.
fn amiss(told: &Value) -> String {
    let mut text = String::new();
    for said in lines(told, "mistakes").chain(lines(told, "warnings")) {
        let _ = writeln!(text, "{said}");
    }
    for (name, word) in [
        ("needs_restart", "needs a restart"),
        ("secrets_failed", "secret"),
        ("issuers_failed", "issuer"),
    ] {
        for line in lines(told, name) {
            let _ = writeln!(text, "{word}: {line}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_says_what_is_in_force_and_what_is_amiss_without_what_a_terminal_would_obey() {
        let told = json!({
            "result": "failed", "policy": "3f0c", "changes": [],
            "mistakes": ["keys.toml:3:1: \u{1b}[2Jno account"], "warnings": ["w"],
            "needs_restart": [], "secrets_failed": ["s"], "issuers_failed": [],
        });
        assert_eq!(in_force(&told), "refused: policy 3f0c stays in force\n");
        let amiss = amiss(&told);
        assert!(!amiss.contains('\u{1b}'), "{amiss}");
        assert!(amiss.contains("no account\nw\nsecret: s\n"), "{amiss}");
        let told = json!({"result": "changed", "policy": "3f0c", "changes": ["tenant a: added"]});
        assert_eq!(
            in_force(&told),
            "changed: policy 3f0c is in force\n  tenant a: added\n"
        );
    }
}
