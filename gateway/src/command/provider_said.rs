//! What the provider said when it refused, in one line.

use serde_json::Value;

use crate::telemetry::escape::harmless;

/// By a `why` of `/status` or `/explain`; empty where nothing is known.
pub(crate) fn provider_said(why: &Value) -> String {
    let Some(status) = why["status"].as_u64() else {
        return String::new();
    };
    match why["said"].as_str() {
        Some(said) => format!("; the provider said {status}: \"{}\"", harmless(said)),
        None => format!("; the provider said {status}"),
    }
}
