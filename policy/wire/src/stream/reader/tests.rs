use std::time::Duration;

use proptest::prelude::*;

use keyweir_terms::fault::Attribution;
use keyweir_terms::request::Usage;

use super::*;

/// A stream as a provider sends it, and what is to be seen in it.
struct Golden {
    name: &'static str,
    dialect: Dialect,
    stream: &'static [u8],
    /// The text that is in the line with which content begins; empty: it never does.
    begins: &'static str,
    finished: bool,
    fault: Option<Fault>,
    usage: [Option<u64>; 3],
    ids: &'static [&'static str],
}

macro_rules! stream {
    ($name:literal) => {
        include_bytes!(concat!("../golden/", $name, ".sse"))
    };
}

const GOLDEN: [Golden; 9] = [
    Golden {
        name: "Anthropic, text",
        dialect: Dialect::Anthropic,
        stream: stream!("anthropic_text"),
        begins: r#""text":"Hello""#,
        finished: true,
        fault: None,
        usage: [Some(125), Some(4_000), Some(15)],
        ids: &[],
    },
    Golden {
        name: "Anthropic, thinking and tools",
        dialect: Dialect::Anthropic,
        stream: stream!("anthropic_tools"),
        begins: "The user wants",
        finished: true,
        fault: None,
        usage: [Some(480), Some(0), Some(89)],
        ids: &["container_011CPR5CNjB747bTd36fQLFk"],
    },
    Golden {
        name: "Anthropic, overloaded before content",
        dialect: Dialect::Anthropic,
        stream: stream!("anthropic_overloaded"),
        begins: "",
        finished: false,
        fault: Some(Fault::Overloaded { wait: None }),
        usage: [Some(25), None, Some(1)],
        ids: &[],
    },
    Golden {
        name: "OpenAI, chat with usage",
        dialect: Dialect::OpenAi,
        stream: stream!("openai_chat"),
        begins: r#""content":"Hello""#,
        finished: true,
        fault: None,
        usage: [Some(19), Some(0), Some(10)],
        ids: &["chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT"],
    },
    Golden {
        name: "OpenAI, tools, without usage and [DONE]",
        dialect: Dialect::OpenAi,
        stream: stream!("openai_tools"),
        begins: "get_weather",
        finished: true,
        fault: None,
        usage: [None, None, None],
        ids: &["chatcmpl-1"],
    },
    Golden {
        name: "OpenAI, error before content",
        dialect: Dialect::OpenAi,
        stream: stream!("openai_error"),
        begins: "",
        finished: false,
        fault: Some(Fault::Broken { wait: None }),
        usage: [None, None, None],
        ids: &["chatcmpl-2"],
    },
    Golden {
        name: "OpenAI, response",
        dialect: Dialect::OpenAi,
        stream: stream!("responses_text"),
        begins: r#""delta":"Hi""#,
        finished: true,
        fault: None,
        usage: [Some(37), Some(5), Some(11)],
        ids: &[
            "resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654",
            "msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654",
        ],
    },
    Golden {
        name: "OpenAI, failed response",
        dialect: Dialect::OpenAi,
        stream: stream!("responses_failed"),
        begins: "",
        finished: false,
        fault: Some(Fault::RateLimited {
            wait: Some(Duration::from_secs(2)),
        }),
        usage: [None, None, None],
        ids: &["resp_1"],
    },
    Golden {
        name: "Gemini",
        dialect: Dialect::Generic,
        stream: stream!("gemini"),
        begins: "Hel",
        finished: true,
        fault: None,
        usage: [Some(4), None, Some(22)],
        ids: &[],
    },
];

fn reader(dialect: Dialect) -> StreamReader {
    StreamReader::new(dialect, Endpoint::Inference, Arc::default())
}

fn read(dialect: Dialect, stream: &[u8]) -> StreamReader {
    let mut reader = reader(dialect);
    reader.feed(stream);
    reader
}

