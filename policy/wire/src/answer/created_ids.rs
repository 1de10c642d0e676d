//! Which things an answer says exist at the provider, so that later requests for them go to the
//! account that has them.

use memchr::memmem;

use crate::json::{Kind, Malformed, Reader};
use crate::reference::ID_BYTES_MAX;
use keyweir_terms::endpoint::Endpoint;

/// The most ids remembered of one answer (a page of a list).
const IDS_MAX: usize = 1_000;
/// How far back a repeated id is looked for.
const RECENT: usize = 16;

/// The ids in a JSON answer; of a malformed one, those read before it broke.
pub(crate) fn ids(endpoint: Endpoint, stored: bool, body: &[u8]) -> Vec<String> {
    let is_kept = match endpoint {
        Endpoint::Models | Endpoint::Probe | Endpoint::CountTokens => return Vec::new(),
        Endpoint::Inference => stored,
        Endpoint::Batches | Endpoint::Files | Endpoint::Other => true,
    };
    // Nearly all answers of models name nothing that stays, and need not be read for it.
    if !is_kept && memmem::find(body, b"\"container").is_none() {
        return Vec::new();
    }
    let mut found = Ids::default();
    let _malformed = found.object(&mut Reader::new(body), Place::Top);
    found.of(is_kept).cloned().collect()
}

/// Where in an answer an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the answer.
    Top,
    /// It is an item of the answer.
    Item,
}

/// The ids of one answer.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    /// Of the answer and its parts, which stay at the provider if the request asked for that.
    pub(crate) answers: Vec<String>,
    /// Of containers, which stay in any case.
    containers: Vec<String>,
}

impl Ids {
    /// Those of what stays at the provider, where the answer `is_kept` or not.
    pub(crate) fn of(&self, is_kept: bool) -> impl Iterator<Item = &String> {
        let answers = self.answers.iter().filter(move |_| is_kept);
        self.containers.iter().chain(answers)
    }

    /// Those of the object that comes next, and of what it contains.
    pub(crate) fn object(
        &mut self,
        reader: &mut Reader<'_>,
        place: Place,
    ) -> Result<(), Malformed> {
        let mut own = None;
        let mut is_kept = true;
        reader.object_or_skip(|name, reader| match name {
            b"id" => {
                own = reader.string_or_skip()?;
                Ok(())
            }
            b"type" | b"object" => {
                let kind = reader.string_or_skip()?;
                is_kept &= !kind.is_some_and(|kind| is_ephemeral(&kind.name(), place));
                Ok(())
            }
            b"output_file_id" | b"error_file_id" => self.add(reader),
            b"container" | b"container_id" => self.container(reader),
            b"data" | b"output" => reader.array_or_skip(|reader| self.object(reader, Place::Item)),
            _ => reader.skip().map(drop),
        })?;
        if let Some(id) = own.filter(|_| is_kept) {
            push(&mut self.answers, id.to_text());
        }
        Ok(())
    }

    /// A container: an object with an id, or the id itself.
    pub(crate) fn container(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if reader.peek()? == Kind::String {
            push(&mut self.containers, reader.string()?.to_text());
            return Ok(());
        }
        reader.object_or_skip(|name, reader| match name {
            b"id" => {
                if let Some(id) = reader.string_or_skip()? {
                    push(&mut self.containers, id.to_text());
                }
                Ok(())
            }
            _ => reader.skip().map(drop),
        })
    }

    /// The id that comes next.
    pub(crate) fn add(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if let Some(id) = reader.string_or_skip()? {
            push(&mut self.answers, id.to_text());
        }
        Ok(())
    }
}

fn push(ids: &mut Vec<String>, id: Option<String>) {
    let Some(id) = id.filter(|id| !id.is_empty() && id.len() <= ID_BYTES_MAX) else {
        return;
    };
    // A stream names an item when it begins and when it ends.
    let is_known = ids.iter().rev().take(RECENT).any(|known| *known == id);
    if !is_known && ids.len() < IDS_MAX {
        ids.push(id);
    }
}

/// Things whose ids nobody can ask for later. (A message that is the answer is Anthropic's and
/// gone; one that is an item of a response stays with it.)
fn is_ephemeral(kind: &[u8], place: Place) -> bool {
    match kind {
        b"model" | b"list" | b"embedding" | b"text_completion" | b"completion" => true,
        b"message" => place == Place::Top,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_created_or_listed() {
        use Endpoint::*;
        for (endpoint, body, expected) in [
            (
                Batches,
                r#"{"id":"msgbatch_1","type":"message_batch","results_url":null}"#,
                &["msgbatch_1"][..],
            ),
            (
                Batches,
                r#"{"id":"batch_1","object":"batch","input_file_id":"file-in","output_file_id":"file-out","error_file_id":null}"#,
                &["file-out", "batch_1"],
            ),
            (
                Files,
                r#"{"data":[{"id":"file_1","type":"file"},{"id":"file_2","type":"file"}],"has_more":false,"first_id":"file_1"}"#,
                &["file_1", "file_2"],
            ),
            (
                Inference,
                r#"{"id":"resp_1","object":"response","output":[{"id":"rs_1","type":"reasoning"},{"id":"msg_1","type":"message","content":[{"type":"output_text"}]}]}"#,
                &["rs_1", "msg_1", "resp_1"],
            ),
            (
                Inference,
                r#"{"id":"chatcmpl-1","object":"chat.completion","choices":[]}"#,
                &["chatcmpl-1"],
            ),
            (
                Inference,
                r#"{"object":"list","data":[{"object":"embedding","index":0}]}"#,
                &[],
            ),
            (
                Models,
                r#"{"data":[{"id":"claude-opus-4-1","type":"model"}]}"#,
                &[],
            ),
            (Other, r#"{"id":"vs_1","object":"vector_store"}"#, &["vs_1"]),
            (Other, r#"{"id":7,"object":"vector_store"}"#, &[]),
            (Other, "", &[]),
            (Other, "<html>", &[]),
        ] {
            assert_eq!(ids(endpoint, true, body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn a_message_is_not_kept_but_its_container_is() {
        let body = r#"{"id":"msg_1","type":"message","role":"assistant","content":[],
                       "container":{"id":"container_1","expires_at":"2026-11-22T00:00:00Z"}}"#;
        for stored in [false, true] {
            let found = ids(Endpoint::Inference, stored, body.as_bytes());
            assert_eq!(found, ["container_1"]);
        }
    }

    #[test]
    fn of_an_answer_that_is_not_stored_only_containers_are_kept() {
        let body = r#"{"id":"resp_1","object":"response","output":[
            {"id":"ci_1","type":"code_interpreter_call","container_id":"cntr_1"}]}"#;
        let found = |stored| ids(Endpoint::Inference, stored, body.as_bytes());
        assert_eq!(found(false), ["cntr_1"]);
        assert_eq!(found(true), ["cntr_1", "ci_1", "resp_1"]);
    }
}
