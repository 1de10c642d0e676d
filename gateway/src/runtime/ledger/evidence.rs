//! What an account carried, as a report is made of it: added up, by quota group and dimension.

use std::collections::{BTreeMap, BTreeSet};

use keyweir_policy::config::file::did_you_mean;
use keyweir_policy::quota::load::Load;
use keyweir_policy::quota::load::sum::{Hour, Sum, busiest};
use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::time::HOURS_PER_DAY;
use serde::{Deserialize, Serialize};

use super::loads::{Carrier, DAYS_KEPT};
use super::query::first_day;
use super::store::Store;
use crate::telemetry::calendar::show_day;
use crate::telemetry::escape::beginning;

/// The form of [`Evidence`]; it changes when a field does.
pub(crate) const FORMAT: u32 = 1;
/// Groups that are told of, at most, those first that came nearest to their limits.
const GROUPS_MAX: usize = 50;
/// Accounts that a message names, at most.
const NAMED_MAX: usize = 8;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The account's id.
    pub(crate) account: String,
    /// The first hour that counts, since 1970-01-01 UTC.
    since: u32,
    /// The present one.
    until: u32,
}

/// What an account carried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    pub(crate) format: u32,
    pub(crate) account: String,
    /// The first hour that was asked for, and the one in which it was; since 1970-01-01 UTC.
    pub(crate) since_hour: u32,
    pub(crate) until_hour: u32,
    /// The first and the last hour of which anything is kept.
    pub(crate) first_hour: u32,
    pub(crate) last_hour: u32,
    /// By quota group, those first that came nearest to their limits.
    pub(crate) groups: Vec<OfGroup>,
    /// How many there are, told of or not.
    pub(crate) groups_in_all: usize,
}

/// What it carried in one quota group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OfGroup {
    pub(crate) provider: String,
    /// The kind of endpoint.
    pub(crate) endpoint: String,
    /// Empty: requests that name no model.
    pub(crate) group: String,
    /// By dimension.
    pub(crate) dimensions: BTreeMap<String, Sum>,
    /// The hour in which it was nearest to a limit; `None`: no limit was known.
    pub(crate) busiest: Option<Busiest>,
}

/// An hour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Busiest {
    pub(crate) hour: u32,
    /// What was nearest to its limit.
    pub(crate) dimension: String,
    /// What was carried in it, by dimension.
    pub(crate) loads: BTreeMap<String, Load>,
}

impl Question {
    /// `account`, and `since` (a day, or a number of days back from `now`, an hour since 1970-01-01 UTC).
    ///
    /// # Errors
    /// Says what to write instead.
    pub(crate) fn read(account: &str, since: &str, now: u32) -> Result<Self, String> {
        if account.is_empty() {
            return Err("account: write the id of one, as the policy has it".to_owned());
        }
        let today = now / HOURS_PER_DAY;
        let day = first_day(since, today)?;
        if day > today {
            return Err(format!(
                "since: {since:?} is yet to come; today is {} (UTC)",
                show_day(today)
            ));
        }
        if today - day > DAYS_KEPT {
            return Err(format!(
                "since: {since:?} is further back than {DAYS_KEPT} days, for which the ledger keeps it; \
                 write {DAYS_KEPT}d, or less"
            ));
        }
        Ok(Self {
            account: account.to_owned(),
            since: day * HOURS_PER_DAY,
            until: now,
        })
    }
}

/// What `store` has of it. `None`: nothing.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn evidence(
    store: &Store,
    question: &Question,
) -> Result<Option<Evidence>, Box<redb::Error>> {
    let rows = store.loads(&question.account, question.since)?;
    let ends = rows.first().zip(rows.last()).map(|(a, b)| (a.0, b.0));
    let Some((first_hour, last_hour)) = ends else {
        return Ok(None);
    };
    let mut groups: BTreeMap<Carrier, Vec<Hour>> = BTreeMap::new();
    for (hour, carrier, loads) in rows {
        groups.entry(carrier).or_default().push((hour, loads));
    }
    let mut groups: Vec<OfGroup> = groups
        .into_iter()
        .map(|(carrier, hours)| of_group(carrier, &hours))
        .collect();
    groups.sort_by(|a, b| b.nearest().total_cmp(&a.nearest()));
    let groups_in_all = groups.len();
    groups.truncate(GROUPS_MAX);
    Ok(Some(Evidence {
        format: FORMAT,
        account: question.account.clone(),
        since_hour: question.since,
        until_hour: question.until,
        first_hour,
        last_hour,
        groups,
        groups_in_all,
    }))
}

fn of_group(carrier: Carrier, hours: &[Hour]) -> OfGroup {
    let named = |it: Dimension| it.as_str().to_owned();
    let sums = Dimension::ALL
        .into_iter()
        .filter_map(|it| Some((named(it), Sum::of(hours, it)?)));
    let busiest = busiest(hours).map(|((hour, loads), dimension)| {
        let loads = Dimension::ALL.into_iter().zip(loads);
        let loads = loads.filter(|(_, load)| !load.is_nothing());
        Busiest {
            hour: *hour,
            dimension: named(dimension),
            loads: loads.map(|(it, load)| (named(it), *load)).collect(),
        }
    });
    OfGroup {
        provider: carrier.provider,
        endpoint: carrier.endpoint,
        group: carrier.group,
        dimensions: sums.collect(),
        busiest,
    }
}

