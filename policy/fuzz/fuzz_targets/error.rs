//! A provider's answer with any status, headers and body: whose fault it is, how long it says to
//! wait, and what its headers say of budgets.
//!
//! Input: two bytes for the status, one that chooses dialect and endpoint, then lines `name: value`,
//! an empty line, the body.

#![no_main]

use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::wire::Wire;
use keyweir_policy::wire::classify::{Asked, classify};
use keyweir_policy::wire::opening::{error_answer, of_whole};
use libfuzzer_sys::fuzz_target;

const DIALECTS: [Dialect; 3] = [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic];

fuzz_target!(|input: &[u8]| {
    let [high, low, choice, rest @ ..] = input else {
        return;
    };
    let status = 100 + u16::from_be_bytes([*high, *low]) % 500;
    let choice = usize::from(*choice);
    let dialect = DIALECTS[choice % DIALECTS.len()];
    let endpoint = Endpoint::ALL[choice / DIALECTS.len() % Endpoint::COUNT];
    let (head, body) = match rest.windows(2).position(|two| two == b"\n\n") {
        Some(at) => (&rest[..at], &rest[at + 2..]),
        None => (&b""[..], rest),
    };
    let head = String::from_utf8_lossy(head);
    let headers: Vec<(&str, &str)> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .collect();
    let header = |name: &str| headers.iter().find(|it| it.0 == name).map(|it| it.1);

    let fault = classify(
        &[],
        Asked {
            dialect,
            endpoint,
            status,
        },
        header,
        body,
    );
    let _ = error_answer(dialect, body, &fault);
    let inside = of_whole(&[], (dialect, endpoint), header, body);
    let _ = error_answer(dialect, body, &inside.fault);
    let _ = dialect.snapshot(header);
    let _ = dialect.client_credential(header);
    for (name, _) in &headers {
        let _ = (
            dialect.is_credential_header(name),
            dialect.passes_to_client(name),
        );
    }
});
