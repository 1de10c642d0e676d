//! What the name of an event says by itself: whose event it is, and what it means.

/// What an event means for the stream as a whole; of several, the last of these holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meaning {
    /// The stream's opening, a ping, something unknown.
    #[default]
    Nothing,
    /// Part of the answer.
    Content,
    /// The answer is complete.
    Finished,
    /// The answer will not come.
    Error,
}

/// The family of events it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Family {
    #[default]
    Unknown,
    Anthropic,
    Chunks,
    Responses,
}

/// Nothing follows that belongs to the answer. (Chunks end with `[DONE]`, which is no event.)
pub(super) fn is_last(name: &[u8]) -> bool {
    matches!(
        name,
        b"message_stop"
            | b"response.completed"
            | b"response.incomplete"
            | b"response.cancelled"
            | b"response.failed"
            | b"error"
    )
}

/// What the name alone says.
pub(super) fn by_name(name: &[u8]) -> (Family, Meaning) {
    use Meaning::{Content, Error, Finished, Nothing};
    match name {
        b"content_block_delta" | b"content_block_stop" | b"message_delta" => {
            (Family::Anthropic, Content)
        }
        b"message_stop" => (Family::Anthropic, Finished),
        b"message_start" | b"content_block_start" | b"ping" | b"completion" => {
            (Family::Anthropic, Nothing)
        }
        b"error" => (Family::Unknown, Error),
        _ if name.starts_with(b"response.") => (Family::Responses, by_response_name(name)),
        // Streams of images, speech and transcripts.
        _ if name.ends_with(b".completed") || name.ends_with(b".done") => {
            (Family::Unknown, Finished)
        }
        _ if name.contains(&b'.') => (Family::Unknown, Content),
        _ => (Family::Unknown, Nothing),
    }
}

fn by_response_name(name: &[u8]) -> Meaning {
    match name {
        b"response.created"
        | b"response.queued"
        | b"response.in_progress"
        | b"response.output_item.added"
        | b"response.content_part.added"
        | b"response.reasoning_summary_part.added" => Meaning::Nothing,
        b"response.completed" | b"response.incomplete" | b"response.cancelled" => Meaning::Finished,
        b"response.failed" => Meaning::Error,
        _ => Meaning::Content,
    }
}
