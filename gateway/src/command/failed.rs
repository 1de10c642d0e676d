//! Why a command failed.

/// Why a command failed.
pub enum Failed {
    /// It has said so itself.
    Said,
    /// It has said what there is to say, and ends with this status.
    With(u8),
    /// This is to be said.
    Because(String),
}

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Because(error.to_string())
    }
}
