//! Branch and bound over the tree of bounds.

use keyweir_quota::budget::Charge;
use keyweir_terms::ids::AccountId;
use keyweir_terms::table::Id as _;

use super::bounds::{Bounds, TOLERANCE};

/// Nodes looked at before the best so far is good enough: all there are in a tree of 32 accounts,
/// and what keeps a choice among 10,000 below the 5 µs that the measurement of choices holds it to.
pub(super) const NODES_MAX: u32 = 64;

/// A complete binary tree of bounds: node `i` has children `2i` and `2i + 1`; leaves start at
/// `width`.
#[derive(Clone, Copy)]
pub(super) struct Tree<'a> {
    pub(super) nodes: &'a [Bounds],
    pub(super) width: usize,
}

/// A question to the tree.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) secs: f64,
    pub(super) charge: &'a Charge,
    /// Settles ties.
    pub(super) draw: u64,
}

/// An account that fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Which.
    pub account: AccountId,
    /// The share of its scarcest bucket that stays free.
    pub headroom: f64,
}

/// The best of the `allowed` accounts.
pub(super) fn best(
    tree: Tree<'_>,
    question: Question<'_>,
    allowed: impl Fn(AccountId) -> bool,
) -> Option<Choice> {
    let mut search = Search {
        tree,
        question,
        allowed,
        best: f64::NEG_INFINITY,
        choice: None,
        nodes: 1,
    };
    search.descend(1, search.promise(1));
    search.choice
}

/// The best of `accounts`.
pub(super) fn best_among(
    tree: Tree<'_>,
    question: Question<'_>,
    accounts: impl Iterator<Item = AccountId>,
) -> Option<Choice> {
    let mut search = Search {
        tree,
        question,
        allowed: |_| true,
        best: f64::NEG_INFINITY,
        choice: None,
        nodes: 1,
    };
    for account in accounts {
        let leaf = tree.width + account.index();
        let promise = (leaf < tree.nodes.len()).then(|| search.promise(leaf));
        if let Some(promise) = promise.filter(|promise| promise.score > search.best) {
            search.visit(account, promise);
        }
    }
    search.choice
}

/// The `allowed` account that the charge will fit first, and at how many seconds.
pub(super) fn earliest(
    tree: Tree<'_>,
    question: Question<'_>,
    allowed: impl Fn(AccountId) -> bool,
) -> Option<(AccountId, f64)> {
    let fits_at = |node: usize| tree.nodes[node].fits_at(question.secs, question.charge);
    let mut found: Option<(AccountId, f64)> = None;
    let mut stack = [0usize; 2 * usize::BITS as usize];
    let mut depth = 1;
    let mut nodes = 0;
    stack[0] = 1;
    while depth > 0 && (found.is_none() || nodes < NODES_MAX) {
        depth -= 1;
        nodes += 1;
        let at = stack[depth];
        let fits = fits_at(at);
        let no_better = found.is_some_and(|(_, earliest)| fits >= earliest);
        if !tree.nodes[at].open || !fits.is_finite() || no_better {
            continue;
        }
        if at >= tree.width {
            let account = AccountId::from_index(at - tree.width);
            if allowed(account) {
                found = Some((account, fits));
            }
            continue;
        }
        let (left, right) = (2 * at, 2 * at + 1);
        // The half on top of the stack is looked at first.
        (stack[depth], stack[depth + 1]) = if fits_at(left) <= fits_at(right) {
            (right, left)
        } else {
            (left, right)
        };
        depth += 2;
    }
    found
}

struct Search<'a, F> {
    tree: Tree<'a>,
    question: Question<'a>,
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

impl<F: Fn(AccountId) -> bool> Search<'_, F> {
    fn descend(&mut self, at: usize, promise: Promise) {
        if promise.score <= self.best || (self.choice.is_some() && self.nodes >= NODES_MAX) {
            return;
        }
        if at >= self.tree.width {
            self.visit(AccountId::from_index(at - self.tree.width), promise);
            return;
        }
        self.nodes += 2;
        let (left, right) = (2 * at, 2 * at + 1);
        let (of_left, of_right) = (self.promise(left), self.promise(right));
        let left_first = if of_left.score == of_right.score {
            (self.question.draw >> (at.ilog2() % u64::BITS)) & 1 == 0
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

    /// The most a node can offer; nothing if the charge does not fit.
    fn promise(&self, at: usize) -> Promise {
        let node = &self.tree.nodes[at];
        let left = node.left(self.question.secs, self.question.charge);
        let headroom = left.headroom;
        let score = if node.open && headroom >= -TOLERANCE {
            -left.full_in_secs - node.load
        } else {
            f64::NEG_INFINITY
        };
        Promise { headroom, score }
    }

    fn visit(&mut self, account: AccountId, promise: Promise) {
        if (self.allowed)(account) {
            self.best = promise.score;
            self.choice = Some(Choice {
                account,
                headroom: promise.headroom,
            });
        }
    }
}
