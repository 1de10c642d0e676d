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

/// As a shell has it of a program that SIGPIPE ended.
const READER_GONE: u8 = 141;

impl<E: std::error::Error + 'static> From<E> for Failed {
    fn from(error: E) -> Self {
        let of_output = (&error as &dyn std::error::Error).downcast_ref::<std::io::Error>();
        match of_output.map(std::io::Error::kind) {
            // Whoever read it, `head` say, has read enough.
            Some(std::io::ErrorKind::BrokenPipe) => Self::With(READER_GONE),
            _ => Self::Because(error.to_string()),
        }
    }
}
