//! Which requests follow up on which things.

use keyweir_policy::exchange::seek::Holder;

use crate::beyond::FollowUps;
use crate::scenario::Scenario;
use crate::site::Site;

/// What the draws of follow-ups begin with.
const FOLLOWING: u64 = 0xf0110;

/// A thing that one account has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thing {
    pub(crate) holder: Holder,
    /// The gateways know who has it.
    pub(crate) is_remembered: bool,
}

/// What a request follows up on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FollowUp {
    /// What it names.
    pub(crate) thing: usize,
    /// Who has it; `None`: there is no such thing.
    pub(crate) holder: Option<Holder>,
}

/// All things, and what each of so many requests follows up on.
pub(crate) struct Drawn {
    pub(crate) things: Vec<Thing>,
    pub(crate) follow_ups: Vec<Option<FollowUp>>,
}

impl FollowUp {
    /// The id that the request names.
    pub(crate) fn id(self) -> String {
        format!("thing-{}", self.thing)
    }
}

/// Every account of every provider, in the order in which they are asked.
pub(crate) fn holders(scenario: &Scenario) -> Vec<Holder> {
    let of_site = |site: Site<'_>| site.account_ids().map(move |account| (site.id, account));
    Site::all(scenario).into_iter().flat_map(of_site).collect()
}

/// Draws what `requests` requests follow up on.
pub(crate) fn draw(scenario: &Scenario, requests: usize) -> Drawn {
    let Some(world) = scenario.beyond.follow_ups else {
        return Drawn {
            things: Vec::new(),
            follow_ups: vec![None; requests],
        };
    };
    let mut draws = fastrand::Rng::with_seed(scenario.seed ^ FOLLOWING);
    let holders = holders(scenario);
    let things: Vec<Thing> = (0..world.things)
        .map(|_| Thing {
            holder: holders[draws.usize(..holders.len())],
            is_remembered: draws.f64() >= world.forgotten,
        })
        .collect();
    let mut one = |_| follow_up(&world, &things, &mut draws);
    let follow_ups = (0..requests).map(&mut one).collect();
    Drawn { things, follow_ups }
}

fn follow_up(world: &FollowUps, things: &[Thing], draws: &mut fastrand::Rng) -> Option<FollowUp> {
    if draws.f64() >= world.share {
        return None;
    }
    if draws.f64() < world.absent {
        // Ids that nothing has.
        let thing = things.len() + draws.usize(..things.len());
        return Some(FollowUp {
            thing,
            holder: None,
        });
    }
    let thing = draws.usize(..things.len());
    Some(FollowUp {
        thing,
        holder: Some(things[thing].holder),
    })
}
