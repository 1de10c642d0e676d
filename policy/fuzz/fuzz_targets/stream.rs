//! A provider's stream, split anywhere: the reader says the same of it as of the whole.
//!
//! Input: a byte that chooses dialect and endpoint, a byte for the size of pieces, the stream.

#![no_main]

use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::wire::refusal_kind::RefusalKind;
use keyweir_policy::wire::stream::{StreamReader, usage_hidden};
use keyweir_policy::wire::trace::Traces;
use libfuzzer_sys::fuzz_target;

const DIALECTS: [Dialect; 3] = [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic];
const SECRET: &str = "sk-ant-api03-Zk3x9QpLr7Tn2VbW";

fuzz_target!(|input: &[u8]| {
    let [choice, piece, stream @ ..] = input else {
        return;
    };
    let choice = usize::from(*choice);
    let dialect = DIALECTS[choice % DIALECTS.len()];
    let endpoint = Endpoint::ALL[choice / DIALECTS.len() % Endpoint::COUNT];
    let whole = read(dialect, endpoint, [stream].into_iter());
    let pieces = read(dialect, endpoint, stream.chunks(usize::from(*piece).max(1)));
    assert_eq!(whole, pieces);

    if let Some(hidden) = usage_hidden::hidden(stream) {
        assert!(hidden.len() <= stream.len());
    }
    let traces = Traces::of(SECRET);
    let redacted = traces.redacted(stream);
    let left = redacted.as_deref().unwrap_or(stream);
    assert_eq!(left.len(), stream.len());
    assert!(!left.windows(SECRET.len()).any(|it| it == SECRET.as_bytes()));
});

/// All that a reader says of a stream that came in `pieces`.
fn read<'a>(
    dialect: Dialect,
    endpoint: Endpoint,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> String {
    let mut reader = StreamReader::new(dialect, endpoint, [].into());
    for piece in pieces {
        reader.feed(piece);
        let _ = reader.tokens().output_so_far();
    }
    let opening = reader.opening(true);
    let ending = reader.ending();
    let ids: Vec<_> = reader.resource_ids(true).cloned().collect();
    let event = reader.error_event(RefusalKind::Overloaded, "busy", "req_1");
    format!(
        "{opening:?} {ending:?} {ids:?} {event} {:?} {:?} {} {}",
        reader.tokens().reported(),
        reader.error_answer(),
        reader.finished(),
        reader.is_over(),
    )
}
