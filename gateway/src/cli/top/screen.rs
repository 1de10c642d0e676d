//! What `/status` says, as lines of text that fit a terminal.

use std::fmt::Write as _;

use serde_json::Value;

use crate::command::provider_said::provider_said;
use crate::telemetry::escape::harmless;

/// What the accounts are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    #[default]
    Utilization,
    Name,
}

/// The picture, and what it has to remember from one to the next.
#[derive(Debug, Default)]
pub(super) struct Screen {
    order: Order,
    /// When the picture before was taken, and how many requests and attempts there had been.
    before: Option<(f64, Counts)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    requests: f64,
    refused: f64,
    attempts: f64,
    rate_limited: f64,
}

/// A bucket's line.
struct Bucket {
    account: String,
    group: String,
    dimension: String,
    utilization: f64,
    free: f64,
    burst: f64,
}

impl Screen {
    pub(super) const fn sort_differently(&mut self) {
        self.order = match self.order {
            Order::Utilization => Order::Name,
            Order::Name => Order::Utilization,
        };
    }

    /// The lines for a terminal of so many columns and rows.
    pub(super) fn draw(&mut self, status: &Value, (columns, rows): (usize, usize)) -> Vec<String> {
        let mut lines = self.head(status);
        lines.extend(troubles(status));
        lines.push(String::new());
        lines.extend(waiting(status));
        lines.extend(spend(status));
        lines.extend(events(status));
        let left = rows.saturating_sub(lines.len() + 1).max(3);
        lines.extend(self.buckets(status, left));
        lines.truncate(rows);
        let cut = |line: String| line.chars().take(columns).collect();
        lines.into_iter().map(cut).collect()
    }

    fn head(&mut self, status: &Value) -> Vec<String> {
        let time = status["time"].as_f64().unwrap_or_default();
        let counts = Counts::of(&status["totals"]);
        let rates = match self.before.replace((time, counts)) {
            Some((before, then)) if time > before => counts.since(&then, time - before),
            _ => String::new(),
        };
        let keys = || of_providers(status, "keys");
        let serving = keys().filter(|key| key["state"] == "serving").count();
        let own = match of_tenants(status)
            .filter_map(|it| it["requests"].as_u64())
            .sum()
        {
            0_u64 => String::new(),
            requests => format!(" (and {requests} for limits of their tenants)"),
        };
        let ready = if status["ready"] == true {
            ""
        } else {
            "  DRAINING"
        };
        vec![format!(
            "keyweir {}{ready}  running {}  waiting {}{own}  keys serving {serving} of {}{rates}",
            text(&status["version"]),
            text(&status["requests_running"]),
            of_providers(status, "groups")
                .filter_map(|group| group["waiting"].as_u64())
                .sum::<u64>(),
            keys().count(),
        )]
    }

    fn buckets(&self, status: &Value, most: usize) -> Vec<String> {
        let mut buckets: Vec<Bucket> = of_providers(status, "groups").flat_map(of_group).collect();
        match self.order {
            Order::Utilization => {
                buckets.sort_by(|a, b| b.utilization.total_cmp(&a.utilization));
            }
            Order::Name => buckets.sort_by(|a, b| a.account.cmp(&b.account)),
        }
        let title = format!(
            "{:<24} {:<28} {:<14} {:>5}  {:<20} FREE",
            "ACCOUNT", "GROUP", "DIMENSION", "USED", ""
        );
        let shown = buckets.iter().take(most.saturating_sub(1)).map(|bucket| {
            let share = (bucket.free / bucket.burst.max(1e-9)).clamp(0.0, 1.0);
            let full = (share * 20.0).round() as usize;
            format!(
                "{:<24.24} {:<28.28} {:<14} {:>4.0}%  {}{} {:.0} of {:.0}",
                bucket.account,
                bucket.group,
                bucket.dimension,
                bucket.utilization * 100.0,
                "█".repeat(full),
                "·".repeat(20 - full),
                bucket.free,
                bucket.burst
            )
        });
        std::iter::once(title).chain(shown).collect()
    }
}

impl Counts {
    fn of(totals: &Value) -> Self {
        let sum = |kind: &str| {
            let counts = totals[kind]
                .as_object()
                .into_iter()
                .flat_map(|it| it.values());
            counts.filter_map(Value::as_f64).sum()
        };
        let one = |kind: &str, name: &str| totals[kind][name].as_f64().unwrap_or_default();
        Self {
            requests: sum("requests"),
            refused: one("requests", "refused"),
            attempts: sum("attempts"),
            rate_limited: one("attempts", "rate_limited"),
        }
    }

