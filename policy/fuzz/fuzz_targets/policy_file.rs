//! An operator's policy file and traffic file: a policy, or a report of what is wrong with it.

#![no_main]

use std::time::{Duration, SystemTime};

use keyweir_policy::config::file::{BaseUrl, ProxyUrl, parse, traffic};
use libfuzzer_sys::fuzz_target;

/// An instant in 2026: nothing here looks at a clock.
const NOW: Duration = Duration::from_secs(1_790_000_000);

fuzz_target!(|text: &str| {
    let now = SystemTime::UNIX_EPOCH + NOW;
    match parse(&[("keys.toml", text)], now) {
        Ok((policy, report)) => {
            assert_eq!(report.errors(), 0);
            let _ = report.to_string();
            if let Err(report) = traffic::parse(("traffic.toml", text), &policy) {
                let _ = report.to_string();
            }
            let (again, _) = parse(&[("keys.toml", text)], now).expect("as before");
            assert_eq!(again.providers, policy.providers);
        }
        Err(report) => {
            assert!(report.errors() > 0);
            let _ = report.to_string();
        }
    }
    if let Ok(url) = text.parse::<BaseUrl>() {
        let _ = url.authority();
    }
    let _ = text.parse::<ProxyUrl>();
});
