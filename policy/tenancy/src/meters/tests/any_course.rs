//! Whatever interleaves: nothing drifts.

use super::*;

#[derive(Clone, Debug)]
enum Act {
    Ask {
        tenant: u32,
        patience: u64,
    },
    End {
        which: usize,
        input: u64,
        output: u64,
    },
    Leave {
        which: usize,
    },
    Untold {
        which: usize,
    },
    Pass(u64),
    Reload(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..2u32, 0..90u64).prop_map(|(tenant, patience)| Act::Ask { tenant, patience }),
        3 => (0..50usize, 0..40u64, 0..40u64)
            .prop_map(|(which, input, output)| Act::End { which, input, output }),
        1 => (0..50usize).prop_map(|which| Act::Leave { which }),
        1 => (0..50usize).prop_map(|which| Act::Untold { which }),
        2 => (0..40u64).prop_map(Act::Pass),
        1 => (1..500u64).prop_map(Act::Reload),
    ]
}

proptest! {
    /// Whatever interleaves: what is reserved is what open requests hold, and what is spent is what
    /// ended requests used, on every level.
    #[test]
    fn nothing_drifts(acts in prop::collection::vec(act(), 1..120)) {
        let policy = |most: u64| {
            let mut own = limits(vec![limit(Dimension::Tokens, most), limit(Dimension::Requests, most)]);
            own.limits[1].concurrency = Some(8);
            own.budgets = vec![budget(Amount::Tokens(most))];
            spec(own, budgets(vec![budget(Amount::Tokens(2 * most))]))
        };
        let meters = RefCell::new(meters(&policy(200)));
        let mut open: Vec<(u32, Reserved)> = Vec::new();
        let (mut own, mut all, mut secs) = (0u128, 0u128, 0u64);
        for act in acts {
            let mut meters = meters.borrow_mut();
            match act {
                Act::Ask { tenant, patience } => {
                    let of = (TenantId(tenant), "priced-1");
                    if let Ok(Some(reserved)) = ask_for(&mut meters, secs, of, Duration::from_secs(patience)) {
                        open.push((tenant, reserved));
                    }
                }
                Act::End { which, input, output } if !open.is_empty() => {
                    let (tenant, reserved) = open.swap_remove(which % open.len());
                    end(&mut meters, secs, Some(reserved), input, output);
                    all += u128::from(input + output);
                    own += if tenant == 0 { u128::from(input + output) } else { 0 };
                }
                Act::Leave { which } if !open.is_empty() => {
                    let (_, reserved) = open.swap_remove(which % open.len());
                    let _ = meters.settle(at(secs), Some(reserved), (P, "m"), Used::Nothing);
                }
                Act::Untold { which } if !open.is_empty() => {
                    let (tenant, reserved) = open.swap_remove(which % open.len());
                    let tokens = u128::from(reserved.claim.need.of(Dimension::Tokens));
                    let _ = meters.settle(at(secs), Some(reserved), (P, "m"), Used::Untold);
                    all += tokens;
                    own += if tenant == 0 { tokens } else { 0 };
                }
                Act::Pass(more) => secs += more,
                Act::Reload(most) => meters.configure(at(secs), &policy(most)),
                _ => {}
            }
            let held = |of: Option<u32>| -> u128 {
                let open = open.iter().filter(|(tenant, _)| of.is_none_or(|of| of == *tenant));
                open.map(|(_, it)| u128::from(it.claim.need.of(Dimension::Tokens))).sum()
            };
            for row in meters.rows.iter_mut() {
                let (spent, held, running) = if row.owner.is_group {
                    (all, held(None), open.len())
                } else {
                    (own, held(Some(0)), open.iter().filter(|(tenant, _)| *tenant == 0).count())
                };
                prop_assert_eq!(row.open as usize, running);
                match &row.meter {
                    Meter::Budget(spending) => {
                        prop_assert_eq!((spending.spent, spending.reserved), (spent, held));
                    }
                    Meter::Concurrency(at_a_time) => {
                        prop_assert_eq!(at_a_time.running as usize, running);
                    }
                    Meter::Rate(_) => {}
                }
            }
        }
    }
}
