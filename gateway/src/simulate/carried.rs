//! An hour that an account really carried, simulated again: alone, with the limits that it had, and with
//! others.
//!
//! Of the hour its sums are known, not its requests. So requests of the mean size come at the hour's mean
//! rate, those that were refused included, and for one minute in ten at the rate of the hour's largest
//! minute. That is honest about how much, and a guess about when.

use std::time::{Duration, SystemTime};

use keyweir_policy::config::file::traffic::{Flow, FlowShape, FlowTokens};
use keyweir_policy::config::file::{self, Policy};
use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::ids::ProviderId;

use super::asked::{Asked, FIRST_TOKEN, TOKENS_PER_SECOND};
use super::outcome::Outcome;
use super::recorded::Recording;
use super::what_if::Case;
use super::{figures, part, world};

/// How often the largest minute comes, and how long it lasts.
const PEAK_EVERY: Duration = Duration::from_secs(600);
const PEAK_LASTING: Duration = Duration::from_secs(60);
/// The share of the time that it takes.
const PEAK_SHARE: f64 = 0.1;
/// The rate between two of them, as a share of the mean, at least: none at all is no traffic.
const BETWEEN_MIN: f64 = 0.05;
/// A largest minute that is hardly more than the mean is the same traffic all the time.
const STEADY: f64 = 1.05;
/// For how long requests come, the longest first, and how many may come in that time: within a minute's
/// work, together with twice as many.
const MINUTES: [u64; 2] = [20, 10];
const REQUESTS_MAX: f64 = 150_000.0;

/// What an account carried in an hour.
#[derive(Clone, Debug)]
pub(crate) struct Hour {
    /// The account's name.
    pub(crate) account: String,
    /// Its limits per minute, by [`Dimension::index`]; zero: none.
    pub(crate) limits: [f64; Dimension::COUNT],
    /// Requests that came per second, those that were refused included.
    pub(crate) per_second: f64,
    /// What a request took, by dimension, on average.
    pub(crate) taken: [f64; Dimension::COUNT],
    /// How many times the hour's mean its largest minute was.
    pub(crate) peak_times: f64,
}

/// What became of it in one case.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// What was different.
    pub(crate) case: String,
    pub(crate) requests: usize,
    pub(crate) refused: usize,
    /// The wait that 95 % of the answered stayed below.
    pub(crate) wait_p95_secs: f64,
    /// What was fullest, and how full in the busiest minute.
    pub(crate) fullest: Option<(Dimension, f64)>,
}

/// The hour again, as it was and with twice the limits; and twice its traffic with either.
///
/// # Errors
/// Why it cannot be simulated.
pub(crate) fn again(hour: &Hour) -> Result<Vec<Told>, String> {
    let policy = policy(hour)?;
    let (provider, _) = policy
        .providers
        .iter()
        .next()
        .ok_or("there is no provider")?;
    let asked = asked(hour, provider)?;
    let cases = Case::with_twice_the_limits(&hour.account);
    let told = cases.iter().map(|case| {
        let mut changed = policy.clone();
        for change in &case.changes {
            change.apply(&mut changed)?;
        }
        let built = world::build(&changed, &asked, case.scale());
        part::check(&built)?;
        let simulated = figures::run(case, &changed, &asked, built)?;
        Ok(Told::of(&simulated.outcome))
    });
    told.collect()
}

impl Told {
    fn of(outcome: &Outcome) -> Self {
        let fullest = outcome.budgets.iter();
        let fullest = fullest.map(|it| (it.dimension, it.used_in_busiest_minute));
        Self {
            case: outcome.case.clone(),
            requests: outcome.requests,
            refused: outcome.refused,
            wait_p95_secs: outcome.wait_secs.p95,
            fullest: fullest.max_by(|a, b| a.1.total_cmp(&b.1)),
        }
    }
}

/// A policy of this account alone.
fn policy(hour: &Hour) -> Result<Policy, String> {
    let limit = |it: &Dimension| {
        let limit = hour.limits[it.index()].round();
        (limit >= 1.0).then(|| format!("{}_per_minute = {limit}\n", it.as_str()))
    };
    let limits: String = Dimension::ALL.iter().filter_map(limit).collect();
    // Who counts input and output together counts both when a request is admitted.
    let dialect = match hour.limits[Dimension::Tokens.index()] > 0.0 {
        true => "openai",
        false => "anthropic",
    };
    let text = format!(
        "[[provider]]\nid = \"provider\"\ndialect = \"{dialect}\"\nbase_url = \"https://provider.invalid\"\n\
         [[account]]\nid = \"{}\"\nprovider = \"provider\"\n\
         [[account.key]]\nid = \"key\"\nsecret = \"no-key\"\n\
         [[account.limit]]\n{limits}",
        hour.account
    );
    let read = file::parse(&[("hour.toml", &text)], SystemTime::UNIX_EPOCH);
    read.map(|(policy, _)| policy)
        .map_err(|report| report.to_string())
}

