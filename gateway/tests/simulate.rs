//! `keyweir simulate` as an operator runs it: the program, its tables, its mistakes.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const SECRET: &str = "sk-ant-api03-Ub6kWq9eLz2vXc5nRt8yHs1d";

/// Two accounts for which output is the bottleneck at five requests a second of 300 tokens, and
/// one of which nothing is known. The secrets that it names are nowhere.
const POLICY: &str = r#"
[[provider]]
id = "anthropic"
dialect = "anthropic"
base_url = "https://api.anthropic.com"

[[account]]
id = "team-a"
provider = "anthropic"
[[account.key]]
id = "team-a-1"
secret = { env = "NOWHERE_A_1" }
[[account.key]]
id = "team-a-2"
secret = { file = "/nowhere/team-a-2" }
[[account.limit]]
requests_per_minute = 4000
input_tokens_per_minute = 400_000
output_tokens_per_minute = 60_000

[[account]]
id = "team-b"
provider = "anthropic"
[[account.key]]
id = "team-b-1"
secret = "sk-ant-api03-Ub6kWq9eLz2vXc5nRt8yHs1d"
[[account.limit]]
requests_per_minute = 1000
input_tokens_per_minute = 100_000
output_tokens_per_minute = 20_000

[[account]]
id = "new"
provider = "anthropic"
[[account.key]]
id = "new-1"
secret = { env = "NOWHERE_NEW" }

[[tenant]]
id = "search"
client_keys = ["sha256:4ecb5b21ad9cc1f31f79d3ee2b1bf4a12ef9ad4ba7bd4e9b4fd0b7a4f1e1f3a5"]
[[tenant]]
id = "batch"
client_keys = ["sha256:4ecb5b21ad9cc1f31f79d3ee2b1bf4a12ef9ad4ba7bd4e9b4fd0b7a4f1e1f3a6"]
priority = "low"
"#;

fn folder(policy: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("keys.toml"), policy).expect("it can be written");
    folder
}

fn simulate_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keyweir"))
        .arg("simulate")
        .args(arguments)
        .env_remove("KEYWEIR_LOG")
        .current_dir(folder)
        .output()
        .expect("it runs")
}

fn simulate(arguments: &[&str]) -> Output {
    simulate_in(folder(POLICY).path(), arguments)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it is text")
}

