use keyweir_terms::request::Priority;

use super::*;
use crate::hold::Hold;

fn look(now: Time) -> Look {
    Look {
        now,
        served_at: Time::ZERO,
        broken_last: false,
    }
}

fn caller(tenant: u32, priority: Priority, weight: f64) -> Caller {
    Caller {
        tenant: TenantId(tenant),
        priority,
        weight,
    }
}

fn waiter(tenant: u32, cost: f64) -> Waiter<()> {
    Waiter {
        caller: caller(tenant, Priority::Normal, 1.0),
        deadline: Time::ZERO + Duration::from_secs(30),
        arrived: Time::ZERO,
        hold: Hold::NONE,
        broke_down: false,
        bytes: 1,
        cost,
        what: (),
    }
}

fn served(room: &mut WaitingRoom<()>, turns: usize) -> Vec<u32> {
    (0..turns)
        .map_while(|_| {
            let position = *room.front(&look(Time::ZERO), 1, |_| false).first()?;
            room.serve(Time::ZERO, position)
                .map(|(_, waiter)| waiter.caller.tenant.0)
        })
        .collect()
}

#[test]
fn tenants_share_by_cost_not_by_count() {
    let mut room = WaitingRoom::default();
    for n in 0..40 {
        room.enter(Ticket(n), false, waiter(1, 0.1));
    }
    for n in 40..50 {
        room.enter(Ticket(n), false, waiter(2, 0.4));
    }
    let order = served(&mut room, 25);
    let of_two = order.iter().filter(|tenant| **tenant == 2).count();
    assert!((4..=6).contains(&of_two), "{order:?}");
}

#[test]
fn a_flood_delays_only_the_flooder() {
    let mut room = WaitingRoom::default();
    for n in 0..60 {
        room.enter(Ticket(n), false, waiter(1, 0.1));
    }
    served(&mut room, 5);
    room.enter(Ticket(99), false, waiter(2, 0.1));
    let order = served(&mut room, 2);
    assert!(order.contains(&2), "{order:?}");
    assert_eq!(
        (room.waiting_of(TenantId(1)), room.waiting_of(TenantId(3))),
        (54, 0)
    );
}

#[test]
fn weights_divide_the_turns() {
    let mut room = WaitingRoom::default();
    for n in 0..50 {
        let tenant = 1 + (n % 2) as u32;
        let weight = if tenant == 1 { 3.0 } else { 1.0 };
        room.enter(
            Ticket(n),
            false,
            Waiter {
                caller: caller(tenant, Priority::Normal, weight),
                ..waiter(tenant, 0.1)
            },
        );
    }
    let order = served(&mut room, 20);
    let of_one = order.iter().filter(|tenant| **tenant == 1).count();
    assert!((14..=16).contains(&of_one), "{order:?}");
}

#[test]
fn high_goes_first_and_low_still_moves() {
    let mut room = WaitingRoom::default();
    for n in 0..40 {
        room.enter(
            Ticket(n),
            false,
            Waiter {
                caller: caller(1, Priority::High, 1.0),
                ..waiter(1, 0.1)
            },
        );
    }
    for n in 40..45 {
        room.enter(
            Ticket(n),
            false,
            Waiter {
                caller: caller(2, Priority::Low, 1.0),
                ..waiter(2, 0.1)
            },
        );
    }
    let now = Time::ZERO + AGED_AFTER;
    let order: Vec<_> = (0..33)
        .map(|_| {
            let position = room.front(&look(now), 1, |_| false)[0];
            room.serve(now, position).unwrap().1.caller.tenant.0
        })
        .collect();
    assert_eq!(order[..10], [1; 10]);
    assert_eq!(order.iter().filter(|tenant| **tenant == 2).count(), 3);
}

#[test]
fn a_retry_goes_to_the_front_once_it_may() {
    let mut room = WaitingRoom::default();
    room.enter(Ticket(1), false, waiter(1, 0.1));
    let later = Time::ZERO + Duration::from_secs(1);
    let retry = Waiter {
        hold: Hold {
            not_before: later,
            ..Hold::NONE
        },
        ..waiter(2, 0.1)
    };
    room.enter(Ticket(2), true, retry);
    let first = |room: &WaitingRoom<()>, now| {
        room.get(room.front(&look(now), 1, |_| false)[0])
            .unwrap()
            .caller
            .tenant
            .0
    };
    assert_eq!(first(&room, Time::ZERO), 1);
    assert_eq!(room.next_release(&look(Time::ZERO)), Some(later));
    assert_eq!(first(&room, later), 2);
}

#[test]
fn what_broke_down_comes_last_while_nobody_knows_whether_the_provider_serves() {
    let mut room = WaitingRoom::default();
    let broken = Waiter {
        broke_down: true,
        ..waiter(2, 0.1)
    };
    room.enter(Ticket(0), true, broken);
    room.enter(Ticket(1), false, waiter(1, 0.1));
    room.enter(Ticket(2), true, waiter(3, 0.1));
    for (broken_last, expected) in [(false, [0, 2, 1]), (true, [2, 1, 0])] {
        let look = Look {
            broken_last,
            ..look(Time::ZERO)
        };
        let front = room.front(&look, 16, |_| false).into_iter();
        let tickets: Vec<u64> = front.map(|position| position.ticket.0).collect();
        assert_eq!(tickets, expected);
    }
}

