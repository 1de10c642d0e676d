//! What commands do the same way: how they fail, how they load a policy, whom they ask, how they write
//! numbers and draw. Below the commands, so that they need not know the command line that they are part
//! of.

pub(crate) mod admin_client;
pub(crate) mod admin_socket;
#[cfg(feature = "simulate")]
pub(crate) mod dimension;
pub mod failed;
pub(crate) mod ledger_place;
pub(crate) mod load;
#[cfg_attr(
    not(feature = "simulate"),
    allow(dead_code, reason = "the simulation's tables and plots use the rest")
)]
pub(crate) mod number;
pub(crate) mod provider_said;
#[cfg_attr(
    not(feature = "simulate"),
    allow(dead_code, reason = "the simulation's tables and plots use the rest")
)]
pub(crate) mod svg;
