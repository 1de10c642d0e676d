//! `keyweir explain`: why a request would get the key it would get, or why one got the key it got, from
//! a gateway that runs.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::Value;

use crate::command::admin_client::{AdminAddress, encoded};
use crate::command::failed::Failed;
use crate::command::provider_said::provider_said;
use crate::telemetry::escape::harmless;

/// What request ids begin with.
const REQUEST_ID: &str = "kw_";

/// What `explain` may be told.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// A model's name, or an alias: what would become of a request for it now. Or a request's id
    /// (x-keyweir-request-id): what became of it.
    #[arg(value_name = "MODEL | REQUEST-ID")]
    what: String,
    /// On whose behalf.
    #[arg(long)]
    tenant: Option<String>,
    /// Only of this provider.
    #[arg(long)]
    provider: Option<String>,
    /// Tokens of input.
    #[arg(long, value_name = "N")]
    input_tokens: Option<u64>,
    /// The cap on output (max_tokens).
    #[arg(long, value_name = "N")]
    output_tokens: Option<u64>,
    /// Print the gateway's answer as it is.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminAddress,
}

impl Explain {
    /// Asks, and prints the answer.
    pub(super) fn run(&self) -> Result<(), Failed> {
        let is_request = self.what.starts_with(REQUEST_ID);
        let path = if is_request {
            format!("/explain/{}", encoded(&self.what))
        } else {
            self.question()
        };
        let answer = self.admin.ask("GET", &path)?;
        let told = if self.json {
            answer
        } else {
            let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
            if is_request {
                request(&answer)
            } else {
                candidates(&answer)
            }
        };
        let _ = write!(std::io::stdout(), "{told}");
        Ok(())
    }

    fn question(&self) -> String {
        let mut path = format!("/explain?model={}", encoded(&self.what));
        let tokens = |tokens: Option<u64>| tokens.map(|it| it.to_string());
        for (name, value) in [
            ("tenant", self.tenant.clone()),
            ("provider", self.provider.clone()),
            ("input_tokens", tokens(self.input_tokens)),
            ("output_tokens", tokens(self.output_tokens)),
        ] {
            if let Some(value) = value {
                let _ = write!(path, "&{name}={}", encoded(&value));
            }
        }
        path
    }
}

