//! A client's request: its route, what it asks for, the models it names, and what is written into
//! its body.
//!
//! Input: a line `METHOD /path?query`, lines `name: value`, an empty line, the body.

#![no_main]

use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::wire::understood::{self, Form};
use keyweir_policy::wire::{Wire, query_without_credentials, with_model, with_usage_asked};
use libfuzzer_sys::fuzz_target;

const DIALECTS: [Dialect; 3] = [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic];
const OTHER_MODEL: &str = "another-model";

fuzz_target!(|input: &[u8]| {
    let Some(at) = input.windows(2).position(|two| two == b"\n\n") else {
        return;
    };
    let (head, body) = (String::from_utf8_lossy(&input[..at]), &input[at + 2..]);
    let mut lines = head.lines();
    let Some((method, target)) = lines.next().and_then(|line| line.split_once(' ')) else {
        return;
    };
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let named: Vec<(String, &[u8])> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_bytes()))
        .collect();
    let headers: Vec<(&str, &[u8])> = named.iter().map(|it| (it.0.as_str(), it.1)).collect();
    if let Some(query) = query {
        let stripped = query_without_credentials(query);
        assert!(stripped.len() <= query.len());
        assert_eq!(query_without_credentials(&stripped), stripped);
    }
    let _ = with_usage_asked(body);
    // No path is taken that does not begin so.
    if !path.starts_with('/') {
        return;
    }
    for dialect in DIALECTS {
        let Ok(route) = dialect.route(method, path) else {
            continue;
        };
        let described = dialect.describe_routed(&route, body);
        if described.is_ok()
            && route.has_model_body
            && let Some(changed) = with_model(body, OTHER_MODEL)
        {
            let again = dialect.describe_routed(&route, &changed);
            let model = again.expect("a model does not change the rest").model;
            assert_eq!(model.as_deref(), Some(OTHER_MODEL));
        }
        let form = Form {
            dialect,
            method,
            route: &route,
            query,
            headers: &headers,
            body,
        };
        let _ = understood::models(&form);
    }
});
