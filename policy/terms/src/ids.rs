//! Handles: where a thing stands in the policy that is in force.
//!
//! Each is an index into the table of the same name in [`keyweir_config::file::Policy`] or the pool, and
//! its own type, so that an account is never looked up among keys.

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// Position in the table.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

handle!(
    /// A provider: one API behind one base URL, with a pool of its own.
    ProviderId
);
handle!(
    /// An account within its provider's pool: what the provider meters.
    AccountId
);
handle!(
    /// A provider key within its provider's pool.
    KeyId
);
handle!(
    /// A model as asked for at one kind of endpoint, within its provider's pool.
    ModelId
);
handle!(
    /// A tenant of the gateway.
    TenantId
);

/// A place in the waiting room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);
