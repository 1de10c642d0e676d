//! Who may see what a tenant made: its batches, files, stored responses, conversations, containers.
//!
//! Providers know accounts and not our tenants: to them, all that lies on an account is one
//! customer's. So the gateway keeps tenants apart: what a tenant made is its own, unless the policy
//! puts it into one circle with others (`shares = "a name"`). To everybody else it is not there.

use std::collections::HashMap;

use keyweir_terms::ids::TenantId;

/// Which tenants see each other's things.
#[derive(Clone, Debug, Default)]
pub struct Circles {
    /// The first tenant of each tenant's circle.
    first: HashMap<TenantId, TenantId>,
}

impl Circles {
    /// Of tenants, each with the name of the circle it is in, if it is in one.
    pub fn of<'a>(tenants: impl Iterator<Item = (TenantId, Option<&'a str>)>) -> Self {
        let mut by_name = HashMap::new();
        let first = tenants.map(|(tenant, name)| match name {
            Some(name) => (tenant, *by_name.entry(name).or_insert(tenant)),
            None => (tenant, tenant),
        });
        Self {
            first: first.collect(),
        }
    }

    /// There is nobody to hide anything from: no tenant, one, or all in one circle.
    pub fn is_one(&self) -> bool {
        let mut circles = self.first.values();
        let one = circles.next();
        circles.all(|other| Some(other) == one)
    }

    /// Whether `tenant` may see what `owner` made. What a tenant made that is gone is nobody's.
    pub fn sees(&self, tenant: TenantId, owner: TenantId) -> bool {
        tenant == owner
            || self
                .first
                .get(&tenant)
                .is_some_and(|circle| self.first.get(&owner) == Some(circle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(names: &[Option<&'static str>]) -> Circles {
        Circles::of((0..).map(TenantId).zip(names.iter().copied()))
    }

    #[test]
    fn a_tenant_sees_its_own_and_its_circles() {
        let circles = circles(&[None, Some("lab"), Some("lab"), Some("shop"), None]);
        let sees = |tenant, owner| circles.sees(TenantId(tenant), TenantId(owner));
        assert!(sees(0, 0) && sees(1, 2) && sees(2, 1) && sees(3, 3));
        assert!(!sees(0, 4) && !sees(4, 0) && !sees(1, 3) && !sees(0, 1));
        assert!(!sees(0, 9), "a tenant that is gone");
        assert!(!circles.is_one());
    }

    #[test]
    fn where_all_are_in_one_circle_nothing_is_hidden() {
        for names in [&[][..], &[None], &[Some("all"), Some("all")]] {
            assert!(circles(names).is_one(), "{names:?}");
        }
        for names in [
            &[None, None][..],
            &[Some("a"), Some("b")],
            &[Some("a"), None],
        ] {
            assert!(!circles(names).is_one(), "{names:?}");
        }
    }
}
