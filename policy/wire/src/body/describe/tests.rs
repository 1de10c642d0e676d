use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::Wire;

fn described(dialect: Dialect, body: &Value) -> Description {
    let bytes = serde_json::to_vec(body).unwrap();
    describe(dialect, Endpoint::Inference, &bytes).unwrap()
}

fn error(dialect: Dialect, body: &str) -> String {
    let error = describe(dialect, Endpoint::Inference, body.as_bytes()).unwrap_err();
    error.to_string()
}

/// Base64 of `bytes` bytes that are no picture.
fn base64(bytes: usize) -> String {
    "QUJD".repeat(bytes.div_ceil(3))
}

#[test]
fn reads_an_anthropic_request() {
    let described = described(
        Dialect::Anthropic,
        &json!({
            "model": "claude-opus-4-1", "max_tokens": 1024, "stream": true,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
            ],
            "metadata": {"user_id": "not counted"},
        }),
    );
    assert_eq!(described.model.as_deref(), Some("claude-opus-4-1"));
    assert!(described.stream && !described.stored);
    assert_eq!(described.size.text_bytes, 9 + 5 + 2);
    assert_eq!(described.size.media_tokens, 0);
    assert_eq!(described.size.output_max, Some(1024));
    assert!(described.affinity.is_some());
    assert!(described.references.is_empty());
}

#[test]
fn reads_openai_requests() {
    let chat = described(
        Dialect::OpenAi,
        &json!({
            "model": "gpt-4.1", "max_completion_tokens": 100, "n": 3, "store": true,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "call_1", "type": "function",
                     "function": {"name": "add", "arguments": "{\"a\":1}"}}]},
                {"role": "tool", "tool_call_id": "call_1", "content": "2"},
            ],
        }),
    );
    assert_eq!(chat.size.text_bytes, 9 + 5 + 3 + 7 + 1);
    assert_eq!(chat.size.output_max, Some(300));
    assert!(!chat.stream && chat.stored);

    let response = described(
        Dialect::OpenAi,
        &json!({
            "model": "gpt-4.1", "instructions": "Be brief.", "max_output_tokens": 50,
            "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}],
            "previous_response_id": "resp_1",
        }),
    );
    assert_eq!(response.size.text_bytes, 9 + 5);
    assert_eq!(response.size.output_max, Some(50));
    assert_eq!(response.references, ["resp_1"]);

    let embedding = described(
        Dialect::OpenAi,
        &json!({"model": "text-embedding-3-small", "input": ["one", "three"]}),
    );
    assert_eq!(embedding.size.text_bytes, 8);
    let token_ids = described(
        Dialect::OpenAi,
        &json!({"model": "m", "input": [[1, 2], [3]]}),
    );
    assert_eq!(token_ids.size.text_bytes, 12);
}

