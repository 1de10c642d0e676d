//! A cluster: one of its nodes has all keys, which others say, and another may have them later.

use crate::house::{House, Plan};
use crate::redis::{Redis, free_port};
use crate::support::until;

/// Slots of a cluster, and of each of its three masters.
const SLOTS: u32 = 16_384;
const SHARE: u32 = SLOTS / 3;

/// Three masters, and a replica of the one that is to have the keys later.
struct Cluster {
    masters: Vec<Redis>,
    /// Which of them has the keys.
    holder: usize,
    slot: u32,
    replica: Redis,
}

fn ask(redis: &Redis, command: &str) -> String {
    redis.ask(command).unwrap_or_default()
}

/// What `CLUSTER MYID` says.
fn id(redis: &Redis) -> String {
    let told = ask(redis, "CLUSTER MYID");
    told.lines().nth(1).expect("a name").to_owned()
}

impl Cluster {
    async fn start() -> Self {
        let mut nodes = Vec::new();
        let mut buses = Vec::new();
        for _ in 0..4 {
            // The usual one, ten thousand above the server's, need not be a port.
            let bus = free_port().to_string();
            let arguments = ["--cluster-enabled", "yes", "--cluster-port", &bus];
            let quick = [
                "--cluster-node-timeout",
                "1500",
                "--repl-diskless-sync-delay",
                "0",
            ];
            nodes.push(Redis::with(&[&arguments[..], &quick].concat()).await);
            buses.push(bus);
        }
        for (index, node) in nodes[..3].iter().enumerate() {
            let first = SHARE * u32::try_from(index).expect("few");
            let last = if index == 2 { SLOTS } else { first + SHARE } - 1;
            ask(node, &format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
        }
        for (node, bus) in nodes.iter().zip(&buses).skip(1) {
            ask(
                &nodes[0],
                &format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port()),
            );
        }
        let told = ask(&nodes[0], "CLUSTER KEYSLOT {keyweir}:1:alive");
        let slot: u32 = told
            .trim()
            .trim_start_matches(':')
            .parse()
            .expect("a number");
        let holder = usize::try_from(slot / SHARE).expect("few").min(2);
        let replica = nodes.pop().expect("four");
        let cluster = Self {
            masters: nodes,
            holder,
            slot,
            replica,
        };
        cluster
            .until_all("they know of all", |told| {
                told.contains("cluster_state:ok") && told.contains("cluster_known_nodes:4")
            })
            .await;
        let master = id(&cluster.masters[cluster.order()[1]]);
        until("the replica follows", || {
            ask(&cluster.replica, &format!("CLUSTER REPLICATE {master}"));
            ask(&cluster.replica, "INFO replication").contains("master_link_status:up")
        })
        .await;
        // A master that is not known to have a replica has none that would take over.
        until("the others know of it", || {
            let nodes = cluster.masters.iter().map(|it| ask(it, "CLUSTER NODES"));
            nodes.into_iter().all(|told| told.contains("slave"))
        })
        .await;
        cluster
    }

    async fn until_all(&self, what: &str, holds: impl Fn(&str) -> bool) {
        until(what, || {
            let all = self.masters.iter().chain([&self.replica]);
            all.map(|it| ask(it, "CLUSTER INFO"))
                .all(|told| holds(&told))
        })
        .await;
    }

    /// Who has the keys, who is to have them next, and who never has.
    fn order(&self) -> [usize; 3] {
        [0, 1, 2].map(|later| (self.holder + later) % 3)
    }
}

/// Waits until all gateways hear one another at this server.
async fn all_hear_at(house: &House, redis: &Redis) {
    let address = format!("127.0.0.1:{}", redis.port());
    for gateway in 0..house.gateways.len() {
        house
            .until_shared(gateway, &format!("it is at {address}"), |shared| {
                shared["heard"] == true && shared["store"] == address.as_str()
            })
            .await;
    }
    house.all_hear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_that_has_the_keys_is_found_and_followed() {
    let mut cluster = Cluster::start().await;
    let [first, next, other] = cluster.order();
    let urls = [cluster.masters[other].url(), cluster.replica.url()];
    let house = Plan::new().urls(&urls);
    let house = house.before(Redis::start().await, 2).await;
    all_hear_at(&house, &cluster.masters[first]).await;

    // The slot moves to another node, and what is in it first.
    let (from, to, slot) = (
        &cluster.masters[first],
        &cluster.masters[next],
        cluster.slot,
    );
    let set = |node: &Redis, what: &str| ask(node, &format!("CLUSTER SETSLOT {slot} {what}"));
    set(to, &format!("IMPORTING {}", id(from)));
    set(from, &format!("MIGRATING {}", id(to)));
    assert_eq!(house.message(0, 5).await, [200; 5]);
    let keys = ask(from, &format!("CLUSTER GETKEYSINSLOT {slot} 100"));
    for key in keys.lines().filter(|line| line.starts_with('{')) {
        let port = to.port();
        ask(from, &format!("MIGRATE 127.0.0.1 {port} {key} 0 5000"));
    }
    for gateway in 0..2 {
        house
            .until_shared(gateway, "it is told that keys move", |shared| {
                shared["reason"] == "moved"
            })
            .await;
    }
    assert_eq!(house.message(0, 5).await, [200; 5]);
    for node in [to, from] {
        set(node, &format!("NODE {}", id(to)));
    }
    all_hear_at(&house, &cluster.masters[next]).await;

    // That node dies, and its replica takes over.
    cluster.masters[next].kill();
    assert_eq!(house.message(1, 5).await, [200; 5]);
    all_hear_at(&house, &cluster.replica).await;
    assert_eq!(house.message(0, 5).await, [200; 5]);
}