#[test]
fn a_tenant_does_not_pay_for_turns_it_never_had() {
    let mut room = WaitingRoom::default();
    for n in 0..50 {
        room.enter(Ticket(n), false, waiter(1, 1.0));
    }
    for n in 0..50 {
        room.leave(Ticket(n));
    }
    room.enter(Ticket(90), false, waiter(1, 1.0));
    room.enter(Ticket(91), false, waiter(2, 1.0));
    assert_eq!(served(&mut room, 2), [1, 2]);
}

#[test]
fn who_leaves_frees_its_position_at_once() {
    let mut room = WaitingRoom::default();
    room.enter(Ticket(1), false, waiter(1, 0.1));
    assert!(room.leave(Ticket(1)).is_some());
    assert!(room.leave(Ticket(1)).is_none());
    assert!(room.is_empty());
    assert_eq!((room.bytes(), room.next_deadline()), (0, None));
    assert_eq!(room.ahead_secs(&caller(1, Priority::Low, 1.0)), 0.0);
}

#[test]
fn a_tenant_whose_waiters_leave_keeps_its_share() {
    let mut room = WaitingRoom::default();
    for n in 0..200 {
        let tenant = 1 + (n % 2) as u32;
        room.enter(Ticket(n), false, waiter(tenant, 0.1));
    }
    served(&mut room, 10);
    // Half of what one of them had waiting gives up, those who came first among them.
    (0..100).filter(|n| n % 2 == 1).for_each(|n| {
        room.leave(Ticket(n));
    });
    let order = served(&mut room, 20);
    assert_eq!(order.iter().filter(|tenant| **tenant == 2).count(), 10);
}

#[test]
fn the_front_is_in_the_order_of_turns() {
    let mut room = WaitingRoom::default();
    for n in 0..30 {
        let tenant = 1 + (n % 3) as u32;
        let cost = f64::from(tenant) * 0.1;
        room.enter(Ticket(n), false, waiter(tenant, cost));
    }
    let front = room.front(&look(Time::ZERO), 16, |_| false);
    assert_eq!(front.len(), 16);
    for position in front {
        assert_eq!(room.front(&look(Time::ZERO), 1, |_| false), [position]);
        room.serve(Time::ZERO, position);
    }
}

#[test]
fn what_lies_ahead_counts_those_whose_turn_comes_before() {
    let mut room = WaitingRoom::default();
    for n in 0..100 {
        room.enter(Ticket(n), false, waiter(1, 0.1));
    }
    let ahead =
        |room: &WaitingRoom<()>, tenant| room.ahead_secs(&caller(tenant, Priority::Normal, 1.0));
    assert!((ahead(&room, 1) - 10.0).abs() < 1e-6);
    assert_eq!(ahead(&room, 2), 0.0);
    for n in 100..120 {
        room.enter(Ticket(n), false, waiter(2, 0.1));
    }
    assert!((ahead(&room, 1) - 12.0).abs() < 1e-6);
    assert!((ahead(&room, 2) - 4.0).abs() < 1e-6);
}

#[test]
fn who_keeps_coming_is_counted_ahead_of_a_queue() {
    let mut room = WaitingRoom::default();
    for n in 0..1000 {
        room.enter(Ticket(n), false, waiter(1, 0.1));
    }
    // Another comes whenever the first was served, and never waits for long.
    for n in 1000..1100 {
        room.enter(Ticket(n), false, waiter(2, 0.1));
        let now = Time::ZERO.after_secs(0.2 * (n - 1000) as f64);
        for _ in 0..2 {
            let first = room.front(&look(now), 1, |_| false)[0];
            room.serve(now, first);
        }
    }
    let ahead = room.ahead_secs(&caller(1, Priority::Normal, 1.0));
    assert!((150.0..190.0).contains(&ahead), "{ahead}");
}

#[test]
fn what_lies_ahead_takes_as_long_as_such_took_lately_and_no_longer_than_it_should() {
    // What each costs of its scarcest dimension is served in so many seconds.
    for (pace, expected) in [(0.05, 5.0), (0.1, 10.0), (0.3, 10.0), (0.0, 2.0)] {
        let mut room = WaitingRoom::default();
        for n in 0..300 {
            room.enter(Ticket(n), false, waiter(1, 0.1));
        }
        let mut now = Time::ZERO;
        for _ in 0..200 {
            let first = room.front(&look(now), 1, |_| false)[0];
            room.serve(now, first);
            now = now.after_secs(pace);
        }
        let ahead = room.ahead_secs(&caller(1, Priority::Normal, 1.0));
        assert!((ahead / expected - 1.0).abs() < 0.02, "{pace}: {ahead}");
        // While nobody waits no time is counted.
        while let Some(first) = room.front(&look(now), 1, |_| false).first() {
            room.serve(now, *first);
        }
        now = now.after_secs(3_600.0);
        for n in 300..400 {
            room.enter(Ticket(n), false, waiter(1, 0.1));
        }
        let first = room.front(&look(now), 1, |_| false)[0];
        room.serve(now, first);
        let ahead = room.ahead_secs(&caller(1, Priority::Normal, 1.0));
        assert!(ahead <= expected, "{pace}: {ahead}");
    }
}
