use super::{NO_WAIT, judge, secs};
use keyweir_terms::fault::Fault::*;

const HTML: (&str, &str) = ("content-type", "text/html; charset=UTF-8");
const PAGE: &str = "<!DOCTYPE html><html><body>error</body></html>";

#[test]
fn edges_in_front() {
    for status in [
        407, 408, 421, 425, 460, 463, 464, 494, 495, 499, 502, 520, 522, 524, 525, 527, 530,
    ] {
        judge(&[
            (status, &[], "", Broken { wait: NO_WAIT }),
            (status, &[HTML], PAGE, Broken { wait: NO_WAIT }),
        ]);
    }
    judge(&[
        (401, &[HTML], PAGE, Broken { wait: NO_WAIT }),
        (403, &[HTML], PAGE, Broken { wait: NO_WAIT }),
        (424, &[], "", Broken { wait: NO_WAIT }),
        (
            503,
            &[("retry-after", "7"), HTML],
            PAGE,
            Broken { wait: secs(7) },
        ),
        (
            503,
            &[("content-type", "text/plain")],
            "upstream connect error or disconnect/reset before headers",
            Broken { wait: NO_WAIT },
        ),
        (
            524,
            &[],
            r#"{"cloudflare_error":true,"retryable":true,"retry_after":120}"#,
            Broken { wait: secs(120) },
        ),
        (529, &[HTML], PAGE, Overloaded { wait: NO_WAIT }),
        // A status of the edges with an API's answer: the API's own.
        (470, &[], r#"{"error":{"message":"no"}}"#, BadRequest),
        (498, &[], "", Overloaded { wait: NO_WAIT }),
    ]);
}
