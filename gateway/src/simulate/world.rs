//! From a policy and some traffic to simulated worlds, one per model group of a provider.
//!
//! An account whose limits are not declared would be one without limits in the world, and would
//! make everything look easy. It is left out of the world and of the pool, and said to be.

use std::collections::HashMap;

use keyweir_policy::config::file::Policy;
use keyweir_policy::config::file::traffic::{Flow, FlowShape};
use keyweir_policy::config::pool_spec::pool_spec;
use keyweir_policy::pool::spec::{AccountSpec, LimitSpec};
use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::ids::{KeyId, ProviderId};
use keyweir_policy::terms::table::Table;
use keyweir_simulator::streams::{self, Stream};
use keyweir_simulator::traffic::{Arrival, Shape};
use keyweir_simulator::{
    AccountWorld, Demand, Latency, Scenario, Sizes, SnapshotTaken, TenantTraffic,
};

use super::asked::Asked;
use super::recorded::Recorded;
use super::what_if::in_words;

/// Seconds of refill that a bucket holds where the policy does not say: what the gateway assumes
/// too, and less than most providers allow.
const BURST_SECS: f64 = 3.0;
/// One way between gateway and provider, at least and at most.
const NETWORK_SECS: (f64, f64) = (0.01, 0.04);
/// Accounts that one sentence lists.
const LISTED_MAX: usize = 6;

/// All worlds of one case.
pub(super) struct Built {
    pub(super) parts: Vec<Part>,
    /// What is to be known of them.
    pub(super) notes: Vec<String>,
}

/// The traffic of one model group at one provider, and who serves it.
pub(super) struct Part {
    /// The provider's name.
    pub(super) provider: String,
    /// The group's name; empty where the model makes no difference.
    pub(super) group: String,
    /// The accounts' names, in the order of the world's.
    pub(super) accounts: Vec<String>,
    /// Those that are left out because nothing is known of their limits.
    pub(super) undeclared: Vec<String>,
    /// Those that are left out because their limit is zero.
    pub(super) closed: Vec<String>,
    pub(super) scenario: Scenario,
}

impl Part {
    /// What the part is called: by its group, and by its provider if there are several parts.
    pub(super) fn name(&self) -> String {
        if self.group.is_empty() {
            self.provider.clone()
        } else {
            format!("{} at {}", self.group, self.provider)
        }
    }
}

/// Whether every part has accounts to be simulated.
///
/// # Errors
/// What to write into the policy, if not.
pub(super) fn check(built: &Built) -> Result<(), String> {
    let empty = built.parts.iter().find(|part| part.accounts.is_empty());
    empty.map_or(Ok(()), |part| Err(shortfall(part)))
}

fn shortfall(part: &Part) -> String {
    let what = if part.group.is_empty() {
        format!("provider \"{}\"", part.provider)
    } else {
        format!(
            "models of group \"{}\" at \"{}\"",
            part.group, part.provider
        )
    };
    if part.undeclared.is_empty() {
        return format!(
            "{what}: every account that could serve has a limit of 0 ({}); raise one",
            list(&part.closed)
        );
    }
    format!(
        "{what}: no account declares a limit that holds ({}), so there is nothing to simulate; \
         write what the provider's console shows under [[account]]:\n\n{EXAMPLE}",
        list(&part.undeclared)
    )
}

/// A limit as it stands in a policy.
const EXAMPLE: &str = "  [[account.limit]]
  requests_per_minute = 4000
  input_tokens_per_minute = 2000000
  output_tokens_per_minute = 400000";

