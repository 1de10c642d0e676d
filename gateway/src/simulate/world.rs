//! From a policy and some traffic to simulated worlds, one per model group of a provider.

use std::collections::HashMap;

use keyweir_policy::config::file::traffic::{Flow, FlowShape};
use keyweir_policy::config::file::{Policy, Tenant};
use keyweir_policy::config::pool_spec::pool_spec;
use keyweir_policy::terms::ids::{ProviderId, TenantId};
use keyweir_policy::terms::table::Table;
use keyweir_simulator::beyond::Beyond;
use keyweir_simulator::streams::{self, Stream};
use keyweir_simulator::traffic::{Arrival, Shape};
use keyweir_simulator::{Demand, Latency, Scenario, Sizes, SnapshotTaken, TenantTraffic};

use super::accounts;
use super::asked::Asked;
use super::part::{Built, Part};
use super::recorded::Recorded;

/// One way between gateway and provider, at least and at most.
const NETWORK_SECS: (f64, f64) = (0.01, 0.04);
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
        accounts::add(self.policy, self.group.provider, &mut part, notes);
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
        let may = |(_, tenant): &(TenantId, &Tenant)| {
            flow.model.is_empty() || tenant.models.matches(&flow.model)
        };
        let all = self.policy.tenants.iter().filter(may);
        let all: Vec<usize> = all.map(|(id, _)| id.index()).collect();
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
            exchange_secs: None,
            replicas_told: 1,
            duration_secs: self.asked.secs(),
            patience_secs: patience.as_secs_f64(),
            idle_secs: self.policy.gateway.timeouts.stream_idle.as_secs_f64(),
            pool: Some(pool),
            models,
            output_max: Some(output_max).filter(|max| *max > 0),
            arrivals: Some(arrivals),
            snapshot_taken: SnapshotTaken::AtAdmission,
            told: None,
            beyond: Beyond::default(),
            seed: self.seed,
        }
    }

    fn tenants(&self) -> Vec<TenantTraffic> {
        if self.policy.tenants.is_empty() {
            return vec![TenantTraffic::with_share(1.0)];
        }
        let tenant = |tenant: &Tenant| TenantTraffic {
            weight: f64::from(tenant.weight),
            priority: tenant.priority,
            patience_secs: match self.asked.patience {
                Some(_) => None,
                None => tenant.patience.map(|patience| patience.as_secs_f64()),
            },
            ..TenantTraffic::with_share(1.0)
        };
        self.policy.tenants.values().map(tenant).collect()
    }
}
