//! A bound on informational answers (1xx) before the one that counts: each costs the parsing of a head,
//! for as long as the provider goes on.
//!
//! Over HTTP/1.1 they are counted as they are read. Over HTTP/2 they are skipped where nobody sees
//! them; what is seen is that the answer's head was announced and did not come. A hint or two wake
//! nobody often, so only what goes on is counted, by a waker of its own: others that wake the same
//! task (the client, a timer) must not be counted against the provider.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use pingora_core::protocols::http::v1::client::HttpSession as Http1;
use pingora_core::protocols::http::v2::client::Http2Session as Http2;
use pingora_core::{BError, ErrorType};

/// Informational answers over HTTP/1.1: about as many as over HTTP/2. Servers that send hints send one or
/// two; some send one for each of a page's parts.
const ANSWERS_MAX: usize = 96;
/// Looks for an answer's head before it is counted who asked for them.
const UNCOUNTED: usize = 32;
/// Wakes after that which brought no head. Each has at least one informational answer behind it.
const WAKES_MAX: usize = 64;

/// Reads an answer's head over HTTP/1.1; informational ones are skipped.
pub(super) async fn read_head_http1(http1: &mut Http1) -> Result<(), BError> {
    for _ in 0..=ANSWERS_MAX {
        http1.read_response().await?;
        match http1.get_status().map_or(0, |status| status.as_u16()) {
            // We never ask to switch protocols, so 101 is no answer to anything.
            101 => {
                return pingora_core::Error::e_explain(
                    ErrorType::InvalidHTTPHeader,
                    "the provider switched protocols unasked",
                );
            }
            100..=199 => {}
            _ => return Ok(()),
        }
    }
    endless()
}

/// Reads an answer's head over HTTP/2; informational ones are skipped.
pub(super) async fn read_head_http2(http2: &mut Http2) -> Result<(), BError> {
    let mut read = pin!(http2.read_response_header());
    let mut looks = Looks::default();
    poll_fn(|context| looks.at(context, read.as_mut())).await
}

fn endless() -> Result<(), BError> {
    pingora_core::Error::e_explain(
        ErrorType::InvalidHTTPHeader,
        "the provider sends one informational answer after the other",
    )
}

/// How often it was looked for a head.
#[derive(Default)]
struct Looks {
    uncounted: usize,
    wakes: Option<Arc<Wakes>>,
}

impl Looks {
    fn at<F: Future<Output = Result<(), BError>>>(
        &mut self,
        context: &mut Context<'_>,
        read: Pin<&mut F>,
    ) -> Poll<Result<(), BError>> {
        if self.uncounted < UNCOUNTED {
            self.uncounted += 1;
            return read.poll(context);
        }
        // The task is the same all the time.
        let wakes = self.wakes.get_or_insert_with(|| {
            Arc::new(Wakes {
                task: context.waker().clone(),
                count: AtomicUsize::new(0),
            })
        });
        if wakes.count.load(Ordering::Relaxed) > WAKES_MAX {
            return Poll::Ready(endless());
        }
        let waker = Waker::from(Arc::clone(wakes));
        read.poll(&mut Context::from_waker(&waker))
    }
}

/// Counts what wakes a task.
struct Wakes {
    task: Waker,
    count: AtomicUsize,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.task.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks `times` times; each look is followed by a wake of the provider's or of somebody else's.
    fn looked(times: usize, by_provider: bool) -> bool {
        let mut looks = Looks::default();
        let mut read = pin!(poll_fn(|context: &mut Context<'_>| {
            if by_provider {
                context.waker().wake_by_ref();
            }
            Poll::<Result<(), BError>>::Pending
        }));
        let mut context = Context::from_waker(Waker::noop());
        (0..times).any(|_| looks.at(&mut context, read.as_mut()).is_ready())
    }

    #[test]
    fn only_what_the_provider_causes_without_end_is_given_up() {
        assert!(!looked(UNCOUNTED, true));
        assert!(looked(UNCOUNTED + WAKES_MAX + 2, true));
        assert!(!looked(100_000, false));
    }
}
