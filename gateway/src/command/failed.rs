//! Why a command failed.

/// Why a command failed.
pub enum Failed {
    /// It has said so itself.
    Said,
    /// This is to be said.
    Because(String),
}

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Because(error.to_string())
    }
}
