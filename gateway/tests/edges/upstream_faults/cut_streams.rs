//! Streams that break when the client has begun to read: never an end that looks complete.

use super::*;

/// Asks for a stream that meets `fault` after some of its words.
async fn cut(stage: &Stage, api: Api, fault: &Fault) -> Answer {
    stage
        .control()
        .fault(FaultRule::from(fault.clone()).times(1));
    let request = api.request(true).header("x-sim-chunk-interval-ms", "5");
    let watch = Watch::start();
    let answer = stage.ask(&request).await;
    watch.within(PROMPT);
    let what = format!("{fault:?}, {api:?}: {}", answer.text());
    assert_eq!(answer.status, 200, "{what}");
    assert_eq!(answer.attempts(), 1, "{what}");
    assert!(api.contents(&answer.text()) >= 2, "{what}");
    assert!(!api.is_complete(&answer.text()), "{what}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_after_words_ends_in_an_error_event_and_no_clean_end() {
    for upstream in UPSTREAMS {
        let stage = plan(upstream).build().await;
        for api in APIS {
            for fault in [
                reset(Moment::AfterChunks(2)),
                stall(Moment::AfterChunks(2)),
                Fault::CleanEnd { after_chunks: 2 },
            ] {
                let answer = cut(&stage, api, &fault).await;
                api.last_error(&answer.text());
                assert!(!answer.whole, "{fault:?}, {api:?}");
                stage.is_quiet().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_own_error_event_is_passed_on_as_it_is() {
    for upstream in UPSTREAMS {
        let stage = plan(upstream).build().await;
        for api in APIS {
            let answer = cut(&stage, api, &error_event(2, "overloaded_error")).await;
            assert!(api.has_error(&answer.text()), "{}", answer.text());
            stage.is_quiet().await;
        }
        stage.is_unharmed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http2_a_stream_that_breaks_ends_in_an_error_event_and_a_reset() {
    let stage = plan("1.1").build().await;
    let mut client = Frames::connect(stage.gateway.address).await;
    let faults = [
        reset(Moment::AfterChunks(2)),
        stall(Moment::AfterChunks(2)),
        Fault::CleanEnd { after_chunks: 2 },
    ];
    for (stream, fault) in (1..).step_by(2).zip(faults) {
        stage
            .control()
            .fault(FaultRule::from(fault.clone()).times(1));
        let block = frames::request("/v1/messages", &[("x-sim-chunk-interval-ms", "5")]);
        client
            .send(frames::HEADERS, frames::END_HEADERS, stream, &block)
            .await;
        let body = Api::Messages.body(true);
        client
            .send(frames::DATA, frames::END_STREAM, stream, body.as_bytes())
            .await;
        let mut text = String::new();
        loop {
            let frame = client.next().await.expect("the connection lives");
            let ends = frame.stream == stream && frame.flags & frames::END_STREAM != 0;
            assert!(!ends, "a clean end: {fault:?}");
            match frame.kind {
                frames::DATA => text.push_str(&String::from_utf8_lossy(&frame.payload)),
                frames::RST_STREAM => break,
                _ => {}
            }
        }
        Api::Messages.last_error(&text);
        assert!(Api::Messages.contents(&text) >= 2, "{text}");
    }
    drop(client);
    stage.is_unharmed().await;
}