/// The cases, as JSON.
fn cases(arguments: &[&str]) -> Vec<Value> {
    let output = simulate(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    said["cases"].as_array().expect("there are cases").clone()
}

fn number(case: &Value, name: &str) -> f64 {
    case[name].as_f64().expect(name)
}

/// What it says when it fails, which it must, with this exit code.
fn complaint(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = simulate_in(folder, arguments);
    let complaint = text(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {complaint}"
    );
    assert!(
        !complaint.contains("panicked"),
        "{arguments:?}: {complaint}"
    );
    assert!(!complaint.contains(SECRET), "{arguments:?}: {complaint}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    complaint
}

#[test]
fn the_table_says_what_becomes_of_the_traffic_and_what_cannot_be_said() {
    let output = simulate(&["--rate", "5/s", "--scale", "1.2"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    for expected in [
        "10 minutes of traffic, seed 1",
        "0  as it is",
        "1  1.2 × traffic",
        "What runs out: output tokens",
        "all limits together allow 80 k",
        "left out, since the policy declares no limits for them: new",
        "[[account.limit]]",
        "search",
    ] {
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&expected), "{expected}\nin\n{said}");
    }
    assert!(!said.contains(SECRET), "{said}");
}

#[test]
fn the_same_seed_gives_the_same_words_and_another_seed_others() {
    let said = |seed: &str| {
        let output = simulate(&["--rate", "5/s", "--seed", seed, "--without", "team-b-1"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert_eq!(said("7"), said("7"));
    assert_ne!(said("7"), said("8"));
}

#[test]
fn what_runs_out_matters_and_what_does_not_run_out_does_not() {
    let cases = cases(&[
        "--rate",
        "5/s",
        "--without",
        "team-a-1",
        "--without",
        "team-b-1",
        "--limit",
        "team-a:output_tokens=x2",
        "--limit",
        "team-a:input_tokens=x2",
    ]);
    let [plain, one_key_less, no_account, more_output, more_input] = cases.as_slice() else {
        panic!("five cases were asked for");
    };
    let success = |case: &Value| number(case, "success");
    assert!(success(plain) < 0.95, "{plain}");
    assert_eq!(plain["bottleneck"]["dimension"], "output_tokens");
    assert_eq!(success(more_output), 1.0);
    assert!((success(more_input) - success(plain)).abs() < 0.02);
    // Another key of the account is left, and limits are the account's.
    assert!((success(one_key_less) - success(plain)).abs() < 0.02);
    assert!(success(no_account) < success(plain) - 0.1, "{no_account}");
    for case in &cases {
        assert_eq!(case["requests"], plain["requests"], "the traffic is one");
        let sum = number(case, "answered") + number(case, "refused");
        assert_eq!(sum, number(case, "requests"));
    }
}

#[test]
fn changes_can_be_made_together() {
    let cases = cases(&["--rate", "4/s", "--what-if", "scale 1.5, limit team-a=x2"]);
    assert_eq!(cases[1]["case"], "1.5 × traffic, 2 × limits of team-a");
    let share = number(&cases[1], "requests") / number(&cases[0], "requests");
    assert!((1.4..1.6).contains(&share), "{share}");
}

#[test]
fn without_any_key_nothing_is_answered() {
    let cases = cases(&[
        "--rate",
        "1/s",
        "--what-if",
        "without team-a, without team-b, without new",
    ]);
    assert_eq!(number(&cases[1], "answered"), 0.0);
    assert_eq!(cases[1]["verdict"], "No request is answered.");
}

#[test]
fn a_traffic_file_gives_each_tenant_its_own() {
    let folder = folder(POLICY);
    let traffic = r#"
minutes = 5
[[traffic]]
tenant = "search"
rate = "120/min"
shape = "day"
[[traffic]]
tenant = "batch"
rate = "1/s"
shape = "bursts"
burst_times = 10
input_tokens = 2000
output_tokens = 100
max_tokens = 120
"#;
    std::fs::write(folder.path().join("traffic.toml"), traffic).expect("it can be written");
    let output = simulate_in(folder.path(), &["--traffic", "traffic.toml", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(said["minutes"], 5);
    let tenants = said["cases"][0]["tenants"].as_array().expect("tenants");
    let requests = |at: usize| number(&tenants[at], "requests");
    assert!((500.0..700.0).contains(&requests(0)), "{tenants:?}");
    assert!((230.0..370.0).contains(&requests(1)), "{tenants:?}");
}

#[test]
fn mistakes_in_a_traffic_file_are_told_with_their_places() {
    let folder = folder(POLICY);
    let traffic = "minutes = 0\n[[traffic]]\ntenant = \"serach\"\nrate = \"fast\"\n";
    std::fs::write(folder.path().join("traffic.toml"), traffic).expect("it can be written");
    let complaint = complaint(folder.path(), &["--traffic", "traffic.toml"], 1);
    for expected in [
        "traffic.toml:1:11: minutes: must be a whole number from 1 to 1440",
        "traffic.toml:3:10: traffic[0].tenant: the policy has no tenant \"serach\"; did you mean \
         \"search\"?",
        "traffic.toml:4:8: traffic[0].rate: a rate has a unit",
        "3 errors",
    ] {
        assert!(complaint.contains(expected), "{expected}\nin\n{complaint}");
    }
}

#[test]
fn every_mistake_is_told_with_what_to_write_instead() {
    let folder = folder(POLICY);
    let rate = ["--rate", "5/s"];
    for (arguments, code, expected) in [
        (
            &["--without", "team-a-9"][..],
            1,
            "did you mean \"team-a-1\"?",
        ),
        (&["--limit", "team-c=x2"], 1, "did you mean \"team-a\"?"),
        (&["--limit", "team-a"], 1, "write ACCOUNT=x2"),
        (&["--limit", "new=x2"], 1, "declares no limit"),
        (&["--scale", "0"], 1, "write 1.2, x1.2, 120% or +20%"),
        (&["--what-if", "double it"], 1, "write 'scale 1.2'"),
        (&["--tenant", "serach"], 1, "did you mean \"search\"?"),
        (&["--tenant", "search=60%"], 1, "the shares make 60 %"),
        (
            &["--provider", "antropic"],
            1,
            "did you mean \"anthropic\"?",
        ),
        (&["--max-tokens", "10"], 1, "lower --output-tokens"),
        (&["--policy", "none.toml"], 1, "cannot read none.toml"),
        (
            &["--plot", "nowhere/out.svg"],
            1,
            "cannot write nowhere/out.svg",
        ),
        (&["--plot", "out.png"], 2, "name a file that ends in .svg"),
        (&["--minutes", "0"], 2, "1..=1440"),
        (&["--shape", "dai"], 2, "steady, bursts, day"),
        (&["--input-tokens", "0"], 2, "'--input-tokens <N>'"),
        (&["--traffic", "t.toml"], 2, "cannot be used with"),
        (&["--scale", "600"], 1, "lower --minutes"),
    ] {
        let arguments = [&rate[..], arguments].concat();
        let complaint = complaint(folder.path(), &arguments, code);
        assert!(complaint.contains(expected), "{arguments:?}\n{complaint}");
    }
    for (arguments, code, expected) in [
        (
            &[][..],
            1,
            "write --rate 5/s, --traffic FILE or --from-log FILE",
        ),
        (&["--rate", "0/s"], 2, "more than 0"),
        (&["--rate", "5"], 2, "\"300/min\""),
        (&["--traffic", "none.toml"], 1, "cannot read none.toml"),
        (&["--traffic", "."], 1, "cannot read ."),
    ] {
        let complaint = complaint(folder.path(), arguments, code);
        assert!(complaint.contains(expected), "{arguments:?}\n{complaint}");
    }
}

#[test]
fn a_policy_without_limits_is_told_what_to_write() {
    let bare = "[[provider]]\nid = \"openai\"\ndialect = \"openai\"\n\
                base_url = \"https://api.openai.com\"\n\
                [[account]]\nid = \"team\"\nprovider = \"openai\"\nmodels = [\"gpt-*\"]\n\
                [[account.key]]\nid = \"team-1\"\nsecret = { env = \"NOWHERE\" }\n";
    let none = folder(bare);
    let rate = ["--rate", "1/s", "--model"];
    let told = complaint(none.path(), &[&rate[..], &["gpt-5"]].concat(), 1);
    assert!(told.contains("no account declares a limit"), "{told}");
    assert!(
        told.contains("[[account.limit]]\n  requests_per_minute"),
        "{told}"
    );
    let told = complaint(none.path(), &[&rate[..], &["claude-x"]].concat(), 1);
    assert!(
        told.contains("no account serves \"claude-x\"; there is \"gpt-*\""),
        "{told}"
    );
    let told = complaint(none.path(), &rate[..2], 1);
    assert!(told.contains("--model: missing"), "{told}");

    let zero = folder(&format!(
        "{bare}[[account.limit]]\nrequests_per_minute = 0\n"
    ));
    let told = complaint(zero.path(), &[&rate[..], &["gpt-5"]].concat(), 1);
    assert!(
        told.contains("has a limit of 0 (team); raise one"),
        "{told}"
    );
}

#[test]
fn providers_that_count_max_tokens_run_out_of_them() {
    let policy = "[[provider]]\nid = \"openai\"\ndialect = \"openai\"\n\
                  base_url = \"https://api.openai.com\"\n\
                  [[account]]\nid = \"team\"\nprovider = \"openai\"\n\
                  [[account.key]]\nid = \"team-1\"\nsecret = { env = \"NOWHERE\" }\n\
                  [[account.limit]]\nrequests_per_minute = 1000\ntokens_per_minute = 200_000\n";
    let folder = folder(policy);
    let success = |more: &[&str]| {
        let output = simulate_in(
            folder.path(),
            &[&["--rate", "2/s", "--json"], more].concat(),
        );
        let said: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
        number(&said["cases"][0], "success")
    };
    assert_eq!(success(&[]), 1.0);
    let capped = success(&["--max-tokens", "8000"]);
    assert!(capped < 0.5, "{capped}");
}

#[test]
fn the_plot_is_well_formed_and_has_a_title_per_case() {
    let folder = folder(POLICY);
    let output = simulate_in(
        folder.path(),
        &["--rate", "5/s", "--scale", "1.2", "--plot", "out.svg"],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("Drawn in out.svg."));
    let drawn = std::fs::read_to_string(folder.path().join("out.svg")).expect("it was drawn");
    for expected in [
        "as it is",
        "1.2 × traffic",
        "requests/s",
        "requests waiting",
        "minutes",
    ] {
        assert!(drawn.contains(expected), "{expected}");
    }
    assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
    well_formed(&drawn);
}

/// Whether every element that begins ends, in the right order.
fn well_formed(document: &str) {
    let mut open: Vec<&str> = Vec::new();
    let body = document.split_once("?>").expect("a declaration").1;
    for piece in body.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a tag that ends");
        assert!(!text.contains('>'), "{text}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.split([' ', '/']).next().expect("a name");
        match tag.strip_prefix('/') {
            Some(ended) => assert_eq!(open.pop(), Some(ended)),
            None if tag.ends_with('/') => {}
            None => open.push(name),
        }
        for entity in text.split('&').skip(1) {
            let name = entity.split_once(';').expect("an entity that ends").0;
            assert!(
                ["amp", "lt", "gt", "quot", "apos"].contains(&name),
                "{name}"
            );
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn the_traffic_file_of_the_documentation_is_right() {
    let documentation = include_str!("../../docs/simulate.md");
    let traffic = documentation
        .split("```toml\n")
        .filter_map(|block| block.split("```").next())
        .find(|block| block.contains("[[traffic]]"))
        .expect("there is an example");
    let folder = folder(POLICY);
    std::fs::write(folder.path().join("traffic.toml"), traffic).expect("it can be written");
    let output = simulate_in(folder.path(), &["--traffic", "traffic.toml"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// Ten minutes of an access log: a request a second, every tenth of which was refused, and lines
/// that are none of inference, of this policy, or of a log.
fn log() -> String {
    use std::fmt::Write;
    let mut log = String::from("not a line of it\n");
    let line = |second: u32, path: &str, more: &str| {
        format!(
            "{{\"time\":\"2026-11-21T10:{:02}:{:02}.500Z\",\"request_id\":\"kw_1\",\
             \"method\":\"POST\",\"path\":\"{path}\",\"provider\":\"anthropic\",\"status\":200,\
             \"duration_ms\":1500{more}}}\n",
            second / 60 + 5,
            second % 60
        )
    };
    let model = ",\"model\":\"claude-sonnet-4-5\"";
    for second in 0..600 {
        let tenant = if second % 3 == 0 { "batch" } else { "search" };
        let tokens = match second % 10 {
            0 => "",
            _ => ",\"input_tokens\":900,\"output_tokens\":200",
        };
        let more = format!("{model},\"tenant\":\"{tenant}\"{tokens}");
        log += &line(second, "/v1/messages", &more);
    }
    log += &line(
        1,
        "/v1/messages/count_tokens",
        &format!("{model},\"tenant\":\"search\""),
    );
    log += &line(
        1,
        "/v1/messages",
        &format!("{model},\"tenant\":\"somebody\""),
    );
    let _ = writeln!(log);
    log
}

#[test]
fn an_access_log_is_traffic_too() {
    let folder = folder(POLICY);
    std::fs::write(folder.path().join("access.log"), log()).expect("it can be written");
    let simulated = |more: &[&str]| {
        let output = simulate_in(
            folder.path(),
            &[&["--from-log", "access.log", "--json"], more].concat(),
        );
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).expect("it is JSON")
    };
    let said = simulated(&["--scale", "1.5"]);
    assert_eq!(said["minutes"], 10);
    let case = &said["cases"][0];
    assert_eq!(case["requests"], 600);
    assert_eq!(case["answered"], 600);
    assert_eq!(case["tenants"][0]["requests"], 400);
    // Those that were refused are taken to have needed what the others did.
    let output = &case["demand"][2];
    assert_eq!(output["dimension"], "output_tokens");
    assert_eq!(number(output, "mean_per_minute"), 600.0 * 200.0 / 10.0);
    let more = number(&said["cases"][1], "requests");
    assert!((850.0..950.0).contains(&more), "{more}");
    let notes = said["notes"].to_string();
    assert!(notes.contains("none of an access log: 2"), "{notes}");
    assert!(notes.contains("was never answered: 1"), "{notes}");
    assert_eq!(simulated(&["--minutes", "3"])["cases"][0]["requests"], 180);
}

#[test]
fn cache_reads_of_a_log_are_input_where_limits_count_them() {
    for (dialect, input) in [("anthropic", 100.0), ("openai", 900.0)] {
        let policy = format!(
            "[[provider]]\nid = \"p\"\ndialect = \"{dialect}\"\nbase_url = \"https://p.example\"\n\
             [[account]]\nid = \"a\"\nprovider = \"p\"\n[[account.limit]]\n\
             input_tokens_per_minute = 1_000_000\noutput_tokens_per_minute = 1_000_000\n\
             [[account.key]]\nid = \"k\"\nsecret = {{ env = \"NOWHERE\" }}\n"
        );
        let folder = folder(&policy);
        let lines = (0..60).map(|second| {
            format!(
                "{{\"time\":\"2026-11-21T10:05:{second:02}.500Z\",\"path\":\"/v1/a\",\"provider\":\"p\",\
                 \"model\":\"m\",\"duration_ms\":100,\"input_tokens\":100,\"cache_read_tokens\":800,\
                 \"output_tokens\":20}}\n"
            )
        });
        let log: String = lines.collect();
        std::fs::write(folder.path().join("access.log"), log).expect("it can be written");
        let output = simulate_in(folder.path(), &["--from-log", "access.log", "--json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
        let demand = said["cases"][0]["demand"].as_array().expect("a list");
        let of_input = demand.iter().find(|it| it["dimension"] == "input_tokens");
        let mean = number(of_input.expect("told"), "mean_per_minute");
        assert_eq!(mean, 60.0 * input, "{dialect}");
    }
}

#[test]
fn a_log_that_tells_nothing_is_told_what_a_line_is() {
    let folder = folder(POLICY);
    std::fs::write(folder.path().join("empty.log"), "hello\n").expect("it can be written");
    let told = complaint(folder.path(), &["--from-log", "empty.log"], 1);
    assert!(told.contains("with time, path, provider, model"), "{told}");
    let told = complaint(folder.path(), &["--from-log", "none.log"], 1);
    assert!(told.contains("cannot read none.log"), "{told}");
    let both = ["--from-log", "empty.log", "--rate", "5/s"];
    let told = complaint(folder.path(), &both, 2);
    assert!(told.contains("cannot be used with"), "{told}");
    let days: String = ["2026-11-19", "2026-11-21"]
        .map(|day| {
            format!(
                "{{\"time\":\"{day}T10:00:00Z\",\"path\":\"/v1/messages\",\
                 \"provider\":\"anthropic\",\"tenant\":\"search\",\"model\":\"claude-x\",\
                 \"duration_ms\":5,\"output_tokens\":5}}\n"
            )
        })
        .concat();
    std::fs::write(folder.path().join("days.log"), days).expect("it can be written");
    let told = complaint(folder.path(), &["--from-log", "days.log"], 1);
    assert!(
        told.contains("spans 2881 minutes, and 1440 can be"),
        "{told}"
    );
}
