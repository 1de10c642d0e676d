//! The demonstration in lines, for logs and pipes: what happens when it happens, and once a second
//! how things are.

use std::fmt::Write as _;
use std::io::{Write, stdout};

use super::feed::{Event, Tone};
use super::ink::{count, span};
use super::rows::AccountRow;
use super::scene::Scene;
use super::tally::Failure;
use super::try_it::TryIt;

/// Writes lines to standard output.
pub(super) struct Lines {
    try_it: TryIt,
    is_begun: bool,
    /// Events written.
    told: u64,
    /// The second after which the next line is due.
    second: u64,
}

impl Lines {
    /// Nothing is written before the first scene.
    pub(super) const fn new(try_it: TryIt) -> Self {
        Self {
            try_it,
            is_begun: false,
            told: 0,
            second: 0,
        }
    }

    /// Writes what is new in `scene`.
    pub(super) fn draw(&mut self, scene: &Scene) -> std::io::Result<()> {
        let mut text = String::new();
        if !self.is_begun {
            self.is_begun = true;
            text.push_str(&head(scene, &self.try_it));
        }
        let new = usize::try_from(scene.feed.told - self.told).unwrap_or(usize::MAX);
        self.told = scene.feed.told;
        for event in scene.feed.last(new) {
            write_event(&mut text, event);
        }
        if scene.elapsed.as_secs() > self.second {
            self.second = scene.elapsed.as_secs();
            write_state(&mut text, scene);
        }
        let mut out = stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

fn head(scene: &Scene, try_it: &TryIt) -> String {
    let keys: usize = scene
        .accounts
        .iter()
        .map(|account| account.keys.len())
        .sum();
    let [first, second] = try_it.curl();
    let mut text = format!(
        "keyweir demo: {keys} keys of {} accounts at a simulated provider, behind one base URL\n\n  \
         base URL: {}\n",
        scene.accounts.len(),
        try_it.base_url(),
    );
    if let Some(status) = try_it.status_url() {
        let _ = writeln!(text, "  status:   {status}");
    }
    let _ = writeln!(text, "  try it:\n\n{first}\n{second}\n");
    text
}

fn write_event(text: &mut String, event: &Event) {
    let mark = match event.tone {
        Tone::Story => "==",
        Tone::Bad => "!!",
        Tone::Good => "ok",
        Tone::Note => "--",
        Tone::Yours => "<-",
    };
    let at = event.at.as_secs_f64();
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{at:>6.1} s  {mark} {}", event.text);
}

fn write_state(text: &mut String, scene: &Scene) {
    let (totals, upstream) = (&scene.totals, &scene.upstream);
    let refused = |status| totals.failed(Failure::Status(status));
    let _ = write!(
        text,
        "{:>6.1} s  asked {:.0}/s answered {:.0}/s waiting {} (p99 {}) | 429 and 529: provider said {}, \
         clients saw {} | left:",
        scene.elapsed.as_secs_f64(),
        scene.rates.asked,
        scene.rates.answered,
        scene.waiting,
        span(totals.lately.p99),
        count(upstream.rate_limited + upstream.overloaded),
        count(refused(429) + refused(529)),
    );
    for account in &scene.accounts {
        write_left(text, account);
    }
    text.push('\n');
}

fn write_left(text: &mut String, account: &AccountRow) {
    let name = account.name.as_str();
    let _ = match account.percent_left() {
        Some(percent) => write!(text, " {name} {percent}%"),
        None => write!(text, " {name} -"),
    };
}
