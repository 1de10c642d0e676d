//! What of budgets is written down before it is taken.

use super::*;
use crate::lack::Awaits;

fn asks(meters: &mut Meters, secs: u64) -> Result<Reserved, Box<Lack>> {
    let asked = Asked {
        tenant: T,
        provider: P,
        model: "priced-1",
        size: &size(),
        patience: Duration::ZERO,
        asks_again: false,
        awaits_ledger: true,
    };
    let reserved = meters.reserve(at(secs), &asked)?;
    Ok(reserved.expect("bounded"))
}

fn daily(tokens: u64) -> Spec {
    spec(
        budgets(vec![budget(Amount::Tokens(tokens))]),
        Allowance::default(),
    )
}

/// Begins a process that has `ledger`.
fn process(spec: &Spec, secs: u64, ledger: &[(String, Sums)]) -> Meters {
    let mut meters = Meters::default();
    meters.configure(at(secs), spec);
    meters.remember(at(secs).wall, ledger.iter().cloned());
    meters.write_ahead();
    meters
}

fn write(meters: &mut Meters, ledger: &mut Vec<(String, Sums)>) {
    for (key, sums) in meters.take_changed() {
        ledger.retain(|row| row.0 != key);
        ledger.push((key, sums));
    }
    meters.written(true);
}

fn in_ledger(ledger: &[(String, Sums)]) -> u128 {
    ledger.iter().map(|row| row.1.spent).sum()
}

proptest! {
    /// Each request takes what it is expected to.
    #[test]
    fn however_often_a_process_is_killed_a_budget_is_given_once(
        acts in proptest::collection::vec(0_u8..10, 1..400),
        tokens in 100_u64..4_000,
    ) {
        let spec = daily(tokens);
        let mut ledger = Vec::new();
        let mut meters = process(&spec, 0, &ledger);
        let (mut open, mut given) = (Vec::new(), 0);
        for act in acts {
            match act {
                0..=4 => match asks(&mut meters, 0) {
                    Ok(reserved) => {
                        open.push(reserved);
                        given += 4;
                    }
                    Err(lack) => prop_assert!(given + 4 > tokens || lack.awaits == Some(Awaits::Ledger)
                        || ledger.iter().any(|row| row.1.spent > u128::from(given))),
                },
                5..=7 => if let Some(reserved) = open.pop() {
                    end(&mut meters, 0, Some(reserved), 3, 1);
                },
                8 => write(&mut meters, &mut ledger),
                _ => {
                    // What runs is served, and nobody is left to settle it.
                    open.drain(..).for_each(drop);
                    meters = process(&spec, 0, &ledger);
                }
            }
            prop_assert!(given <= tokens, "{given} of {tokens}");
        }
    }
}

#[test]
fn who_waits_for_the_ledger_gets_it_all_in_the_end() {
    let mut ledger = Vec::new();
    let mut meters = process(&daily(403), 0, &ledger);
    let mut served = 0;
    loop {
        match asks(&mut meters, 0) {
            Ok(reserved) => {
                end(&mut meters, 0, Some(reserved), 3, 1);
                served += 1;
            }
            Err(lack) if lack.awaits == Some(Awaits::Ledger) => write(&mut meters, &mut ledger),
            Err(lack) => break assert_eq!(lack.awaits, None, "{lack}"),
        }
        assert!(served <= 100);
    }
    assert_eq!(served, 100);
    write(&mut meters, &mut ledger);
    write(&mut meters, &mut ledger);
    assert_eq!(in_ledger(&ledger), 400, "as it is, as nothing runs");
}

#[test]
fn the_faster_it_is_spent_the_further_ahead_it_is_written() {
    let mut ledger = Vec::new();
    let mut meters = process(&daily(80_000), 0, &ledger);
    let mut writes = 0;
    for _ in 0..10_000 {
        if meters.is_due() {
            write(&mut meters, &mut ledger);
            writes += 1;
        }
        match asks(&mut meters, 0) {
            Ok(reserved) => drop(end(&mut meters, 0, Some(reserved), 3, 1)),
            Err(lack) => assert_eq!(lack.awaits, Some(Awaits::Ledger)),
        }
    }
    assert!((50..=300).contains(&writes), "{writes}");
    let ahead = in_ledger(&ledger) - meters.budgets(at(0).wall).next().expect("one").spent;
    assert!(ahead <= 80_000 / 200 + 8, "{ahead}");
    // A second without a request: nothing is ahead, and nothing is written any more.
    write(&mut meters, &mut ledger);
    write(&mut meters, &mut ledger);
    let spent = meters.budgets(at(0).wall).next().expect("one").spent;
    assert_eq!(in_ledger(&ledger), spent);
    assert!(meters.take_changed().is_empty());
}

