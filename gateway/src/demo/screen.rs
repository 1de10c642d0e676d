//! The live picture: what stands where.
//!
//! Made for 80 × 24. A wider terminal gets longer bars and their percentages, a higher one more
//! events; a smaller one loses what is cut off at its right and its bottom.

use std::time::Duration;

use super::bar::{bar, spark};
use super::feed::{Event, Tone};
use super::ink::{Glyphs, Ink, Line, count, span};
use super::scene::{AccountRow, KeyState, Scene};
use super::tally::Failure;
use super::try_it::TryIt;

/// The smallest width that everything fits in.
const WIDTH_MIN: usize = 80;
/// From here on bars are longer, and have numbers.
const WIDTH_NUMBERS: usize = 100;
/// Events that are shown even where they push something else off the screen.
const EVENTS_MIN: usize = 3;
/// Beyond this, longer bars are no easier to read.
const BAR_MAX: usize = 28;

/// The picture for a terminal of this size.
pub(super) fn picture(
    scene: &Scene,
    try_it: &TryIt,
    glyphs: &Glyphs,
    columns: usize,
    rows: usize,
) -> Vec<Line> {
    let layout = Layout::of(columns);
    let mut lines = vec![
        title(scene, try_it, &layout),
        chapter(scene, glyphs, &layout),
    ];
    lines.push(Line::default());
    lines.extend(totals(scene, glyphs, &layout));
    lines.push(Line::default());
    lines.push(heading(&layout));
    for account in &scene.accounts {
        lines.extend(account_lines(account, glyphs, &layout));
    }
    let foot = foot(try_it, glyphs, &layout);
    let room = rows
        .saturating_sub(lines.len() + foot.len() + 1)
        .max(EVENTS_MIN);
    lines.push(rule("what happens", glyphs, &layout));
    let events: Vec<&Event> = scene.feed.last(room).collect();
    lines.extend(events.iter().map(|event| event_line(event)));
    lines.extend((events.len()..room).map(|_| Line::default()));
    lines.extend(foot);
    lines
}

/// Where columns begin.
struct Layout {
    width: usize,
    bar: usize,
    has_numbers: bool,
}

const ACCOUNT: usize = 1;
const BARS: usize = 8;
const NUMBER: usize = 5;
/// The columns right of the bars: key, requests under way, state.
const RIGHT: usize = 39;

impl Layout {
    fn of(columns: usize) -> Self {
        let width = columns.max(WIDTH_MIN);
        let has_numbers = width >= WIDTH_NUMBERS;
        let beside = if has_numbers { NUMBER + 2 } else { 2 };
        let bar = (width - BARS - RIGHT) / 3 - beside;
        Self {
            width,
            bar: bar.min(BAR_MAX),
            has_numbers,
        }
    }

    fn bar_at(&self, index: usize) -> usize {
        let beside = if self.has_numbers { NUMBER + 2 } else { 2 };
        BARS + index * (self.bar + beside)
    }

    fn key(&self) -> usize {
        self.bar_at(3)
    }

    fn in_flight_end(&self) -> usize {
        self.key() + 14
    }

    fn state(&self) -> usize {
        self.key() + 16
    }

    /// Where the right half of the totals begins.
    const fn half(&self) -> usize {
        self.width / 2
    }
}

fn title(scene: &Scene, try_it: &TryIt, layout: &Layout) -> Line {
    let mut line = Line::default();
    let keys: usize = scene
        .accounts
        .iter()
        .map(|account| account.keys.len())
        .sum();
    line.put(Ink::Bold, " Keyweir")
        .put(
            Ink::Faint,
            format!("  {keys} keys of {} accounts behind ", scene.accounts.len()),
        )
        .put(Ink::Bold, try_it.base_url());
    let elapsed = scene.elapsed.as_secs();
    let clock = format!("{}:{:02}", elapsed / 60, elapsed % 60);
    line.put_before(layout.width - 1, Ink::Bold, &clock);
    line
}

