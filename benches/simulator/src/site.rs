//! One provider of a scenario, as both its own side and the gateways see it.

use keyweir_policy::health::retry_budget::RetryLimits;
use keyweir_policy::pool::access::Access;
use keyweir_policy::pool::spec::{AccountSpec, PoolSpec};
use keyweir_policy::queue::waiting_room::RoomLimits;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::ids::{AccountId, KeyId, ProviderId};
use keyweir_policy::terms::pattern::ModelPatterns;
use keyweir_policy::terms::replicas::Replicas;
use keyweir_policy::terms::table::Id as _;

use crate::account::AccountWorld;
use crate::scenario::Scenario;
use crate::weather::Weather;

/// One provider of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    scenario: &'a Scenario,
    /// What it is called.
    pub id: ProviderId,
    /// What it has.
    pub accounts: &'a [AccountWorld],
    /// What goes wrong there.
    pub weather: &'a [Weather],
    pool: Option<&'a PoolSpec>,
}

impl<'a> Site<'a> {
    /// All providers of a scenario, in the order of their ids.
    pub fn all(scenario: &'a Scenario) -> Vec<Self> {
        let first = Self {
            scenario,
            id: ProviderId(0),
            accounts: &scenario.accounts,
            weather: &scenario.weather,
            pool: scenario.pool.as_ref(),
        };
        let others = scenario.beyond.providers.iter().zip(1..);
        let others = others.map(|(world, number)| Self {
            scenario,
            id: ProviderId(number),
            accounts: &world.accounts,
            weather: &world.weather,
            pool: world.pool.as_ref(),
        });
        std::iter::once(first).chain(others).collect()
    }

    /// Its accounts' ids.
    pub fn account_ids(self) -> impl Iterator<Item = AccountId> + use<> {
        (0..self.accounts.len() as u32).map(AccountId)
    }

    /// Whether an account serves a model, by what the policy says and by what is so.
    pub fn serves(self, account: usize, model: &str) -> bool {
        let is_listed = self.pool.is_none_or(|pool| {
            pool.accounts[AccountId::from_index(account)]
                .models
                .matches(model)
        });
        is_listed && !self.denies(account, model)
    }

    /// Whether an account has no access to a model, whatever the policy says.
    pub fn denies(self, account: usize, model: &str) -> bool {
        let position = |model: usize| self.scenario.models.get(model).map(String::as_str);
        self.weather.iter().any(|weather| match *weather {
            Weather::Denied {
                account: it,
                model: which,
            } => it == account && position(which) == Some(model),
            _ => false,
        })
    }

    /// The account of a key.
    pub fn account_of(self, key: usize) -> usize {
        let mut first = 0;
        for (index, account) in self.accounts.iter().enumerate() {
            first += account.keys;
            if key < first {
                return index;
            }
        }
        panic!("the provider has no key {key}");
    }

    /// The pool that one gateway has of it.
    pub fn pool_spec(self, replica: usize) -> PoolSpec {
        let seed = self.scenario.seed.wrapping_mul(31);
        let seed = seed.wrapping_add(replica as u64) ^ u64::from(self.id.0) << 32;
        match self.pool {
            Some(pool) => PoolSpec {
                replicas: Replicas::new(self.scenario.replicas_told),
                seed,
                ..pool.clone()
            },
            None => self.unknowing_pool(seed),
        }
    }

    fn unknowing_pool(self, seed: u64) -> PoolSpec {
        let mut keys = (0..).map(KeyId);
        let account = |account: &AccountWorld| AccountSpec {
            keys: keys.by_ref().take(account.keys).collect(),
            models: ModelPatterns::any(),
            limits: Vec::new(),
        };
        let tenants = self.scenario.tenants.iter();
        PoolSpec {
            dialect: Dialect::Anthropic,
            groups: Vec::new(),
            accounts: self.accounts.iter().map(account).collect(),
            access: Access::default(),
            reserves: keyweir_policy::pool::reserves::Reserves::default(),
            weights: tenants.map(|tenant| tenant.weight).collect(),
            room: RoomLimits {
                requests_max: 10_000,
                per_tenant_max: 10_000,
                bytes_max: 1 << 30,
            },
            retry: RetryLimits::default(),
            replicas: Replicas::new(self.scenario.replicas_told),
            seed,
        }
    }
}
