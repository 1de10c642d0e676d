//! What a tenant may do.
//!
//! Each question has a file, in the order in which they are asked of a request:
//!
//! 1. [`validity`]: may it call at all, now that it has said who it is?
//! 2. [`permission`]: may it use the models that the request names?
//! 3. [`sharing`]: may it see what others made?
//!
//! What is to come has its place here too, as files beside these. `limits` (requests and tokens in a
//! time) and `budgets` (money in a month) are asked third, when a request's size is known and before
//! its plan begins, since what a tenant may not spend must not take a place in a waiting room; they
//! are told what the provider charged when the record of the request ends. `prices` (what a model's
//! tokens cost) turns the one into the other. All of them count by
//! [`TenantId`](keyweir_terms::ids::TenantId), which a tenant keeps over reloads, and get `now` as an
//! argument.

pub mod permission;
pub mod sharing;
pub mod validity;
