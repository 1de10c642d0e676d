//! The live picture: what stands where.
//!
//! Made for 80 × 24. A wider terminal gets longer bars and their percentages, a higher one more
//! events; a smaller one loses what is cut off at its right and its bottom, and one in which nothing
//! could be made out any more says so instead.

mod page;
mod table;
mod totals;

use self::page::Page;
use super::bar::{FULL, TRACK};
use super::feed::{Event, Tone};
use super::ink::{Ink, Line};
use super::scene::Scene;
use super::try_it::TryIt;

/// The smallest terminal that anything can be made out in.
const COLUMNS_MIN: usize = 60;
const ROWS_MIN: usize = 20;
/// Events that are shown even where they push something else off the screen.
const EVENTS_MIN: usize = 3;

/// The picture for a terminal of this size.
pub(super) fn picture(scene: &Scene, try_it: &TryIt, columns: usize, rows: usize) -> Vec<Line> {
    if columns < COLUMNS_MIN || rows < ROWS_MIN {
        return too_small(columns, rows);
    }
    let page = Page::of(columns);
    let mut lines = vec![title(scene, try_it, &page), chapter(scene, &page)];
    lines.push(Line::default());
    lines.extend(totals::lines(scene, &page));
    lines.push(Line::default());
    lines.extend(table::lines(&scene.accounts, &page));
    lines.push(legend(&page));
    let foot = foot(try_it, &page);
    let room = rows.saturating_sub(lines.len() + foot.len());
    let room = room.max(EVENTS_MIN);
    let events: Vec<&Event> = scene.feed.last(room).collect();
    lines.extend(events.iter().map(|event| event_line(event)));
    lines.extend((events.len()..room).map(|_| Line::default()));
    lines.extend(foot);
    lines
}

/// In lines that fit nearly anything.
fn too_small(columns: usize, rows: usize) -> Vec<Line> {
    let texts = [
        format!("{columns} × {rows} is too small."),
        format!("Make it {COLUMNS_MIN} × {ROWS_MIN};"),
        "80 × 24 shows all.".to_owned(),
        "Or end (Ctrl-C) and".to_owned(),
        "run with --plain.".to_owned(),
    ];
    let line = |text| {
        let mut line = Line::default();
        line.put(Ink::Plain, text);
        line
    };
    texts.into_iter().map(line).collect()
}

fn title(scene: &Scene, try_it: &TryIt, page: &Page) -> Line {
    let mut line = Line::default();
    let accounts = scene.accounts.len();
    let keys: usize = scene.accounts.iter().map(|it| it.keys.len()).sum();
    line.put(Ink::Bold, " Keyweir")
        .put(
            Ink::Faint,
            format!("  {keys} keys of {accounts} accounts behind "),
        )
        .put(Ink::Bold, try_it.base_url());
    let elapsed = scene.elapsed.as_secs();
    let clock = format!("{}:{:02}", elapsed / 60, elapsed % 60);
    line.put_before(page.width, Ink::Bold, &clock);
    line
}

fn chapter(scene: &Scene, page: &Page) -> Line {
    let mut line = Line::default();
    if scene.is_finishing {
        line.put(Ink::Story, " ▸ The end: what is under way is answered");
        return line;
    }
    line.put(Ink::Story, format!(" ▸ {}", scene.chapter));
    let next = format!("next in {} s", scene.next_in.as_secs() + 1);
    line.put_before(page.width, Ink::Faint, &next);
    line
}

/// The line between the bars, which it explains, and the events.
fn legend(page: &Page) -> Line {
    let mut line = Line::default();
    line.put(Ink::Faint, " ── what happens ");
    let mut meanings = Line::default();
    for (ink, cell, meaning) in [
        (Ink::Good, FULL, "free"),
        (Ink::Held, FULL, "held by running requests"),
        (Ink::Faint, TRACK, "used"),
    ] {
        meanings.put(ink, format!(" {cell}{cell}"));
        meanings.put(Ink::Faint, format!(" {meaning}"));
    }
    meanings.put(Ink::Faint, " ──");
    rule_to(&mut line, page.width.saturating_sub(meanings.width()));
    line.append(meanings);
    line
}

fn rule_to(line: &mut Line, column: usize) {
    let left = column.saturating_sub(line.width());
    line.put(Ink::Faint, "─".repeat(left));
}

