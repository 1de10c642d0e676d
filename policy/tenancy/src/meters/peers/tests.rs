use std::collections::BTreeMap;

use keyweir_terms::amount::Dimension;
use keyweir_terms::ids::{ProviderId, TenantId};
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::request::{RequestSize, Usage};
use keyweir_terms::table::Table;

use super::*;
use crate::allowance::{Allowance, Amount, Budget, Limit};
use crate::lack::{Awaits, Lack};
use crate::period::{Period, Unit, Wall};
use crate::request::{Asked, Reserved, Used};
use crate::spec::{Member, Spec};

const T: TenantId = TenantId(0);
const P: ProviderId = ProviderId(0);
/// How often gateways exchange words, in milliseconds.
const EVERY: u64 = 100;

fn at(millis: u64) -> Moment {
    Moment {
        now: Time::from_micros(1 + millis * 1_000),
        wall: Wall(1_795_651_200_000_000 + millis as i64 * 1_000),
    }
}

fn spec(limits: Vec<Limit>, budgets: Vec<Budget>) -> Spec {
    let allowance = Allowance {
        limits,
        budgets,
        ..Allowance::default()
    };
    let tenant = Member {
        name: "own".to_owned(),
        allowance,
        group: None,
    };
    Spec {
        tenants: Table::from_iter([tenant]),
        ..Spec::default()
    }
}

fn per_minute(max: u64) -> Spec {
    let mut per_minute = [None; Dimension::COUNT];
    per_minute[Dimension::Requests.index()] = Some(max);
    let limit = Limit {
        models: ModelPatterns::any(),
        per_minute,
        concurrency: None,
    };
    spec(vec![limit], vec![])
}

fn at_a_time(max: u32) -> Spec {
    let limit = Limit {
        models: ModelPatterns::any(),
        per_minute: [None; Dimension::COUNT],
        concurrency: Some(max),
    };
    spec(vec![limit], vec![])
}

fn tokens_a_day(tokens: u64) -> Spec {
    let budget = Budget {
        models: ModelPatterns::any(),
        period: Period::new(Unit::Day, "UTC", 0).expect("a zone"),
        amount: Amount::Tokens(tokens),
        soft: false,
        warn_at: None,
    };
    spec(vec![], vec![budget])
}

/// Gateways that exchange words through a store.
struct House {
    spec: Spec,
    gateways: Vec<Gateway>,
    /// What each process has said last, of which book, and when.
    words: BTreeMap<u64, (u64, u64, bool, Vec<RowReport>)>,
    stored: BTreeMap<(u64, i64, u64), u128>,
    processes: u64,
    is_away: bool,
    now: u64,
}

struct Gateway {
    meters: Meters,
    process: u64,
    book: u64,
    next: u64,
    is_settled: bool,
    /// It has not heard anybody, and waits until all are back.
    is_lost: bool,
    open: Vec<Option<Reserved>>,
}

impl House {
    fn new(count: usize, spec: Spec) -> Self {
        let mut house = Self {
            spec,
            gateways: Vec::new(),
            words: BTreeMap::new(),
            stored: BTreeMap::new(),
            processes: 0,
            is_away: false,
            now: 0,
        };
        for _ in 0..count {
            house.start();
        }
        // All have heard one another.
        house.pass(3 * EVERY);
        house
    }

    fn start(&mut self) {
        let mut meters = Meters::default();
        meters.configure(at(self.now), &self.spec);
        self.processes += 1;
        // They are not in step.
        let next = self.now + self.processes * 37 % EVERY;
        self.gateways.push(Gateway {
            meters,
            process: self.processes,
            book: self.processes,
            next,
            is_settled: false,
            is_lost: false,
            open: Vec::new(),
        });
    }

    fn stop(&mut self, gateway: usize) {
        let gone = self.gateways.remove(gateway);
        self.words.remove(&gone.process);
    }

    /// Lets time pass, a millisecond at a time.
    fn pass(&mut self, millis: u64) {
        for _ in 0..millis {
            self.now += 1;
            for gateway in 0..self.gateways.len() {
                if self.gateways[gateway].next <= self.now {
                    self.gateways[gateway].next = self.now + EVERY;
                    self.exchange(gateway);
                }
            }
        }
    }

