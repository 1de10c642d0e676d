//! Prints the table of weathers.
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
            let rows: Vec<(&str, Scenario)> = vec![
                ("95", base()),
                (
                    "150",
                    Scenario {
                        load: 1.5,
                        duration_secs: 90.0,
                        ..base()
                    },
                ),
                (
                    "burst",
                    Scenario {
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
                    "input",
                    Scenario {
                        sizes: Sizes {
                            input: 6000.0,
                            output: 20.0,
                        },
                        ..base()
                    },
                ),
                (
                    "output",
                    Scenario {
                        sizes: Sizes {
                            input: 200.0,
                            output: 1500.0,
                        },
                        ..base()
                    },
                ),
                (
                    "sick",
                    Scenario {
                        load: 0.6,
                        weather: vec![
                            Weather::Revoked { key: 1, from: 10.0 },
                            Weather::OutOfMoney {
                                account: 2,
                                from: 10.0,
                            },
                            Weather::AlwaysRefused { key: 6 },
                        ],
                        ..base()
                    },
                ),
                (
                    "storm",
                    Scenario {
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
                    "resets",
                    Scenario {
                        load: 0.6,
                        weather: vec![Weather::Reset { share: 0.05 }],
                        ..base()
                    },
                ),
                ("foreign", {
                    let mut s = base();
                    s.accounts[0].foreign = 0.5;
                    s
                }),
                (
                    "flood",
                    Scenario {
                        load: 3.0,
                        tenants: vec![
                            TenantTraffic {
                                share: 10.0,
                                weight: 1.0,
                            },
                            TenantTraffic {
                                share: 1.0,
                                weight: 1.0,
                            },
                            TenantTraffic {
                                share: 1.0,
                                weight: 1.0,
                            },
                        ],
                        ..base()
                    },
                ),
                (
                    "2 replicas",
                    Scenario {
                        replicas: 2,
                        ..base()
                    },
                ),
                (
                    "4 replicas",
                    Scenario {
                        replicas: 4,
                        ..base()
                    },
                ),
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
                if name == "flood" {
                    println!(
                        "   {:?} of {:?}",
                        report.answered_by_tenant, report.requests_by_tenant
                    );
                }
                if name == "150" {
                    println!(
                        "   refusal waits p50 {:.2} p99 {:.2}",
                        report.refusal_waits[report.refusal_waits.len() / 2],
                        report.refusal_waits[report.refusal_waits.len() * 99 / 100]
                    );
                }
                if name == "storm" {
                    println!("{:?}", report.notices);
                    println!(
                        "   overloaded {} rate before {:.1} in storm {:.1} after {:.1} {:.1} {:.1}",
                        report.overloaded_upstream,
                        report.rate(10.0, 20.0),
                        report.rate(20.0, 30.0),
                        report.rate(30.0, 31.0),
                        report.rate(31.0, 32.0),
                        report.rate(32.0, 34.0)
                    );
                }
            }
        }
    }
}