/// Builds the worlds in which `asked` meets `policy`, at `scale` times its rates.
pub(super) fn build(policy: &Policy, asked: &Asked, scale: f64) -> Built {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for flow in &asked.flows {
        let at = Group::place(&mut groups, policy, flow.provider, &flow.model);
        groups[at].flows.push(flow);
    }
    for (kind, (provider, model)) in asked.recording.kinds.iter().enumerate() {
        let at = Group::place(&mut groups, policy, *provider, model);
        groups[at].kinds.push(kind);
    }
    let mut notes = Vec::new();
    let parts = (0u64..)
        .zip(&groups)
        .map(|(number, group)| {
            let seed = asked.seed.wrapping_add(number << 32);
            let world = World {
                policy,
                asked,
                group,
                seed,
            };
            world.part(scale, &mut notes)
        })
        .collect();
    Built { parts, notes }
}

/// The traffic that shares budgets.
struct Group<'a> {
    provider: ProviderId,
    name: String,
    flows: Vec<&'a Flow>,
    /// Positions among what was recorded.
    kinds: Vec<usize>,
}

impl Group<'_> {
    /// The position of the group that a model is in, which is made if there is none.
    fn place(groups: &mut Vec<Self>, policy: &Policy, provider: ProviderId, model: &str) -> usize {
        let name = pool_spec(policy, provider, 0).group(model);
        let is_it = |group: &Self| group.provider == provider && group.name == name;
        groups.iter().position(is_it).unwrap_or_else(|| {
            groups.push(Self {
                provider,
                name: name.clone(),
                flows: Vec::new(),
                kinds: Vec::new(),
            });
            groups.len() - 1
        })
    }
}

/// What one part is made of.
struct World<'a> {
    policy: &'a Policy,
    asked: &'a Asked,
    group: &'a Group<'a>,
    seed: u64,
}