fn chapter(scene: &Scene, glyphs: &Glyphs, layout: &Layout) -> Line {
    let mut line = Line::default();
    if scene.is_finishing {
        line.put(
            Ink::Story,
            format!(" {} The end: what is under way is answered", glyphs.begins),
        );
        return line;
    }
    line.put(Ink::Story, format!(" {} {}", glyphs.begins, scene.chapter));
    let next = format!("next in {} s", scene.next_in.as_secs() + 1);
    line.put_before(layout.width - 1, Ink::Faint, &next);
    line
}

fn totals(scene: &Scene, glyphs: &Glyphs, layout: &Layout) -> [Line; 3] {
    let history = &scene.history;
    let busiest = history.asked.iter().chain(&history.answered).max();
    let busiest = busiest.copied().unwrap_or(0);
    let waiting_most = history.waiting.iter().max().copied().unwrap_or(0);
    let row = |name: &str, value: String, values, most, ink| {
        let mut line = Line::default();
        line.put(Ink::Faint, format!(" {name:<9}"));
        line.put_before(16, ink, &value).put(Ink::Plain, " ");
        let width = layout.half() - line.width() - 2;
        line.put(ink, spark(values, width, most, glyphs))
            .go_to(layout.half());
        line
    };
    let rates = &scene.rates;
    let per_sec = |rate: f64| format!("{rate:.0}/s");
    let waiting = match scene.waiting {
        0 => Ink::Plain,
        _ => Ink::Warning,
    };
    let mut lines = [
        row(
            "asked",
            per_sec(rates.asked),
            &history.asked,
            busiest,
            Ink::Plain,
        ),
        row(
            "answered",
            per_sec(rates.answered),
            &history.answered,
            busiest,
            Ink::Good,
        ),
        row(
            "waiting",
            count(scene.waiting as u64),
            &history.waiting,
            waiting_most,
            waiting,
        ),
    ];
    clients(&mut lines[0], scene, layout);
    upstream(&mut lines[1], scene, layout);
    waits(&mut lines[2], scene);
    lines
}

/// Puts two numbers of errors in columns below each other.
fn errors(line: &mut Line, layout: &Layout, limited: u64, overloaded: u64, ink: Ink) {
    let start = layout.half() + 14;
    line.put_before(start + 6, ink, &count(limited));
    line.put(Ink::Plain, " × 429");
    line.put_before(start + 17, ink, &count(overloaded));
    line.put(Ink::Plain, " × 529");
}

fn clients(line: &mut Line, scene: &Scene, layout: &Layout) {
    let totals = &scene.totals;
    let limited = totals.failed(Failure::Status(429));
    let overloaded = totals.failed(Failure::Status(529));
    let ink = |number| if number == 0 { Ink::Good } else { Ink::Bad };
    line.put(Ink::Plain, "clients saw");
    errors(line, layout, limited, overloaded, ink(limited + overloaded));
    let otherwise = totals.failed_otherwise();
    if otherwise > 0 {
        line.put(Ink::Bad, format!("  {} other", count(otherwise)));
    }
}

fn upstream(line: &mut Line, scene: &Scene, layout: &Layout) {
    let upstream = &scene.upstream;
    line.put(Ink::Plain, "provider said");
    errors(
        line,
        layout,
        upstream.rate_limited,
        upstream.overloaded,
        Ink::Warning,
    );
    if layout.has_numbers {
        line.put(Ink::Faint, format!("  {} other", count(upstream.otherwise)));
    }
}

fn waits(line: &mut Line, scene: &Scene) {
    let totals = &scene.totals;
    line.put(Ink::Plain, format!("failovers {}", count(totals.failovers)));
    line.put(
        Ink::Faint,
        format!(
            "   wait p50 {}  p99 {}",
            span(totals.lately.p50),
            span(totals.lately.p99)
        ),
    );
}

