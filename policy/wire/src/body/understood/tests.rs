use proptest::prelude::*;

use super::*;
use crate::route::by_dialect;

const JSON: &[(&str, &[u8])] = &[("content-type", b"application/json")];

fn named_by(
    dialect: Dialect,
    request: &str,
    headers: &[(&str, &[u8])],
    body: &[u8],
) -> Result<Vec<String>, Obscure> {
    let (method, target) = request.split_once(' ').expect("a method and a target");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let route = by_dialect::route(dialect, method, path).expect("served");
    models(&Form {
        dialect,
        method,
        route: &route,
        query: Some(query),
        headers,
        body,
    })
}

fn named(dialect: Dialect, request: &str, body: &str) -> Result<Vec<String>, Obscure> {
    named_by(dialect, request, JSON, body.as_bytes())
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_place_that_names_a_model_is_seen() {
    use Dialect::*;
    for (dialect, request, body, expected) in [
        (
            Generic,
            "POST /v1/projects/p/locations/l/publishers/google/models/b:generateContent",
            r#"{"model":"a"}"#,
            &["b", "a"][..],
        ),
        (
            Generic,
            "POST /model/b%3A0/converse",
            r#"{"messages":[],"inferenceConfig":{"maxTokens":5}}"#,
            &["b:0"],
        ),
        (
            Generic,
            "POST /model/b/invoke",
            r#"{"model":"a"}"#,
            &["b", "a"],
        ),
        (
            Anthropic,
            "POST /v1/messages",
            r#"{"model":"a","messages":[{"role":"user","content":[{"type":"tool_use","input":{"model":"corolla"}}]}]}"#,
            &["a"],
        ),
        (
            Anthropic,
            "POST /v1/messages",
            r#"{"model":"a","tools":[{"name":"f","input_schema":{"properties":{"model":{"default":"corolla"}}}}]}"#,
            &["a"],
        ),
        (
            Anthropic,
            "POST /v1/messages",
            r#"{"model":"a","tools":[{"type":"advisor_20260301","name":"advisor","model":"b"}]}"#,
            &["a", "b"],
        ),
        (
            Anthropic,
            "POST /v1/messages/batches",
            r#"{"requests":[{"custom_id":"1","params":{"model":"a"}},{"params":{"model":"b"},"custom_id":"2"}]}"#,
            &["a", "b"],
        ),
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"model":"a","models":["b","c"]}"#,
            &["a", "b", "c"],
        ),
        (
            OpenAi,
            "POST /v1/responses",
            r#"{"model":"a","tools":[{"type":"image_generation","model":"b"},{"type":"web_search"}]}"#,
            &["a", "b"],
        ),
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"model":"a","context_management":{"edits":[{"summary_model":"b"}]}}"#,
            &["a", "b"],
        ),
        (
            OpenAi,
            "POST /openai/deployments/a%2Fx/chat/completions",
            r#"{"model":"b"}"#,
            &["a/x", "b"],
        ),
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"mod\u0065l":"a"}"#,
            &["a"],
        ),
        (
            Generic,
            "POST /v1beta/models/a:generateContent",
            r#"{"contents":[]}"#,
            &["a"],
        ),
        (
            Generic,
            "POST /v1beta/models/a:batchEmbedContents",
            r#"{"requests":[{"model":"models/b","content":{}}]}"#,
            &["a", "b"],
        ),
        (
            Generic,
            "POST /v1beta/models/a:countTokens",
            r#"{"generateContentRequest":{"model":"models/b"}}"#,
            &["a", "b"],
        ),
        (
            Generic,
            "POST /api/v1/chat/completions",
            r#"{"model":"a"}"#,
            &["a"],
        ),
    ] {
        let found = named(dialect, request, body);
        let expected = expected.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(found, Ok(expected), "{request} {body}");
    }
}

