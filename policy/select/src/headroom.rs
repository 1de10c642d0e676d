//! Which account has the most room: of those that the request fits, the one that is full again
//! soonest after it, where an account is full when its scarcest dimension is.
//!
//! Why the soonest: refill that overflows is capacity lost for ever, and that bucket is the nearest
//! to overflowing. Where all buckets save up equally many seconds of refill this is the largest
//! free share. Where they do not (a small account's bucket holds a single request, which may be
//! many seconds'), the share misleads: it spends the deep buckets first, while the shallow ones
//! overflow.
//!
//! Rooms grow with time, each at its own pace, so no order of accounts stays true. But each grows
//! along a straight line, and a line is cheap to bound: a tournament tree keeps, per inner node and
//! dimension, the highest start, the steepest slope and the largest burst below it. The best leaf
//! is found by descending into the more promising half first and leaving out every half whose
//! bound is no better than what was found. Rejected: a scan (50 µs at 10,000 accounts), sorting
//! (never true for long), and sampling a few (misses the one account that fits).
//!
//! Ties go to the account with the fewest requests in flight, then to a draw.
//!
//! Where the scarcest dimension differs from account to account the bounds are loose, and a proof
//! that nothing is better would take most of the tree. So the search is exact in small pools and
//! ends, once it has found something, after [`NODES_MAX`] nodes in large ones: it then has the best
//! of the most promising, which differs from the best by less than the next request changes. It
//! never says that nothing fits where something does.
//!
//! Cost: an update touches one leaf and its ancestors, a search a few dozen nodes. Neither
//! allocates.

use keyweir_quota::budget::{Charge, Line};
use keyweir_terms::amount::Dimension;
use keyweir_terms::time::Time;

/// Nodes looked at before the best so far is good enough. All there are in a tree of 32 accounts.
pub const NODES_MAX: u32 = 64;
/// Rounding allowed when a request needs exactly a full bucket.
const TOLERANCE: f64 = 1e-6;
/// Keeps what is never refilled from being divided by zero.
const SLOPE_LEAST: f64 = 1e-9;
/// Seconds that one request in flight weighs: it only breaks ties.
const LOAD_KNOWN: f64 = 1e-6;
/// Requests in flight at which an account without known limits counts as half spent …
const LOAD_UNKNOWN_HALF: f64 = 64.0;
/// … and seconds of refill that it counts as holding.
const UNKNOWN_SECS: f64 = 3.0;
/// The largest share of a bucket that pending output has to find; see [`keyweir_quota::budget`].
const PENDING_SHARE_MAX: f64 = 0.5;

/// Accounts of one group, searchable by room.
#[derive(Debug)]
pub struct HeadroomIndex {
    /// A complete binary tree: node `i` has children `2i` and `2i + 1`; leaves start at `width`.
    nodes: Vec<Node>,
    width: usize,
}

/// What is left of a leaf's buckets after a request.
#[derive(Clone, Copy, Debug)]
struct Room {
    /// Of the scarcest, the share that is free.
    headroom: f64,
    /// Until the last of them is full again.
    full_in_secs: f64,
}

/// A leaf's buckets, or the most that any leaf below can have.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Share that would be free at time zero, were the line drawn back to it.
    start: [f64; Dimension::COUNT],
    slope: [f64; Dimension::COUNT],
    /// Seconds in which all of it flows in: one over the slope.
    fill_secs: [f64; Dimension::COUNT],
    scale: [f64; Dimension::COUNT],
    load: f64,
    open: bool,
}

impl Node {
    const CLOSED: Self = Self {
        start: [f64::NEG_INFINITY; Dimension::COUNT],
        slope: [0.0; Dimension::COUNT],
        fill_secs: [f64::INFINITY; Dimension::COUNT],
        scale: [f64::INFINITY; Dimension::COUNT],
        load: f64::INFINITY,
        open: false,
    };

    /// The bound over two nodes.
    fn over(left: &Self, right: &Self) -> Self {
        match (left.open, right.open) {
            (false, false) => Self::CLOSED,
            (true, false) => *left,
            (false, true) => *right,
            (true, true) => Self {
                start: std::array::from_fn(|d| left.start[d].max(right.start[d])),
                slope: std::array::from_fn(|d| left.slope[d].max(right.slope[d])),
                fill_secs: std::array::from_fn(|d| left.fill_secs[d].min(right.fill_secs[d])),
                scale: std::array::from_fn(|d| left.scale[d].min(right.scale[d])),
                load: left.load.min(right.load),
                open: true,
            },
        }
    }

