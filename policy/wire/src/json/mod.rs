//! Looking into JSON without copying it.

mod reader;
mod text;

pub(crate) use self::reader::{Kind, Malformed, Problem, Reader};
pub(crate) use self::text::Text;