    fn exchange(&mut self, gateway: usize) {
        let count = self.gateways.len();
        let own = &mut self.gateways[gateway];
        if self.is_away {
            own.meters.lose();
            own.is_lost = true;
            return;
        }
        let told = own.meters.report(at(self.now));
        for row in &told {
            if let What::Budget { begin, spent, .. } = row.what {
                self.stored.insert((row.row, begin.0, own.book), spent);
            }
        }
        let word = (self.now, own.book, own.is_settled, told);
        self.words.insert(own.process, word);
        let now = self.now;
        self.words.retain(|_, (said, ..)| now - *said < 2_000);
        if own.is_lost && self.words.len() < count {
            return;
        }
        own.is_lost = false;
        let others: Vec<Other<'_>> = (self.words.iter())
            .filter(|(process, _)| **process != own.process)
            .map(|(process, (said, book, is_settled, rows))| Other {
                process: *process,
                book: *book,
                age: Duration::from_millis(self.now - said),
                is_settled: *is_settled,
                rows,
            })
            .collect();
        let stored = self.stored.iter().map(|(key, spent)| Stored {
            row: key.0,
            begin: Wall(key.1),
            book: key.2,
            spent: *spent,
        });
        let stored: Vec<Stored> = match own.is_settled {
            true => Vec::new(),
            false => stored.collect(),
        };
        own.is_settled = true;
        let heard = Heard {
            me: (own.process, own.book),
            others: &others,
            stored: &stored,
        };
        own.meters.hear(at(self.now), &heard);
    }

    fn ask(&mut self, gateway: usize) -> Result<Option<Reserved>, Box<Lack>> {
        let asked = Asked {
            tenant: T,
            provider: P,
            model: "m",
            size: &RequestSize {
                text_bytes: 0,
                media_tokens: 0,
                output_max: Some(1),
            },
            patience: Duration::ZERO,
            asks_again: false,
            awaits_ledger: false,
        };
        self.gateways[gateway].meters.reserve(at(self.now), &asked)
    }

    /// Asks, and is served at once: 3 + 1 tokens.
    fn is_served(&mut self, gateway: usize) -> bool {
        let Ok(reserved) = self.ask(gateway) else {
            return false;
        };
        let used = Used::Told(Usage {
            input: Some(3),
            output: Some(1),
            ..Usage::default()
        });
        let meters = &mut self.gateways[gateway].meters;
        let _ = meters.settle(at(self.now), reserved, (P, "m"), used);
        true
    }

    /// How many are served in `secs`, where gateway after gateway is asked for so many in a second each.
    fn served(&mut self, secs: u64, per_sec: &[u64]) -> u64 {
        let mut served = 0;
        let begin = self.now;
        while self.now < begin + secs * 1_000 {
            for (gateway, per_sec) in per_sec.iter().enumerate() {
                let due = |millis: u64| millis * per_sec / 1_000;
                for _ in due(self.now - begin)..due(self.now - begin + 1) {
                    served += u64::from(self.is_served(gateway));
                }
            }
            self.pass(1);
        }
        served
    }

    /// Begins a request that goes on.
    fn begins(&mut self, gateway: usize) -> bool {
        match self.ask(gateway) {
            Ok(reserved) => {
                self.gateways[gateway].open.push(reserved);
                true
            }
            Err(_) => false,
        }
    }

    fn running(&self) -> usize {
        self.gateways.iter().map(|it| it.open.len()).sum()
    }
}

#[test]
fn a_limit_holds_over_all_gateways_whoever_is_asked() {
    for max in [60, 600, 6_000] {
        for per_sec in [
            &[200, 200][..],
            &[200, 200, 200, 200],
            &[400, 10, 0, 0],
            &[300, 0, 30, 3],
        ] {
            let mut house = House::new(per_sec.len(), per_minute(max));
            // A minute's worth at once, and then what flows in in ten minutes.
            let served = house.served(600, per_sec) as f64;
            let due = (max * 11) as f64;
            let off = (served - due).abs() / due;
            assert!(off <= 0.01, "{max} of {per_sec:?}: {served} and not {due}");
        }
    }
}

#[test]
fn a_crowd_that_comes_to_all_at_once_gets_no_more_than_there_is() {
    let mut house = House::new(4, per_minute(600));
    let mut served = 0;
    for gateway in 0..4 {
        served += (0..1_000).filter(|_| house.is_served(gateway)).count();
    }
    assert_eq!(served, 600, "before anybody has heard of anybody");
    house.pass(3 * EVERY);
    // Three tenths of a second have passed.
    assert!((0..10).filter(|_| house.is_served(0)).count() <= 3);
}

#[test]
fn who_alone_is_asked_gives_all_of_a_limit() {
    let mut house = House::new(4, per_minute(60));
    let served = house.served(2, &[1_000, 0, 0, 0]);
    assert!((60..=62).contains(&served), "{served}");
}

#[test]
fn who_comes_later_knows_what_is_left() {
    let mut house = House::new(2, per_minute(600));
    let served = house.served(1, &[1_000, 1_000]);
    assert!((606..=614).contains(&served), "{served}");
    house.start();
    house.pass(2 * EVERY);
    let served = (0..1_000).filter(|_| house.is_served(2)).count();
    assert!(
        served <= 4,
        "{served}: two a fifth of a second, and a share of it"
    );
}

