//! The ledger: what is written down, and what is said where it cannot be.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn cost_is_in_the_log_the_metrics_and_the_ledger() {
    let soft = "[[tenant.budget]]\nper = \"day\"\nusd = \"0.000001\"\nsoft = true\n";
    let stage = bounded(soft).and(PRICE).build().await;
    stage.serves(Api::Messages).await;
    let answer = stage.ask(&Api::Messages.request(true)).await;
    assert_eq!(answer.status, 200);
    let warning = answer.header("x-keyweir-budget-warning");
    assert!(
        warning.starts_with("0.000001 USD per day of tenant tester; "),
        "{warning}"
    );
    assert_eq!(stage.ask(&Api::Responses.request(false)).await.status, 200);
    until("the log", || stage.gateway.access_log().len() == 3).await;
    let log = stage.gateway.access_log();
    let mut tokens = 0;
    for line in &log {
        let count = |name: &str| line[name].as_u64().unwrap_or_default();
        let of_line = count("input_tokens") + count("output_tokens");
        assert!(of_line > 0, "{line}");
        assert_eq!(
            line["cost_usd"].as_f64().expect("a cost"),
            of_line as f64 / 1e6,
            "{line}"
        );
        tokens += of_line;
    }
    let id = answer.header("x-keyweir-request-id");
    let explained = stage.gateway.explained(id).await;
    let of_answer = log.iter().find(|line| line["request_id"] == *id);
    assert_eq!(
        explained["cost_usd"],
        of_answer.expect("its line")["cost_usd"],
        "{explained}"
    );
    let text = stage.gateway.admin("/metrics").await.text();
    let of_claude = r#"keyweir_cost_usd_total{model="claude-a",tenant="tester"}"#;
    let cost = text.lines().find_map(|line| line.strip_prefix(of_claude));
    let cost: f64 = cost.expect("counted").trim().parse().expect("a number");
    assert!((cost - tokens as f64 / 1e6).abs() < 1e-9, "{cost} {tokens}");
    let warned = || {
        stage
            .gateway
            .messages()
            .matches("a soft budget is spent")
            .count()
    };
    until("it is told", || warned() > 0).await;
    written_down(&stage, 3).await;
    assert_eq!(warned(), 1, "once in its period");
    let answer = stage.gateway.admin("/usage?by=model,key&format=csv").await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let text = answer.text();
    assert!(text.contains("claude-a,claude-"), "{text}");
    for wrong in ["by=colour", "form=csv", "by=day&by=model"] {
        let answer = stage.gateway.admin(&format!("/usage?{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    // The program asks the gateway where that has the file open.
    let admin = stage.gateway.admin.to_string();
    let told = run(
        &stage.gateway.files,
        &["usage", "--admin", &admin, "--by", "model"],
    )
    .await;
    assert!(
        told.stdout.starts_with("model "),
        "{}{}",
        told.stdout,
        told.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_on_one_ledger_is_refused_and_a_damaged_one_set_aside() {
    let stage = bounded("").build().await;
    let serve = ["serve", "--policy", "keys.toml", "--state", "."];
    let second = run(&stage.gateway.files, &serve).await;
    let complaint = second.complaint();
    assert!(
        complaint.contains("is another gateway's, which still runs"),
        "{complaint}"
    );
    stage.gateway.signal("KILL").await;
    let Stage { provider, gateway } = stage;
    let files = gateway.into_files().await;
    files.write("keyweir.ledger", "scribbles");
    let gateway = Program::start(files, None, None).await;
    gateway.writes("it is set aside").await;
    let stage = Stage { provider, gateway };
    stage.serves(Api::Messages).await;
    assert!(
        stage
            .gateway
            .files
            .path()
            .join("keyweir.ledger.damaged-1")
            .exists()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_is_full_requests_are_served_and_what_is_spent_is_kept_for_later() {
    let stage = bounded("").and(PRICE).build().await;
    let Stage { provider, gateway } = stage;
    gateway.signal("TERM").await;
    let files = gateway.into_files().await;
    // With as many open files as any program has; what counts is that large files are no death.
    let gateway = Program::start(files, None, Some(1_024)).await;
    let stage = Stage { provider, gateway };
    stage.serves(Api::Messages).await;
    written_down(&stage, 1).await;

    stage.gateway.bound_files(Some(0));
    for _ in 0..3 {
        stage.serves(Api::Messages).await;
    }
    let is_writable = async |value: u8| {
        let line = format!("keyweir_ledger_writable {value}");
        let wait = async {
            while !metric(&stage, &line).await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let came = tokio::time::timeout(crate::support::PATIENCE, wait).await;
        came.unwrap_or_else(|_| panic!("never: {line}"));
    };
    is_writable(0).await;
    stage.gateway.writes("cannot be written").await;
    stage.serves(Api::Messages).await;

    stage.gateway.bound_files(None);
    is_writable(1).await;
    written_down(&stage, 5).await;
    stage.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_ends_while_the_disk_is_full_says_how_much_is_lost() {
    let stage = bounded("").and(PRICE).build().await;
    let Stage { provider, gateway } = stage;
    gateway.signal("TERM").await;
    let files = gateway.into_files().await;
    let gateway = Program::start(files, None, Some(1_024)).await;
    let stage = Stage { provider, gateway };
    stage.serves(Api::Messages).await;
    written_down(&stage, 1).await;
    stage.gateway.bound_files(Some(0));
    for _ in 0..3 {
        stage.serves(Api::Messages).await;
    }
    // It is told once that the disk is full, and again what that came to.
    stage.gateway.writes("cannot be written").await;
    stage.serves(Api::Messages).await;
    stage.gateway.signal("TERM").await;
    let (_, written) = stage.gateway.ended().await;
    let lost = written.lines().find(|line| line.contains("is lost"));
    let lost = lost.unwrap_or_else(|| panic!("it says nothing: {written}"));
    assert!(lost.contains("\"requests\":4"), "{lost}");
}