fn heading(layout: &Layout) -> Line {
    let mut line = Line::default();
    line.go_to(ACCOUNT).put(Ink::Faint, "account");
    for (index, name) in ["requests", "input", "output"].into_iter().enumerate() {
        line.go_to(layout.bar_at(index)).put(Ink::Faint, name);
    }
    line.go_to(layout.key()).put(Ink::Faint, "key");
    line.put_before(layout.in_flight_end(), Ink::Faint, "busy");
    line.go_to(layout.state()).put(Ink::Faint, "state");
    line
}

fn account_lines(account: &AccountRow, glyphs: &Glyphs, layout: &Layout) -> Vec<Line> {
    let is_in = account.keys.iter().any(|key| key.state.is_in());
    let mut lines = Vec::with_capacity(account.keys.len());
    for (index, key) in account.keys.iter().enumerate() {
        let mut line = Line::default();
        if index == 0 {
            line.go_to(ACCOUNT).put(Ink::Bold, account.name.as_str());
            bars(&mut line, account, is_in, glyphs, layout);
        } else {
            line.go_to(layout.bar_at(0)).put(Ink::Faint, glyphs.branch);
        }
        line.go_to(layout.key()).put(Ink::Plain, key.name.as_str());
        line.put_before(
            layout.in_flight_end(),
            Ink::Plain,
            &key.in_flight.to_string(),
        );
        line.go_to(layout.state());
        state(&mut line, key.state, glyphs);
        lines.push(line);
    }
    lines
}

fn bars(line: &mut Line, account: &AccountRow, is_in: bool, glyphs: &Glyphs, layout: &Layout) {
    for (index, fill) in account.fills.iter().enumerate() {
        line.go_to(layout.bar_at(index));
        bar(line, layout.bar, *fill, is_in, glyphs);
        if layout.has_numbers {
            let percent = fill.map_or_else(
                || "?".to_owned(),
                |fill| format!("{:.0}%", 100.0 * (fill.free + fill.held)),
            );
            line.put(Ink::Faint, format!("{percent:>NUMBER$}"));
        }
    }
}

fn state(line: &mut Line, state: KeyState, glyphs: &Glyphs) {
    let left = |rest: Duration| format!("{:.1} s", rest.as_secs_f64());
    let trial = |rest: Option<Duration>| match rest {
        Some(rest) if rest.as_secs() >= 10 => format!("retry {} s", rest.as_secs()),
        Some(rest) => format!("retry {}", left(rest)),
        None => "on trial".to_owned(),
    };
    let (ink, glyph, text) = match state {
        KeyState::New => (Ink::Faint, glyphs.rests, "not used yet".to_owned()),
        KeyState::Serving => (Ink::Good, glyphs.serves, "serving".to_owned()),
        KeyState::Cooling(rest) => (
            Ink::Warning,
            glyphs.rests,
            format!("429, cooling {}", left(rest)),
        ),
        KeyState::Resting(None) => (Ink::Warning, glyphs.rests, "failed, on trial".to_owned()),
        KeyState::Resting(rest) => (Ink::Bad, glyphs.is_out, format!("failing, {}", trial(rest))),
        KeyState::Rejected(rest) => (Ink::Bad, glyphs.is_out, format!("revoked, {}", trial(rest))),
        KeyState::NoMoney(rest) => (
            Ink::Bad,
            glyphs.is_out,
            format!("no money, {}", trial(rest)),
        ),
    };
    line.put(ink, format!("{glyph} {text}"));
}

fn rule(name: &str, glyphs: &Glyphs, layout: &Layout) -> Line {
    let mut line = Line::default();
    let rest = layout.width.saturating_sub(name.len() + 5);
    line.put(Ink::Faint, format!(" {0}{0} {name} ", glyphs.rule));
    line.put(Ink::Faint, glyphs.rule.to_string().repeat(rest));
    line
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

fn foot(try_it: &TryIt, glyphs: &Glyphs, layout: &Layout) -> Vec<Line> {
    let mut lines = vec![rule("ask it yourself (Ctrl-C ends)", glyphs, layout)];
    lines.extend(try_it.curl().map(|text| {
        let mut line = Line::default();
        line.put(Ink::Plain, text);
        line
    }));
    lines
}
