//! What a world may have beyond one provider whose accounts can all serve any request.

use keyweir_policy::exchange::fallback::Choice;
use keyweir_policy::pool::spec::PoolSpec;

use crate::account::AccountWorld;
use crate::weather::Weather;

/// Further providers, fallbacks to them, and requests that must go to one account.
#[derive(Clone, Debug, Default)]
pub struct Beyond {
    /// Providers beside the first. Their ids follow its id, which is 0.
    pub providers: Vec<ProviderWorld>,
    /// Who is asked where a first choice cannot serve; the first rule that applies counts.
    pub fallbacks: Vec<FallbackRule>,
    /// Requests that follow up on things which one account alone has.
    pub follow_ups: Option<FollowUps>,
}

/// A provider beside the first.
#[derive(Clone, Debug)]
pub struct ProviderWorld {
    /// What it has.
    pub accounts: Vec<AccountWorld>,
    /// What goes wrong there.
    pub weather: Vec<Weather>,
    /// Its pool as a policy file makes it; `None`: one that knows nothing but its keys.
    pub pool: Option<PoolSpec>,
}

/// Who is asked, in order, where a request's first choice cannot serve it.
#[derive(Clone, Debug, Default)]
pub struct FallbackRule {
    /// Position of the only tenant that it is for.
    pub tenant: Option<usize>,
    /// Position of the only model that it is for.
    pub model: Option<usize>,
    /// Who is asked.
    pub choices: Vec<Choice>,
}

/// Requests that follow up on things (batches, files) which one account alone has.
#[derive(Clone, Copy, Debug)]
pub struct FollowUps {
    /// Their share of all arrivals.
    pub share: f64,
    /// How many things there are, over all accounts of all providers.
    pub things: usize,
    /// The share of things of which no gateway remembers who has them.
    pub forgotten: f64,
    /// The share of follow-ups that ask for what there is not.
    pub absent: f64,
}
