//! Maps by names, and digests of them, that clients choose, of which a request's is looked up in several.
//!
//! The standard hash takes some two hundred instructions for a name, where this one takes a tenth of that. It
//! is seeded at random, so that nobody picks names that collide; but it is no cryptographic one, so it is for
//! tables whose number of names is bounded.

use std::collections::HashMap;

/// Things by such names.
pub type NameMap<N, T> = HashMap<N, T, foldhash::fast::RandomState>;