#[test]
fn while_nobody_is_heard_all_give_their_share_and_then_it_is_as_before() {
    let mut house = House::new(4, per_minute(600));
    let before = house.served(60, &[50, 50, 50, 50]);
    assert!((1_188..=1_212).contains(&before), "{before}");
    house.is_away = true;
    let away = house.served(120, &[50, 50, 50, 50]);
    assert!((1_188..=1_212).contains(&away), "{away}");
    // Half of the gateways are asked for nothing: their shares are not given.
    let uneven = house.served(120, &[50, 50, 0, 0]);
    assert!((594..=630).contains(&uneven), "{uneven}");
    house.is_away = false;
    let after = house.served(120, &[50, 50, 50, 50]);
    assert!(
        (1_188..=1_520).contains(&after),
        "{after}: and at most what was saved up"
    );
}

#[test]
fn who_is_cut_off_for_long_is_not_shut_out_when_it_is_back() {
    let mut house = House::new(2, per_minute(600));
    house.served(60, &[50, 50]);
    let cut_off = house.gateways.remove(1);
    house.served(600, &[50]);
    house.gateways.push(cut_off);
    house.gateways[1].next = house.now;
    let served = house.served(60, &[50, 50]);
    // It had saved up a bucket of its own by then.
    assert!((594..=1_000).contains(&served), "{served}");
}

#[test]
fn words_that_are_heard_twice_are_counted_once() {
    let mut house = House::new(2, per_minute(600));
    house.served(1, &[100, 0]);
    for _ in 0..50 {
        house.exchange(1);
    }
    let left = (0..1_000).filter(|_| house.is_served(1)).count();
    // A quarter of them, where all of the demand was at the other.
    assert!((120..=135).contains(&left), "{left}");
}

#[test]
fn requests_at_a_time_are_bounded_over_all_and_places_go_where_they_are_wanted() {
    let mut house = House::new(3, at_a_time(7));
    for _ in 0..20 {
        for gateway in 0..3 {
            house.begins(gateway);
        }
        assert!(house.running() <= 7, "{}", house.running());
        house.pass(50);
    }
    assert_eq!(house.running(), 7);
    // One gives all of its own back, and is asked for nothing more.
    let mut open = std::mem::take(&mut house.gateways[0].open);
    let given_back = open.len();
    for reserved in open.drain(..) {
        let meters = &mut house.gateways[0].meters;
        let _ = meters.settle(at(house.now), reserved, (P, "m"), Used::Nothing);
    }
    assert!(given_back > 0);
    for _ in 0..40 {
        house.begins(1);
        assert!(house.running() <= 7, "{}", house.running());
        house.pass(50);
    }
    assert_eq!(house.running(), 7);
}

#[test]
fn a_budget_is_spent_once_over_all_gateways() {
    for per_sec in [&[100, 100, 100][..], &[300, 0, 3], &[50, 50]] {
        let mut house = House::new(per_sec.len(), tokens_a_day(4_000));
        let served = house.served(60, per_sec);
        assert!((990..=1_010).contains(&served), "{per_sec:?}: {served}");
    }
}

#[test]
fn what_was_spent_by_those_who_are_gone_stays_spent() {
    let mut house = House::new(2, tokens_a_day(4_000));
    house.served(2, &[100, 200]);
    house.stop(1);
    house.start();
    let rest = house.served(60, &[50, 50]);
    // Killed before it has told of its last tenth of a second.
    assert!((398..=440).contains(&rest), "{rest}");
    // All are gone, and one comes.
    house.stop(1);
    house.stop(0);
    house.start();
    house.pass(2 * EVERY);
    assert!(!house.is_served(0));
}

#[test]
fn who_is_started_again_with_its_book_spends_nothing_twice() {
    let mut house = House::new(2, tokens_a_day(4_000));
    house.served(2, &[100, 100]);
    let key = house.gateways[1].meters.take_changed();
    house.stop(1);
    house.start();
    house.gateways[1].book = 2;
    let wall = at(house.now).wall;
    house.gateways[1].meters.remember(wall, key);
    let rest = house.served(60, &[50, 50]);
    assert!((598..=603).contains(&rest), "{rest}");
}

#[test]
fn while_nobody_is_heard_no_more_is_spent_than_is_left() {
    let mut house = House::new(4, tokens_a_day(4_000));
    house.served(5, &[20, 20, 20, 20]);
    house.is_away = true;
    let away = house.served(60, &[50, 50, 50, 50]);
    assert!((590..=604).contains(&away), "{away}");
}

