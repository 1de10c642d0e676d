//! A provider's good answer: its form, its cost, what it made, and the pages of lists.
//!
//! Input: a byte that chooses dialect and endpoint, the body.

#![no_main]

use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::wire::large::LargeAnswer;
use keyweir_policy::wire::list::{Page, Paging, write};
use keyweir_policy::wire::opening::{Announced, Head, form_of_body, of_whole};
use keyweir_policy::wire::{resource_ids, rewrite_results_url};
use libfuzzer_sys::fuzz_target;

const DIALECTS: [Dialect; 3] = [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic];

fuzz_target!(|input: &[u8]| {
    let [choice, body @ ..] = input else {
        return;
    };
    let choice = usize::from(*choice);
    let dialect = DIALECTS[choice % DIALECTS.len()];
    let endpoint = Endpoint::ALL[choice / DIALECTS.len() % Endpoint::COUNT];
    for content_type in [None, Some("application/json"), Some("text/event-stream")] {
        let head = Head {
            bodiless: false,
            content_type,
            content_encoding: None,
        };
        let announced = Announced::by(&head, endpoint);
        for (asks_in_json, ended) in [(true, true), (true, false), (false, true)] {
            let _ = form_of_body(announced, asks_in_json, body, ended);
        }
    }
    let _ = of_whole(&[], (dialect, endpoint), |_| None, body);
    let _ = resource_ids(endpoint, true, body);
    let _ = rewrite_results_url(body, "https://api.example.com", "http://localhost:8080");
    for mut large in [
        LargeAnswer::new(dialect, endpoint),
        LargeAnswer::in_frames(dialect, endpoint),
    ] {
        body.chunks(7).for_each(|piece| large.feed(piece));
        let _ = (large.usage(), large.ending(&[]), large.error(&[]));
    }
    let _ = keyweir_policy::wire::error_message(body);
    if let Some(page) = Page::read(body) {
        let written = write(page.form, &page.items, page.has_more);
        let again = Page::read(&written).expect("what is written can be read");
        assert_eq!(again.items.len(), page.items.len());
        let query = String::from_utf8_lossy(body);
        let _ = Paging::read(page.form, endpoint, &query).query(Some(&page));
    }
});