impl World<'_> {
    fn part(&self, scale: f64, notes: &mut Vec<String>) -> Part {
        let models = self.models();
        let secs = self.asked.secs();
        let mut arrivals = streams::arrivals(&self.streams(&models), secs, scale, self.seed);
        let recorded = self.recorded(&models);
        arrivals.extend(streams::multiplied(&recorded, secs, scale, self.seed));
        arrivals.sort_by(|a, b| a.at.total_cmp(&b.at));
        let mut part = Part {
            provider: self.policy.provider(self.group.provider).id.clone(),
            group: self.group.name.clone(),
            accounts: Vec::new(),
            undeclared: Vec::new(),
            closed: Vec::new(),
            scenario: self.scenario(models, arrivals),
        };
        self.add_accounts(&mut part, notes);
        part
    }

    fn models(&self) -> Vec<String> {
        let mut models: Vec<String> = Vec::new();
        let of_flows = self.group.flows.iter().map(|flow| &flow.model);
        let kinds = &self.asked.recording.kinds;
        let of_kinds = self.group.kinds.iter().map(|kind| &kinds[*kind].1);
        for model in of_flows.chain(of_kinds) {
            if !models.contains(model) {
                models.push(model.clone());
            }
        }
        models
    }

    /// What came, as the log tells.
    fn recorded(&self, models: &[String]) -> Vec<Arrival> {
        let recording = &self.asked.recording;
        let position = |kind: &usize| {
            let model = &recording.kinds[*kind].1;
            Some((*kind, models.iter().position(|known| known == model)?))
        };
        let positions: HashMap<usize, usize> =
            self.group.kinds.iter().filter_map(position).collect();
        let arrival = |request: &Recorded| {
            Some(Arrival {
                at: request.at,
                tenant: request.tenant,
                input: request.input,
                output: request.output,
                output_max: None,
                model: *positions.get(&request.kind)?,
            })
        };
        recording.requests.iter().filter_map(arrival).collect()
    }

    fn streams(&self, models: &[String]) -> Vec<Stream> {
        let position: HashMap<&str, usize> = models.iter().map(String::as_str).zip(0..).collect();
        let mut streams = Vec::new();
        for flow in &self.group.flows {
            let tenants = self.tenants_of(flow);
            let per_sec = flow.per_second / tenants.len() as f64;
            streams.extend(tenants.into_iter().map(|tenant| Stream {
                tenant,
                model: position[flow.model.as_str()],
                per_sec,
                shape: self.shape(flow.shape),
                sizes: Sizes {
                    input: flow.tokens.input as f64,
                    output: flow.tokens.output as f64,
                },
                output_max: flow.tokens.output_max,
            }));
        }
        streams
    }

    /// Who sends a flow: its tenant, or all who may.
    fn tenants_of(&self, flow: &Flow) -> Vec<usize> {
        if let Some(tenant) = flow.tenant {
            return vec![tenant.index()];
        }
        let may = |(_, tenant): &(usize, &keyweir_policy::config::file::Tenant)| {
            flow.model.is_empty() || tenant.models.matches(&flow.model)
        };
        let all = self.policy.tenants.iter().enumerate().filter(may);
        let all: Vec<usize> = all.map(|(at, _)| at).collect();
        if all.is_empty() { vec![0] } else { all }
    }

    fn shape(&self, shape: FlowShape) -> Shape {
        match shape {
            FlowShape::Steady => Shape::Steady,
            FlowShape::Bursts {
                times,
                every,
                lasting,
            } => Shape::Bursts {
                times,
                every: every.as_secs_f64(),
                lasting: lasting.as_secs_f64(),
            },
            FlowShape::Day { period } => Shape::Day {
                secs: period.map_or(self.asked.secs(), |period| period.as_secs_f64()),
            },
        }
    }

    /// The world without its accounts.
    fn scenario(&self, models: Vec<String>, arrivals: Vec<Arrival>) -> Scenario {
        let patience = self.asked.patience.unwrap_or(self.policy.waiting.patience);
        let first_token = self.asked.first_token.as_secs_f64();
        let mut pool = pool_spec(self.policy, self.group.provider, self.seed);
        pool.accounts = Table::default();
        if pool.weights.is_empty() {
            pool.weights.push(1.0);
        }
        let mean = |of: fn(&Arrival) -> f64| {
            arrivals.iter().map(of).sum::<f64>() / arrivals.len().max(1) as f64
        };
        let output_max = mean(|arrival| arrival.output_max.unwrap_or(0) as f64).round() as u64;
        Scenario {
            accounts: Vec::new(),
            tenants: self.tenants(),
            demand: Demand::PerSecond(arrivals.len() as f64 / self.asked.secs()),
            shape: Shape::Steady,
            sizes: Sizes {
                input: mean(|arrival| arrival.input),
                output: mean(|arrival| arrival.output),
            },
            latency: Latency {
                network: NETWORK_SECS,
                first_token: (0.5 * first_token, 1.5 * first_token),
                per_token: 1.0 / self.asked.tokens_per_second,
            },
            weather: Vec::new(),
            replicas: 1,
            duration_secs: self.asked.secs(),
            patience_secs: patience.as_secs_f64(),
            idle_secs: self.policy.gateway.timeouts.stream_idle.as_secs_f64(),
            pool: Some(pool),
            models,
            output_max: Some(output_max).filter(|max| *max > 0),
            arrivals: Some(arrivals),
            snapshot_taken: SnapshotTaken::AtAdmission,
            seed: self.seed,
        }
    }

    fn tenants(&self) -> Vec<TenantTraffic> {
        if self.policy.tenants.is_empty() {
            return vec![TenantTraffic::with_share(1.0)];
        }
        let tenant = |tenant: &keyweir_policy::config::file::Tenant| TenantTraffic {
            weight: f64::from(tenant.weight),
            priority: tenant.priority,
            patience_secs: match self.asked.patience {
                Some(_) => None,
                None => tenant.patience.map(|patience| patience.as_secs_f64()),
            },
            ..TenantTraffic::with_share(1.0)
        };
        self.policy.tenants.iter().map(tenant).collect()
    }

    /// Puts the accounts that serve any of the models into pool and world alike, in one order.
    fn add_accounts(&self, part: &mut Part, notes: &mut Vec<String>) {
        let spec = pool_spec(self.policy, self.group.provider, self.seed);
        let mut partly: Vec<(String, &'static str)> = Vec::new();
        let accounts = self.policy.accounts_of(self.group.provider);
        // Numbered through anew: the world's keys are known by their positions.
        let mut keys = (0..).map(KeyId);
        for (account, (id, of_spec)) in accounts.zip(spec.accounts.iter()) {
            let models = &part.scenario.models;
            let serves = |model: &String| model.is_empty() || of_spec.models.matches(model);
            if of_spec.keys.is_empty() || !models.iter().any(serves) {
                continue;
            }
            // All models of a group have one limit.
            let limit = models.first().and_then(|model| spec.limit(id, model));
            let declared = |limit: &&LimitSpec| limit.per_minute.iter().any(Option::is_some);
            let Some(limit) = limit.filter(declared) else {
                part.undeclared.push(account.id.clone());
                continue;
            };
            if limit.per_minute.contains(&Some(0)) {
                part.closed.push(account.id.clone());
                continue;
            }
            partly.extend(
                missing(spec.dialect, limit).map(|what| (account.id.clone(), in_words(what))),
            );
            part.accounts.push(account.id.clone());
            part.scenario
                .accounts
                .push(account_world(of_spec.keys.len(), limit));
            if let Some(pool) = &mut part.scenario.pool {
                pool.accounts.push(AccountSpec {
                    keys: keys.by_ref().take(of_spec.keys.len()).collect(),
                    ..of_spec.clone()
                });
            }
        }
        tell(part, &partly, notes);
    }
}

