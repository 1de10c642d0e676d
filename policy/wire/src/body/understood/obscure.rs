//! Why a request is not understood.

/// Why a request is not understood wholly. The message tells the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obscure {
    /// It makes a model work and does not show which.
    #[error("this request does not show which model it is for; name one in its JSON body")]
    Unseen,
    /// It is of no form that is known.
    #[error("requests with this method and path are not served to it")]
    Unknown,
    /// Its body is not plain JSON.
    #[error("the body must be JSON in UTF-8, not encoded, and its content-type application/json")]
    NotJson,
    /// A field of the body is not known, or stands there twice.
    #[error("{0}: this field is not known, or is given twice; leave it out")]
    Field(String),
    /// A header or a part of the query names a model.
    #[error("{0}: name the model in the request's JSON body only")]
    Elsewhere(String),
    /// What stands where a model is named is no name.
    #[error("model: must be the name of a model")]
    NoName,
    /// A tool that makes a model work, and does not say which.
    #[error("tools: a tool of this type may ask a model; name it in the tool, or leave it out")]
    Tool,
}

/// A longer field's name is not repeated.
const FIELD_BYTES_MAX: usize = 64;

/// As much of a name as a message repeats.
pub(super) fn short(name: &str) -> String {
    name.chars().take(FIELD_BYTES_MAX).collect()
}
