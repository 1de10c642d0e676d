//! When a limit or a budget has room for a request.

use std::time::Duration;

use crate::period::Wall;

/// Whether there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Now, or in so long.
    In(Duration),
    /// In so long, or as soon as others have ended.
    InOrWhenOthersEnd(Duration),
    /// Not while others run; when they end nobody knows.
    WhenOthersEnd,
    /// From this moment on.
    From(Wall),
    /// Never: it asks for more than there can be.
    Never,
}