#[test]
fn a_process_that_begins_writes_no_further_ahead_than_another() {
    let mut ledger = Vec::new();
    let mut meters = process(&daily(80_000), 0, &ledger);
    while meters.budgets(at(0).wall).next().expect("one").spent < 40_000 {
        match asks(&mut meters, 0) {
            Ok(reserved) => drop(end(&mut meters, 0, Some(reserved), 3, 1)),
            Err(_) => write(&mut meters, &mut ledger),
        }
    }
    let before = in_ledger(&ledger);
    let mut meters = process(&daily(80_000), 0, &ledger);
    asks(&mut meters, 0).expect_err("it is to be written");
    write(&mut meters, &mut ledger);
    let ahead = in_ledger(&ledger) - before;
    assert!(ahead <= 80_000 / 200, "{ahead}");
}

#[test]
fn a_crowd_does_not_have_all_that_is_left_written_at_once() {
    let mut ledger = Vec::new();
    let mut meters = process(&daily(100), 0, &ledger);
    for _ in 0..1_000 {
        let lack = asks(&mut meters, 0).expect_err("nothing is written yet");
        assert_eq!(lack.awaits, Some(Awaits::Ledger));
    }
    write(&mut meters, &mut ledger);
    // Whoever is killed now loses a quarter of it.
    assert_eq!(in_ledger(&ledger), 25);
    let mut served = 0;
    for _ in 0..1_000 {
        match asks(&mut meters, 0) {
            Ok(reserved) => {
                end(&mut meters, 0, Some(reserved), 3, 1);
                served += 1;
            }
            Err(_) => write(&mut meters, &mut ledger),
        }
    }
    assert_eq!((served, in_ledger(&ledger)), (25, 100), "all of it is had");
}

#[test]
fn what_is_written_ahead_is_given_back_at_the_end_but_for_what_runs() {
    let mut ledger = Vec::new();
    let mut meters = process(&daily(8_000), 0, &ledger);
    let first = asks(&mut meters, 0).expect_err("it is to be written");
    assert_eq!(first.awaits, Some(Awaits::Ledger));
    write(&mut meters, &mut ledger);
    let done = asks(&mut meters, 0).expect("it is written");
    end(&mut meters, 0, Some(done), 2, 1);
    let _runs = asks(&mut meters, 0).expect("there is more");
    assert!(in_ledger(&ledger) > 7);
    meters.ends();
    write(&mut meters, &mut ledger);
    assert_eq!(in_ledger(&ledger), 3 + 4);
}

#[test]
fn nobody_waits_for_a_ledger_that_cannot_be_written_or_where_there_is_none() {
    let mut meters = process(&daily(8_000), 0, &[]);
    assert!(asks(&mut meters, 0).is_err());
    meters.written(false);
    assert!(asks(&mut meters, 0).is_ok());
    meters.written(true);
    assert!(asks(&mut meters, 0).is_err());
    let mut without = super::meters(&daily(8_000));
    assert!(asks(&mut without, 0).is_ok());
}

#[test]
fn soft_budgets_and_those_that_are_only_counted_are_written_as_they_are() {
    let soft = Budget {
        soft: true,
        ..budget(Amount::Tokens(100))
    };
    let counted = Allowance {
        shadow: true,
        ..budgets(vec![budget(Amount::Tokens(100))])
    };
    for own in [budgets(vec![soft]), counted] {
        let mut ledger = Vec::new();
        let mut meters = process(&spec(own, Allowance::default()), 0, &ledger);
        let reserved = asks(&mut meters, 0).expect("nobody waits");
        end(&mut meters, 0, Some(reserved), 3, 1);
        assert!(!meters.is_due());
        write(&mut meters, &mut ledger);
        assert_eq!(in_ledger(&ledger), 4);
    }
}

#[test]
fn another_day_begins_with_nothing_written() {
    let mut ledger = Vec::new();
    let mut meters = process(&daily(800), 0, &ledger);
    asks(&mut meters, 0).expect_err("it is to be written");
    write(&mut meters, &mut ledger);
    let reserved = asks(&mut meters, 0).expect("it is written");
    end(&mut meters, 0, Some(reserved), 3, 1);
    let lack = asks(&mut meters, 86_400).expect_err("of this day nothing is");
    assert_eq!(lack.awaits, Some(Awaits::Ledger));
    write(&mut meters, &mut ledger);
    assert!(asks(&mut meters, 86_400).is_ok());
}
