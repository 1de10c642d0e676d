//! Whatever happens to Redis, no request fails, and none waits.

use std::time::{Duration, Instant};

use crate::house::{House, Plan, count, message};
use crate::redis::Redis;
use crate::support::wire::Wire;

/// What one request may take while Redis does not answer: far less than a time-out or two of it and a
/// store's silence would come to, were one waited for; generous for a machine with few cores.
const UNHURRIED: Duration = Duration::from_secs(2);

/// All are served as ever.
async fn serves_on(house: &House) {
    for gateway in 0..house.gateways.len() {
        let begun = Instant::now();
        assert_eq!(house.message(gateway, 5).await, [200; 5]);
        assert!(begun.elapsed() < 5 * UNHURRIED);
    }
}

async fn until_silent(house: &House, reason: &str) {
    for gateway in 0..house.gateways.len() {
        house
            .until_shared(gateway, &format!("it hears nobody: {reason}"), |shared| {
                shared["heard"] == false && shared["reason"] == reason
            })
            .await;
        assert_eq!(house.metric(gateway, "keyweir_shared_up").await, Some(0.0));
        let ready = house.gateways[gateway].admin("/readyz").await;
        assert_eq!(ready.status, 200, "it serves");
        let text = ready.text();
        assert!(
            text.contains("other gateways have not been heard"),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_killed_and_comes_back_without_its_memory() {
    let limit = "[[tenant.limit]]\nrequests_per_minute = 60";
    let mut house = Plan::new().tenant(limit).build(2).await;
    assert_eq!(count(&house.message(0, 20).await, 200), 20);
    house.until_heard(1).await;

    house.redis.kill();
    until_silent(&house, "unreachable").await;
    // Forty are left, and of these each gives its half.
    for gateway in 0..2 {
        let served = count(&house.message(gateway, 60).await, 200);
        assert!((17..=32).contains(&served), "{served}");
    }

    house.redis.run().await;
    house.all_hear().await;
    let served = count(&house.message(0, 30).await, 200);
    assert!(
        served <= 20,
        "{served}: all was given, and only what flowed in is there"
    );
    for gateway in 0..2 {
        house.writes(gateway, "limits hold over all of them").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_stands_still_holds_nobody_up() {
    let house = Plan::new().build(2).await;
    serves_on(&house).await;
    house.redis.signal("STOP");
    let mut wire = Wire::connect(house.gateways[0].address).await;
    let begun = Instant::now();
    while house.gateways[0].status().await["shared"]["heard"] == true {
        let before = Instant::now();
        wire.send(message().bytes()).await;
        assert_eq!(wire.answer().await.status, 200);
        assert!(before.elapsed() < UNHURRIED, "{:?}", before.elapsed());
        assert!(begun.elapsed() < crate::support::PATIENCE);
    }
    until_silent(&house, "timeout").await;
    serves_on(&house).await;
    house.redis.signal("CONT");
    house.all_hear().await;
    serves_on(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_gateway_asked_before_redis_stood_still_is_no_sign_of_life() {
    let mut house = Plan::new().build(2).await;
    house.redis.signal("STOP");
    house
        .until_shared(0, "who says nothing now is gone", |shared| {
            shared["heard"] == false && shared["seconds"].as_f64() > Some(3.0)
        })
        .await;
    // What it asked is read when Redis goes on.
    drop(house.gateways.remove(1));
    house.redis.signal("CONT");
    house
        .until_shared(0, "the other is gone", |shared| {
            assert!(shared["heard"] == false || shared["replicas"] == 1);
            shared["heard"] == true
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_takes_nothing_down_is_told_from_others() {
    let house = Plan::new().build(2).await;
    // A replica of nobody, as after a failover that this one has lost.
    house
        .redis
        .ask("REPLICAOF 127.0.0.1 1")
        .expect("it answers");
    until_silent(&house, "read_only").await;
    serves_on(&house).await;
    house.redis.ask("REPLICAOF NO ONE").expect("it answers");
    house.all_hear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_is_full_is_told_from_others() {
    let house = Plan::new().build(2).await;
    house
        .redis
        .ask("CONFIG SET maxmemory 1")
        .expect("it answers");
    until_silent(&house, "full").await;
    serves_on(&house).await;
    house
        .redis
        .ask("CONFIG SET maxmemory 0")
        .expect("it answers");
    house.all_hear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_a_right_one_is_followed() {
    let redis = Redis::with(&["--requirepass", "right-Xk2mQ9vT"]).await;
    let plan = Plan::new().store("password = { file = \"redis.password\" }");
    let house = plan.guarded(redis, "wrong-Zp7nB4wL", 2).await;
    until_silent(&house, "password").await;
    serves_on(&house).await;
    for gateway in &house.gateways {
        gateway.files.write("redis.password", "right-Xk2mQ9vT");
        assert_eq!(gateway.reload().await.status, 200);
    }
    house.all_hear().await;
    for gateway in &house.gateways {
        let written = gateway.written();
        assert!(!written.contains("right-Xk2mQ9vT"), "{written}");
        assert!(!written.contains("wrong-Zp7nB4wL"), "{written}");
        gateway
            .writes("shared.redis.password is a new secret")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_never_there_is_found_when_it_is() {
    let mut redis = Redis::start().await;
    redis.kill();
    let mut house = Plan::new().before(redis, 2).await;
    until_silent(&house, "unreachable").await;
    serves_on(&house).await;
    house.redis.run().await;
    house.all_hear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_is_gone_for_the_others_within_seconds() {
    let mut house = Plan::new().build(3).await;
    house.gateways.remove(2);
    house.all_hear().await;
    serves_on(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_can_be_named_and_unnamed_by_a_reload() {
    let house = Plan::new().build(2).await;
    let policy = house.policy();
    let (before, rest) = policy.split_once("[gateway.shared.redis]").expect("there");
    let (_, after) = rest.split_once("[waiting]").expect("there");
    let without = format!("{before}[waiting]{after}");
    for gateway in &house.gateways {
        gateway.files.write("keys.toml", &without);
        assert_eq!(gateway.reload().await.status, 200);
    }
    for gateway in 0..2 {
        house
            .until_status(gateway, "nothing is shared", |status| {
                status["shared"].is_null()
            })
            .await;
        assert_eq!(house.metric(gateway, "keyweir_shared_up").await, None);
    }
    serves_on(&house).await;
    for gateway in &house.gateways {
        gateway.files.write("keys.toml", policy);
        assert_eq!(gateway.reload().await.status, 200);
    }
    house.all_hear().await;
}