    fn since(&self, then: &Self, secs: f64) -> String {
        let attempts = (self.attempts - then.attempts).max(1.0);
        format!(
            "  {:.1} requests/s  {:.1} refused/s  429 {:.0}%",
            (self.requests - then.requests) / secs,
            (self.refused - then.refused) / secs,
            (self.rate_limited - then.rate_limited) / attempts * 100.0
        )
    }
}

/// What a list of each provider holds.
fn of_providers<'a>(status: &'a Value, list: &'a str) -> impl Iterator<Item = &'a Value> {
    items(&status["providers"]).flat_map(move |provider| items(&provider[list]))
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A text without what a terminal would take for orders.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => harmless(text).into_owned(),
        other => other.to_string(),
    }
}

fn name_of(group: &Value) -> String {
    match group["group"].as_str() {
        None | Some("") => text(&group["endpoint"]),
        Some(_) => format!("{}:{}", text(&group["endpoint"]), text(&group["group"])),
    }
}

fn of_group(group: &Value) -> impl Iterator<Item = Bucket> {
    let accounts = items(&group["accounts"]);
    accounts.flat_map(move |account| {
        items(&account["buckets"]).map(move |bucket| {
            let number = |name: &str| bucket[name].as_f64().unwrap_or_default();
            Bucket {
                account: text(&account["id"]),
                group: name_of(group),
                dimension: text(&bucket["dimension"]),
                utilization: number("utilization"),
                free: number("free"),
                burst: number("burst"),
            }
        })
    })
}

/// What does not serve, and why.
fn troubles(status: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for mistake in items(&status["policy"]["failed"]["mistakes"]) {
        lines.push(format!("policy: {}", text(mistake)));
    }
    for provider in items(&status["providers"]) {
        if provider["overloaded"] == true {
            lines.push(format!("provider {} is overloaded", text(&provider["id"])));
        }
        if provider["reachable"] == false {
            lines.push(format!("provider {} is unreachable", text(&provider["id"])));
        }
    }
    let time = status["time"].as_f64().unwrap_or_default();
    for (kind, list) in [("account", "accounts"), ("key", "keys")] {
        // What keys share with their account is told of that.
        let own = of_providers(status, list).filter(|it| it["why"]["of_account"] != true);
        for it in own.filter(|it| it["state"] != "serving") {
            let mut line = format!("{kind} {}: {}", text(&it["id"]), text(&it["state"]));
            if !it["why"].is_null() {
                let _ = write!(line, ", {}", text(&it["why"]["text"]));
            }
            if let Some(probe) = it["why"]["next_probe"].as_f64() {
                let _ = write!(line, " (probed in {:.0} s)", (probe - time).max(0.0));
            }
            line += &provider_said(&it["why"]);
            lines.push(line);
        }
    }
    let more = lines.len().saturating_sub(8);
    lines.truncate(8);
    lines.extend((more > 0).then(|| format!("… and {more} more")));
    lines
}

fn waiting(status: &Value) -> Vec<String> {
    let time = status["time"].as_f64().unwrap_or_default();
    let lines = of_providers(status, "groups").flat_map(|group| {
        items(&group["waiting_by"]).map(move |line| {
            let since = line["since"].as_f64().unwrap_or(time);
            format!(
                "waiting for {}: {} of class {}, tenant {}, {:.1} s at most",
                name_of(group),
                text(&line["requests"]),
                text(&line["class"]),
                text(&line["tenant"]),
                time - since
            )
        })
    });
    let own = of_tenants(status).map(|it| {
        let (requests, tenant) = (text(&it["requests"]), text(&it["tenant"]));
        format!("waiting for limits of their own: {requests} of tenant {tenant}")
    });
    lines.take(5).chain(own.take(5)).collect()
}

/// The tenants of which requests wait for what is their own.
fn of_tenants(status: &Value) -> impl Iterator<Item = &Value> {
    items(&status["tenants_waiting"]).filter(|it| it["requests"].as_u64() > Some(0))
}

