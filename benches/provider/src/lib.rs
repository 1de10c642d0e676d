//! An LLM provider in a box, on real sockets.
//!
//! It speaks Anthropic's and OpenAI's APIs, enforces strict budgets of its own, streams answers
//! at a pace, and fails on command. It shares no code with the gateway it is there to test: a
//! mistake made once cannot cancel out.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use simulated_provider::{Account, Fault, FaultRule, Limits, Provider, World};
//!
//! let world = World::new(vec![
//!     Account::new("large", ["sk-1", "sk-2"]).with(Limits::three(4_000, 400_000, 80_000)),
//!     Account::new("small", ["sk-3"]).with(Limits::three(50, 30_000, 8_000).burst(3.0)),
//! ]);
//! let provider = Provider::start(world).await?;
//! println!("{}", provider.base_url());
//! let storm = FaultRule::from(Fault::Overloaded { retry_after_secs: None }).likely(0.9);
//! let id = provider.control().fault(storm);
//! // …
//! provider.control().clear_fault(id);
//! assert_eq!(provider.control().counters().cancelled, 0);
//! provider.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Requests can steer their own answers by headers: see [`latency`]. The program of the same name
//! reads a world from TOML (`world.example.toml` has every setting) and serves the control over
//! HTTP, under `/_control/`, where the world wants it.
//!
//! What it cannot show: it counts tokens by bytes of text, knows no model, and answers whatever
//! it is asked with the same few words. An open stream over HTTP/1.1 costs it about 26 KiB, most
//! of it hyper's two buffers.

mod accounts;
mod anthropic;
mod body;
pub mod bucket;
mod budget;
mod budget_headers;
mod clock;
mod conn;
mod control;
mod control_http;
mod counters;
mod dialect;
mod exchange;
mod failing;
mod fault;
mod fault_table;
mod flight;
mod generation;
mod generic;
mod glob;
mod gone;
mod halved;
mod http_date;
pub mod latency;
mod lies;
mod meter;
mod multipart;
mod openai;
mod passing;
mod problem;
mod prompt_cache;
mod recorder;
mod request;
mod server;
mod service;
mod start_error;
mod state;
mod store;
mod stream;
mod text;
mod tls;
mod tools;
mod voice;
mod words;
mod world;

pub use clock::{Clock, Micros};
pub use control::{Control, Level};
pub use counters::{Cancelled, Counters, KeyCounters};
pub use fault::{Fault, FaultRule, Moment};
pub use fault_table::{FaultId, SetFault};
pub use latency::Latency;
pub use lies::Lie;
pub use recorder::Recorded;
pub use server::{Provider, RunningProvider};
pub use start_error::StartError;
pub use world::{
    Account, BudgetHeaders, HttpVersions, Limits, ModelGroup, OpenAiCharge, Oversized, Tls, Tokens,
    World,
};
