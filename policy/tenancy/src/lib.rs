//! What a tenant may do. Limits, budgets and prices will stand here.

pub mod permission;
