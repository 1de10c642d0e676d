//! The trace that a request is in: W3C Trace Context, `traceparent`, version 00 and what later versions
//! keep of it (<https://www.w3.org/TR/trace-context/>).

/// Hexadecimal digits of a trace's id.
const TRACE_DIGITS: usize = 32;
/// Of a span's.
const SPAN_DIGITS: usize = 16;

/// A trace, and the span in it that a request follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(crate) trace: u128,
    pub(crate) span: u64,
    /// Whoever began the trace records it.
    pub(crate) is_sampled: bool,
}

impl TraceContext {
    /// From a header; `None`: it is none, and to be ignored.
    pub(crate) fn read(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace) = (parts.next()?, parts.next()?);
        let (span, flags) = (parts.next()?, parts.next()?);
        let is_hex = |text: &str, digits: usize| {
            let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            text.len() == digits && text.bytes().all(is_digit)
        };
        let is_read = is_hex(version, 2)
            && version != "ff"
            && (version != "00" || parts.next().is_none())
            && is_hex(trace, TRACE_DIGITS)
            && is_hex(span, SPAN_DIGITS)
            && is_hex(flags, 2);
        if !is_read {
            return None;
        }
        let read = Self {
            trace: u128::from_str_radix(trace, 16).ok()?,
            span: u64::from_str_radix(span, 16).ok()?,
            is_sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1,
        };
        (read.trace != 0 && read.span != 0).then_some(read)
    }

    /// The trace's id in digits.
    pub(crate) fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }
}

/// The part of a trace that is the gateway's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traced {
    pub(crate) trace: u128,
    /// The request's span.
    pub(crate) span: u64,
    /// The client's span.
    pub(crate) parent: Option<u64>,
}

impl Traced {
    /// Of a request in `context`; `None`: it is not traced. Whoever is in a trace says itself whether
    /// that is recorded; of all others the share `sample` is.
    pub(crate) fn begin(context: Option<TraceContext>, sample: f64) -> Option<Self> {
        let is_sampled = match context {
            Some(context) => context.is_sampled,
            None => fastrand::f64() < sample,
        };
        is_sampled.then(|| Self {
            trace: context.map_or_else(|| fastrand::u128(1..), |context| context.trace),
            span: fastrand::u64(1..),
            parent: context.map(|context| context.span),
        })
    }

    /// What the span of an attempt tells the provider.
    pub(crate) fn header(&self, span: u64) -> String {
        format!("00-{:032x}-{span:016x}-01", self.trace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_in_a_trace_says_whether_it_is_recorded_and_others_are_a_sample() {
        let context = |is_sampled| TraceContext {
            trace: 7,
            span: 8,
            is_sampled,
        };
        let traced = Traced::begin(Some(context(true)), 0.0).expect("recorded");
        assert_eq!((traced.trace, traced.parent), (7, Some(8)));
        assert_eq!(Traced::begin(Some(context(false)), 1.0), None);
        assert_eq!(Traced::begin(None, 0.0), None);
        let root = Traced::begin(None, 1.0).expect("all are");
        assert_eq!(root.parent, None);
        let header = root.header(9);
        let read = TraceContext::read(&header).expect("it is right");
        assert_eq!(
            (read.trace, read.span, read.is_sampled),
            (root.trace, 9, true)
        );
    }

    #[test]
    fn what_is_a_trace_context_is_read_and_nothing_else_is() {
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = TraceContext::read(header).expect("it is right");
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(
            (context.span, context.is_sampled),
            (0x00f0_67aa_0ba9_02b7, true)
        );
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more";
        assert_eq!(
            TraceContext::read(later).map(|it| it.is_sampled),
            Some(false)
        );
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-ü",
        ] {
            assert_eq!(TraceContext::read(wrong), None, "{wrong}");
        }
    }
}
