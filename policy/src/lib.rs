//! What Keyweir decides: which key a request is sent with, or until when it waits; whose fault an
//! outcome is; what it teaches; what happens next. And what the policy file means.
//!
//! Nothing here makes a system call. There is no clock, no socket, no file, no thread and no
//! randomness of its own: `now` is an argument of every call, seeds come with the
//! [`PoolSpec`](pool::spec::PoolSpec). The gateway drives it with real time, the simulator with
//! made-up time; both get the same decisions.
//!
//! # Floors
//!
//! Each floor is a crate, so that the compiler forbids the wrong door: imports point down only.
//!
//! | Floor | Decides |
//! |---|---|
//! | [`config`] | what the policy files say and mean |
//! | [`exchange`] | the plan of one request: admit, wait, send, retry, fall back, seek, last word |
//! | [`tenancy`] | what a tenant may do |
//! | [`pool`] | one provider's accounts and keys: who may use which now |
//! | [`select`] | which account: headroom, affinity |
//! | [`quota`], [`health`], [`queue`] | what is left; who may be asked; who goes next |
//! | [`wire`] | what goes over the wire, and whose fault an answer is |
//! | [`terms`] | the words all others are said in |
//!
//! # Who calls what, in which order
//!
//! One [`Pool`](pool::Pool) per provider, one [`Plan`](exchange::plan::Plan) per request.
//!
//! 1. [`routed`](exchange::routed) and `describe_routed` say what is asked for,
//!    [`permission`](tenancy::permission) whether the tenant may, and
//!    [`destination`](exchange::destination) whom it is asked first.
//! 2. [`Plan::on`](exchange::plan::Plan::on) is told `Begin`, with the pool of the plan's provider. It
//!    answers with a [`Step`](exchange::plan::Step): send with a lease, wait for a ticket, reroute to
//!    another provider or model, relay the provider's answer, or refuse.
//! 3. A ticket is decided later, by [`Pool::next_decision`](pool::Pool::next_decision), or given up
//!    with [`Pool::cancel`](pool::Pool::cancel). With a lease, the driver sends the request. When a
//!    good answer begins it calls [`Pool::answered`](pool::Pool::answered), while a stream grows
//!    [`Pool::progressed`](pool::Pool::progressed).
//! 4. However the attempt ends, [`classify`](wire::classify) says whose fault it was and the lease
//!    goes back through [`Pool::settle`](pool::Pool::settle), exactly once: it is not `Clone`.
//! 5. If nothing has reached the client yet, the plan is told `Failed`, and says what is next.
//!
//! After every call that takes `now`, the driver drains `next_decision` and `next_notice`, and sets
//! its one timer to [`Pool::next_wake`](pool::Pool::next_wake), when it calls
//! [`Pool::wake`](pool::Pool::wake). Nothing else changes an answer: the same calls with the same
//! times and the same seed give the same decisions.
//!
//! # Glossary
//!
//! | Word | Meaning |
//! |---|---|
//! | provider | an API: a dialect behind a base URL |
//! | account | what a provider meters; its keys share its buckets |
//! | provider key, client key | what the pool holds; what a client presents |
//! | tenant | who calls |
//! | quota group | the models of a provider that share a bucket, at one kind of endpoint |
//! | dimension | requests, input tokens, output tokens, or tokens |
//! | bucket | a token bucket of the provider: one account, quota group and dimension |
//! | reserve, part | what of an account is kept for a tenant; others borrow it while it lies idle |
//! | load | what a bucket carried in an hour: peak, time near the limit, who fell short of it |
//! | headroom | the fraction of a bucket that is free after a request |
//! | lease | what an admitted request holds of each bucket, until it is settled |
//! | ticket | a place in the waiting room |
//! | patience | how long a request may wait in all |
//! | external usage | what others spend of an account |
//! | merged accounts | accounts of the policy that turn out to be one |
//! | breaker | `Closed` serves, `Open` refuses, `HalfOpen` admits one probe |
//! | overload gate | active while a provider is overloaded as a whole: requests wait, a few probe |
//! | cooldown, backoff | the wait the provider told us; the wait we chose |
//! | fault, attribution | how an attempt ended; the one party it is charged to |
//! | refused, explained | a 429 whose headers or wait show the budget that is spent |
//! | plan, step | what becomes of one request; what to do next |
//! | reroute | go on at the plan's next choice: another provider, account or model |
//! | reservation | what a request holds of its tenant's limits and budgets, until it is settled |
//! | share | what one of several gateways may give of a limit, until it hears of the others again |
//! | report | what one gateway says of itself to those it shares a store with |
//! | holder | the account that holds a batch, a file, a stored response |
//! | relay | give the client the provider's answer as it is |
#![warn(clippy::iter_over_hash_type)]

pub use keyweir_config as config;
pub use keyweir_exchange as exchange;
pub use keyweir_health as health;
pub use keyweir_pool as pool;
pub use keyweir_queue as queue;
pub use keyweir_quota as quota;
pub use keyweir_select as select;
pub use keyweir_tenancy as tenancy;
pub use keyweir_terms as terms;
pub use keyweir_wire as wire;
