use proptest::prelude::*;

use super::*;

fn accepts(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    reader.skip().and_then(|_| reader.end()).is_ok()
}

fn serde_accepts(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

#[test]
fn accepts_what_is_json_and_nothing_else() {
    for (text, valid) in [
        ("{}", true),
        ("[]", true),
        (
            " { \"a\" : [ 1 , -2.5e+3 , true , false , null ] } \n",
            true,
        ),
        (r#""\u00e9\n\"""#, true),
        ("", false),
        ("{", false),
        ("{\"a\"}", false),
        ("{\"a\":}", false),
        ("{\"a\":1,}", false),
        ("{a:1}", false),
        ("[1 2]", false),
        ("[1,]", false),
        ("01", false),
        ("1.", false),
        ("1e", false),
        ("-", false),
        ("+1", false),
        ("nul", false),
        ("truely", false),
        ("{} {}", false),
        ("\"a\nb\"", false),
        (r#""\x""#, false),
        (r#""\u12g4""#, false),
        (r#""\u12"#, false),
        ("\"open", false),
    ] {
        assert_eq!(accepts(text.as_bytes()), valid, "{text}");
        assert_eq!(serde_accepts(text.as_bytes()), valid, "{text}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(accepts(nested(128).as_bytes()));
    assert!(!accepts(nested(129).as_bytes()));
    assert!(!accepts("[{\"a\":".repeat(100_000).as_bytes()));
}

#[test]
fn a_string_knows_its_length_without_its_escapes() {
    for text in [
        "",
        "plain",
        "a\"b\\c\n\u{e9}\u{4e2d}\u{1f600}",
        "\u{7f}\u{80}\u{7ff}\u{800}",
    ] {
        let escaped: String = text
            .encode_utf16()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect();
        let plain = serde_json::to_string(text).unwrap();
        for json in [plain, format!("\"{escaped}\"")] {
            let read = Reader::new(json.as_bytes()).string().unwrap();
            assert_eq!(read.len(), text.len(), "{json}");
            assert_eq!(read.to_text().unwrap(), text);
        }
    }
}

#[test]
fn an_error_says_where() {
    let mut reader = Reader::new(b"{\"a\": 1 \"b\": 2}");
    assert!(reader.skip().is_err());
    let problem = Problem {
        at: 8,
        expected: "`,` or `}`",
    };
    assert_eq!(reader.problem(), problem);
}

proptest! {
    #[test]
    fn agrees_with_serde_json_on_near_json(
        text in r#"[\[\]{}:," \\u0-9a-e.+\-tn]{0,24}|\{"[a-c\\"]{0,4}":[0-9tfn"\[{]{1,6}[}\]"]{0,3}"#
    ) {
        prop_assert_eq!(accepts(text.as_bytes()), serde_accepts(text.as_bytes()), "{}", text);
    }

    #[test]
    fn agrees_with_serde_json_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        prop_assert_eq!(accepts(&bytes), serde_accepts(&bytes));
    }

    #[test]
    fn reads_any_string_of_any_length(text in "\\PC{0,200}", lead in 0usize..40) {
        let text = format!("{}{text}", "x".repeat(lead));
        let json = serde_json::to_string(&text).unwrap();
        let read = Reader::new(json.as_bytes()).string().unwrap();
        prop_assert_eq!(read.len(), text.len());
        prop_assert_eq!(read.to_text(), Some(text));
    }
}