#[test]
fn only_a_share_is_lacking_where_others_may_leave_the_rest() {
    let mut house = House::new(4, per_minute(8));
    assert!(house.is_served(0) && house.is_served(0));
    let lack = house.ask(0).expect_err("it has given its share");
    assert!(lack.awaits.is_none(), "it does not ask again");
    let asked = Asked {
        tenant: T,
        provider: P,
        model: "m",
        size: &RequestSize::default(),
        patience: Duration::from_secs(30),
        asks_again: true,
        awaits_ledger: false,
    };
    let moment = at(house.now);
    let lack = house.gateways[0].meters.reserve(moment, &asked);
    let lack = lack.expect_err("its share");
    assert_eq!(lack.awaits, Some(Awaits::Gateways));
    house.pass(2 * EVERY);
    let moment = at(house.now);
    assert!(house.gateways[0].meters.reserve(moment, &asked).is_ok());
}

/// Numbers at which arithmetic ends, and common ones.
fn extremes(draw: &mut impl FnMut() -> u64) -> (u64, i64, u128) {
    let edges = [0, 1, 7, u64::MAX / 2, u64::MAX - 1, u64::MAX];
    let mut edge = || edges[(draw() % 6) as usize];
    let (one, other) = (edge(), edge());
    (
        edge(),
        edge().cast_signed(),
        u128::from(one) << 64 | u128::from(other),
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn words_that_are_nonsense_end_nothing_and_do_bounded_harm() {
    let seed = 0x5eed_u64;
    println!("seed {seed}");
    let mut state = seed;
    let mut draw = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state >> 33
    };
    for limits in [per_minute(60), at_a_time(3), tokens_a_day(1_000)] {
        let mut house = House::new(1, limits);
        for turn in 0..500 {
            let _ = house.is_served(0);
            house.begins(0);
            house.gateways[0].open.clear();
            let told = house.gateways[0].meters.report(at(house.now));
            let rows: Vec<RowReport> = (told.iter().cycle())
                .take(told.len() * 3)
                .map(|row| {
                    let (number, signed, large) = extremes(&mut draw);
                    let what = match row.what {
                        What::Rate { .. } => What::Rate {
                            life: number % 2,
                            taken: signed,
                            level: signed.wrapping_neg(),
                        },
                        What::AtATime { .. } => What::AtATime {
                            running: number as u32,
                            claim: signed as u32,
                        },
                        What::Budget { begin, .. } => What::Budget {
                            begin,
                            spent: large,
                            reserved: large,
                        },
                    };
                    let (row, demand) = (row.row, number);
                    RowReport { row, demand, what }
                })
                .collect();
            let others: Vec<Other<'_>> = (2..5)
                .map(|process| Other {
                    process,
                    book: draw() % 3,
                    age: Duration::from_millis(extremes(&mut draw).0),
                    is_settled: draw() % 2 == 0,
                    rows: &rows,
                })
                .collect();
            let stored: Vec<Stored> = (rows.iter())
                .map(|row| Stored {
                    row: row.row,
                    begin: at(house.now).wall,
                    book: draw() % 3,
                    spent: extremes(&mut draw).2,
                })
                .collect();
            let heard = Heard {
                me: (1, 1),
                others: &others,
                stored: &stored,
            };
            house.now += EVERY + turn % 7 * 1_000;
            house.gateways[0].meters.hear(at(house.now), &heard);
        }
    }
    // What they say of a limit per minute is over an hour after they are gone.
    let mut house = House::new(1, per_minute(60));
    assert!(house.is_served(0));
    for taken in [0, i64::MAX] {
        let told = house.gateways[0].meters.report(at(house.now));
        let what = What::Rate {
            life: 1,
            taken,
            level: 0,
        };
        let row = told[0].row;
        let rows = [RowReport {
            row,
            demand: 1,
            what,
        }];
        let other = Other {
            process: 2,
            book: 2,
            age: Duration::ZERO,
            is_settled: true,
            rows: &rows,
        };
        let heard = Heard {
            me: (1, 1),
            others: &[other],
            stored: &[],
        };
        house.gateways[0].meters.hear(at(house.now), &heard);
    }
    assert!(!house.is_served(0));
    house.now += 3_600_000;
    house.pass(60_000);
    assert!(house.is_served(0));
}

#[test]
fn places_are_dealt_out_at_once_however_many_say_to_be_there() {
    let mut house = House::new(1, at_a_time(10));
    assert!(house.begins(0));
    let told = house.gateways[0].meters.report(at(house.now));
    let others: Vec<Other<'_>> = (2..100_000)
        .map(|process| Other {
            process,
            book: process,
            age: Duration::ZERO,
            is_settled: true,
            rows: &told,
        })
        .collect();
    let heard = Heard {
        me: (1, 1),
        others: &others,
        stored: &[],
    };
    // Were each looked for among all, this would take minutes.
    house.gateways[0].meters.hear(at(house.now), &heard);
}