/// Its traffic.
fn asked(hour: &Hour, provider: ProviderId) -> Result<Asked, String> {
    let mean = hour.per_second;
    let between = ((1.0 - PEAK_SHARE * hour.peak_times) / (1.0 - PEAK_SHARE)).max(BETWEEN_MIN);
    let (per_second, shape) = if hour.peak_times <= STEADY {
        (mean, FlowShape::Steady)
    } else {
        let of_mean = PEAK_SHARE * hour.peak_times + (1.0 - PEAK_SHARE) * between;
        let shape = FlowShape::Bursts {
            times: hour.peak_times / between,
            every: PEAK_EVERY,
            lasting: PEAK_LASTING,
        };
        (mean * of_mean, shape)
    };
    let fits = |minutes: &u64| per_second * 60.0 * *minutes as f64 <= REQUESTS_MAX;
    let Some(minutes) = MINUTES.into_iter().find(fits) else {
        return Err(format!(
            "{per_second:.0} requests a second are more than can be simulated"
        ));
    };
    let tokens = |it: Dimension| hour.taken[it.index()].round().max(0.0) as u64;
    let (input, output) = (
        tokens(Dimension::InputTokens),
        tokens(Dimension::OutputTokens),
    );
    let counted = tokens(Dimension::Tokens);
    Ok(Asked {
        minutes,
        seed: 1,
        patience: None,
        first_token: FIRST_TOKEN,
        tokens_per_second: TOKENS_PER_SECOND,
        flows: vec![Flow {
            tenant: None,
            provider,
            model: String::new(),
            per_second,
            shape,
            tokens: FlowTokens {
                input: input.max(1),
                output,
                // What is counted beyond both is the clients' cap.
                output_max: Some(counted).filter(|it| *it > input + output),
            },
        }],
        recording: Recording::default(),
        notes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use keyweir_policy::terms::table::Id as _;

    use super::*;

    fn hour() -> Hour {
        let mut limits = [0.0; Dimension::COUNT];
        limits[Dimension::Requests.index()] = 1_000.0;
        limits[Dimension::OutputTokens.index()] = 20_000.0;
        Hour {
            account: "team-a".to_owned(),
            limits,
            per_second: 1.0,
            taken: [1.0, 500.0, 300.0, 800.0],
            peak_times: 1.5,
        }
    }

    #[test]
    fn twice_the_limit_serves_what_was_short_of_it() {
        let told = again(&hour()).expect("it can be simulated");
        let cases: Vec<&str> = told.iter().map(|it| it.case.as_str()).collect();
        assert_eq!(
            cases,
            [
                "the hour again",
                "with twice the limits",
                "twice the traffic",
                "twice the traffic, twice the limits"
            ]
        );
        let fullest = told[0].fullest.expect("there are limits");
        assert_eq!(fullest.0, Dimension::OutputTokens);
        assert!(told[0].wait_p95_secs > told[1].wait_p95_secs, "{told:?}");
        assert_eq!(told[1].refused, 0, "{told:?}");
        assert!(told[2].refused > told[3].refused, "{told:?}");
    }

    #[test]
    fn what_cannot_be_simulated_is_told() {
        let many = Hour {
            per_second: 10_000.0,
            ..hour()
        };
        let told = again(&many).expect_err("too many");
        assert!(told.contains("requests a second are more than"), "{told}");
        let endless = Hour {
            limits: [0.0; Dimension::COUNT],
            ..hour()
        };
        let told = again(&endless).expect_err("no limit");
        assert!(told.contains("declares"), "{told}");
    }

    #[test]
    fn the_largest_minute_is_kept_however_large() {
        for peak_times in [1.0, 2.0, 9.0, 60.0] {
            let hour = Hour {
                peak_times,
                ..hour()
            };
            let asked = asked(&hour, ProviderId::from_index(0)).expect("few");
            let flow = &asked.flows[0];
            let peak = match flow.shape {
                FlowShape::Bursts { times, .. } => {
                    let between = flow.per_second / (PEAK_SHARE * times + 1.0 - PEAK_SHARE);
                    between * times
                }
                _ => flow.per_second,
            };
            assert!((peak - peak_times).abs() < 1e-6, "{peak_times}: {peak}");
        }
    }
}
