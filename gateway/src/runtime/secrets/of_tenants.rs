//! Whose a client key is: those that the policy file has, and those that stand where it says.
//!
//! Two tenants with one client key are a mistake, unless one has come by it where it was found: who had it
//! before keeps it, and that holds up nothing else.

use std::collections::HashMap;

use keyweir_policy::config::file::{Policy, SecretRef};
use keyweir_policy::config::secret::ClientKeyHash;
use keyweir_policy::terms::ids::TenantId;

use super::places::of_tenant;
use super::problem::SecretProblem;
use super::{Reading, client_keys, reference};

impl Reading<'_> {
    /// Finds the client keys of all tenants, and whose each is.
    pub(super) fn client_keys(&mut self, policy: &Policy) {
        let mut all: Vec<_> = policy.client_keys().collect();
        let mut owner: HashMap<ClientKeyHash, TenantId> = all.iter().copied().collect();
        let mut lists = Vec::new();
        for (id, tenant) in policy.tenants.iter() {
            for from in &tenant.client_key_refs {
                let name = reference(from);
                let of_tenant = (tenant.id.clone(), name.clone());
                let is_known = self.before.of_tenants.contains(&of_tenant);
                self.secrets.found.of_tenants.insert(of_tenant);
                if let Some(hashes) = self.listed(&tenant.id, from, is_known) {
                    lists.push((id, name, is_known, hashes));
                }
            }
        }
        // Who had a client key before keeps it, whoever else lists it now.
        for (id, name, _, hashes) in &lists {
            let known = self.before.client_keys.get(name);
            for hash in hashes
                .iter()
                .filter(|it| known.is_some_and(|known| known.contains(it)))
            {
                owner.entry(*hash).or_insert(*id);
            }
        }
        for (id, name, is_known, mut hashes) in lists {
            let whose = of_tenant(&policy.tenant(id).id);
            hashes.retain(|hash| {
                let owner = *owner.entry(*hash).or_insert(id);
                if owner == id {
                    return true;
                }
                let problem = SecretProblem::SameClientKey(policy.tenant(owner).id.clone());
                if is_known {
                    self.fails(&whose, &problem, "it stays that one's");
                } else {
                    self.problems.push((whose.clone(), problem));
                }
                false
            });
            all.extend(hashes.iter().map(|hash| (*hash, id)));
            self.secrets.found.client_keys.insert(name, hashes);
        }
        all.sort_unstable_by_key(|(hash, _)| *hash);
        all.dedup();
        self.secrets.client_keys = all;
    }

    /// The client keys of a tenant that stand where `from` says.
    fn listed(
        &mut self,
        tenant: &str,
        from: &SecretRef,
        is_known: bool,
    ) -> Option<Vec<ClientKeyHash>> {
        let whose = of_tenant(tenant);
        let fresh = self.text(from).map(|text| {
            let listed = client_keys::parse(&text?)?;
            match listed.bad_line {
                Some(problem) if is_known => {
                    self.fails(&whose, &problem.of(from), "its other lines are used");
                }
                Some(problem) => return Err(problem),
                None => {}
            }
            Ok(listed.hashes)
        });
        let known = self.before.client_keys.get(&reference(from)).cloned();
        self.settle((whose, from), fresh, known)
    }
}