/// A text of the answer, without what a terminal would take for orders.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => harmless(text).into_owned(),
        other => other.to_string(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn candidates(answer: &Value) -> String {
    let mut out = String::new();
    let now = answer["time"].as_f64().unwrap_or_default();
    for provider in list(&answer["providers"]) {
        let _ = writeln!(out, "provider {}", text(&provider["provider"]));
        if provider["model"].is_string() && provider["model"] != answer["model"] {
            let (name, model) = (text(&answer["model"]), text(&provider["model"]));
            let _ = writeln!(out, "  {name} is an alias for {model}");
        }
        let chosen = &provider["chosen"];
        let _ = match chosen {
            Value::Null => writeln!(out, "  nobody would be chosen now"),
            _ => writeln!(
                out,
                "  chosen: key {} of account {} (by {})",
                text(&chosen["key"]),
                text(&chosen["account"]),
                text(&chosen["by"])
            ),
        };
        if !provider["held_back"].is_null() {
            let _ = writeln!(
                out,
                "  held back: {}",
                held_back(&provider["held_back"], now)
            );
        }
        if !provider["refused"].is_null() {
            let _ = writeln!(out, "  refused: {}", text(&provider["refused"]));
        }
        let _ = match provider["fits_in_secs"].as_f64() {
            _ if !provider["refused"].is_null() => Ok(()),
            Some(secs) if secs > 0.0 => writeln!(out, "  its turn comes in {secs:.1} s"),
            Some(_) => writeln!(out, "  its turn is now"),
            None => writeln!(out, "  its turn never comes by itself"),
        };
        needs(&mut out, &provider["needed"]);
        for account in list(&provider["accounts"]) {
            candidate(&mut out, account, (&provider["needed"], now));
        }
        let shown = list(&provider["accounts"]).len() as u64;
        let all = provider["accounts_in_all"].as_u64().unwrap_or(shown);
        if all > shown {
            let reasons = &provider["accounts_by_reason"];
            let _ = writeln!(out, "  … {} more; in all {reasons}", all - shown);
        }
        fallbacks(&mut out, list(&provider["fallbacks"]));
    }
    out
}

/// Why it would have to wait, whoever serves it.
fn held_back(held: &Value, now: f64) -> String {
    let reason = text(&held["reason"]);
    match (held["until"].as_f64(), held["waiting"].as_u64()) {
        (Some(until), _) => format!("{reason}, for {:.1} s more", (until - now).max(0.0)),
        (None, Some(1)) => format!("{reason}: one waits and may have its turn first"),
        (None, Some(waiting)) => format!("{reason}: {waiting} wait and may have their turn first"),
        (None, None) => reason,
    }
}

/// What a request is expected to take.
fn needs(out: &mut String, needed: &Value) {
    let needed = needed.as_object().into_iter().flatten();
    let needed = needed.filter_map(|(dimension, amount)| {
        let amount = amount.as_f64().filter(|amount| *amount > 0.0)?;
        Some(format!("{amount:.0} {dimension}"))
    });
    let needed: Vec<String> = needed.collect();
    if !needed.is_empty() {
        let _ = writeln!(out, "  it is expected to take {}", needed.join(", "));
    }
}

/// Where it goes else, and when.
fn fallbacks(out: &mut String, fallbacks: &[Value]) {
    for fallback in fallbacks {
        let account = match &fallback["account"] {
            Value::Null => String::new(),
            account => format!(", account {}", text(account)),
        };
        let on: Vec<String> = list(&fallback["on"]).iter().map(text).collect();
        let _ = writeln!(
            out,
            "  falls back to provider {}{account}, model {} (on {})",
            text(&fallback["provider"]),
            text(&fallback["model"]),
            on.join(", ")
        );
    }
}

fn candidate(out: &mut String, account: &Value, (whole, now): (&Value, f64)) {
    let _ = write!(out, "  account {}: ", text(&account["id"]));
    let _ = writeln!(out, "{}", in_or_out(&account["out"], now));
    if let Some(headroom) = account["headroom"].as_object() {
        for (dimension, of) in headroom {
            let amount = |name: &str| of[name].as_f64().unwrap_or_default();
            let [sure, free, possible, needed] = ["sure", "free", "possible", "needed"].map(amount);
            // Where it holds less than a request takes, it has to be full, and owes the rest.
            let is_less = dimension != "output_tokens"
                && whole[dimension].as_f64().unwrap_or_default() > needed + 0.5;
            let note = match is_less {
                true => ", which is all that it holds",
                false => "",
            };
            let _ = writeln!(
                out,
                "    {dimension}: {free:.0} free ({sure:.0} to {possible:.0}), {needed:.0} needed{note}"
            );
        }
    }
    for key in list(&account["keys"]) {
        if !key["out"].is_null() {
            let _ = writeln!(
                out,
                "    key {}: {}",
                text(&key["id"]),
                in_or_out(&key["out"], now)
            );
        }
    }
}

fn in_or_out(out: &Value, now: f64) -> String {
    if out.is_null() {
        return "in".to_owned();
    }
    let mut told = format!("out, {}", text(&out["reason"]));
    if let Some(until) = out["until"].as_f64() {
        let _ = write!(told, ", for {:.1} s more", (until - now).max(0.0));
    }
    if !out["why"].is_null() {
        let _ = write!(told, ": {}", text(&out["why"]["text"]));
        told += &provider_said(&out["why"]);
    }
    told
}

fn request(answer: &Value) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "request {}: {} ({}), model {}, tenant {}",
        text(&answer["request_id"]),
        text(&answer["outcome"]),
        text(&answer["status"]),
        text(&answer["model"]),
        text(&answer["tenant"])
    );
    if !answer["reason"].is_null() {
        let _ = writeln!(out, "  because: {}", text(&answer["reason"]));
    }
    if !answer["refusal"].is_null() {
        let _ = writeln!(out, "  it was told: {}", text(&answer["refusal"]));
    }
    if answer["limit_waited_ms"].as_u64() > Some(0) {
        let waited = text(&answer["limit_waited_ms"]);
        let limit = match &answer["limit_waited_for"] {
            Value::Null => "a limit of its tenant, behind others".to_owned(),
            limit => text(limit),
        };
        let _ = writeln!(out, "  waited {waited} ms for {limit}");
    }
    if let Some(behind) = answer["waited_behind"].as_u64() {
        let whom = match behind {
            0 => "for room, behind nobody".to_owned(),
            1 => "for room, behind one other".to_owned(),
            _ => format!("for room, behind {behind} others"),
        };
        let _ = writeln!(out, "  waited {} ms {whom}", text(&answer["waited_ms"]));
    }
    for (number, attempt) in list(&answer["attempts"]).iter().enumerate() {
        let fault = match attempt["fault"].as_str() {
            Some("none") => "served".to_owned(),
            _ => text(&attempt["fault"]),
        };
        let _ = writeln!(
            out,
            "  attempt {} at {} ms: key {} of account {} at {}, chosen by {}: {fault} after {} ms",
            number + 1,
            text(&attempt["began_ms"]),
            text(&attempt["key"]),
            text(&attempt["account"]),
            text(&attempt["provider"]),
            text(&attempt["chosen_by"]),
            text(&attempt["took_ms"])
        );
    }
    if answer["input_tokens"].is_u64() || answer["output_tokens"].is_u64() {
        let _ = writeln!(
            out,
            "  tokens: {} in, {} read from a cache, {} out; cost {} USD",
            text(&answer["input_tokens"]),
            text(&answer["cache_read_tokens"]),
            text(&answer["output_tokens"]),
            text(&answer["cost_usd"])
        );
    }
    let _ = match answer["first_byte_ms"].is_null() {
        true => writeln!(out, "  over after {} ms", text(&answer["duration_ms"])),
        false => writeln!(
            out,
            "  first byte after {} ms, all after {} ms",
            text(&answer["first_byte_ms"]),
            text(&answer["duration_ms"])
        ),
    };
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_holds_a_request_back_is_told_with_its_end_or_with_how_many() {
        let told = |held| held_back(&held, 100.0);
        assert_eq!(
            told(json!({ "reason": "overloaded", "until": 102.5 })),
            "overloaded, for 2.5 s more"
        );
        assert_eq!(
            told(json!({ "reason": "behind_others", "waiting": 3 })),
            "behind_others: 3 wait and may have their turn first"
        );
    }

    #[test]
    fn who_is_out_is_told_with_what_it_met_and_in_the_providers_words() {
        let told = |out| in_or_out(&out, 100.0);
        assert_eq!(told(json!(null)), "in");
        assert_eq!(
            told(json!({ "reason": "held", "until": null, "why": null })),
            "out, held"
        );
        let why = json!({ "text": "it is rejected", "status": 401, "said": "no\u{1b}" });
        assert_eq!(
            told(json!({ "reason": "rejected", "until": 101.5, "why": why })),
            "out, rejected, for 1.5 s more: it is rejected; the provider said 401: \"no\\u001b\""
        );
        let why = json!({ "text": "it is down", "status": null, "said": null });
        assert_eq!(
            told(json!({ "reason": "breaker_open", "until": null, "why": why })),
            "out, breaker_open: it is down"
        );
    }

    #[test]
    fn nothing_that_is_printed_gives_a_terminal_orders() {
        let answer = json!({
            "request_id": "kw_1", "outcome": "answered", "status": 200,
            "model": "\u{1b}[2J", "tenant": null, "attempts": [],
        });
        let told = request(&answer);
        assert!(!told.contains('\u{1b}'), "{told:?}");
        assert!(told.contains("\\u001b[2J"), "{told:?}");
    }
}