impl OfGroup {
    /// The largest share of any limit.
    fn nearest(&self) -> f64 {
        let shares = self.dimensions.values().map(|it| it.total.peak_share);
        shares.fold(0.0, f64::max)
    }
}

/// How much of an account's id that is none is told, and looked at, in bytes.
const ACCOUNT_TOLD: usize = 100;

/// Why there is nothing of an account, where the policy has the accounts `known` and the ledger `kept`.
pub(crate) fn nothing(question: &Question, known: &[&str], kept: &BTreeSet<String>) -> String {
    let account = question.account.as_str();
    if known.contains(&account) || kept.contains(account) {
        return format!(
            "nothing is kept of account {account:?} since {} (UTC): it has not been used since then, or by \
             a gateway that keeps its ledger elsewhere",
            show_day(question.since / HOURS_PER_DAY)
        );
    }
    let account = beginning(account, ACCOUNT_TOLD);
    let all: BTreeSet<&str> = known
        .iter()
        .copied()
        .chain(kept.iter().map(String::as_str))
        .collect();
    let hint = did_you_mean(account, all.iter().copied()).unwrap_or_else(|| {
        if all.is_empty() {
            return "nothing is kept of any: the gateway has to serve with a ledger for a while"
                .to_owned();
        }
        let named: Vec<&str> = all.iter().copied().take(NAMED_MAX).collect();
        let more = match all.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("there is {}{more}", named.join(", "))
    });
    format!("there is no account {account:?}; {hint}")
}

#[cfg(test)]
mod tests {
    use super::super::unwritten::Unwritten;
    use super::*;

    const NOW: u32 = 20_783 * HOURS_PER_DAY + 5;

    #[test]
    fn questions_that_are_none_are_told_what_to_write() {
        let read = |account, since| Question::read(account, since, NOW);
        assert_eq!(
            read("a", "7d").expect("right").since,
            20_776 * HOURS_PER_DAY
        );
        assert_eq!(
            read("a", "0d").expect("today").since,
            20_783 * HOURS_PER_DAY
        );
        for (account, since, expected) in [
            ("", "7d", "account: write the id of one"),
            (
                "a",
                "yesterday",
                "since: \"yesterday\" is no day; write 2026-11-01",
            ),
            ("a", "-3d", "since: \"-3d\" is no day"),
            ("a", "99999999999d", "since: \"99999999999d\" is no day"),
            ("a", "63d", "since: \"63d\" is further back than 62 days"),
            (
                "a",
                "2027-01-01",
                "since: \"2027-01-01\" is yet to come; today is 2026-11-26",
            ),
        ] {
            let told = read(account, since).expect_err("it is none");
            assert!(told.starts_with(expected), "{told}");
        }
    }

    #[test]
    fn groups_come_by_how_near_they_were_to_their_limits() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, _) = Store::open(&folder.path().join("ledger")).expect("made");
        let load = |share: f64| {
            let mut loads = [Load::default(); Dimension::COUNT];
            loads[Dimension::Tokens.index()] = Load {
                limit_per_minute: 10.0,
                peak_share: share,
                used: 1.0,
                ..Load::default()
            };
            loads
        };
        let carrier = |group: &str| Carrier {
            provider: "p".to_owned(),
            account: "a".to_owned(),
            endpoint: "inference".to_owned(),
            group: group.to_owned(),
        };
        let mut unwritten = Unwritten::default();
        for (hour, group, share) in [(NOW, "x", 0.2), (NOW - 1, "y", 0.9), (NOW, "y", 0.5)] {
            unwritten.loads.insert((hour, carrier(group)), load(share));
        }
        store.write(&unwritten).expect("written");
        let question = Question::read("a", "1d", NOW).expect("right");
        let found = evidence(&store, &question)
            .expect("read")
            .expect("something");
        assert_eq!((found.first_hour, found.last_hour), (NOW - 1, NOW));
        let names: Vec<&str> = found.groups.iter().map(|it| it.group.as_str()).collect();
        assert_eq!(names, ["y", "x"]);
        let busiest = found.groups[0].busiest.as_ref().expect("a limit is known");
        assert_eq!(
            (busiest.hour, busiest.dimension.as_str()),
            (NOW - 1, "tokens")
        );
        let text = serde_json::to_string(&found).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Evidence>(&text).expect("the same"),
            found
        );
        let question = Question::read("b", "1d", NOW).expect("right");
        assert_eq!(evidence(&store, &question).expect("read"), None);
    }

    #[test]
    fn who_is_not_found_is_told_why() {
        let question = |account| Question::read(account, "1d", NOW).expect("right");
        let kept = BTreeSet::from(["team-b".to_owned()]);
        let told = |account, known: &[&str]| nothing(&question(account), known, &kept);
        assert!(
            told("team-a", &["team-a"])
                .starts_with("nothing is kept of account \"team-a\" since 2026-11-25")
        );
        assert!(told("team-b", &[]).starts_with("nothing is kept of account \"team-b\""));
        assert!(
            told("taem-b", &["team-a"]).contains("did you mean \"team-"),
            "{}",
            told("taem-b", &["team-a"])
        );
        assert!(told("zzzzzz", &["team-a"]).ends_with("there is team-a, team-b"));
        let none = nothing(&question("x"), &[], &BTreeSet::new());
        assert!(none.contains("nothing is kept of any"), "{none}");
    }
}
