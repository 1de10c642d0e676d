//! Harder worlds.
#![allow(clippy::print_stdout)]
use keyweir_simulator::traffic::Shape;
use keyweir_simulator::*;

fn main() {
    let only = std::env::args().nth(1);
    for seed in [1u64, 2] {
        for snapshot_taken in [SnapshotTaken::AtAdmission, SnapshotTaken::AtHead] {
            println!("--- seed {seed} {snapshot_taken:?}");
            let base = || Scenario {
                snapshot_taken,
                ..Scenario::standard(seed)
            };
            let long = Latency {
                network: (0.03, 0.15),
                first_token: (1.0, 4.0),
                per_token: 0.02,
            };
            let scaled = |by: f64, burst: f64| {
                let mut s = base();
                for a in &mut s.accounts {
                    a.rpm *= by;
                    a.itpm *= by;
                    a.otpm *= by;
                    a.burst_secs = burst;
                }
                s
            };
            let rows: Vec<(&str, Scenario)> = vec![
                ("burst1s", scaled(1.0, 1.0)),
                ("burst10s", scaled(1.0, 10.0)),
                ("burst60s", scaled(1.0, 60.0)),
                (
                    "small",
                    Scenario {
                        duration_secs: 300.0,
                        ..scaled(0.05, 3.0)
                    },
                ),
                (
                    "large",
                    Scenario {
                        duration_secs: 20.0,
                        ..scaled(10.0, 3.0)
                    },
                ),
                (
                    "long",
                    Scenario {
                        latency: long,
                        duration_secs: 120.0,
                        ..base()
                    },
                ),
                (
                    "long150",
                    Scenario {
                        latency: long,
                        load: 1.5,
                        duration_secs: 120.0,
                        ..base()
                    },
                ),
                (
                    "longin",
                    Scenario {
                        latency: long,
                        duration_secs: 120.0,
                        sizes: Sizes {
                            input: 6000.0,
                            output: 20.0,
                        },
                        ..base()
                    },
                ),
                (
                    "longout",
                    Scenario {
                        latency: long,
                        duration_secs: 120.0,
                        sizes: Sizes {
                            input: 200.0,
                            output: 1500.0,
                        },
                        ..base()
                    },
                ),
                (
                    "longout150",
                    Scenario {
                        latency: long,
                        load: 1.5,
                        duration_secs: 120.0,
                        sizes: Sizes {
                            input: 200.0,
                            output: 1500.0,
                        },
                        ..base()
                    },
                ),
                (
                    "in150",
                    Scenario {
                        load: 1.5,
                        duration_secs: 90.0,
                        sizes: Sizes {
                            input: 6000.0,
                            output: 20.0,
                        },
                        ..base()
                    },
                ),
                (
                    "out150",
                    Scenario {
                        load: 1.5,
                        duration_secs: 90.0,
                        sizes: Sizes {
                            input: 200.0,
                            output: 1500.0,
                        },
                        ..base()
                    },
                ),
                (
                    "long4",
                    Scenario {
                        latency: long,
                        duration_secs: 120.0,
                        replicas: 4,
                        ..base()
                    },
                ),
                (
                    "4rep150",
                    Scenario {
                        load: 1.5,
                        replicas: 4,
                        ..base()
                    },
                ),
                ("longforeign", {
                    let mut s = base();
                    s.accounts[0].foreign = 0.5;
                    s.latency = long;
                    s.duration_secs = 120.0;
                    s
                }),
                (
                    "longstorm",
                    Scenario {
                        latency: long,
                        load: 0.5,
                        weather: vec![Weather::Overloaded {
                            share: 0.9,
                            from: 20.0,
                            until: 30.0,
                        }],
                        ..base()
                    },
                ),
                (
                    "smallstorm",
                    Scenario {
                        load: 0.5,
                        weather: vec![Weather::Overloaded {
                            share: 0.9,
                            from: 20.0,
                            until: 30.0,
                        }],
                        ..scaled(0.1, 3.0)
                    },
                ),
                (
                    "allstorm",
                    Scenario {
                        load: 0.5,
                        weather: vec![Weather::Overloaded {
                            share: 1.0,
                            from: 20.0,
                            until: 30.0,
                        }],
                        ..base()
                    },
                ),
                (
                    "longburst",
                    Scenario {
                        latency: long,
                        load: 0.5,
                        shape: Shape::Burst {
                            factor: 10.0,
                            from: 20.0,
                            until: 23.0,
                        },
                        ..base()
                    },
                ),
                (
                    "sick5",
                    Scenario {
                        load: 0.3,
                        weather: (0..4)
                            .map(|key| Weather::Revoked { key, from: 10.0 })
                            .collect(),
                        ..base()
                    },
                ),
                (
                    "noheaders",
                    Scenario {
                        snapshot_taken: SnapshotTaken::Never,
                        duration_secs: 120.0,
                        ..base()
                    },
                ),
                ("one key", {
                    let mut s = base();
                    s.accounts.truncate(1);
                    s.accounts[0].keys = 1;
                    s
                }),
            ];
            for (name, scenario) in rows {
                if only.as_ref().is_some_and(|only| only != name) {
                    continue;
                }
                let start = std::time::Instant::now();
                let report = run(&scenario);
                println!(
                    "{name:10} {report} leaked {} in {:.1?}",
                    report.leaked,
                    start.elapsed()
                );
                if only.is_some() {
                    println!("{:?}", report.notices);
                }
            }
        }
    }
}
