//! What the environment says of proxies, in the variables that all programs read.

use keyweir_policy::config::file::Scheme;

/// The variables of a proxy for https, the first that is set counts. `HTTP_PROXY`, which would be for
/// http, is not read: what is reached in clear is near, as a rule.
const HTTPS: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const EXEMPT: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// The proxy for what is reached by `scheme`, and the variable it is in.
pub(super) fn proxy(scheme: Scheme) -> Option<(&'static str, String)> {
    if scheme == Scheme::Http {
        return None;
    }
    first(&HTTPS)
}

/// What is reached without a proxy.
pub(super) fn exempt() -> Option<String> {
    first(&EXEMPT).map(|(_, text)| text)
}

/// The value of a variable, unless it is empty.
pub(super) fn value(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|text| !text.trim().is_empty())
}

fn first(names: &'static [&'static str]) -> Option<(&'static str, String)> {
    names
        .iter()
        .find_map(|name| value(name).map(|text| (*name, text)))
}