#[test]
fn what_nobody_has_counted_is_charged_by_its_content() {
    let opening = b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n";
    let content = b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"forty letters and more, so ten tokens or so\"}}\n\n";
    let count = b"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\n";
    let mut reader = read(Dialect::Anthropic, opening);
    assert_eq!(reader.tokens().charged().output, Some(1));
    for _ in 0..10 {
        reader.feed(content);
    }
    let charged = reader.tokens().charged();
    assert_eq!(charged.input, Some(9));
    assert!(
        charged.output.is_some_and(|tokens| tokens >= 100),
        "{charged:?}"
    );
    assert!(!reader.tokens().is_counted());
    // Then the provider counts, and has the last word.
    reader.feed(count);
    assert_eq!(reader.tokens().charged().output, Some(5));
    assert!(reader.tokens().is_counted());
}

/// All that can be seen of a reader.
fn seen(reader: &StreamReader) -> (bool, bool, Option<Fault>, Usage, u64, Vec<String>, String) {
    (
        reader.started_content(),
        reader.finished(),
        reader.fault(),
        reader.tokens().reported(),
        reader.tokens().output_so_far(),
        reader.resource_ids(true).cloned().collect::<Vec<_>>(),
        reader.error_event(RefusalKind::Internal, "m", "r"),
    )
}

#[test]
fn known_streams_are_understood() {
    for golden in GOLDEN {
        // A generic provider may speak any dialect.
        for dialect in [golden.dialect, Dialect::Generic] {
            let reader = read(dialect, golden.stream);
            assert_eq!(
                reader.started_content(),
                !golden.begins.is_empty(),
                "{}",
                golden.name
            );
            assert_eq!(reader.finished(), golden.finished, "{}", golden.name);
            assert_eq!(reader.fault(), golden.fault, "{}", golden.name);
            let Usage {
                input,
                cache_read,
                cache_write,
                output,
                ..
            } = reader.tokens().reported();
            let usage = [input, cache_read, output];
            assert_eq!(usage, golden.usage, "{}", golden.name);
            let written = (golden.name == "Anthropic, text").then_some(100);
            assert_eq!(
                cache_write.filter(|tokens| *tokens > 0),
                written,
                "{}",
                golden.name
            );
            let ids: Vec<_> = reader.resource_ids(true).collect();
            assert_eq!(ids, golden.ids, "{}", golden.name);
        }
    }
}

#[test]
fn content_begins_with_the_first_text_and_not_before() {
    for golden in GOLDEN.iter().filter(|golden| !golden.begins.is_empty()) {
        let mut reader = reader(golden.dialect);
        for line in golden.stream.split_inclusive(|byte| *byte == b'\n') {
            reader.feed(line);
            let has_begun = line
                .windows(golden.begins.len())
                .any(|window| window == golden.begins.as_bytes());
            assert_eq!(reader.started_content(), has_begun, "{}", golden.name);
            if has_begun {
                break;
            }
        }
    }
}

#[test]
fn a_stream_that_is_cut_off_is_not_finished() {
    for golden in GOLDEN.iter().filter(|golden| golden.finished) {
        let text = std::str::from_utf8(golden.stream).unwrap();
        let half = &text[..text.len() / 2];
        assert!(
            !read(golden.dialect, half.as_bytes()).finished(),
            "{}",
            golden.name
        );
    }
}

#[test]
fn output_is_guessed_from_text_until_it_is_reported() {
    let stream = include_str!("../golden/anthropic_text.sse");
    let (before, after) = stream.split_once("event: message_delta").unwrap();
    let mut reader = read(Dialect::Anthropic, before.as_bytes());
    // "Hello" and "!\n\"How\" are you?": 22 bytes.
    assert_eq!(reader.tokens().output_so_far(), 6);
    reader.feed(format!("event: message_delta{after}").as_bytes());
    assert_eq!(reader.tokens().output_so_far(), 15);
}

