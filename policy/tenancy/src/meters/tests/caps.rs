//! What requests may take beyond what they are expected to.

use super::*;

/// A cap that is none.
const UNCAPPED: u64 = 0;

fn ask_with_cap(meters: &mut Meters, cap: u64, patience: Duration) -> Result<Reserved, Box<Lack>> {
    let size = RequestSize {
        output_max: (cap != UNCAPPED).then_some(cap),
        ..size()
    };
    let asked = Asked {
        tenant: T,
        provider: P,
        model: "priced-1",
        size: &size,
        patience,
        asks_again: false,
        awaits_ledger: false,
    };
    let reserved = meters.reserve(at(0), &asked)?;
    Ok(reserved.expect("bounded"))
}

/// Answers of three tokens, whatever the cap.
fn teach_short_answers(meters: &mut Meters, cap: u64) {
    for _ in 0..50 {
        let reserved = ask_with_cap(meters, cap, Duration::ZERO).expect("room");
        end(meters, 0, Some(reserved), 1, 2);
    }
}

/// Asks 256 times at once, and then again and again until nothing is left, with answers as long as they
/// may be. How many were let in at first.
fn spend_all(meters: &mut Meters, cap: u64) -> usize {
    let mut at_first = None;
    loop {
        let asked = (0..256).map_while(|_| ask_with_cap(meters, cap, Duration::ZERO).ok());
        let open: Vec<_> = asked.collect();
        at_first.get_or_insert(open.len());
        if open.is_empty() {
            return at_first.unwrap_or_default();
        }
        for reserved in open {
            end(meters, 0, Some(reserved), 1, cap);
        }
    }
}

#[test]
fn whoever_has_given_short_answers_spends_a_hard_budget_and_one_answer_at_most() {
    for amount in [
        Amount::Tokens(100_000),
        Amount::Money(Money::from_pico(100_000)),
    ] {
        let mut meters = meters(&spec(budgets(vec![budget(amount)]), Allowance::default()));
        teach_short_answers(&mut meters, 8_000);
        assert_eq!(
            spend_all(&mut meters, 8_000),
            12,
            "as many as there is room for"
        );
        let spent = meters.budgets(at(0).wall).next().expect("one").spent;
        assert!((100_000..108_010).contains(&spent), "{spent}");
    }
}

#[test]
fn where_there_is_plenty_caps_keep_nobody_waiting() {
    let own = Allowance {
        limits: vec![limit(Dimension::OutputTokens, 40_000)],
        budgets: vec![budget(Amount::Tokens(10_000_000))],
        ..Allowance::default()
    };
    let mut meters = meters(&spec(own, Allowance::default()));
    teach_short_answers(&mut meters, 32_000);
    let open: Vec<_> = (0..32)
        .map(|_| ask_with_cap(&mut meters, 32_000, Duration::ZERO).expect("room"))
        .collect();
    for reserved in open {
        meters.give_back_unused(at(0), reserved);
    }
}

#[test]
fn a_limit_gives_no_more_at_once_than_eight_times_what_it_may_owe() {
    let own = limits(vec![limit(Dimension::OutputTokens, 2_000)]);
    let mut meters = meters(&spec(own, Allowance::default()));
    teach_short_answers(&mut meters, 8_000);
    let asked = (0..256).map_while(|_| ask_with_cap(&mut meters, 8_000, Duration::ZERO).ok());
    let open: Vec<_> = asked.collect();
    assert_eq!(open.len(), 7);
    let lack = ask_with_cap(&mut meters, 8_000, Duration::ZERO).expect_err("no room");
    assert_eq!(lack.ends, Ends::WithOthers);
    let words = "is taken by requests that run; try again when they end";
    assert!(lack.to_string().contains(words), "{lack}");
    // By then enough has flowed in, whatever the others take.
    let patient = Duration::from_secs(60);
    let waits = ask_with_cap(&mut meters, 8_000, patient).expect("in time");
    assert!(waits.wait > Duration::ZERO && waits.wait < patient);
    meters.give_back_unused(at(0), waits);
    for reserved in open {
        end(&mut meters, 0, Some(reserved), 1, 2);
    }
    assert!(ask_with_cap(&mut meters, 8_000, Duration::ZERO).is_ok());
}

#[test]
fn a_cap_that_no_model_has_keeps_nobody_else_from_a_budget() {
    let of_group = budgets(vec![budget(Amount::Tokens(1_000_000))]);
    let mut meters = meters(&spec(Allowance::default(), of_group));
    teach_short_answers(&mut meters, u64::MAX);
    let _large = ask_with_cap(&mut meters, u64::MAX, Duration::ZERO).expect("room");
    let other = ask_for(&mut meters, 0, (OTHER, "priced-1"), Duration::ZERO);
    assert!(other.is_ok());
}

#[test]
fn who_names_no_cap_may_take_as_much_as_the_longest_answer_of_late() {
    let plenty = Amount::Tokens(200_000);
    let policy = spec(budgets(vec![budget(plenty)]), Allowance::default());
    let mut meters = meters(&policy);
    teach_short_answers(&mut meters, UNCAPPED);
    let open = |meters: &mut Meters| {
        let asked = (0..256).map_while(|_| ask_with_cap(meters, UNCAPPED, Duration::ZERO).ok());
        let open: Vec<_> = asked.collect();
        let count = open.len();
        open.into_iter()
            .for_each(|reserved| meters.give_back_unused(at(0), reserved));
        count
    };
    assert_eq!(open(&mut meters), 48, "200,000 by 4,096");
    // Somebody else gets a long one.
    let asked = ask_for(&mut meters, 0, (OTHER, "priced-1"), Duration::ZERO).expect("it may");
    let _: Cost = end(&mut meters, 0, asked, 1, 20_000);
    assert_eq!(
        open(&mut meters),
        48,
        "it is bounded by nothing, and not learned of"
    );
    let asked = ask_with_cap(&mut meters, 20_000, Duration::ZERO).expect("room");
    end(&mut meters, 0, Some(asked), 1, 20_000);
    assert_eq!(open(&mut meters), 8, "180,000 by 20,000");
}
