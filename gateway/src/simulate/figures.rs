//! Simulates a case and adds up its figures, over all its parts.

use keyweir_policy::config::file::Policy;
use keyweir_policy::terms::amount::Dimension;
use keyweir_simulator::report::Ending;
use keyweir_simulator::{AccountWorld, Report, Scenario, Stuck};

use super::asked::Asked;
use super::curves::Curves;
use super::outcome::{Budget, Demanded, Outcome, Simulated, TenantOutcome, Waits};
use super::part::{Built, Part};
use super::verdict;
use super::what_if::Case;

/// Simulates a case.
///
/// # Errors
/// If that comes to no end.
pub(super) fn run(
    case: &Case,
    policy: &Policy,
    asked: &Asked,
    built: Built,
) -> Result<Simulated, String> {
    let mut sum = Sum::new(policy);
    let mut curves = Vec::new();
    for part in built.parts {
        let report = keyweir_simulator::try_run(&part.scenario)
            .map_err(|stuck| endless(case, &part, stuck))?;
        sum.add(&part, &report, asked);
        curves.push((part.name(), Curves::of(&part.scenario, &report)));
    }
    let mut outcome = sum.finish(case.label.clone());
    outcome.verdict = verdict::of(&outcome);
    Ok(Simulated { outcome, curves })
}

fn endless(case: &Case, part: &Part, stuck: Stuck) -> String {
    let minutes = stuck.at / 60.0;
    format!(
        "{}, {}: the simulation comes to no end (it was given up at minute {minutes:.0}): the \
         requests need far more than the limits ever allow; look at the declared limits and at \
         the tokens of a request",
        case.label,
        part.name()
    )
}

/// Figures as they are added up.
struct Sum<'a> {
    policy: &'a Policy,
    outcome: Outcome,
    upstream: usize,
    rate_limited: usize,
    all_knowing: usize,
    waits: Vec<f64>,
    /// By tenant: requests, and the waits of those that were answered.
    tenants: Vec<(usize, Vec<f64>)>,
    /// The fullest budget, of parts that refused and of all.
    fullest: [Option<Budget>; 2],
}

impl<'a> Sum<'a> {
    fn new(policy: &'a Policy) -> Self {
        Self {
            policy,
            outcome: Outcome::default(),
            upstream: 0,
            rate_limited: 0,
            all_knowing: 0,
            waits: Vec::new(),
            tenants: vec![(0, Vec::new()); policy.tenants.len()],
            fullest: [None, None],
        }
    }

    fn add(&mut self, part: &Part, report: &Report, asked: &Asked) {
        self.outcome.requests += report.requests;
        self.outcome.answered += report.answered;
        self.upstream += report.upstream;
        self.rate_limited += report.refused_upstream;
        self.all_knowing += report.oracle_answered;
        self.waits.extend(&report.waits);
        for journey in &report.journeys {
            let Some((requests, waits)) = self.tenants.get_mut(journey.tenant) else {
                continue;
            };
            *requests += 1;
            let sent = journey.sent.filter(|_| journey.ending == Ending::Answered);
            waits.extend(sent.map(|sent| sent - journey.arrived));
        }
        self.outcome.demand.extend(demanded(part, asked));
        let budgets = budgets(part, report, asked);
        let fullest = budgets.iter().max_by(|a, b| {
            let share = |it: &Budget| it.used_in_busiest_minute;
            share(a).total_cmp(&share(b))
        });
        let refused = report.answered < report.requests;
        for (slot, counts) in self.fullest.iter_mut().zip([refused, true]) {
            let fuller = fullest.filter(|it| {
                counts
                    && slot.as_ref().is_none_or(|known| {
                        it.used_in_busiest_minute > known.used_in_busiest_minute
                    })
            });
            if let Some(fuller) = fuller {
                *slot = Some(fuller.clone());
            }
        }
        self.outcome.budgets.extend(budgets);
    }

    fn finish(self, case: String) -> Outcome {
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let outcome = self.outcome;
        let tenants = self.policy.tenants.values().zip(self.tenants);
        let tenants = tenants.filter(|(_, (requests, _))| *requests > 0);
        let [of_refusing, of_all] = self.fullest;
        Outcome {
            case,
            refused: outcome.requests - outcome.answered,
            success: share(outcome.answered, outcome.requests),
            of_all_knowing: share(outcome.answered, self.all_knowing),
            upstream_per_request: share(self.upstream, outcome.requests),
            rate_limited_per_thousand: 1000.0 * share(self.rate_limited, self.upstream),
            wait_secs: Waits::of(self.waits),
            tenants: tenants
                .map(|(tenant, (requests, waits))| TenantOutcome {
                    tenant: tenant.id.clone(),
                    requests,
                    answered: waits.len(),
                    success: share(waits.len(), requests),
                    wait_secs: Waits::of(waits),
                })
                .collect(),
            bottleneck: of_refusing.or(of_all),
            ..outcome
        }
    }
}

fn budgets(part: &Part, report: &Report, asked: &Asked) -> Vec<Budget> {
    let mut budgets = Vec::new();
    let accounts = part.accounts.iter().zip(&part.scenario.accounts);
    for ((account, world), charged) in accounts.zip(&report.charged) {
        for dimension in Dimension::ALL {
            let limit = world.limits()[dimension.index()];
            if limit <= 0.0 {
                continue;
            }
            // What is produced after the last request came is not of any minute asked about.
            let minutes = charged.iter().take(asked.minutes as usize);
            let shares = minutes.map(|amounts| amounts[dimension.index()] / limit);
            let (sum, most) = shares.fold((0.0, 0.0_f64), |(sum, most), share| {
                (sum + share, most.max(share))
            });
            budgets.push(Budget {
                provider: part.provider.clone(),
                group: part.group.clone(),
                account: account.clone(),
                dimension,
                limit_per_minute: limit,
                used: sum / asked.minutes as f64,
                used_in_busiest_minute: most,
            });
        }
    }
    budgets
}

fn demanded(part: &Part, asked: &Asked) -> Vec<Demanded> {
    let by_minute = demand_by_minute(&part.scenario, asked.minutes as usize);
    let limits: Vec<_> = part
        .scenario
        .accounts
        .iter()
        .map(AccountWorld::limits)
        .collect();
    let of = |dimension: Dimension| {
        let at = dimension.index();
        let amounts = || by_minute.iter().map(|amounts| amounts[at]);
        let is_declared = !limits.is_empty() && limits.iter().all(|it| it[at] > 0.0);
        Demanded {
            provider: part.provider.clone(),
            group: part.group.clone(),
            dimension,
            mean_per_minute: amounts().sum::<f64>() / asked.minutes as f64,
            busiest_minute: amounts().fold(0.0, f64::max),
            declared_per_minute: is_declared.then(|| limits.iter().map(|it| it[at]).sum()),
        }
    };
    let limited = |dimension: &Dimension| limits.iter().any(|it| it[dimension.index()] > 0.0);
    Dimension::ALL.into_iter().filter(limited).map(of).collect()
}

fn demand_by_minute(scenario: &Scenario, minutes: usize) -> Vec<[f64; Dimension::COUNT]> {
    let mut by_minute = vec![[0.0; Dimension::COUNT]; minutes];
    for arrival in scenario.arrivals.iter().flatten() {
        let needs = scenario.taken_by(arrival).total();
        if let Some(minute) = by_minute.get_mut((arrival.at / 60.0) as usize) {
            for (sum, need) in minute.iter_mut().zip(needs) {
                *sum += need;
            }
        }
    }
    by_minute
}
