//! Lists: of what lies on an account, page by page, and of a provider's models.

pub mod models;
mod page;
mod paging;

pub use self::page::{Item, Page, PageForm, write};
pub use self::paging::Paging;
