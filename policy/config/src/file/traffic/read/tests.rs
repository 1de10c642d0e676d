//! Traffic files, right and wrong.

use std::time::SystemTime;

use super::*;
use crate::file;
use keyweir_terms::ids::TenantId;

const POLICY: &str = r#"
[[provider]]
id = "anthropic"
dialect = "anthropic"
base_url = "https://api.anthropic.com"
[[account]]
id = "team-a"
provider = "anthropic"
models = ["claude-*"]
[[account.key]]
id = "team-a-1"
secret = { env = "A" }
[[tenant]]
id = "search"
client_keys = ["sha256:4ecb5b21ad9cc1f31f79d3ee2b1bf4a12ef9ad4ba7bd4e9b4fd0b7a4f1e1f3a5"]
"#;

fn read(text: &str) -> Result<Traffic, String> {
    let (policy, _) =
        file::parse(&[("keys.toml", POLICY)], SystemTime::UNIX_EPOCH).expect("it is right");
    parse(("traffic.toml", text), &policy).map_err(|report| report.to_string())
}

#[test]
fn everything_that_can_be_said_is_read() {
    let traffic = read(
        r#"
minutes = 30
seed = 7
patience = "10s"
first_token = "800ms"
tokens_per_second = 70
[[traffic]]
tenant = "search"
provider = "anthropic"
model = "claude-opus-4-1"
rate = "300/min"
shape = "bursts"
burst_times = 3
burst_every = "30s"
burst_lasting = "5s"
input_tokens = 2_000
output_tokens = 400
max_tokens = 4096
[[traffic]]
model = "claude-haiku-4-5"
rate = "1/s"
shape = "day"
day = "1h"
"#,
    )
    .expect("it is right");
    assert_eq!((traffic.minutes, traffic.seed), (Some(30), Some(7)));
    assert_eq!(traffic.patience, Some(Duration::from_secs(10)));
    assert_eq!(traffic.tokens_per_second, Some(70.0));
    assert_eq!(traffic.flows[0].tenant, Some(TenantId(0)));
    assert_eq!(traffic.flows[0].per_second, 5.0);
    assert_eq!(
        traffic.flows[0].shape,
        FlowShape::Bursts {
            times: 3.0,
            every: Duration::from_secs(30),
            lasting: Duration::from_secs(5)
        }
    );
    assert_eq!(
        traffic.flows[0].tokens,
        FlowTokens {
            input: 2000,
            output: 400,
            output_max: Some(4096)
        }
    );
    assert_eq!(traffic.flows[1].tenant, None);
    assert_eq!(traffic.flows[1].tokens, FlowTokens::default());
}

#[test]
fn all_mistakes_are_told_at_once_with_their_places() {
    let report = read(
        r#"
minutes = 0
[[traffic]]
tenant = "serach"
model = "claude-opus-4-1"
rate = 5
[[traffic]]
model = "gpt-5"
rate = "0/s"
shape = "burst"
output_tokens = 5000
max_tokens = 100
colour = "red"
"#,
    )
    .expect_err("it is full of mistakes");
    for expected in [
        "traffic.toml:2:11: minutes: must be a whole number from 1 to 1440",
        "traffic.toml:4:10: traffic[0].tenant: the policy has no tenant \"serach\"; \
             did you mean \"search\"?",
        "traffic.toml:6:8: traffic[0].rate: must be a string, not a number",
        "traffic.toml:8:9: traffic[1].model: no account serves \"gpt-5\"; \
             there is \"claude-*\"",
        "traffic.toml:9:8: traffic[1].rate: a rate is more than 0",
        "traffic.toml:10:9: traffic[1].shape: must be",
        "traffic.toml:12:14: traffic[1].max_tokens: is below the mean output of 5000",
        "traffic.toml:13:1: traffic[1].colour: unknown field",
        "8 errors",
    ] {
        assert!(report.contains(expected), "{expected}\nin\n{report}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for (text, expected) in [
        ("", "says nothing of what comes; write a [[traffic]]"),
        (
            "[[traffic]]\nmodel = \"claude-x\"\n",
            "traffic[0].rate: missing",
        ),
        (
            "[[traffic]]\nrate = \"5/s\"\n",
            "model: missing: the policy says different",
        ),
        (
            "[[traffic]]\nrate = \"5/s\"\nmodel = \"claude-x\"\nday = \"1h\"\n",
            "day means nothing in this shape",
        ),
        ("[[traffic]\nrate = 1", "not valid TOML"),
    ] {
        let report = read(text).expect_err(text);
        assert!(report.contains(expected), "{expected}\nin\n{report}");
    }
}
