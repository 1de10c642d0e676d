//! Lists of what lies on an account: a page of one, and which page a client asks for.

pub mod models;
mod page;
mod paging;

pub use self::page::{Item, Page, PageForm, write};
pub use self::paging::Paging;
