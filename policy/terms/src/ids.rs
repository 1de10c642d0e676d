//! Ids: what a thing is called from module to module.
//!
//! Each kind has a type of its own, so that an account is never looked up among keys. An id is given
//! once and stays with its thing as long as the process lives, whatever the policy files say of the
//! order of things.

use crate::table::Id;

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

        impl Id for $name {
            fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("tables are bounded far below 2³² rows"))
            }

            fn index(self) -> usize {
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
    /// A model group that the policy declares for a provider. Its number is its rank in the policy's
    /// order, and means nothing in another policy.
    ModelGroupId
);
handle!(
    /// A quota group within its provider's pool: the models that share a bucket, at one kind of
    /// endpoint.
    GroupId
);
handle!(
    /// A tenant of the gateway.
    TenantId
);

/// One request of a client, whatever becomes of it: what it met, wherever, is one request's evidence.
/// The driver gives it; no two that are under way at once have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// A place in the waiting room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);
