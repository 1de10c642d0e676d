//! The client key that a connection has shown, so that it is hashed once and not with each request.
//!
//! In software a hash costs as much as all else that is asked of a tenant; processors with instructions for
//! it gain little. Only a key that is in force is kept, the first one, as long as its connection lasts, and
//! wiped then. What it opens is looked up for each request: a key that is taken back opens nothing from the
//! next one on.

use std::sync::OnceLock;

use secrecy::{ExposeSecret, SecretString};

use super::client_key::ClientKeyHash;

/// What a connection has shown, if anything.
#[derive(Debug, Default)]
pub struct ShownKey(OnceLock<(SecretString, ClientKeyHash)>);

impl ShownKey {
    /// The hash of what is presented now.
    pub fn hash(&self, presented: &str) -> ClientKeyHash {
        match self.0.get() {
            Some((shown, hash)) if is_same(shown.expose_secret(), presented) => *hash,
            _ => ClientKeyHash::of(presented),
        }
    }

    /// This key, which has this hash, is in force.
    pub fn keep(&self, presented: &str, hash: ClientKeyHash) {
        self.0.get_or_init(|| (presented.into(), hash));
    }
}

/// In a time that tells nothing but their lengths: behind a load balancer, a connection that one client has
/// shown its key on carries others' requests, too.
fn is_same(shown: &str, presented: &str) -> bool {
    let pairs = shown.bytes().zip(presented.bytes());
    let differing = pairs.fold(0, |differing, (one, other)| differing | (one ^ other));
    shown.len() == presented.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_that_of_what_is_presented_whatever_was_shown() {
        let shown = ShownKey::default();
        let texts = ["kw_one", "kw_two", "kw_on", "kw_onee", "", "kw_One"];
        for kept in texts {
            for text in texts {
                assert_eq!(shown.hash(text), ClientKeyHash::of(text), "{text:?}");
            }
            shown.keep(kept, ClientKeyHash::of(kept));
        }
    }

    #[test]
    fn debug_shows_no_client_key() {
        let shown = ShownKey::default();
        shown.keep("kw_one", ClientKeyHash::of("kw_one"));
        assert!(!format!("{shown:?}").contains("kw_one"));
    }
}