#[test]
fn padding_is_not_output() {
    let reader = read(
        Dialect::OpenAi,
        include_bytes!("../golden/openai_tools.sse"),
    );
    // "call_1", "get_weather" and the arguments.
    assert_eq!(reader.tokens().output_so_far(), 8);
}

#[test]
fn an_error_event_has_the_form_of_the_stream() {
    let event = |dialect, stream: &[u8]| {
        read(dialect, stream).error_event(RefusalKind::Overloaded, "gone", "req_1")
    };
    let anthropic = event(Dialect::Generic, GOLDEN[0].stream);
    assert!(
        anthropic.starts_with("event: error\ndata: {\"type\":\"error\""),
        "{anthropic}"
    );
    let chunks = event(Dialect::OpenAi, GOLDEN[3].stream);
    assert!(chunks.starts_with("data: {\"error\""), "{chunks}");
    let responses = event(Dialect::OpenAi, GOLDEN[6].stream);
    assert!(responses.contains("\"sequence_number\":9"), "{responses}");
    let nothing_seen = event(Dialect::Anthropic, b": hello\n\n");
    assert!(nothing_seen.starts_with("event: error\n"), "{nothing_seen}");
}

#[test]
fn our_own_error_events_are_read_as_errors() {
    for golden in GOLDEN {
        let event =
            read(golden.dialect, golden.stream).error_event(RefusalKind::Internal, "gone", "req_1");
        // We send one only to a stream that is not over.
        let half = &golden.stream[..golden.stream.len() / 2];
        let lines = half.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        let mut reader = read(golden.dialect, &half[..lines]);
        reader.feed(b"\n\n");
        reader.feed(event.as_bytes());
        assert!(
            reader.fault().is_some() && !reader.finished(),
            "{}",
            golden.name
        );
    }
}

#[test]
fn the_first_error_counts() {
    let mut reader = read(Dialect::Anthropic, GOLDEN[2].stream);
    reader.feed(b"data: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}\n\n");
    assert_eq!(reader.fault(), Some(Fault::Overloaded { wait: None }));
}

#[test]
fn pings_comments_and_unknown_events_say_nothing() {
    let stream = b": keep-alive\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\nretry: 10\nid: 7\n\n\
        event: new\ndata: {\"type\":\"something_new\",\"text\":\"x\"}\n\ndata\n\ndata:\n\n\
        data: not json\n\ndata: [1,2]\n\ndata: \"text\"\n\n";
    let reader = read(Dialect::Anthropic, stream);
    assert!(!reader.started_content() && !reader.finished() && reader.fault().is_none());
}

#[test]
fn several_choices_end_when_all_have() {
    let mut reader = reader(Dialect::OpenAi);
    let chunk = |index, reason| {
        format!(
            "data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"x\"}},\"finish_reason\":{reason}}}]}}\n\n"
        )
    };
    for (index, reason, finished) in [
        (0, "null", false),
        (1, "null", false),
        (0, "\"stop\"", false),
        (1, "\"length\"", true),
    ] {
        reader.feed(chunk(index, reason).as_bytes());
        assert_eq!(reader.finished(), finished);
    }
}

