//! The script: what happens in a minute, and again in every minute after it with other actors.
//!
//! Each round has a rush, a key that fails for seconds, an account that somebody else uses too, a
//! key revoked or an account without money, and a storm. What the gateway probes slowly (a revoked
//! key, an account without money) comes back in a later round; the actors of four rounds differ, so
//! nobody is taken out twice before.

use std::time::Duration;

use simulated_provider::{Control, Fault, FaultRule};
use tokio::sync::watch;

use super::traffic::{Mix, Tempo};
use super::world::secret;

/// How long a round lasts.
const ROUND: Duration = Duration::from_secs(60);

/// The script at work.
#[derive(Debug)]
pub(super) struct Story {
    control: Control,
    tempo: watch::Sender<Tempo>,
    load: f64,
    round: u32,
    /// Chapters of the round that have begun.
    begun: usize,
    chapters: Vec<Chapter>,
    shared: Option<&'static str>,
    is_over: bool,
}

/// A part of a round.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chapter {
    /// When it begins, in seconds of its round.
    starts: f64,
    /// What happens, in a few words.
    pub(super) title: String,
    act: Act,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    /// Clients ask what they ask on an ordinary day.
    Calm,
    /// Clients ask for this many times what the pool can give, of one kind.
    Rush { times: f64, mix: Mix },
    /// A key's requests are answered with 500.
    Sick { key: &'static str, secs: f64 },
    /// An account is refused although its budgets show room.
    Refused { account: &'static str, secs: f64 },
    /// Somebody else uses a share of an account.
    Shared { account: &'static str, share: f64 },
    /// A key is revoked.
    Revoked { key: &'static str, secs: f64 },
    /// An account's money is spent.
    OutOfCredit { account: &'static str, secs: f64 },
    /// The provider is overloaded.
    Storm { secs: f64 },
    /// Nothing but what the title says.
    Nothing,
}

impl Story {
    /// A story that is about to begin, at a provider, with clients that ask at `tempo` for `load`
    /// of what the pool can give.
    pub(super) fn new(control: Control, tempo: watch::Sender<Tempo>, load: f64) -> Self {
        Self {
            control,
            tempo,
            load,
            round: 0,
            begun: 0,
            chapters: round(0),
            shared: None,
            is_over: false,
        }
    }

    /// Begins what is due after `elapsed`; the titles of the chapters that have begun.
    pub(super) fn advance(&mut self, elapsed: Duration) -> Vec<String> {
        let mut titles = Vec::new();
        while !self.is_over && self.next_start() <= elapsed {
            if self.begun == self.chapters.len() {
                self.round += 1;
                self.begun = 0;
                self.chapters = round(self.round);
            }
            let chapter = self.chapters[self.begun].clone();
            self.begun += 1;
            self.begin(chapter.act);
            titles.push(chapter.title);
        }
        titles
    }

    /// Clients fall silent; nothing more happens.
    pub(super) fn end(&mut self) {
        self.is_over = true;
        self.control.clear_faults();
        self.ask(0.0, Mix::ORDINARY);
    }

    /// What happens now.
    pub(super) fn chapter(&self) -> &str {
        let current = self.begun.checked_sub(1).map(|at| &self.chapters[at]);
        current.map_or("", |chapter| chapter.title.as_str())
    }

    /// Time until the next chapter.
    pub(super) fn next_in(&self, elapsed: Duration) -> Duration {
        self.next_start().saturating_sub(elapsed)
    }

    /// The round, counted from one.
    pub(super) const fn round(&self) -> u32 {
        self.round + 1
    }

    fn next_start(&self) -> Duration {
        let in_round = match self.chapters.get(self.begun) {
            Some(chapter) => Duration::from_secs_f64(chapter.starts),
            None => ROUND,
        };
        ROUND * self.round + in_round
    }

    fn begin(&mut self, act: Act) {
        if let Some(account) = self.shared.take() {
            self.control.set_foreign_share(account, 0.0);
        }
        match act {
            Act::Rush { times, mix } => self.ask(times, mix),
            Act::Nothing => {}
            _ => self.ask(self.load, Mix::ORDINARY),
        }
        let fault = match act {
            Act::Sick { key, secs } => FaultRule::from(Fault::InternalError)
                .on_key(&secret(key))
                .lasting(Duration::from_secs_f64(secs)),
            Act::Refused { account, secs } => FaultRule::from(Fault::RateLimited {
                retry_after_secs: Some(REFUSED_SECS),
            })
            .on_account(account)
            .lasting(Duration::from_secs_f64(secs)),
            Act::Revoked { key, secs } => FaultRule::from(Fault::Revoked)
                .on_key(&secret(key))
                .lasting(Duration::from_secs_f64(secs)),
            Act::OutOfCredit { account, secs } => FaultRule::from(Fault::OutOfCredit)
                .on_account(account)
                .lasting(Duration::from_secs_f64(secs)),
            Act::Storm { secs } => FaultRule::from(Fault::Overloaded {
                retry_after_secs: None,
            })
            .likely(STORM)
            .lasting(Duration::from_secs_f64(secs)),
            Act::Shared { account, share } => {
                self.control.set_foreign_share(account, share);
                self.shared = Some(account);
                return;
            }
            Act::Calm | Act::Rush { .. } | Act::Nothing => return,
        };
        self.control.fault(fault);
    }

    /// Clients ask for `load` times what the pool can serve of this mix.
    fn ask(&self, load: f64, mix: Mix) {
        self.tempo.send_replace(Tempo {
            per_sec: load * mix.capacity_per_sec(),
            mix,
        });
    }
}

/// What a refused account is told to wait.
const REFUSED_SECS: u64 = 2;
/// Share of answers that are 529 in a storm.
const STORM: f64 = 0.9;
/// How many times what the pool can give clients ask for in a rush.
const RUSH: f64 = 2.5;

/// The chapters of a round.
fn round(number: u32) -> Vec<Chapter> {
    let at = |starts, title: &str, act| Chapter {
        starts,
        title: title.to_owned(),
        act,
    };
    let pick = |count: u32| (number % count) as usize;
    let (what, mix) = [
        (
            "Rush: questions, 2.5 times what the keys can serve",
            Mix::QUESTIONS,
        ),
        (
            "Rush: long documents, 2.5 times the input budget",
            Mix::DOCUMENTS,
        ),
        ("Rush: essays, 2.5 times the output budget", Mix::ESSAYS),
    ][pick(3)];
    let sick = ["small-a", "mini-a", "medium-b"][pick(3)];
    let (limited, limit) = limited(number);
    let (taken, returned, act) = taken_out(number);
    vec![
        at(0.0, "Calm: an ordinary minute begins", Act::Calm),
        at(8.0, what, Act::Rush { times: RUSH, mix }),
        at(13.0, "Calm: who waited is served", Act::Calm),
        at(
            23.0,
            &format!("Key {sick} fails: every answer is a 500, for 4 s"),
            Act::Sick {
                key: sick,
                secs: 4.0,
            },
        ),
        at(31.0, &limited, limit),
        at(38.0, &taken, act),
        at(
            45.0,
            "Storm: nine answers in ten are 529, for 5 s",
            Act::Storm { secs: 5.0 },
        ),
        at(50.0, "The storm is over", Act::Calm),
        at(56.0, &returned, Act::Nothing),
    ]
}

/// Who has less than it should in a round.
fn limited(number: u32) -> (String, Act) {
    let refused = |account| {
        (
            format!("Account {account} is refused: 429, come back in {REFUSED_SECS} s"),
            Act::Refused { account, secs: 3.0 },
        )
    };
    let shared = |account| {
        (
            format!("Somebody else spends 80 % of account {account}"),
            Act::Shared {
                account,
                share: 0.8,
            },
        )
    };
    match number % 4 {
        0 => refused("medium"),
        1 => shared("large"),
        2 => refused("large"),
        _ => shared("medium"),
    }
}

/// Who is taken out in a round, and the return 18 seconds later.
fn taken_out(number: u32) -> (String, String, Act) {
    let secs = 18.0;
    let key = |key| {
        (
            format!("The provider revokes key {key}"),
            format!("{key} is valid again; a probe will find out"),
            Act::Revoked { key, secs },
        )
    };
    let account = |account| {
        (
            format!("Account {account} runs out of credit"),
            format!("{account} has credit again; a probe will find out"),
            Act::OutOfCredit { account, secs },
        )
    };
    match number % 4 {
        0 => key("large-c"),
        1 => account("tiny"),
        2 => key("medium-a"),
        _ => account("mini"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_follow_each_other_within_their_round() {
        for number in 0..12 {
            let starts: Vec<f64> = round(number).iter().map(|it| it.starts).collect();
            assert!(starts.is_sorted());
            assert!(starts.iter().all(|starts| *starts < ROUND.as_secs_f64()));
        }
    }

    #[test]
    fn nobody_is_taken_out_again_before_a_slow_probe_can_have_brought_it_back() {
        for number in 0..8 {
            let (_, _, act) = taken_out(number);
            for later in number + 1..number + 4 {
                assert_ne!(act, taken_out(later).2);
            }
        }
    }

    #[tokio::test]
    async fn a_story_goes_on_into_the_next_round() {
        let provider = simulated_provider::Provider::start(super::super::world::world(1))
            .await
            .expect("it starts");
        let (sender, tempo) = watch::channel(Tempo {
            per_sec: 0.0,
            mix: Mix::ORDINARY,
        });
        let mut story = Story::new(provider.control().clone(), sender, 0.5);

        assert_eq!(story.advance(Duration::ZERO).len(), 1);
        let calm = tempo.borrow().per_sec;
        assert!(calm > 1.0);
        story.advance(Duration::from_secs(9));
        assert!(tempo.borrow().per_sec > 2.0 * calm);
        story.advance(Duration::from_secs(46));
        // A key that fails, a refused account, a revoked key, and the storm.
        assert_eq!(provider.control().faults().len(), 4);
        assert_eq!(story.next_in(Duration::from_secs(46)).as_secs(), 4);
        story.advance(Duration::from_secs(61));
        assert_eq!(
            (story.round(), story.chapter()),
            (2, "Calm: an ordinary minute begins")
        );
        story.end();
        assert_eq!(tempo.borrow().per_sec, 0.0);
    }
}
