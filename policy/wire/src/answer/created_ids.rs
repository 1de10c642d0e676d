//! Which things an answer says exist at the provider, so that later requests for them go to the
//! account that has them.

use std::sync::LazyLock;

use aho_corasick::packed::Searcher;

use crate::json::{Kind, Malformed, Reader};
use crate::reference::{self, ID_BYTES_MAX};
use keyweir_terms::endpoint::Endpoint;

/// The most ids remembered of one answer (a page of a list).
const IDS_MAX: usize = 1_000;
/// What is in answers that name what lasts whether or not they are stored.
const LASTING: [&str; 3] = ["\"container", "\"encrypted_content", "\"audio\""];
/// Looks for all of [`LASTING`] at once.
static LASTING_SEARCHER: LazyLock<Option<Searcher>> = LazyLock::new(|| Searcher::new(LASTING));
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
    if !is_kept && !names_what_lasts(body) {
        return Vec::new();
    }
    let mut found = Ids::default();
    let _malformed = found.object(&mut Reader::new(body), Place::Top);
    found.of(is_kept).cloned().collect()
}

fn names_what_lasts(body: &[u8]) -> bool {
    match &*LASTING_SEARCHER {
        Some(searcher) => searcher.find(body).is_some(),
        // The processor has no vectors.
        None => LASTING
            .iter()
            .any(|name| memchr::memmem::find(body, name.as_bytes()).is_some()),
    }
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
    /// Of what stays in any case: containers, sound, what is sealed.
    lasting: Vec<String>,
}

impl Ids {
    /// Those of what stays at the provider, where the answer `is_kept` or not.
    pub(crate) fn of(&self, is_kept: bool) -> impl Iterator<Item = &String> {
        let answers = self.answers.iter().filter(move |_| is_kept);
        self.lasting.iter().chain(answers)
    }

    /// Those of the object that comes next, and of what it contains.
    pub(crate) fn object(
        &mut self,
        reader: &mut Reader<'_>,
        place: Place,
    ) -> Result<(), Malformed> {
        let (mut own, mut named) = (None, None);
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
            b"encrypted_content" => self.sealed(reader),
            b"name" => {
                named = reader.string_or_skip()?;
                Ok(())
            }
            b"data" | b"output" | b"file" => self.objects(reader, Place::Item),
            name if reference::collection(name).is_some() => self.objects(reader, Place::Item),
            b"choices" => reader.array_or_skip(|reader| self.choice(reader)),
            _ => reader.skip().map(drop),
        })?;
        match (own, named) {
            (Some(id), _) if is_kept => push(&mut self.answers, id.to_text()),
            // Google's things have names that are paths, and no ids. The name of a thing that has
            // an id may be anybody's choice.
            (None, Some(name)) => {
                let name = name.to_text();
                let id = name.as_deref().and_then(reference::of_name);
                push(&mut self.answers, id.map(str::to_owned));
            }
            _ => {}
        }
        Ok(())
    }

    /// One object, or several.
    fn objects(&mut self, reader: &mut Reader<'_>, place: Place) -> Result<(), Malformed> {
        match reader.peek()? {
            Kind::Array => reader.array(|reader| self.object(reader, place)),
            _ => self.object(reader, place),
        }
    }

    /// A choice of a chat completion, whose message may have sound that is kept.
    fn choice(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.object_or_skip(|name, reader| match name {
            b"message" => reader.object_or_skip(|name, reader| match name {
                b"audio" => self.container(reader),
                _ => reader.skip().map(drop),
            }),
            _ => reader.skip().map(drop),
        })
    }

    /// Content that only this account can read.
    fn sealed(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if let Some(content) = reader.string_or_skip()? {
            push(&mut self.lasting, reference::of_sealed(content.raw()));
        }
        Ok(())
    }

    /// A container: an object with an id, or the id itself.
    pub(crate) fn container(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if reader.peek()? == Kind::String {
            push(&mut self.lasting, reader.string()?.to_text());
            return Ok(());
        }
        reader.object_or_skip(|name, reader| match name {
            b"id" => {
                if let Some(id) = reader.string_or_skip()? {
                    push(&mut self.lasting, id.to_text());
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
            (
                Files,
                r#"{"file":{"name":"files/a-1","uri":"https://x/v1beta/files/a-1","mimeType":"image/png"}}"#,
                &["a-1"],
            ),
            (
                Files,
                r#"{"files":[{"name":"files/a-1"},{"name":"files/a-2"}]}"#,
                &["a-1", "a-2"],
            ),
            (
                Other,
                r#"{"name":"cachedContents/c1","model":"models/gemini"}"#,
                &["c1"],
            ),
            (
                Other,
                r#"{"name":"models/veo/operations/o1","metadata":{}}"#,
                &["o1"],
            ),
            // A name that the client chose.
            (
                Other,
                r#"{"id":"vs_1","object":"vector_store","name":"files/b"}"#,
                &["vs_1"],
            ),
            (Other, r#"{"name":"models/gemini"}"#, &[]),
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
    fn what_is_sealed_or_heard_lasts_though_the_answer_is_not_stored() {
        let body = r#"{"id":"resp_1","object":"response","output":[
            {"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAAA-1"}]}"#;
        let found = ids(Endpoint::Inference, false, body.as_bytes());
        assert_eq!(found, [reference::of_sealed(b"gAAAA-1").unwrap()]);
        let chat = r#"{"id":"c","object":"chat.completion","choices":[{"message":{"audio":{"id":"audio_1","data":"AA"}}}]}"#;
        assert_eq!(
            ids(Endpoint::Inference, false, chat.as_bytes()),
            ["audio_1"]
        );
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
