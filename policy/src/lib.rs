//! What Keyweir decides.

pub use keyweir_config as config;
pub use keyweir_exchange as exchange;
pub use keyweir_health as health;
pub use keyweir_pool as pool;
pub use keyweir_queue as queue;
pub use keyweir_quota as quota;
pub use keyweir_select as select;
pub use keyweir_tenancy as tenancy;
pub use keyweir_terms as terms;
pub use keyweir_wire as wire;
