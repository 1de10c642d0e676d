//! What every command does the same way: how it fails, and how it loads a policy. Below the
//! commands, so that they need not know the command line that they are part of.

pub(crate) mod admin_client;
pub mod failed;
pub(crate) mod load;