    /// The room after `charge` at `secs`; for an inner node, no leaf below has more.
    fn room(&self, secs: f64, charge: &Charge) -> Room {
        let left: [f64; Dimension::COUNT] = std::array::from_fn(|d| {
            let share = lesser(self.start[d] + self.slope[d] * secs, 1.0);
            share - required_share(charge, d, self.scale[d])
        });
        // Negative, so that more is better; a dimension that holds nothing back lacks nothing.
        let lacking: [f64; Dimension::COUNT] =
            std::array::from_fn(|d| (left[d] - 1.0) * self.fill_secs[d]);
        Room {
            headroom: least(left),
            full_in_secs: -least(lacking),
        }
    }

    /// When `charge` will fit; for an inner node, it fits no leaf below earlier.
    fn fits_at(&self, secs: f64, charge: &Charge) -> f64 {
        let mut latest = secs;
        for d in 0..Dimension::COUNT {
            // Half the tolerance: at the moment this names, the other half is left for rounding.
            let lacking = required_share(charge, d, self.scale[d])
                - TOLERANCE / 2.0
                - (self.start[d] + self.slope[d] * secs);
            if lacking > 0.0 {
                latest = latest.max(secs + lacking / self.slope[d]);
            }
        }
        latest
    }
}

/// The share that `charge` has to find free; never more than all of it, since a full bucket is the
/// most there will be.
fn required_share(charge: &Charge, dimension: usize, scale: f64) -> f64 {
    let pending = lesser(charge.pending[dimension] * scale, PENDING_SHARE_MAX);
    lesser(charge.prompt[dimension] * scale + pending, 1.0)
}

fn least(of: [f64; Dimension::COUNT]) -> f64 {
    lesser(lesser(of[0], of[1]), lesser(of[2], of[3]))
}

/// `f64::min` for numbers that are never NaN: one instruction, and it vectorizes.
fn lesser(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// An account that fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Its position.
    pub index: usize,
    /// The share of its scarcest bucket that stays free.
    pub headroom: f64,
}

impl HeadroomIndex {
    /// Room for `accounts` accounts, all closed.
    pub fn new(accounts: usize) -> Self {
        let width = accounts.next_power_of_two().max(1);
        Self {
            nodes: vec![Node::CLOSED; 2 * width],
            width,
        }
    }

    /// Sets the room of the account at `index`; `None` closes it.
    pub fn set(&mut self, index: usize, now: Time, room: Option<(&[Line; Dimension::COUNT], u32)>) {
        let secs = now.as_secs_f64();
        let mut at = self.width + index;
        self.nodes[at] = match room {
            None if !self.nodes[at].open => return,
            None => Node::CLOSED,
            Some((lines, in_flight)) => Node {
                start: lines.map(|line| line.free - line.slope * secs),
                slope: lines.map(|line| line.slope),
                fill_secs: lines.map(|line| 1.0 / (line.slope + SLOPE_LEAST)),
                scale: lines.map(|line| line.scale),
                load: load(lines, f64::from(in_flight)),
                open: true,
            },
        };
        while at > 1 {
            at /= 2;
            self.nodes[at] = Node::over(&self.nodes[2 * at], &self.nodes[2 * at + 1]);
        }
    }

    /// The headroom of one account, if it is open and `charge` fits.
    pub fn headroom(&self, index: usize, now: Time, charge: &Charge) -> Option<f64> {
        let leaf = &self.nodes[self.width + index];
        let headroom = leaf.room(now.as_secs_f64(), charge).headroom;
        (leaf.open && headroom >= -TOLERANCE).then_some(headroom)
    }

    /// The account with the most room among those that fit and are `allowed`.
    pub fn best(
        &self,
        now: Time,
        charge: &Charge,
        draw: u64,
        allowed: impl Fn(usize) -> bool,
    ) -> Option<Choice> {
        let mut search = Search {
            tree: self,
            secs: now.as_secs_f64(),
            charge,
            draw,
            allowed,
            best: f64::NEG_INFINITY,
            choice: None,
            nodes: 1,
        };
        search.descend(1, search.promise(1));
        search.choice
    }

    /// The `allowed` account that `charge` will fit first, and when (in a large pool: one of the
    /// first); `None` if none ever will.
    pub fn earliest(
        &self,
        now: Time,
        charge: &Charge,
        allowed: impl Fn(usize) -> bool,
    ) -> Option<(usize, Time)> {
        let secs = now.as_secs_f64();
        let mut found: Option<(usize, f64)> = None;
        let mut stack = [0usize; 2 * usize::BITS as usize];
        let mut depth = 1;
        let mut nodes = 0;
        stack[0] = 1;
        while depth > 0 && (found.is_none() || nodes < NODES_MAX) {
            depth -= 1;
            nodes += 1;
            let at = stack[depth];
            let node = &self.nodes[at];
            let fits_at = node.fits_at(secs, charge);
            let no_better = found.is_some_and(|(_, earliest)| fits_at >= earliest);
            if !node.open || !fits_at.is_finite() || no_better {
                continue;
            }
            if at >= self.width {
                if allowed(at - self.width) {
                    found = Some((at - self.width, fits_at));
                }
                continue;
            }
            let (left, right) = (2 * at, 2 * at + 1);
            let left_first =
                self.nodes[left].fits_at(secs, charge) <= self.nodes[right].fits_at(secs, charge);
            // The half on top of the stack is looked at first.
            (stack[depth], stack[depth + 1]) = if left_first {
                (right, left)
            } else {
                (left, right)
            };
            depth += 2;
        }
        found.map(|(index, at)| (index, now.after_secs(at - secs)))
    }
}

