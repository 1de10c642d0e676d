//! What operators may do to a key or an account while the pool serves.

use keyweir_terms::ids::{AccountId, KeyId};

/// What an operator wants of a key or an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It takes no more requests until [`Action::Resume`]; what runs is finished. Stays over reloads.
    Drain,
    /// It takes requests again. What the provider said of it stays.
    Resume,
    /// It is out as if the provider had rejected it, and is probed later.
    Trip,
    /// What was held against it is cleared: rejections, breakers, cooldowns, models it is refused. A hold
    /// stays.
    Reset,
}

/// Whom an operator means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// An account; where it turned out to be another, that one.
    Account(AccountId),
    /// A key.
    Key(KeyId),
}

impl Action {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Drain, Self::Resume, Self::Trip, Self::Reset];

    /// The name used in paths, commands and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Resume => "resume",
            Self::Trip => "trip",
            Self::Reset => "reset",
        }
    }
}
