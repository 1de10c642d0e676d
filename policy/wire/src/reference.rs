//! What names a thing that only the account that made it knows, or can read.
//!
//! | Thing | Named in answers by | In later bodies by | In paths by |
//! |---|---|---|---|
//! | file, batch, container, stored response | its id | its id | its id |
//! | Gemini's file, cached content, operation | `name` (`files/abc`), `uri` | `fileUri`, `cachedContent` | its last segment |
//! | sealed reasoning (`encrypted_content`) | itself | itself | |
//!
//! Ids are remembered as they are; of a name or an address, its last segment. What is sealed has no
//! id that the provider would look up: it is recognized by a fingerprint of its beginning, which has
//! the moment and the nonce of its making in it.

use keyweir_terms::fingerprint::Fingerprint;

/// The most references remembered of one request.
pub const REFERENCES_MAX: usize = 64;
/// A longer id is no provider's.
pub(crate) const ID_BYTES_MAX: usize = 256;

/// Whether a name is of sealed content, which whoever has it may quote: it names nothing that
/// others could be kept from.
pub fn is_sealed(name: &str) -> bool {
    name.starts_with("sealed#")
}

/// How the ids of answers begin, and of their items: OpenAI's and of those who do as it does.
const OF_ANSWERS: [&str; 16] = [
    "audio_",
    "chatcmpl-",
    "ci_",
    "cmp_",
    "ctc_",
    "cu_",
    "fc_",
    "fs_",
    "ig_",
    "mcp",
    "msg_",
    "resp_",
    "rs_",
    "sh_",
    "tsc_",
    "ws_",
];

/// Whether a name is of an answer that is stored, or of an item of one. Of these there are many, and few
/// are asked for again; what was made by itself (a file, a batch) was made to last.
pub fn is_of_an_answer(id: &str) -> bool {
    OF_ANSWERS.iter().any(|kind| id.starts_with(kind))
}

/// So much of what is sealed tells it from all else.
const SEALED_BYTES: usize = 512;

/// Collections of Google's, whose members are named by path, and which their lists are named by.
const COLLECTIONS: [&str; 8] = [
    "files",
    "cachedContents",
    "batches",
    "operations",
    "tunedModels",
    "corpora",
    "fileSearchStores",
    "documents",
];

/// The collection of this name, as it stands in JSON.
pub(crate) fn collection(name: &[u8]) -> Option<&'static str> {
    let mut known = COLLECTIONS.into_iter();
    known.find(|known| known.as_bytes() == name)
}

/// The name that sealed content is remembered by. `raw` as it stands in JSON: some encoders escape
/// slashes and some do not. `None` if it is empty.
pub(crate) fn of_sealed(raw: &[u8]) -> Option<String> {
    let beginning: Vec<u8> = raw
        .iter()
        .copied()
        .filter(|byte| *byte != b'\\')
        .take(SEALED_BYTES)
        .collect();
    if beginning.is_empty() {
        return None;
    }
    let mut fingerprint = Fingerprint::default();
    fingerprint.mix(&beginning);
    // `#` is in no provider's id.
    fingerprint
        .finish()
        .map(|hash| format!("sealed#{hash:016x}"))
}

/// The last segment of `files/abc`, or of the address of a file; `None` of anything else (a
/// bucket's address, a video's).
pub(crate) fn of_name(name: &str) -> Option<&str> {
    let path = name.split(['?', '#']).next().unwrap_or(name);
    let mut segments = path.rsplit('/');
    let (id, collection) = (segments.next()?, segments.next()?);
    let is_elsewhere = path.starts_with("gs:");
    (!id.is_empty() && !is_elsewhere && COLLECTIONS.contains(&collection)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_by_its_last_segment() {
        for (name, id) in [
            ("files/abc", Some("abc")),
            (
                "https://generativelanguage.googleapis.com/v1beta/files/abc",
                Some("abc"),
            ),
            (
                "https://gateway.example/gem/v1beta/files/abc?alt=media",
                Some("abc"),
            ),
            ("cachedContents/x1", Some("x1")),
            ("batches/123", Some("123")),
            ("models/veo-3/operations/op1", Some("op1")),
            ("gs://bucket/files/abc", None),
            ("https://www.youtube.com/watch?v=files/abc", None),
            ("files/", None),
            ("abc", None),
            ("models/gemini-pro", None),
            ("", None),
        ] {
            assert_eq!(of_name(name), id, "{name}");
        }
    }

    #[test]
    fn what_is_sealed_is_known_by_its_beginning() {
        let one = of_sealed(b"gAAAA-one/x");
        assert_eq!(one, of_sealed(br"gAAAA-one\/x"));
        assert_ne!(one, of_sealed(b"gAAAA-two/x"));
        assert_eq!(of_sealed(b""), None);
        let long = |last: u8| of_sealed(&[&[b'A'; 600][..], &[last]].concat());
        assert_eq!(long(b'a'), long(b'b'));
    }
}
