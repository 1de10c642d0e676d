//! Lists: of what lies on an account, page by page, and of a provider's models.

mod models;
mod page;
mod paging;

pub use self::models::{model_names, models_target};
pub use self::page::{Item, Page, PageForm, write};
pub use self::paging::Paging;
