//! Several gateways without a store: each gives its share.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_limit_each_gateway_gives_its_share_and_says_so() {
    let limit = "[[tenant.limit]]\nrequests_per_minute = 8\n";
    let stage = bounded(limit).setting("replicas = 4").build().await;
    for _ in 0..2 {
        let answer = stage.ask(&impatient(Api::Messages)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let refused = stage.ask(&impatient(Api::Messages)).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    let said = "each of 4 gateways gives its share of it";
    assert!(refused.text().contains(said), "{}", refused.text());
    let metrics = || async { stage.gateway.admin("/metrics").await.text() };
    assert!(metrics().await.contains("keyweir_replicas 4\n"));

    // Fewer gateways: a reload is enough.
    let policy = bounded(limit).policy(stage.provider.base_url());
    stage.gateway.files.write("keys.toml", &policy);
    let reloaded = stage.gateway.reload().await.text();
    assert!(reloaded.contains("replicas 4 → 1"), "{reloaded}");
    assert!(metrics().await.contains("keyweir_replicas 1\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_give_a_limit_together() {
    let limit = "[[tenant.limit]]\nrequests_per_minute = 60\n";
    let plan = || bounded(limit).setting("replicas = 2");
    let one = plan().build().await;
    let files = plan().files(one.provider.base_url());
    let other = Program::start(files, None, None).await;
    let watch = std::time::Instant::now();
    let mut given = 0;
    for address in [one.gateway.address, other.address] {
        loop {
            let mut wire = Wire::connect(address).await;
            wire.send(impatient(Api::Messages).bytes()).await;
            match wire.answer().await.status {
                200 => given += 1,
                429 => break,
                status => panic!("{status}"),
            }
        }
    }
    // Beside what flows in meanwhile.
    let most = 61 + watch.elapsed().as_secs();
    assert!((60..=most).contains(&given), "{given} of 60 to {most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_tells_how_many_gateways_there_are() {
    let named = "replicas = { dns = \"localhost\", least = 3 }";
    let stage = bounded("").setting(named).build().await;
    let metrics = stage.gateway.admin("/metrics").await.text();
    assert!(metrics.contains("keyweir_replicas 3\n"), "{metrics}");
}