#[test]
fn other_streams_of_openais_end_too() {
    for (event, started, finished) in [
        (
            r#"{"type":"transcript.text.delta","delta":"Hi"}"#,
            true,
            false,
        ),
        (r#"{"type":"transcript.text.done","text":"Hi"}"#, true, true),
        (
            r#"{"type":"image_generation.partial_image","b64_json":"AAAA"}"#,
            true,
            false,
        ),
        (
            r#"{"type":"image_generation.completed","b64_json":"AAAA"}"#,
            true,
            true,
        ),
        (
            r#"{"type":"response.web_search_call.searching"}"#,
            true,
            false,
        ),
        (
            r#"{"type":"response.incomplete","response":{}}"#,
            true,
            true,
        ),
        (
            r#"{"id":"cmpl-1","object":"text_completion","choices":[{"text":"x","index":0,"finish_reason":null}]}"#,
            true,
            false,
        ),
        (
            r#"{"type":"completion","completion":" Hi","stop_reason":null}"#,
            true,
            false,
        ),
        (
            r#"{"type":"completion","completion":"","stop_reason":"stop_sequence"}"#,
            true,
            true,
        ),
    ] {
        let reader = read(Dialect::OpenAi, format!("data: {event}\n\n").as_bytes());
        assert_eq!(
            (reader.started_content(), reader.finished()),
            (started, finished),
            "{event}"
        );
    }
}

#[test]
fn data_may_be_spread_over_lines() {
    let stream = "data: {\ndata:   \"type\": \"message_start\",\ndata: \"message\": {\"usage\": \
        {\"input_tokens\": 7}\ndata: }}\n\ndata: {\"type\":\"message_stop\"}\n\n";
    let reader = read(Dialect::Anthropic, stream.as_bytes());
    assert_eq!(reader.tokens().reported().input, Some(7));
    assert!(reader.finished());
}

#[test]
fn an_event_of_any_size_is_read_at_its_beginning_and_its_end() {
    let text = "A".repeat(10_000_000);
    for (dialect, begins, ends, finished) in [
        (
            Dialect::OpenAi,
            r#"{"type":"image_generation.completed","b64_json":""#,
            r#"","usage":{"output_tokens":9}}"#,
            true,
        ),
        (
            Dialect::OpenAi,
            r#"{"type":"response.completed","response":{"id":"resp_1","output":[{"text":""#,
            r#""}],"usage":{"output_tokens":9},"user":null,"metadata":{}}}"#,
            true,
        ),
        (
            Dialect::OpenAi,
            r#"{"choices":[{"index":0,"delta":{"content":""#,
            r#""},"finish_reason":"stop"}],"usage":{"completion_tokens":9}}"#,
            true,
        ),
        (
            Dialect::OpenAi,
            r#"{"choices":[{"index":0,"delta":{"content":""#,
            r#""},"finish_reason":""}],"usage":{"completion_tokens":9}}"#,
            false,
        ),
        (
            Dialect::Generic,
            r#"{"candidates":[{"content":{"parts":[{"text":""#,
            r#""}]},"finishReason":"STOP"}],"usageMetadata":{"candidatesTokenCount":9}}"#,
            true,
        ),
    ] {
        let mut reader = reader(dialect);
        reader.feed(b"data: ");
        reader.feed(begins.as_bytes());
        for piece in text.as_bytes().chunks(10_000) {
            reader.feed(piece);
            assert!(reader.lines.capacity() <= 2 << 20);
        }
        assert!(!reader.started_content() && !reader.finished());
        reader.feed(ends.as_bytes());
        reader.feed(b"\n\n");
        assert!(reader.started_content(), "{begins}");
        assert_eq!(reader.finished(), finished, "{begins}");
        assert_eq!(reader.tokens().reported().output, Some(9), "{begins}");
        assert!(reader.lines.capacity() <= 8 << 10);
    }
}

#[test]
fn an_event_that_is_cut_is_none() {
    let text = "A".repeat(1_000_000);
    for stream in [
        format!("data: {{\"type\":\"response.completed\",\"response\":{{\"output\":\"{text}"),
        "data: {\"type\":\"response.completed\",\"response\":{\"output\":\"A".to_owned(),
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"".to_owned(),
        "data: [DON".to_owned(),
    ] {
        let mut reader = read(Dialect::OpenAi, stream.as_bytes());
        assert_eq!(reader.ending(), Fault::StreamBroken);
    }
}

#[test]
fn an_empty_reason_is_no_end() {
    for (dialect, stream) in [
        (
            Dialect::OpenAi,
            r#"{"choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":""}]}"#,
        ),
        (
            Dialect::Generic,
            r#"{"candidates":[{"content":{"parts":[{"text":"Hel"}]},"finishReason":""}]}"#,
        ),
        (
            Dialect::Anthropic,
            r#"{"type":"message_delta","delta":{"stop_reason":""},"usage":{"output_tokens":1}}"#,
        ),
    ] {
        let reader = read(dialect, format!("data: {stream}\n\n").as_bytes());
        assert!(reader.started_content() && !reader.finished(), "{stream}");
    }
    let opening = r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":""}]}"#;
    let mut held = read(Dialect::OpenAi, format!("{opening}\n\n").as_bytes());
    assert_eq!(held.opening(false), Opening::Undecided);
    held.feed(b"data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n");
    assert_eq!(
        held.opening(false),
        Opening::Failed(Fault::Overloaded { wait: None })
    );
}

#[test]
fn a_whole_answer_is_whole_without_the_dialects_last_event() {
    let anthropic = include_str!("../golden/anthropic_text.sse");
    let (without_stop, _) = anthropic.split_once("event: message_stop").unwrap();
    for (dialect, stream, has_last) in [
        (Dialect::Anthropic, without_stop, false),
        (Dialect::Anthropic, anthropic, true),
        // The last line has no end.
        (Dialect::Anthropic, anthropic.trim_end(), true),
        (
            Dialect::OpenAi,
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n",
            false,
        ),
        (
            Dialect::OpenAi,
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]",
            true,
        ),
        (
            Dialect::OpenAi,
            include_str!("../golden/responses_text.sse"),
            true,
        ),
    ] {
        let mut reader = read(dialect, stream.as_bytes());
        assert_eq!(reader.ending(), Fault::None, "{stream}");
        let has_ended = stream.ends_with("\n\n");
        assert_eq!(reader.is_over(), has_last && has_ended, "{stream}");
        assert_eq!(reader.lacks_end(), has_last && !has_ended, "{stream}");
    }
}

