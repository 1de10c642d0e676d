//! Until when a tenant may call.

use std::time::SystemTime;

/// Whether a tenant's time is over: its client keys are refused from the moment `expires` on.
pub fn is_expired(expires: Option<SystemTime>, now: SystemTime) -> bool {
    expires.is_some_and(|expires| expires <= now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn tenant_is_expired_from_its_moment_on() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let just = Duration::from_nanos(1);
        assert!(!is_expired(None, moment));
        assert!(!is_expired(Some(moment), moment - just));
        assert!(is_expired(Some(moment), moment));
        assert!(is_expired(Some(moment), moment + just));
    }
}