#[test]
fn a_missing_or_unusable_model_is_refused() {
    for dialect in [Dialect::Anthropic, Dialect::OpenAi] {
        for (body, message) in [
            (
                r#"{"messages":[]}"#,
                "model: is required; send the name of a model",
            ),
            (
                r#"{"model":null}"#,
                "model: must be a string; send the name of a model",
            ),
            (
                r#"{"model":7}"#,
                "model: must be a string; send the name of a model",
            ),
            (r#"{"model":""}"#, "model: must be the name of a model"),
            (r#"{"model":"  "}"#, "model: must be the name of a model"),
            (r#"{"model":"a\nb"}"#, "model: must be the name of a model"),
            (
                r#"{"model":"\ud800"}"#,
                "model: must be the name of a model",
            ),
            (
                r#"{"model":"a","model":"b"}"#,
                "model: is given twice; name one model",
            ),
            (
                r#"{"model":"a","mod\u0065l":"b"}"#,
                "model: is given twice; name one model",
            ),
        ] {
            assert_eq!(error(dialect, body), message, "{body}");
        }
    }
    assert_eq!(described(Dialect::Generic, &json!({})).model, None);
    let twice = r#"{"model":"a","model":"b"}"#;
    assert_eq!(
        error(Dialect::Generic, twice),
        "model: is given twice; name one model"
    );
}

#[test]
fn invalid_json_is_refused_with_its_place() {
    for (body, place) in [
        ("", "it is empty"),
        ("[]", "expected an object at line 1, column 1"),
        ("\"text\"", "expected an object at line 1, column 1"),
        (
            "{\"model\":\"m\"",
            "expected `,` or `}` at line 1, column 13",
        ),
        (
            "{\n \"model\": \"m\",\n}",
            "expected a string at line 3, column 1",
        ),
        (
            "{\"model\":\"m\"} x",
            "expected the end of the document at line 1, column 15",
        ),
        (
            "{\"model\":\"m\",\"messages\":[{]}",
            "expected a string at line 1, column 27",
        ),
        ("--boundary", "expected an object at line 1, column 1"),
    ] {
        let expected = format!("the request body is not a valid JSON object: {place}");
        assert_eq!(error(Dialect::Anthropic, body), expected, "{body}");
    }
    let nested = format!("{{\"model\":\"m\",\"messages\":{}", "[".repeat(1_000_000));
    assert!(error(Dialect::Anthropic, &nested).contains("expected less nesting"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn pictures_and_documents_are_not_counted_as_text() {
    let data = base64(30_000);
    let url = format!("data:image/jpeg;base64,{data}");
    let pdf = format!("data:application/pdf;base64,{data}");
    // What the content is, the dialect, its text, its media.
    let table = [
        (
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}),
            Dialect::Anthropic,
            0,
            1_600,
        ),
        (
            json!({"source": {"data": data, "media_type": "image/png", "type": "base64"}, "type": "image"}),
            Dialect::Anthropic,
            0,
            1_600,
        ),
        (
            json!({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}),
            Dialect::Anthropic,
            0,
            1_600,
        ),
        (
            json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": data}}),
            Dialect::Anthropic,
            0,
            3_000,
        ),
        (
            json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain"}, "title": "T"}),
            Dialect::Anthropic,
            6,
            0,
        ),
        (
            json!({"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "abc"}]}}),
            Dialect::Anthropic,
            3,
            0,
        ),
        (
            json!({"type": "document", "source": {"type": "file", "file_id": "file_1"}}),
            Dialect::Anthropic,
            0,
            9_000,
        ),
        (
            json!({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}, {"type": "text", "text": "seen"}]}),
            Dialect::Anthropic,
            4,
            1_600,
        ),
        (
            json!({"type": "thinking", "thinking": "hm", "signature": data}),
            Dialect::Anthropic,
            2,
            0,
        ),
        (
            json!({"type": "redacted_thinking", "data": data}),
            Dialect::Anthropic,
            0,
            0,
        ),
        (
            json!({"type": "tool_use", "id": "t", "name": "f", "input": {"data": "x"}}),
            Dialect::Anthropic,
            1 + 12,
            0,
        ),
        (
            json!({"type": "search_result", "source": "https://a.example", "title": "T", "content": [{"type": "text", "text": "abc"}]}),
            Dialect::Anthropic,
            17 + 1 + 3,
            0,
        ),
        (
            json!({"type": "image_url", "image_url": {"url": url, "detail": "low"}}),
            Dialect::OpenAi,
            0,
            85,
        ),
        (
            json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
            Dialect::OpenAi,
            0,
            1_105,
        ),
        (
            json!({"type": "input_image", "image_url": url}),
            Dialect::OpenAi,
            0,
            1_105,
        ),
        (
            json!({"type": "input_image", "detail": "auto", "file_id": "file-1"}),
            Dialect::OpenAi,
            0,
            1_105,
        ),
        (
            json!({"type": "file", "file": {"filename": "a.pdf", "file_data": pdf}}),
            Dialect::OpenAi,
            0,
            3_000,
        ),
        (
            json!({"type": "input_file", "filename": "a.pdf", "file_data": pdf}),
            Dialect::OpenAi,
            5,
            3_000,
        ),
        (
            json!({"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}),
            Dialect::OpenAi,
            0,
            20,
        ),
        (
            json!({"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": url}}),
            Dialect::OpenAi,
            0,
            1_105,
        ),
        (
            json!({"type": "image_generation_call", "id": "ig_1", "result": data}),
            Dialect::OpenAi,
            0,
            1_105,
        ),
        (
            json!({"inlineData": {"mimeType": "image/png", "data": data}}),
            Dialect::Generic,
            0,
            1_600,
        ),
        (
            json!({"type": "something_new", "data": data}),
            Dialect::Anthropic,
            0,
            1_600,
        ),
        (
            json!({"type": "text", "text": data}),
            Dialect::Anthropic,
            40_000,
            0,
        ),
    ];
    for (block, dialect, text, media) in table {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": [block]}]});
        let size = described(dialect, &body).size;
        let shown = block.to_string().chars().take(200).collect::<String>();
        assert_eq!(
            (size.text_bytes, size.media_tokens),
            (text, media),
            "{shown}"
        );
    }
}

#[test]
fn tools_and_schemas_are_counted_as_they_stand() {
    let tool = json!({"name": "add", "description": "Adds.", "input_schema": {"type": "object"},
                      "cache_control": {"type": "ephemeral"}});
    let body = json!({"model": "m", "tools": [tool], "response_format": {"type": "json_object"}});
    let size = described(Dialect::Anthropic, &body).size;
    assert_eq!(
        size.text_bytes,
        3 + 5 + r#"{"type":"object"}"#.len() as u64 + r#"{"type":"json_object"}"#.len() as u64
    );
}

#[test]
fn text_counts_in_its_unescaped_length() {
    let plain = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\u{e9}\u{4e2d}\u{1f600}\"}]}";
    let escaped =
        r#"{"model":"m","messages":[{"role":"user","content":"\u00e9\u4e2d\ud83d\ude00"}]}"#;
    for body in [plain, escaped] {
        let description = describe(Dialect::Anthropic, Endpoint::Inference, body.as_bytes());
        assert_eq!(description.unwrap().size.text_bytes, 9, "{body}");
    }
}

#[test]
fn a_byte_order_mark_before_the_body_is_passed_over() {
    let body = "\u{FEFF}{\"model\":\"m\",\"max_tokens\":5}";
    let description = describe(Dialect::Anthropic, Endpoint::Inference, body.as_bytes()).unwrap();
    assert_eq!(description.model.as_deref(), Some("m"));
    let renamed = crate::with_model(body.as_bytes(), "other").unwrap();
    assert_eq!(renamed, body.replace("\"m\"", "\"other\"").as_bytes());
}

#[test]
fn finds_what_only_one_account_knows() {
    let body = json!({
        "model": "m",
        "container": {"id": "container_1", "skills": [{"type": "custom", "skill_id": "skill_1"}]},
        "messages": [{"role": "user", "content": [
            {"type": "container_upload", "file_id": "file_1"},
            {"type": "image", "source": {"type": "file", "file_id": "file_2"}},
            {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        ]}],
    });
    assert_eq!(
        described(Dialect::Anthropic, &body).references,
        ["container_1", "skill_1", "file_1", "file_2"]
    );
    let body = json!({
        "model": "m", "conversation": {"id": "conv_1"}, "previous_response_id": null,
        "input": [{"type": "item_reference", "id": "rs_1"}, {"type": "message", "id": "msg_1", "content": "x"}],
        "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]},
                  {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}],
    });
    let mut references = described(Dialect::OpenAi, &body).references;
    references.sort();
    assert_eq!(references, ["conv_1", "file-1", "rs_1", "vs_1"]);
    let many: Vec<Value> = (0..1_000)
        .map(|n| json!({"type": "x", "file_id": n.to_string()}))
        .collect();
    let body = json!({"model": "m", "messages": [{"role": "user", "content": many}]});
    assert_eq!(described(Dialect::Anthropic, &body).references.len(), 64);
}

#[test]
fn finds_what_is_sealed_and_what_is_named_by_address() {
    let sealed = |raw: &str| crate::reference::of_sealed(raw.as_bytes()).unwrap();
    let body = json!({"model": "m", "store": false, "input": [
        {"role": "user", "content": "x"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA-1"},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": "y"},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAAA-2"},
        {"type": "compaction", "encrypted_content": "gAAAA-3"},
        // Not in full: looked up by its id.
        {"type": "reasoning", "id": "rs_3", "summary": []},
        {"type": "reasoning", "id": "rs_4", "content": [{"type": "reasoning_text", "text": "z"}]},
        {"type": "image_generation_call", "id": "ig_1"},
        {"type": "image_generation_call", "id": "ig_2", "result": base64(300)},
        {"type": "code_interpreter_call", "id": "ci_1", "container_id": "cntr_1", "code": "1"},
    ]});
    let references = described(Dialect::OpenAi, &body).references;
    assert_eq!(
        references,
        [
            "rs_3".to_owned(),
            "ig_1".to_owned(),
            "cntr_1".to_owned(),
            sealed("gAAAA-3"),
            sealed("gAAAA-2"),
            sealed("gAAAA-1"),
        ]
    );
    let searched = json!({"model": "m", "messages": [{"role": "assistant", "content": [
        {"type": "web_search_tool_result", "content": [{"type": "web_search_result", "encrypted_content": "E"}]}]}],
        "container": {"skills": [{"type": "anthropic", "skill_id": "pdf"}, {"skill_id": "skill_1", "type": "custom"}]}});
    assert_eq!(
        described(Dialect::Anthropic, &searched).references,
        ["skill_1"]
    );
    let gemini = json!({"cachedContent": "cachedContents/c1", "contents": [{"parts": [
        {"fileData": {"mimeType": "image/png", "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a-1"}},
        {"file_data": {"file_uri": "https://gateway.example/gem/v1beta/files/a-2"}},
        {"fileData": {"fileUri": "gs://bucket/files/a-3"}},
        {"text": "What is this?"}]}]});
    assert_eq!(
        described(Dialect::Generic, &gemini).references,
        ["c1", "a-1", "a-2"]
    );
    let audio =
        json!({"model": "m", "messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]});
    assert_eq!(described(Dialect::OpenAi, &audio).references, ["audio_1"]);
    let prompt = json!({"prompt": {"id": "pmpt_1", "variables": {"name": "Bo"}}});
    assert_eq!(described(Dialect::OpenAi, &prompt).references, ["pmpt_1"]);
}

#[test]
fn of_a_long_conversation_the_newest_sealed_pieces_are_remembered() {
    let items: Vec<Value> = (0..100)
        .map(|n| json!({"type": "reasoning", "encrypted_content": format!("gAAAA-{n}")}))
        .collect();
    let references = described(Dialect::OpenAi, &json!({"model": "m", "input": items})).references;
    assert_eq!(references.len(), 16);
    let newest = crate::reference::of_sealed(b"gAAAA-99");
    assert_eq!(references.first(), newest.as_ref());
}

#[test]
fn a_conversation_keeps_its_fingerprint_as_it_grows() {
    let first = json!({"role": "user", "content": [{"type": "text", "text": "Hello"}]});
    let marked = json!({"role": "user", "content": [
        {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}]});
    let body = |system: &str, messages: Value| json!({"model": "m", "system": system, "tools": [{"name": "t"}], "messages": messages});
    let affinity = |body: &Value| described(Dialect::Anthropic, body).affinity;
    let begun = affinity(&body("s", json!([marked])));
    assert!(begun.is_some());
    let more = json!({"role": "assistant", "content": "Hi"});
    let last = json!({"role": "user", "content": "Bye"});
    assert_eq!(affinity(&body("s", json!([first, more, last]))), begun);
    assert_ne!(affinity(&body("s2", json!([first, more, last]))), begun);
    assert_ne!(affinity(&body("s", json!([last, more, first]))), begun);
    assert_eq!(
        described(Dialect::Anthropic, &json!({"model": "m"})).affinity,
        None
    );
}

#[test]
fn a_system_message_is_not_the_first_message() {
    let affinity = |user: &str| {
        let body = json!({"model": "m", "messages": [
            {"role": "system", "content": "the same for all"},
            {"role": "user", "content": user},
            {"role": "assistant", "content": "x"}]});
        described(Dialect::OpenAi, &body).affinity
    };
    assert_ne!(affinity("one"), affinity("two"));
    assert_eq!(affinity("one"), affinity("one"));
}

#[test]
fn a_conversation_may_be_named_in_the_body() {
    let session = |name: Value| {
        let body = json!({"model": "m", "prompt_cache_key": name, "messages": []});
        described(Dialect::OpenAi, &body).session
    };
    assert!(session(json!("one")).is_some());
    assert_ne!(session(json!("one")), session(json!("two")));
    assert_eq!(session(json!(1)), None);
}

#[test]
fn a_batch_is_described_by_its_first_model_and_all_references() {
    let body = json!({"requests": [
        {"custom_id": "a", "params": {"model": "m1", "max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "file", "file_id": "file_1"}}]}]}},
        {"custom_id": "b", "params": {"model": "m2", "max_tokens": 5, "messages": []}},
    ]});
    let bytes = serde_json::to_vec(&body).unwrap();
    let description = describe(Dialect::Anthropic, Endpoint::Batches, &bytes).unwrap();
    assert_eq!(description.model.as_deref(), Some("m1"));
    assert_eq!(description.other_models, ["m2"]);
    assert_eq!(description.references, ["file_1"]);
    let openai = br#"{"input_file_id":"file-1","endpoint":"/v1/chat/completions","completion_window":"24h"}"#;
    let description = describe(Dialect::OpenAi, Endpoint::Batches, openai).unwrap();
    assert_eq!((description.model, description.references.len()), (None, 1));
}

#[test]
fn every_model_that_could_answer_is_reported() {
    let body = json!({"model": "m1", "models": ["m2", "m3", "m2"], "messages": []});
    assert_eq!(described(Dialect::OpenAi, &body).other_models, ["m2", "m3"]);
    let many: Vec<String> = (0..100).map(|n| format!("m{n}")).collect();
    for models in [json!(many), json!([7]), json!([""])] {
        let body = json!({"model": "m", "models": models}).to_string();
        assert!(error(Dialect::OpenAi, &body).starts_with("models: must be"));
    }
}

#[test]
fn the_route_decides_what_is_demanded() {
    let describe = |dialect: Dialect, path: &str, body: &str| {
        let route = dialect.route("POST", path).unwrap();
        dialect.describe_routed(&route, body.as_bytes())
    };
    let azure = describe(
        Dialect::OpenAi,
        "/openai/deployments/d1/chat/completions",
        "{}",
    )
    .unwrap();
    assert_eq!(azure.model.as_deref(), Some("d1"));
    let upload = describe(Dialect::OpenAi, "/v1/files", "--boundary").unwrap();
    assert!(upload.stored && upload.model.is_none());
    let response = describe(
        Dialect::OpenAi,
        "/v1/responses",
        r#"{"model":"m","input":"x"}"#,
    );
    assert!(response.unwrap().stored);
    let unstored = describe(
        Dialect::OpenAi,
        "/v1/responses",
        r#"{"model":"m","store":false}"#,
    );
    assert!(!unstored.unwrap().stored);
    let prompt = describe(
        Dialect::OpenAi,
        "/v1/responses",
        r#"{"prompt":{"id":"pmpt_1"}}"#,
    );
    assert_eq!(prompt.unwrap().model, None);
    let moderation = describe(Dialect::OpenAi, "/v1/moderations", r#"{"input":"x"}"#).unwrap();
    assert!(moderation.model.is_none() && !moderation.stored);
    let other = describe(Dialect::Generic, "/v2/anything", "not json").unwrap();
    assert_eq!(other, Description::default());
    assert!(describe(Dialect::Generic, "/v1/chat/completions", "not json").is_err());
    assert!(describe(Dialect::Anthropic, "/v1/messages", "{}").is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        "[a-z]{0,3}",
        proptest::sample::select(vec![
            "type",
            "text",
            "source",
            "data",
            "image",
            "document",
            "base64",
            "role",
            "user",
            "content",
            "file_id",
            "image_url",
            "url",
            "input",
            "id",
            "item_reference",
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        Just(Value::from("QUJD".repeat(100))),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map(word.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_described(value in any_json(), pretty in any::<bool>()) {
        let body = json!({
            "model": "m", "system": value, "messages": value, "tools": value, "input": value,
            "container": value, "requests": value, "max_tokens": value, "stream": value,
        });
        let compact = serde_json::to_vec(&body).unwrap();
        let bytes = if pretty { serde_json::to_vec_pretty(&body).unwrap() } else { compact.clone() };
        for dialect in [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic] {
            let description = describe(dialect, Endpoint::Inference, &bytes);
            let description = description.unwrap();
            prop_assert_eq!(description.model.as_deref(), Some("m"));
            prop_assert!(description.size.text_bytes <= bytes.len() as u64 * 4);
        }
    }

    #[test]
    fn any_bytes_are_described_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for dialect in [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic] {
            let _ = describe(dialect, Endpoint::Inference, &bytes);
        }
    }

    #[test]
    fn a_truncated_body_is_refused(value in any_json(), cut in 0.0..1.0) {
        let bytes = serde_json::to_vec(&json!({"model": "m", "messages": value})).unwrap();
        let cut = (bytes.len() as f64 * cut) as usize;
        prop_assert!(describe(Dialect::Anthropic, Endpoint::Inference, &bytes[..cut]).is_err());
    }
}