#[test]
fn a_stream_is_over_with_the_line_that_ends_its_last_event() {
    for (dialect, stream) in [
        (
            Dialect::Anthropic,
            include_str!("../golden/anthropic_text.sse"),
        ),
        (
            Dialect::OpenAi,
            "data: {\"choices\":[]}\n\ndata: [DONE]\n\n",
        ),
        (
            Dialect::OpenAi,
            include_str!("../golden/responses_text.sse"),
        ),
    ] {
        let stream = stream.trim_end();
        let mut reader = read(dialect, stream.as_bytes());
        assert!(!reader.is_over(), "{stream}");
        reader.feed(b"\n");
        assert!(!reader.is_over() && reader.lacks_end(), "{stream}");
        reader.feed(b"\n");
        assert!(reader.is_over() && !reader.lacks_end(), "{stream}");
    }
}

#[test]
fn what_comes_after_the_last_event_is_not_the_answers() {
    let mut reader = read(Dialect::Anthropic, GOLDEN[0].stream);
    assert!(reader.is_over());
    reader.feed(b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}\n\n");
    assert_eq!((reader.fault(), reader.ending()), (None, Fault::None));
}

#[test]
fn an_error_of_the_request_is_its_fault_and_can_be_told_once() {
    for (dialect, stream, status, words) in [
        (
            Dialect::OpenAi,
            "data: {\"error\": {\"object\": \"error\", \"message\": \"Not multimodal.\", \"type\": \"BadRequestError\", \"param\": null, \"code\": 400}}\n\ndata: [DONE]\n\n",
            400,
            "Not multimodal.",
        ),
        (
            Dialect::OpenAi,
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":1,\"response\":{\"id\":\"resp_1\",\"status\":\"failed\",\"error\":{\"code\":\"invalid_prompt\",\"message\":\"Invalid prompt\"}}}\n\n",
            400,
            "Invalid prompt",
        ),
        (
            Dialect::OpenAi,
            "data: {\"type\":\"error\",\"code\":\"context_length_exceeded\",\"message\":\"Too long\"}\n\n",
            400,
            "Too long",
        ),
        (
            Dialect::Anthropic,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"tool_use ids were found\"}}\n\n",
            400,
            "tool_use ids were found",
        ),
        // A body of an error where an event belongs, without the end of its line.
        (
            Dialect::OpenAi,
            "{\"error\":{\"message\":\"Bad\",\"code\":\"invalid_value\"}}",
            400,
            "Bad",
        ),
    ] {
        let mut reader = read(dialect, stream.as_bytes());
        let Opening::Failed(fault) = reader.opening(true) else {
            panic!("it is none: {stream}");
        };
        assert_eq!(fault.attribution(), Attribution::Request, "{stream}");
        let told = reader.error_answer().unwrap();
        assert_eq!(told.status, status, "{stream}");
        assert!(told.body.contains(words), "{stream}");
    }
}