fn load(lines: &[Line; Dimension::COUNT], in_flight: f64) -> f64 {
    if lines.iter().all(|line| line.scale == 0.0) {
        UNKNOWN_SECS * in_flight / (in_flight + LOAD_UNKNOWN_HALF)
    } else {
        in_flight * LOAD_KNOWN
    }
}

struct Search<'a, F> {
    tree: &'a HeadroomIndex,
    secs: f64,
    charge: &'a Charge,
    draw: u64,
    allowed: F,
    best: f64,
    choice: Option<Choice>,
    nodes: u32,
}

/// What a node can offer at most: headroom, and what it is preferred by.
#[derive(Clone, Copy)]
struct Promise {
    headroom: f64,
    score: f64,
}

impl<F: Fn(usize) -> bool> Search<'_, F> {
    fn descend(&mut self, at: usize, promise: Promise) {
        if promise.score <= self.best || (self.choice.is_some() && self.nodes >= NODES_MAX) {
            return;
        }
        if at >= self.tree.width {
            self.visit(at - self.tree.width, promise);
            return;
        }
        self.nodes += 2;
        let (left, right) = (2 * at, 2 * at + 1);
        let (of_left, of_right) = (self.promise(left), self.promise(right));
        let left_first = if of_left.score == of_right.score {
            (self.draw >> (at.ilog2() % u64::BITS)) & 1 == 0
        } else {
            of_left.score > of_right.score
        };
        if left_first {
            self.descend(left, of_left);
            self.descend(right, of_right);
        } else {
            self.descend(right, of_right);
            self.descend(left, of_left);
        }
    }

    /// The most a node can offer; nothing if what it has does not fit.
    fn promise(&self, at: usize) -> Promise {
        let node = &self.tree.nodes[at];
        let room = node.room(self.secs, self.charge);
        let headroom = room.headroom;
        let score = if node.open && headroom >= -TOLERANCE {
            -room.full_in_secs - node.load
        } else {
            f64::NEG_INFINITY
        };
        Promise { headroom, score }
    }

    fn visit(&mut self, index: usize, promise: Promise) {
        if (self.allowed)(index) {
            self.best = promise.score;
            self.choice = Some(Choice {
                index,
                headroom: promise.headroom,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(input: f64) -> Charge {
        let mut charge = Charge::default();
        charge.prompt[Dimension::Requests.index()] = 1.0;
        charge.prompt[Dimension::InputTokens.index()] = input;
        charge
    }

    fn lines(free: f64, slope: f64, burst: f64) -> [Line; Dimension::COUNT] {
        let mut lines = [Line::OPEN; Dimension::COUNT];
        lines[Dimension::InputTokens.index()] = Line {
            free: free / burst,
            slope: slope / burst,
            scale: 1.0 / burst,
        };
        lines
    }

    /// The rule, written as a scan: in how long the best account is full.
    fn scan(rooms: &[[Line; Dimension::COUNT]], secs: f64, charge: &Charge) -> Option<f64> {
        let left = |lines: &[Line; Dimension::COUNT], d: usize| {
            (lines[d].free + lines[d].slope * secs).min(1.0)
                - required_share(charge, d, lines[d].scale)
        };
        let full_in = |lines: &[Line; Dimension::COUNT]| {
            (0..Dimension::COUNT)
                .map(|d| (1.0 - left(lines, d)) / (lines[d].slope + SLOPE_LEAST))
                .fold(0.0, f64::max)
        };
        rooms
            .iter()
            .filter(|lines| (0..Dimension::COUNT).all(|d| left(lines, d) >= -TOLERANCE))
            .map(full_in)
            .min_by(f64::total_cmp)
    }

    proptest::proptest! {
        #[test]
        fn the_tree_finds_what_a_scan_finds(
            rooms in proptest::collection::vec((0.0..100.0, 0.0..20.0, 50.0..200.0f64), 1..=32),
            secs in 0.0..20.0f64,
            input in 0.0..150.0f64,
            draw: u64,
        ) {
            let rooms: Vec<_> = rooms.iter().map(|&(free, slope, burst)| lines(free, slope, burst)).collect();
            let mut tree = HeadroomIndex::new(rooms.len());
            for (index, lines) in rooms.iter().enumerate() {
                tree.set(index, Time::ZERO, Some((lines, 0)));
            }
            let now = Time::ZERO.after_secs(secs);
            let found = tree.best(now, &charge(input), draw, |_| true);
            let expected = scan(&rooms, now.as_secs_f64(), &charge(input));
            match (found, expected) {
                (None, None) => {}
                (Some(found), Some(expected)) => {
                    let room = tree.nodes[tree.width + found.index].room(secs, &charge(input));
                    proptest::prop_assert!((room.full_in_secs - expected).abs() <= 1e-6 * (1.0 + expected));
                }
                other => proptest::prop_assert!(false, "{other:?}"),
            }
        }

        #[test]
        fn refused_until_t_means_accepted_at_t(
            rooms in proptest::collection::vec((-50.0..100.0, 0.1..20.0, 50.0..200.0f64), 1..=32),
            input in 0.0..300.0f64,
            pending in 0.0..300.0f64,
        ) {
            // Some buckets hold input and output in one: together they may be more than it holds.
            let mut charge = charge(input);
            charge.pending[Dimension::InputTokens.index()] = pending;
            let mut tree = HeadroomIndex::new(rooms.len());
            for (index, &(free, slope, burst)) in rooms.iter().enumerate() {
                tree.set(index, Time::ZERO, Some((&lines(free, slope, burst), 0)));
            }
            let (_, at) = tree.earliest(Time::ZERO, &charge, |_| true).unwrap();
            proptest::prop_assert!(tree.best(at, &charge, 0, |_| true).is_some());
            if at > Time::from_micros(1000) {
                let before = Time::from_micros(at.as_micros() - 1000);
                let fits = tree.best(before, &charge, 0, |_| true);
                proptest::prop_assert!(fits.is_none_or(|choice| choice.headroom < 1e-3));
            }
        }
    }

    #[test]
    fn a_shallow_bucket_that_would_overflow_goes_before_a_deep_one() {
        let mut tree = HeadroomIndex::new(2);
        tree.set(0, Time::ZERO, Some((&lines(60.0, 1.0, 60.0), 0)));
        tree.set(1, Time::ZERO, Some((&lines(1.0, 1.0, 1.0), 0)));
        let best = |tree: &HeadroomIndex| tree.best(Time::ZERO, &charge(1.0), 0, |_| true);
        // Both would be full again in a second; the tie goes to the fewest in flight.
        tree.set(0, Time::ZERO, Some((&lines(60.0, 1.0, 60.0), 1)));
        assert_eq!(best(&tree).unwrap().index, 1);
        tree.set(1, Time::ZERO, Some((&lines(0.0, 1.0, 1.0), 0)));
        assert_eq!(best(&tree).unwrap().index, 0);
        // What was taken from the deep one makes room for a second's worth in the shallow one.
        tree.set(0, Time::ZERO, Some((&lines(58.0, 1.0, 60.0), 0)));
        tree.set(1, Time::ZERO, Some((&lines(1.0, 1.0, 1.0), 0)));
        assert_eq!(best(&tree).unwrap().index, 1);
    }

    #[test]
    fn a_closed_account_is_never_chosen() {
        let mut tree = HeadroomIndex::new(3);
        for index in 0..3 {
            tree.set(index, Time::ZERO, Some((&lines(90.0, 1.0, 100.0), 0)));
        }
        tree.set(0, Time::ZERO, None);
        tree.set(2, Time::ZERO, None);
        for draw in 0..16 {
            assert_eq!(
                tree.best(Time::ZERO, &charge(1.0), draw, |_| true)
                    .map(|c| c.index),
                Some(1)
            );
        }
        tree.set(1, Time::ZERO, None);
        assert_eq!(tree.best(Time::ZERO, &charge(1.0), 0, |_| true), None);
        assert_eq!(tree.earliest(Time::ZERO, &charge(1.0), |_| true), None);
    }

    #[test]
    fn ties_go_to_the_fewest_in_flight_then_to_the_draw() {
        let mut tree = HeadroomIndex::new(8);
        for index in 0..8 {
            let in_flight = if index == 5 { 0 } else { 1 };
            tree.set(
                index,
                Time::ZERO,
                Some((&lines(90.0, 1.0, 100.0), in_flight)),
            );
        }
        assert_eq!(
            tree.best(Time::ZERO, &charge(1.0), 0, |_| true)
                .unwrap()
                .index,
            5
        );
        tree.set(5, Time::ZERO, Some((&lines(90.0, 1.0, 100.0), 1)));
        let drawn: std::collections::HashSet<_> = (0..8)
            .map(|draw| {
                tree.best(Time::ZERO, &charge(1.0), draw, |_| true)
                    .unwrap()
                    .index
            })
            .collect();
        assert_eq!(drawn.len(), 8);
    }
}
