//! Redis behind Sentinels: who has the master is asked, also after it has died.

use crate::house::{Plan, count};
use crate::redis::{Redis, free_port};
use crate::support::until;

const PASSWORD: &str = "sentinel-Zp7nB4wLq3Tc8VyR";

/// A server and a replica of it, that has all it has.
async fn pair() -> (Redis, Redis) {
    let master = Redis::with(&["--repl-diskless-sync-delay", "0"]).await;
    let port = master.port().to_string();
    let replica = Redis::with(&["--replicaof", "127.0.0.1", &port]).await;
    until("the replica follows", || {
        let told = replica.ask("INFO replication").unwrap_or_default();
        told.contains("master_link_status:up")
    })
    .await;
    (master, replica)
}

/// A Sentinel that alone decides who is the master of "main", soon, and wants to see [`PASSWORD`].
async fn sentinel(master: &Redis) -> Redis {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = format!(
        "sentinel monitor main 127.0.0.1 {} 1\n\
         sentinel down-after-milliseconds main 300\n\
         sentinel failover-timeout main 2000\n\
         requirepass {PASSWORD}\n",
        master.port()
    );
    std::fs::write(folder.path().join("redis.conf"), settings).expect("written");
    Redis::within(folder, &["--sentinel"]).await
}

fn asking(urls: &[String]) -> Plan {
    Plan::new()
        .urls(urls)
        .store("sentinel = \"main\"\nsentinel_password = { file = \"sentinel.password\" }")
        .file("sentinel.password", PASSWORD)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_is_followed_and_who_takes_over_is_told_all() {
    let (master, replica) = pair().await;
    let sentinel = sentinel(&master).await;
    let nobody = format!("redis://127.0.0.1:{}", free_port());
    let limit = "[[tenant.limit]]\nrequests_per_minute = 60";
    let plan = asking(&[nobody, sentinel.url()]).tenant(limit);
    let mut house = plan.before(master, 2).await;
    house.all_hear().await;
    assert_eq!(count(&house.message(0, 40).await, 200), 40);
    house.until_heard(1).await;

    house.redis.kill();
    let address = format!("127.0.0.1:{}", replica.port());
    for gateway in 0..2 {
        house
            .until_shared(gateway, "it goes on at the replica", |shared| {
                shared["heard"] == true && shared["store"] == address.as_str()
            })
            .await;
    }
    house.all_hear().await;
    house.until_heard(1).await;
    let served = count(&house.message(1, 60).await, 200);
    // Twenty were left, and a second's flows in with each second that it took.
    assert!(served <= 45, "{served}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_sentinel_is_told_by_its_field() {
    let server = Redis::start().await;
    let sentinel = sentinel(&server).await;
    let of_sentinel = || asking(&[sentinel.url()]);
    let without_password = || Plan::new().urls(&[sentinel.url()]);
    for (what, plan, reason, why) in [
        (
            "another password",
            of_sentinel().file("sentinel.password", "wrong-Zp7nB4wL"),
            "password",
            "does not take the password (gateway.shared.redis.sentinel_password): WRONGPASS",
        ),
        (
            "no password",
            without_password().store("sentinel = \"main\""),
            "password",
            "does not take the password (gateway.shared.redis.sentinel_password): NOAUTH",
        ),
        (
            "a server in the place of a Sentinel",
            Plan::new()
                .urls(&[server.url()])
                .store("sentinel = \"main\""),
            "error",
            "is no Sentinel; leave gateway.shared.redis.sentinel out",
        ),
        (
            "a Sentinel in the place of a server",
            without_password()
                .store("password = { file = \"sentinel.password\" }")
                .file("sentinel.password", PASSWORD),
            "error",
            "is a Sentinel; name the service that it knows",
        ),
        (
            "a service that it does not know",
            without_password()
                .store("sentinel = \"other\"\nsentinel_password = { file = \"sentinel.password\" }")
                .file("sentinel.password", PASSWORD),
            "error",
            "the Sentinel knows no service \"other\"",
        ),
    ] {
        let house = plan.before(Redis::start().await, 1).await;
        house
            .until_shared(0, what, |shared| {
                let told = shared["why"].as_str().unwrap_or_default();
                shared["reason"] == reason && told.contains(why)
            })
            .await;
        assert_eq!(house.message(0, 2).await, [200; 2], "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_servers_the_one_that_is_no_replica_is_used() {
    let (master, replica) = pair().await;
    let urls = [replica.url(), master.url()];
    let house = Plan::new().urls(&urls).before(master, 2).await;
    house.all_hear().await;
    let ask = |redis: &Redis, command: &str| redis.ask(command).expect("it answers");
    // By hand, as where nobody watches over them.
    ask(&replica, "REPLICAOF NO ONE");
    ask(
        &house.redis,
        &format!("REPLICAOF 127.0.0.1 {}", replica.port()),
    );
    let address = format!("127.0.0.1:{}", replica.port());
    for gateway in 0..2 {
        house
            .until_shared(gateway, "it goes on at the other", |shared| {
                shared["heard"] == true && shared["store"] == address.as_str()
            })
            .await;
    }
}
