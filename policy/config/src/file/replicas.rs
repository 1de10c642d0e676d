//! How many gateways there are, as the policy says it: setting `gateway.replicas`.

use std::fmt;

use keyweir_terms::replicas::Replicas;

/// How many gateways share the accounts and the tenants, this one included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaCount {
    /// So many.
    Fixed(Replicas),
    /// As many as a name has addresses.
    Named {
        /// A host name that has an address for each of them, as a headless Service has.
        dns: String,
        /// There are never fewer, whatever the name says: those that are not ready yet have no address.
        least: Replicas,
    },
}

impl ReplicaCount {
    /// How many there are, where the name was last seen with so many `addresses`; `None`: never.
    pub fn count(&self, addresses: Option<u32>) -> Replicas {
        match self {
            Self::Fixed(count) => *count,
            Self::Named { least, .. } => {
                let seen = addresses.unwrap_or_default();
                Replicas::new(seen.max(least.count()))
            }
        }
    }

    /// The name that has to be looked up.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Fixed(_) => None,
            Self::Named { dns, .. } => Some(dns),
        }
    }
}

impl Default for ReplicaCount {
    fn default() -> Self {
        Self::Fixed(Replicas::ONE)
    }
}

impl fmt::Display for ReplicaCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(count) => write!(f, "{}", count.count()),
            Self::Named { dns, least } => {
                write!(f, "{{ dns = \"{dns}\", least = {} }}", least.count())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_says_fewer_than_there_are_at_least() {
        let named = ReplicaCount::Named {
            dns: "keyweir".to_owned(),
            least: Replicas::new(3),
        };
        let count = |addresses| named.count(addresses).count();
        assert_eq!(count(None), 3);
        assert_eq!(count(Some(1)), 3);
        assert_eq!(count(Some(5)), 5);
        assert_eq!(count(Some(u32::MAX)), Replicas::MAX);
        let fixed = ReplicaCount::Fixed(Replicas::new(4));
        assert_eq!(fixed.count(Some(9)).count(), 4);
        assert_eq!(ReplicaCount::default().count(None), Replicas::ONE);
    }
}
