//! Worlds drawn at random: weather that nobody chose. Each follows from a seed; a run of many says in
//! how many the policy keeps up with the all-knowing scheduler, and which is the worst, made as small
//! as it can be without becoming better.

mod build;
mod draw;
mod judge;
mod kind;
mod named;
mod recipe;
mod shrink;
mod survey;

pub use build::build;
pub use draw::draw;
pub use judge::{Verdict, judge, judge_declared, judge_in_words, judge_seeing};
pub use kind::{Kind, Telling};
pub use named::named;
pub use recipe::{AccountRecipe, Mix, Recipe, Tail};
pub use shrink::shrink;
pub use survey::{Survey, survey};