fn event_line(event: &Event) -> Line {
    let mut line = Line::default();
    let ink = match event.tone {
        Tone::Story => Ink::Story,
        Tone::Bad => Ink::Bad,
        Tone::Good => Ink::Good,
        Tone::Note => Ink::Plain,
        Tone::Yours => Ink::Bold,
    };
    line.put(Ink::Faint, format!("{:>7.1} s  ", event.at.as_secs_f64()));
    line.put(ink, event.text.as_str());
    line
}

/// What a visitor can copy. The command starts at the first column, so that what is copied is what
/// is meant.
fn foot(try_it: &TryIt, page: &Page) -> Vec<Line> {
    let mut rule = Line::default();
    rule.put(Ink::Faint, " ── ask it yourself (Ctrl-C ends) ");
    rule_to(&mut rule, page.width);
    let mut lines = vec![rule];
    lines.extend(try_it.curl().map(|text| {
        let mut line = Line::default();
        line.put(Ink::Plain, text);
        line
    }));
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::demo::rows::{AccountRow, Fill, KeyRow, KeyState};

    fn scene() -> Scene {
        let secs = Duration::from_secs;
        let key = |name: &str, state| KeyRow {
            name: name.to_owned(),
            in_flight: 128,
            state,
        };
        let fill = |free, held| Some(Fill { free, held });
        let account = |name: &str, keys| AccountRow {
            name: name.to_owned(),
            fills: [fill(1.0, 0.0), fill(0.0, 0.0), fill(0.3, 0.4)],
            keys,
        };
        let mut scene = Scene {
            chapter: "Rush: questions, 2.5 times what the keys can serve".to_owned(),
            accounts: vec![
                account(
                    "medium",
                    vec![
                        key("medium-a", KeyState::Cooling(Duration::from_millis(59_900))),
                        key("medium-b", KeyState::Rejected(Some(secs(119)))),
                    ],
                ),
                account(
                    "tiny",
                    vec![key("tiny-a", KeyState::NoMoney(Some(secs(1_799))))],
                ),
                account(
                    "small",
                    vec![key("small-a", KeyState::BreakerOpen(Some(secs(59))))],
                ),
                AccountRow::default(),
            ],
            waiting: 123_456,
            ..Scene::default()
        };
        scene.upstream.rate_limited = 99_999;
        scene.upstream.overloaded = 99_999;
        scene.upstream.otherwise = 9_999;
        scene.history.push(20, 18, 3);
        scene.feed.tell(secs(3), Tone::Note, "something happened");
        scene
    }

    fn text(columns: usize, rows: usize) -> Vec<String> {
        let address = "127.0.0.1:65535".parse().expect("an address");
        let try_it = TryIt::new(address, None);
        let lines = picture(&scene(), &try_it, columns, rows);
        lines.iter().map(Line::text).collect()
    }

    #[test]
    fn nothing_is_cut_off_from_eighty_columns_on() {
        for columns in [80, 81, 99, 100, 101, 132, 200, 400] {
            for line in text(columns, 24) {
                let width = line.chars().count();
                assert!(width <= columns, "{width} of {columns}: {line}");
            }
        }
    }

    #[test]
    fn picture_fills_the_rows_there_are() {
        for rows in [24, 25, 60] {
            assert_eq!(text(80, rows).len(), rows);
        }
        assert!(text(60, 20).len() >= 20);
    }

    #[test]
    fn terminal_that_is_too_small_is_told() {
        for (columns, rows) in [(59, 24), (80, 19), (20, 5)] {
            let text = text(columns, rows);
            assert!(text[0].ends_with("is too small."), "{text:?}");
            assert!(text.len() <= 5 && text.iter().all(|it| it.chars().count() <= 22));
        }
    }

    #[test]
    fn every_state_can_be_told_by_its_words() {
        let picture = text(80, 24).join("\n");
        for words in [
            "429, cooling 59.9 s",
            "revoked, retry 119 s",
            "no money, retry 29 m",
            "failing, retry 59.0 s",
            "something happened",
            "99,999 × 429 99,999 × 529  9,999 other",
        ] {
            assert!(picture.contains(words), "{words}\n{picture}");
        }
    }
}