fn account_world(keys: usize, limit: &LimitSpec) -> AccountWorld {
    let per_minute = |dimension: Dimension| limit.per_minute[dimension.index()].unwrap_or(0) as f64;
    AccountWorld {
        keys,
        rpm: per_minute(Dimension::Requests),
        itpm: per_minute(Dimension::InputTokens),
        otpm: per_minute(Dimension::OutputTokens),
        tpm: per_minute(Dimension::Tokens),
        burst_secs: limit.burst_secs.unwrap_or(BURST_SECS),
        foreign: 0.0,
    }
}

/// What providers of a dialect usually limit, and this limit does not.
fn missing(dialect: Dialect, limit: &LimitSpec) -> impl Iterator<Item = Dimension> {
    let usual: &[Dimension] = match dialect {
        Dialect::Anthropic if limit.per_minute[Dimension::Tokens.index()].is_none() => &[
            Dimension::Requests,
            Dimension::InputTokens,
            Dimension::OutputTokens,
        ],
        Dialect::Anthropic | Dialect::Generic => &[],
        Dialect::OpenAi => &[Dimension::Requests, Dimension::Tokens],
    };
    usual
        .iter()
        .copied()
        .filter(|dimension| limit.per_minute[dimension.index()].is_none())
}

fn tell(part: &Part, partly: &[(String, &'static str)], notes: &mut Vec<String>) {
    let name = part.name();
    if !part.undeclared.is_empty() && !part.accounts.is_empty() {
        notes.push(format!(
            "{name}: left out, since the policy declares no limits for them: {}; write an \
             [[account.limit]] with what the provider's console shows, and they count",
            list(&part.undeclared)
        ));
    }
    if !part.closed.is_empty() && !part.accounts.is_empty() {
        notes.push(format!(
            "{name}: left out, since a limit of 0 serves nothing: {}",
            list(&part.closed)
        ));
    }
    let mut dimensions: Vec<&str> = partly.iter().map(|(_, what)| *what).collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    for what in dimensions {
        let accounts = partly.iter().filter(|(_, it)| *it == what);
        let accounts: Vec<String> = accounts.map(|(account, _)| account.clone()).collect();
        notes.push(format!(
            "{name}: taken to be without limit, since none is declared: {what} of {}",
            list(&accounts)
        ));
    }
}

fn list(names: &[String]) -> String {
    let shown = names[..names.len().min(LISTED_MAX)].join(", ");
    match names.len().saturating_sub(LISTED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