/// The budgets that are nearest to their ends.
fn spend(status: &Value) -> Vec<String> {
    let share = |budget: &Value| budget["spent_ratio"].as_f64().unwrap_or_default();
    let mut budgets: Vec<&Value> = items(&status["budgets"]).collect();
    budgets.sort_by(|a, b| share(b).total_cmp(&share(a)));
    let shown = budgets.iter().take(5).map(|budget| {
        let marks = ["soft", "shadow"].into_iter();
        let marks = marks.filter(|mark| budget[mark] == true);
        format!(
            "spent by {} {} on {}: {} of {} {} in the {} ({:.0}%){}",
            text(&budget["kind"]),
            text(&budget["owner"]),
            match budget["models"].as_str() {
                None | Some("" | "*") => "all models".to_owned(),
                Some(_) => text(&budget["models"]),
            },
            text(&budget["spent"]),
            text(&budget["amount"]),
            text(&budget["unit"]),
            text(&budget["period"]),
            share(budget) * 100.0,
            marks.map(|mark| format!(", {mark}")).collect::<String>()
        )
    });
    shown.collect()
}

fn events(status: &Value) -> Vec<String> {
    let time = status["time"].as_f64().unwrap_or_default();
    let shown = items(&status["events"]).take(5).map(|event| {
        let ago = time - event["at"].as_f64().unwrap_or(time);
        let whose = ["provider", "account", "key"].map(|name| event[name].as_str());
        let whose = whose.into_iter().flatten().collect::<Vec<_>>().join(" / ");
        let times = match event["times"].as_u64() {
            None | Some(1) => String::new(),
            Some(times) => format!(" ({times} times)"),
        };
        let whose = match whose.as_str() {
            "" => String::new(),
            whose => format!("{}: ", harmless(whose)),
        };
        format!("{ago:>6.0} s ago  {whose}{}{times}", text(&event["text"]))
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(time: f64, answered: u64) -> Value {
        json!({
            "version": "1", "time": time, "ready": true, "requests_running": 2,
            "totals": { "requests": { "answered": answered, "refused": 0 },
                        "attempts": { "good": answered, "rate_limited": 0 } },
            "policy": { "failed": null },
            "tenants_waiting": [{ "tenant": "t", "requests": 0 }, { "tenant": "u", "requests": 3 }],
            "budgets": [
                { "kind": "group", "owner": "g", "models": "", "unit": "tokens", "amount": "100",
                  "spent": "1", "spent_ratio": 0.01, "period": "day", "soft": false, "shadow": false },
                { "kind": "tenant", "owner": "t\u{1b}", "models": "m-*", "unit": "usd", "amount": "10",
                  "spent": "9.5", "spent_ratio": 0.95, "period": "month", "soft": true, "shadow": true },
            ],
            "events": [{ "at": time - 3.0, "provider": "p", "account": null, "key": "k",
                         "text": "\u{1b}[2J" }],
            "providers": [{
                "id": "p", "overloaded": false, "reachable": true, "accounts": [],
                "keys": [{ "id": "k", "state": "out",
                           "why": { "text": "rejected", "next_probe": time + 30.0,
                                    "status": 401, "said": "no\u{1b}" } }],
                "groups": [{
                    "endpoint": "inference", "group": "g", "waiting": 1,
                    "waiting_by": [{ "class": "normal", "tenant": "t", "requests": 1,
                                     "since": time - 2.0 }],
                    "accounts": [{ "id": "a", "buckets": [{ "dimension": "requests",
                        "utilization": 0.5, "free": 5.0, "burst": 10.0 }] }],
                }],
            }],
        })
    }

    #[test]
    fn a_picture_says_what_the_status_says_and_fits() {
        let mut screen = Screen::default();
        screen.draw(&status(10.0, 100), (80, 24));
        let lines = screen.draw(&status(12.0, 120), (120, 24));
        let picture = lines.join("\n");
        for part in [
            "running 2  waiting 1 (and 3 for limits of their tenants)  keys serving 0 of 1  10.0 requests/s",
            "waiting for limits of their own: 3 of tenant u\n",
            "key k: out, rejected (probed in 30 s); the provider said 401: \"no\\u001b\"",
            "waiting for inference:g: 1 of class normal, tenant t, 2.0 s at most",
            "spent by tenant t\\u001b on m-*: 9.5 of 10 usd in the month (95%), soft, shadow\nspent by group g on all models: 1 of 100 tokens in the day (1%)",
            "██████████··········",
            "\\u001b[2J",
        ] {
            assert!(picture.contains(part), "{part} in {picture}");
        }
        assert!(!picture.contains('\u{1b}'));
        for size in [(1, 1), (20, 3), (500, 100)] {
            let lines = screen.draw(&status(13.0, 120), size);
            assert!(lines.len() <= size.1);
            assert!(lines.iter().all(|line| line.chars().count() <= size.0));
        }
    }
}