#[test]
fn what_makes_no_model_work_need_not_name_one() {
    use Dialect::*;
    for (dialect, request) in [
        (Anthropic, "GET /v1/messages/batches/msgbatch_1"),
        (Anthropic, "GET /v1/models"),
        (Anthropic, "GET /v1/files?limit=3"),
        (Anthropic, "POST /v1/messages/batches/msgbatch_1/cancel"),
        (OpenAi, "POST /v1/files"),
        (OpenAi, "POST /v1/batches/batch_1/cancel"),
        (OpenAi, "DELETE /v1/responses/resp_1"),
        (OpenAi, "GET /v1/chat/completions?model=a"),
        (Generic, "GET /v1/models"),
    ] {
        assert_eq!(named(dialect, request, ""), Ok(Vec::new()), "{request}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_is_not_understood_wholly_is_refused() {
    use Dialect::*;
    for (dialect, request, body) in [
        // A batch that lies in a file, with a model beside it.
        (
            OpenAi,
            "POST /v1/batches",
            r#"{"input_file_id":"file-1","model":"a"}"#,
        ),
        (OpenAi, "POST /v1/batches", r#"{"input_file_id":"file-1"}"#),
        (
            Anthropic,
            "POST /v1/messages/batches",
            r#"{"model":"a","requests":[]}"#,
        ),
        (
            Anthropic,
            "POST /v1/messages/batches",
            r#"{"model":"a","requests":[{"custom_id":"1"}]}"#,
        ),
        (
            Anthropic,
            "POST /v1/messages/batches",
            r#"{"requests":[{"params":{"model":"a"},"params":{"model":"b"}}]}"#,
        ),
        (
            Anthropic,
            "POST /v1/messages/batches",
            r#"{"requests":[{"Params":{"model":"b"},"params":{"model":"a"}}]}"#,
        ),
        (
            Anthropic,
            "POST /v1/messages/batches",
            r#"{"requests":[{"params":{"model":"a"}}],"Requests":[]}"#,
        ),
        (
            Anthropic,
            "POST /v1/messages/batches",
            r#"{"requests":[{"params":{"model":"a","Model":"b"}}]}"#,
        ),
        // Names that some readers take for another.
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"model":"a","Model":"b"}"#,
        ),
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"model":"a","MODEL":"b"}"#,
        ),
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"model":"a","model":"b"}"#,
        ),
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"model":"a","mod\u0065l":"b"}"#,
        ),
        (
            OpenAi,
            "POST /v1/chat/completions",
            "{\"model\":\"a\",\"model\u{17f}\":[\"b\"]}",
        ),
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"model":"a","engine":"b"}"#,
        ),
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"model":"a","fallbacks":["b"]}"#,
        ),
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"model":"a","extra_body":{"model":"b"}}"#,
        ),
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"model":"a","provider":{"order":["x"]}}"#,
        ),
        (OpenAi, "POST /v1/chat/completions", r#"{"model":["a"]}"#),
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"model":"a","models":"b"}"#,
        ),
        (OpenAi, "POST /v1/chat/completions", r#"{"model":" a"}"#),
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"model":"a\ud800"}"#,
        ),
        (
            OpenAi,
            "POST /v1/chat/completions",
            r#"{"model":"a"} {"model":"b"}"#,
        ),
        (OpenAi, "POST /v1/chat/completions", r#"{"model":"a""#),
        (OpenAi, "POST /v1/chat/completions", r#"[{"model":"a"}]"#),
        (
            OpenAi,
            "POST /v1/chat/completions?model=b",
            r#"{"model":"a"}"#,
        ),
        (
            OpenAi,
            "POST /v1/chat/completions?%6dodel=b",
            r#"{"model":"a"}"#,
        ),
        // Tools and prompts that name a model, or do not say which.
        (
            OpenAi,
            "POST /v1/responses",
            r#"{"model":"a","tools":[{"type":"image_generation"}]}"#,
        ),
        (
            OpenAi,
            "POST /v1/responses",
            r#"{"model":"a","tools":[{"type":"function","type":"image_generation"}]}"#,
        ),
        (
            OpenAi,
            "POST /v1/responses",
            r#"{"model":"a","prompt":{"id":"pmpt_1"}}"#,
        ),
        (
            Anthropic,
            "POST /v1/messages",
            r#"{"model":"a","tools":[{"type":"advisor_20260301"}]}"#,
        ),
        (
            Anthropic,
            "POST /v1/messages",
            r#"{"model":"a","tools":[{"type":"unheard_of"}]}"#,
        ),
        // Forms, and paths of other APIs.
        (OpenAi, "POST /v1/audio/transcriptions", "--form"),
        (OpenAi, "POST /v1/images/edits", r#"{"model":"a"}"#),
        (
            OpenAi,
            "POST /v1/images/generations",
            r#"{"prompt":"a cat"}"#,
        ),
        (
            Generic,
            "POST /v1beta/models/b%3AgenerateContent",
            r#"{"model":"a"}"#,
        ),
        (
            Generic,
            "POST /v1/projects/p/locations/l/endpoints/b:predict",
            r#"{"model":"a"}"#,
        ),
        (Generic, "POST /model/b/async-invoke", r#"{"model":"a"}"#),
        (
            Generic,
            "POST /model/a/invoke",
            r#"{"anthropic_version":"x","route":"b"}"#,
        ),
        (Generic, "PUT /v1/chat/completions", r#"{"model":"a"}"#),
        (Generic, "PATCH /v1/messages", r#"{"model":"a"}"#),
        (Generic, "GET /v1/chat/completions", r#"{"model":"a"}"#),
        (Generic, "POST /v1/rerank", r#"{"model":"a"}"#),
    ] {
        let found = named(dialect, request, body);
        assert!(found.is_err(), "{request} {body}: {found:?}");
    }
}

#[test]
fn a_body_must_be_json_to_every_reader() {
    let body = br#"{"model":"a"}"#;
    let by = |headers: &[(&str, &[u8])], body: &[u8]| {
        named_by(Dialect::OpenAi, "POST /v1/chat/completions", headers, body)
    };
    for good in [
        &b"application/json"[..],
        b"Application/JSON",
        b"application/json; charset=utf-8",
        b"application/json;charset=\"UTF-8\"",
        b"application/json;",
    ] {
        assert!(by(&[("content-type", good)], body).is_ok(), "{good:?}");
    }
    for bad in [
        &b"application/x-www-form-urlencoded"[..],
        b"multipart/form-data; boundary=x",
        b"application/json; charset=utf-7",
        b"application/json; charset=utf-16",
        b"application/json, multipart/form-data",
        b"text/plain",
        b"",
    ] {
        let found = by(&[("content-type", bad)], body);
        assert_eq!(found, Err(Obscure::NotJson), "{bad:?}");
    }
    assert_eq!(by(&[], body), Err(Obscure::NotJson));
    let twice = [JSON[0], ("content-type", b"multipart/form-data")];
    assert_eq!(by(&twice, body), Err(Obscure::NotJson));
    let zipped = [JSON[0], ("content-encoding", b"gzip")];
    assert_eq!(by(&zipped, body), Err(Obscure::NotJson));
    for bytes in [
        &b"{\"mod\xffel\":\"b\",\"model\":\"a\"}"[..],
        b"{\"model\":\"a\xff\"}",
        b"\xef\xbb\xbf{\"model\":\"a\"}",
        b"{\0\"\0m\0",
        b"+AHs-\"model\":\"a\"}",
    ] {
        assert!(by(JSON, bytes).is_err(), "{bytes:?}");
    }
    for name in [
        "x-model",
        "azureml-model-deployment",
        "helicone-model-override",
        "x-portkey-config",
        "helicone-fallbacks",
        "x-goog-request-params",
        "x-provider",
    ] {
        let named = [JSON[0], (name, b"b")];
        assert_eq!(by(&named, body), Err(Obscure::Elsewhere(name.to_owned())));
    }
    for name in ["x-stainless-helper-method", "openai-beta", "session_id"] {
        assert!(by(&[JSON[0], (name, b"b")], body).is_ok(), "{name}");
    }
}

/// Spellings of `model` that some reader or other takes for it.
fn spelling() -> impl Strategy<Value = String> {
    let letter = |letter: char| {
        prop_oneof![
            Just(letter.to_string()),
            Just(letter.to_uppercase().to_string()),
            Just(format!("\\u{:04x}", u32::from(letter))),
            Just(format!("\\u{:04X}", u32::from(letter.to_ascii_uppercase()))),
        ]
    };
    let word = prop_oneof![
        Just("model"),
        Just("models"),
        Just("modelId"),
        Just("fallback_model")
    ];
    word.prop_flat_map(move |word| word.chars().map(letter).collect::<Vec<_>>())
        .prop_map(|letters| letters.concat())
}

/// Where in a body a second model can be put.
const PLACES: &[&str] = &[
    r#"{"model":"a","NAME":"evil"}"#,
    r#"{"NAME":"evil","model":"a"}"#,
    r#"{"model":"a","NAME":["evil"]}"#,
    r#"{"model":"a","tools":[{"type":"function","NAME":"evil"}]}"#,
    r#"{"model":"a","tools":[{"NAME":"evil"}]}"#,
    r#"{"model":"a","reasoning":{"NAME":"evil"}}"#,
    r#"{"model":"a","mcp_servers":[{"x":{"NAME":["evil"]}}]}"#,
    r#"{"requests":[{"params":{"model":"a","NAME":"evil"}}]}"#,
    r#"{"requests":[{"params":{"model":"a"},"NAME":"evil"}]}"#,
];

proptest! {
    #[test]
    fn no_second_model_gets_by_however_it_is_spelt(
        name in spelling(),
        place in 0..PLACES.len(),
        spaces in "[ \n\t]{0,3}",
    ) {
        let body = PLACES[place].replace("NAME", &name).replace(':', &format!("{spaces}:"));
        let path = if body.contains("requests") {
            "POST /v1/messages/batches"
        } else {
            "POST /v1/messages"
        };
        if let Ok(models) = named(Dialect::Anthropic, path, &body) {
            prop_assert!(models.iter().any(|model| model == "evil"), "{}", body);
        }
    }

    /// Whatever serde_json finds under a known name is found here, or the body is refused.
    #[test]
    fn what_another_reader_finds_is_found(bytes in prop::collection::vec(any::<u8>(), 0..40), at in 0..30_usize) {
        let mut body = br#"{"model":"a","models":["b"],"n":1}"#.to_vec();
        for (offset, byte) in bytes.iter().enumerate().take(3) {
            let place = (at + offset * 7) % body.len();
            body[place] = *byte;
        }
        let ours = named_by(Dialect::OpenAi, "POST /v1/chat/completions", JSON, &body);
        if let Ok(ours) = ours {
            let theirs: serde_json::Value = serde_json::from_slice(&body).expect("JSON to us, too");
            let mut theirs: Vec<String> = theirs["models"]
                .as_array()
                .into_iter()
                .flatten()
                .chain([&theirs["model"]])
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect();
            theirs.retain(|it| !ours.contains(it));
            prop_assert!(theirs.is_empty(), "{:?}", String::from_utf8_lossy(&body));
        }
    }
}
