//! Describing a body must not cost another body's memory: it is held once, and shared.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_wire::Wire;
use keyweir_wire::stream::StreamReader;

/// The system's allocator, which also counts what this thread asks for.
struct Counting;

thread_local! {
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    // A thread that is ending has no counter any more, and nothing to count.
    let _ = BYTES.try_with(|counter| counter.set(counter.get() + bytes));
}

#[allow(
    unsafe_code,
    reason = "an allocator cannot be written without; this one only counts"
)]
// SAFETY: every call is handed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are `System`'s conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size);
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The bytes that are allocated in all while `work` is done.
fn allocated(work: impl FnOnce()) -> usize {
    let before = BYTES.get();
    work();
    BYTES.get() - before
}

const MIB: usize = 1024 * 1024;

fn message(content: &str) -> Vec<u8> {
    format!(
        r#"{{"model":"claude-opus-4-1","max_tokens":10,"messages":[{{"role":"user","content":{content}}}]}}"#
    )
    .into_bytes()
}

#[test]
fn a_30_mib_body_is_described_without_a_copy() {
    let escaped = format!("\"{}\"", r"a\n\u00e9".repeat(30 * MIB / 9));
    let picture = format!(
        r#"[{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{}"}}}}]"#,
        "QUJD".repeat(30 * MIB / 4)
    );
    let blocks = format!("[{}1]", r#"{"type":"text","text":"x"},"#.repeat(MIB));
    for body in [message(&escaped), message(&picture), message(&blocks)] {
        assert!(body.len() > 25 * MIB);
        for dialect in [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic] {
            let bytes = allocated(|| {
                let described = dialect.describe(Endpoint::Inference, &body);
                assert!(described.is_ok());
            });
            assert!(bytes < 4096, "{dialect:?}: {bytes} bytes");
        }
    }
}

#[test]
fn a_stream_that_comes_line_by_line_is_read_without_a_copy() {
    let line = br#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}"#;
    let mut reader = StreamReader::new(Dialect::Anthropic, Endpoint::Inference, Arc::default());
    let bytes = allocated(|| {
        for _ in 0..1_000 {
            reader.feed(b"event: content_block_delta\n");
            reader.feed(line);
            reader.feed(b"\n\n");
        }
    });
    assert_eq!(reader.tokens().output_so_far(), 250);
    assert!(bytes < 4096, "{bytes} bytes");
}
