//! What fails before the client has anything of it: another key is asked, and the client sees nothing.

use super::*;

/// Everything that can go wrong before the first word of an answer.
fn before_content() -> Vec<Fault> {
    let retry_after_secs = None;
    vec![
        Fault::RateLimited { retry_after_secs },
        Fault::RateLimited {
            retry_after_secs: Some(120),
        },
        Fault::RateLimitedBare,
        Fault::RampLimited { retry_after_secs },
        Fault::TooLargeForLimit,
        Fault::Revoked,
        Fault::OutOfCredit,
        Fault::SpendLimit,
        Fault::SpendLimitEnforced,
        Fault::BillingError,
        Fault::OrganizationDisabled,
        Fault::ModelForbidden,
        Fault::ModelMissing,
        Fault::Overloaded { retry_after_secs },
        Fault::Overloaded {
            retry_after_secs: Some(120),
        },
        Fault::InternalError,
        Fault::TimedOut,
        Fault::EdgePage { status: 502 },
        Fault::EdgePage { status: 520 },
        Fault::EdgePage { status: 200 },
        Fault::EdgePage { status: 302 },
        Fault::EdgeJson {
            status: 520,
            retry_after_secs: Some(120),
        },
        Fault::Garbage,
        Fault::GarbageOnWire,
        reset(Moment::BeforeHead),
        Fault::Reset {
            at: Moment::BeforeHead,
            connection: true,
        },
        reset(Moment::AfterHead),
        stall(Moment::BeforeHead),
        stall(Moment::AfterHead),
        Fault::EarlyAnswer {
            status: 429,
            drain: true,
        },
        Fault::EarlyAnswer {
            status: 429,
            drain: false,
        },
    ]
}

/// What can go wrong in a stream before its first word, besides.
fn before_the_first_word() -> Vec<Fault> {
    vec![
        reset(Moment::AfterChunks(0)),
        stall(Moment::AfterChunks(0)),
        error_event(0, "overloaded_error"),
        error_event(0, "api_error"),
        error_event(0, "rate_limit_error"),
        Fault::CleanEnd { after_chunks: 0 },
    ]
}

async fn is_hidden(stage: &Stage, fault: &Fault, api: Api, stream: bool) {
    let watch = Watch::start();
    let id = stage
        .control()
        .fault(FaultRule::from(fault.clone()).times(1));

    let answer = stage.ask(&api.request(stream)).await;

    let what = format!("{fault:?}, {api:?}, stream: {stream}");
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    assert_eq!(answer.attempts(), 2, "{what}");
    assert!(answer.whole, "{what}");
    if stream {
        assert!(api.is_complete(&answer.text()), "{what}: {}", answer.text());
        assert!(!api.has_error(&answer.text()), "{what}: {}", answer.text());
    } else {
        assert!(answer.json()["usage"].is_object(), "{what}");
    }
    for leaked in [
        "anthropic-ratelimit-requests-remaining",
        "x-ratelimit-remaining-requests",
    ] {
        assert_eq!(answer.header(leaked), "", "{what}");
    }
    assert_eq!(stage.control().clear_fault(id), Some(1), "{what}");
    watch.within(PROMPT);
}

/// A gateway for each fault: what it learns of one must not touch the next.
async fn are_hidden(faults: Vec<Fault>, upstream: &'static str, streams: &[bool]) {
    for fault in faults {
        let stage = plan(upstream).build().await;
        for (api, stream) in [
            (Api::Messages, streams[0]),
            (Api::Chat, streams[streams.len() - 1]),
        ] {
            is_hidden(&stage, &fault, api, stream).await;
        }
        stage.is_quiet().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_before_an_answer_is_tried_elsewhere_over_http1() {
    are_hidden(before_content(), UPSTREAMS[0], &[true, false]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_before_an_answer_is_tried_elsewhere_over_http2() {
    are_hidden(before_content(), UPSTREAMS[1], &[false, true]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_before_the_first_word_is_tried_elsewhere() {
    for upstream in UPSTREAMS {
        are_hidden(before_the_first_word(), upstream, &[true]).await;
        for fault in before_the_first_word() {
            let stage = plan(upstream).build().await;
            is_hidden(&stage, &fault, Api::Responses, true).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_in_the_middle_of_its_json_is_tried_elsewhere() {
    let cuts = [reset(Moment::AfterChunks(1)), stall(Moment::AfterChunks(1))];
    for upstream in UPSTREAMS {
        are_hidden(cuts.to_vec(), upstream, &[false]).await;
    }
}
