//! Keys whose secrets are replaced.
//!
//! What is known of a key is known of its secret: that the provider rejects it, what models it refuses to
//! it, that it keeps failing, and how far apart the probes are by then. A new secret is another key to the
//! provider, so none of that holds for it, and it is asked at once. An operator's hold is of the key, not of
//! its secret, and stays; so does all that is known of the account.
//!
//! What was sent with the old secret may still be under way. A key is rejected in the middle of its
//! rotation, so these answers come, and they tell nothing of the new secret.

use keyweir_terms::ids::KeyId;
use keyweir_terms::time::Time;

use crate::ask::Notice;
use crate::pool::Pool;

impl Pool {
    /// These keys have other secrets from now on. To be told once the new ones are those that are sent.
    pub fn renew(&mut self, now: Time, keys: &[KeyId]) {
        if keys.is_empty() {
            return;
        }
        let now = self.clock.read(now);
        for key in keys {
            let mut was_doubted = self.shared.members.renew(now, *key);
            for model in self.shared.models.iter_mut() {
                was_doubted |= model.denials.renew(*key);
            }
            for (_, group) in self.groups.iter_mut() {
                was_doubted |= group.close_breaker(*key);
            }
            if was_doubted {
                self.shared.notices.add(Notice::KeyRenewed(*key));
            }
        }
        self.spread(now);
        self.dispatch_all(now);
    }
}