#[test]
fn what_a_stream_seals_is_named() {
    let stream = b"data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"gAAAA-1\"}}\n\n";
    let reader = read(Dialect::OpenAi, stream);
    let ids: Vec<_> = reader.resource_ids(false).cloned().collect();
    assert_eq!(ids, [crate::reference::of_sealed(b"gAAAA-1").unwrap()]);
}

#[test]
fn an_event_named_error_is_one_whatever_it_says() {
    let stream = b"event: error\ndata: {\"detail\":\"oops\"}\n\n";
    let reader = read(Dialect::OpenAi, stream);
    assert_eq!(reader.fault(), Some(Fault::Broken { wait: None }));
    let empty = read(
        Dialect::OpenAi,
        b"data: {\"error\":{},\"choices\":[]}\n\ndata: {\"error\":\"\"}\n\n",
    );
    assert_eq!(empty.fault(), None);
}

#[test]
fn lines_end_as_they_like_and_a_mark_may_stand_before_them() {
    for golden in GOLDEN {
        let whole = read(golden.dialect, golden.stream);
        let text = std::str::from_utf8(golden.stream)
            .unwrap()
            .replace('\r', "");
        let mut endings = ["\n", "\r", "\r\n"].into_iter().cycle();
        let mixed: String = text
            .split_inclusive('\n')
            .map(|line| format!("{}{}", line.trim_end_matches('\n'), endings.next().unwrap()))
            .collect();
        for stream in [text.replace('\n', "\r"), mixed, format!("\u{FEFF}{text}")] {
            let mut split = reader(golden.dialect);
            for byte in stream.as_bytes() {
                split.feed(std::slice::from_ref(byte));
            }
            split.end();
            assert_eq!(seen(&split), seen(&whole), "{}", golden.name);
        }
    }
}

/// What streams are made of, and what they are not.
const PIECES: &[&[u8]] = &[
    b"data: ",
    b"\n",
    b"\r\n",
    b"\r",
    b"event: error",
    b"{",
    b"}",
    b"\"type\":\"error\"",
    b"\"choices\":[",
    b"[DONE]",
    b"\"delta\":{",
    b"\xff\x00",
    b",",
    b"\"usage\":{",
];

fn splits() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1usize..200, 1..40)
}

fn feed_split(reader: &mut StreamReader, mut stream: &[u8], sizes: &[usize]) {
    for size in sizes.iter().cycle() {
        if stream.is_empty() {
            return;
        }
        let (part, rest) = stream.split_at(stream.len().min(*size));
        reader.feed(part);
        stream = rest;
    }
}

