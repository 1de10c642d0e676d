//! A month that was carried, from the ledger to the report.

use keyweir_policy::quota::load::Load;
use keyweir_policy::terms::amount::Dimension;

use super::{chart, report, write};
use crate::command::failed::Failed;
use crate::runtime::ledger::{Carrier, Evidence, Question, Store, Unwritten, evidence};
use crate::telemetry::escape::is_unsafe;

/// 2026-11-27 10:00 UTC.
const NOW: u32 = 20_784 * 24 + 10;
const DAYS: u32 = 30;

fn carrier(group: &str) -> Carrier {
    Carrier {
        provider: "anthropic".to_owned(),
        account: "team-a".to_owned(),
        endpoint: "inference".to_owned(),
        group: group.to_owned(),
    }
}

/// An hour in which so much of each limit was used in the largest minute.
fn hour(share: f64) -> [Load; Dimension::COUNT] {
    // Of each limit: how much of `share` it sees, and what a request takes.
    let of = |limit: f64, part: f64, waited: u64| {
        let share = share * part;
        let peak = limit * share;
        Load {
            limit_per_minute: limit,
            peak_per_minute: peak,
            peak_share: share,
            above_secs: 3_600.0 * (share - 0.75).clamp(0.0, 1.0),
            in_use_secs: 3_600.0,
            used: 60.0 * 0.6 * peak,
            waited,
            refused: waited / 20,
            rate_limited: waited / 100,
        }
    };
    let short = if share > 0.9 {
        (4_000.0 * (share - 0.9)) as u64
    } else {
        0
    };
    [
        of(2_000.0, 0.2, 0),
        of(800_000.0, 0.5, 0),
        of(120_000.0, 1.0, short),
        Load::default(),
    ]
}

/// Days that grow, quiet at night and at weekends; and an hour of `others`.
fn month(others: &[&str]) -> Evidence {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _) = Store::open(&folder.path().join("ledger")).expect("made");
    let mut unwritten = Unwritten::default();
    for at in NOW - DAYS * 24..=NOW {
        let day = f64::from(at / 24 - (NOW / 24 - DAYS));
        let of_day = 1.0 - (f64::from(at % 24) - 14.0).abs() / 16.0;
        // 1970-01-01 was a Thursday.
        let is_weekend = (at / 24 + 3) % 7 >= 5;
        let share = (0.62 + 0.011 * day) * of_day * if is_weekend { 0.5 } else { 1.0 };
        unwritten
            .loads
            .insert((at, carrier("claude-sonnet-5")), hour(share));
    }
    let others = others
        .iter()
        .map(|group| ((NOW, carrier(group)), hour(0.1)));
    unwritten.loads.extend(others);
    store.write(&unwritten).expect("written");
    let question = Question::read("team-a", "30d", NOW).expect("right");
    evidence(&store, &question)
        .expect("read")
        .expect("something")
}

#[test]
fn a_month_makes_a_report_that_says_what_matters() {
    let found = month(&["claude|haiku`<b>"]);
    let told = report::write(&found, Some("evidence-team-a.svg"));
    println!("{told}");
    for part in [
        "# What account team-a carried\n",
        "2026-10-28 to 2026-11-27 10:00 (UTC), recorded from 2026-10-28 10:00 on",
        "Nearest to its limit: **output tokens** of claude-sonnet-5,",
        "at its present growth the largest minute of a day reaches the limit in ",
        "![The largest minute beside the limit, over time](evidence-team-a.svg)",
        "## claude-sonnet-5 at anthropic\n",
        "| output tokens | 120 k |",
        "It rests on 29 whole days",
        "claude\\|haiku\\`\\<b\\> at anthropic",
        "| with twice the limits |",
    ] {
        assert!(told.contains(part), "{part}");
    }
    assert!(!told.contains("NaN") && !told.contains("inf "));
    // Every row of a table has as many cells as its head.
    for table in told.split("\n\n").filter(|it| it.starts_with('|')) {
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let mut lines = table.lines();
        let head = cells(lines.next().expect("a head"));
        assert!(lines.all(|line| cells(line) == head), "{table}");
    }
}

#[test]
fn a_month_is_drawn_with_a_bar_for_each_day() {
    let drawn = chart::draw(&month(&[]));
    println!("{drawn}");
    let bars = drawn.matches("stroke=\"#2563eb\"").count();
    // Three limits, and the legend.
    assert_eq!(bars, 3 * 31 + 1, "{drawn}");
    assert!(drawn.contains("<polyline"), "a trend");
    assert!(!drawn.contains("NaN"), "{drawn}");
}

#[test]
fn nothing_unseen_of_a_name_is_in_a_report_or_its_picture() {
    let found = month(&["claude-\u{202e}a\u{200b}\u{1b}[2J"]);
    for told in [report::write(&found, None), chart::draw(&found)] {
        assert!(!told.contains(|c| c != '\n' && is_unsafe(c)), "{told:?}");
        assert!(told.contains("claude-\u{fffd}a\u{fffd}\u{fffd}"), "{told}");
    }
}

#[test]
fn what_an_endpoint_meters_by_itself_is_told_apart() {
    let mut found = month(&["claude-haiku-4"]);
    let mut counting = found.groups[0].clone();
    counting.endpoint = "count_tokens".to_owned();
    found.groups.push(counting);
    let told = report::write(&found, None);
    assert!(told.contains("## claude-sonnet-5 at anthropic\n"), "{told}");
    assert!(
        told.contains("## claude-sonnet-5 (count tokens) at anthropic\n"),
        "{told}"
    );
}

#[test]
fn a_report_is_replaced_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let read = |name: &str| std::fs::read_to_string(at(name)).expect("there");
    std::fs::write(at("report.md"), "a much longer report than the next").expect("written");
    // Of a process that was ended while it wrote.
    std::fs::write(at("report.md.part"), "half").expect("written");
    assert!(write(&at("report.md"), "short").is_ok());
    assert_eq!(read("report.md"), "short");
    assert!(!at("report.md.part").exists());

    // A link makes way, and what it leads to is left alone; so is what a link in the part's place leads to.
    std::fs::write(at("precious"), "keep").expect("written");
    for name in ["link.md", "other.md.part"] {
        std::os::unix::fs::symlink(at("precious"), at(name)).expect("a link");
    }
    for name in ["link.md", "other.md"] {
        assert!(write(&at(name), "new").is_ok());
        assert_eq!(
            (read(name).as_str(), read("precious").as_str()),
            ("new", "keep")
        );
        assert!(at(name).symlink_metadata().expect("there").is_file());
    }

    // Where it cannot be, what is there stays, and nothing is left beside it.
    std::fs::create_dir(at("folder.md")).expect("made");
    std::fs::write(at("folder.md").join("inside"), "keep").expect("written");
    let failed = write(&at("folder.md"), "new");
    assert!(matches!(failed, Err(Failed::Because(why)) if why.contains("folder.md")));
    assert!(at("folder.md").join("inside").exists());
    assert!(!at("folder.md.part").exists());
    assert!(write(&at("nowhere").join("report.md"), "new").is_err());
}
