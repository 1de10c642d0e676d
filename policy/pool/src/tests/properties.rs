//! What holds whatever the driver, the clients, the provider and the operator do, in whatever order.

use super::driver::{Driver, policy, steps};
use super::*;

proptest::proptest! {
    /// Every lease is settled once, every ticket is decided once or left, and in the end nothing is
    /// held. What the pool says it would do it does.
    #[test]
    fn no_lease_and_no_ticket_leaks(steps in steps(false)) {
        let mut driver = Driver::of(pool(&[(2, Some(60)), (1, None), (1, Some(30))]));
        for step in steps {
            driver.step(step)?;
        }
        driver.end()?;
    }

    /// The same while policies come and go; and what is gone leaves nothing behind.
    #[test]
    fn no_lease_and_no_ticket_leaks_from_policy_to_policy(
        first in policy(),
        steps in steps(true),
        last in policy(),
    ) {
        let mut driver = Driver::of(Pool::new(first.spec(), at(0.0)));
        for step in steps {
            driver.step(step)?;
        }
        let mut pool = driver.end()?;
        let spec = last.spec();
        pool.reconfigure(at(1_000.0), spec.clone());
        let accounts: Vec<_> = spec.accounts.ids().collect();
        let keys = spec.accounts.values().flat_map(|account| account.keys.clone());
        let keys: Vec<_> = keys.collect();
        let view = pool.view(at(1_000.0));
        let known: Vec<_> = view.accounts.iter().map(|it| it.account).collect();
        proptest::prop_assert_eq!(&known, &accounts);
        let known: Vec<_> = view.keys.iter().map(|it| it.key).collect();
        proptest::prop_assert_eq!(&known, &keys);
        for group in &view.groups {
            let known: Vec<_> = group.accounts.iter().map(|it| it.account).collect();
            proptest::prop_assert_eq!(&known, &accounts);
            let known: Vec<_> = group.keys.iter().map(|it| it.key).collect();
            proptest::prop_assert_eq!(&known, &keys);
        }
    }
}