proptest! {
    #[test]
    fn the_same_is_seen_at_any_split(sizes in splits(), crlf in any::<bool>()) {
        for golden in GOLDEN {
            let text = std::str::from_utf8(golden.stream).unwrap().replace('\r', "");
            let text = if crlf { text.replace('\n', "\r\n") } else { text };
            let whole = read(golden.dialect, golden.stream);
            let mut split = reader(golden.dialect);
            feed_split(&mut split, text.as_bytes(), &sizes);
            prop_assert_eq!(seen(&split), seen(&whole), "{}", golden.name);
        }
    }

    #[test]
    fn long_lines_are_seen_the_same_at_any_split(
        length in HEAD_BYTES_MAX - 60..HEAD_BYTES_MAX + 60,
        size in 1_000usize..200_000,
    ) {
        let stream = format!(
            "data: {{\"delta\":\"{}\",\"usage\":{{\"output_tokens\":9}}}}  \r\n\r\n",
            "x".repeat(length),
        );
        let mut split = reader(Dialect::OpenAi);
        feed_split(&mut split, stream.as_bytes(), &[size]);
        prop_assert_eq!(seen(&split), seen(&read(Dialect::OpenAi, stream.as_bytes())));
    }

    #[test]
    fn any_bytes_are_read_the_same_at_any_split(
        stream in proptest::collection::vec(
            proptest::sample::select(PIECES),
            0..40,
        ),
        sizes in splits(),
    ) {
        let stream = stream.concat();
        let mut split = reader(Dialect::Generic);
        feed_split(&mut split, &stream, &sizes);
        prop_assert_eq!(seen(&split), seen(&read(Dialect::Generic, &stream)));
    }
}

#[test]
fn usage_is_found_wherever_a_stream_tells_it() {
    for (name, stream, [input, cache_read, output]) in [
        (
            "Groq",
            concat!(
                r#"data: {"id":"c","choices":[{"index":0,"delta":{"content":"hi"}}],"x_groq":{"id":"req_1"}}"#,
                "\n\n",
                r#"data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req_1","usage":{"prompt_tokens":18,"completion_tokens":556,"total_tokens":574,"prompt_tokens_details":{"cached_tokens":8}}}}"#,
                "\n\ndata: [DONE]\n\n",
            ),
            [Some(10), Some(8), Some(556)],
        ),
        (
            "Moonshot",
            concat!(
                r#"data: {"id":"c","choices":[{"index":0,"delta":{"content":"hi"}}]}"#,
                "\n\n",
                r#"data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":19,"completion_tokens":13,"total_tokens":32}}]}"#,
                "\n\ndata: [DONE]\n\n",
            ),
            [Some(19), None, Some(13)],
        ),
        (
            "Cohere",
            concat!(
                r#"data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"hi"}}}}"#,
                "\n\n",
                r#"data: {"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":3,"output_tokens":10},"tokens":{"input_tokens":209,"output_tokens":10}}}}"#,
                "\n\n",
            ),
            [Some(3), None, Some(10)],
        ),
        (
            "Cohere, as it was",
            concat!(
                r#"data: {"is_finished":false,"event_type":"text-generation","text":"hi"}"#,
                "\n\n",
                r#"data: {"is_finished":true,"event_type":"stream-end","response":{"text":"hi","meta":{"billed_units":{"input_tokens":3,"output_tokens":10}}}}"#,
                "\n\n",
            ),
            [Some(3), None, Some(10)],
        ),
        (
            "Gemini, interactions",
            concat!(
                r#"data: {"event_type":"content.delta","index":0,"delta":{"type":"text","text":"hi"}}"#,
                "\n\n",
                r#"data: {"event_type":"interaction.complete","interaction":{"id":"i","status":"completed","usage":{"total_input_tokens":7,"total_output_tokens":20,"total_thought_tokens":22,"total_tokens":49}}}"#,
                "\n\n",
            ),
            [Some(7), None, Some(42)],
        ),
    ] {
        for dialect in [Dialect::OpenAi, Dialect::Generic] {
            let usage = read(dialect, stream.as_bytes()).tokens().reported().apart();
            let told = [usage.input, usage.cache_read, usage.output];
            assert_eq!(told, [input, cache_read, output], "{name} {dialect:?}");
        }
    }
}
