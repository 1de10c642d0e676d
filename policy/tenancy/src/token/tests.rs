use std::time::{Duration, SystemTime};

use serde_json::json;

use super::keys::{Keys, KeysError};
use super::*;

const NOW: u64 = 1_800_000_000;

fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn token(header: &Value, claims: &Value) -> String {
    let (header, claims) = (encode(header.to_string()), encode(claims.to_string()));
    format!("{header}.{claims}.{}", encode("signature"))
}

fn header() -> Value {
    json!({"alg": "RS256", "kid": "one", "typ": "JWT"})
}

fn claims() -> Value {
    json!({"iss": "https://id.example", "aud": ["x", "keyweir"], "exp": NOW + 60, "team": "search"})
}

/// `value` with a field set to another, or without it.
fn with(mut value: Value, field: &str, other: Value) -> Value {
    let object = value.as_object_mut().expect("an object");
    match other {
        Value::Null => object.remove(field),
        other => object.insert(field.to_owned(), other),
    };
    value
}

fn rules() -> Rules {
    Rules {
        issuer: "https://id.example".to_owned(),
        audiences: vec!["keyweir".to_owned()],
        algorithms: Algorithm::USUAL.to_vec(),
        claim: "team".to_owned(),
        leeway: Duration::from_secs(30),
    }
}

fn bearer(claims: &Value, now: u64) -> Result<String, TokenError> {
    let token = Token::read(&token(&header(), claims))?;
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
    let bearer = token.claims.bearer(&rules(), now);
    bearer.map(|bearer| bearer.names.join(" "))
}

#[test]
fn a_token_is_read_and_what_is_signed_is_its_first_two_parts() {
    let text = token(&header(), &claims());
    let read = Token::read(&text).expect("a token");
    assert_eq!(
        (read.algorithm, read.key_id.as_deref()),
        (Algorithm::Rs256, Some("one"))
    );
    assert_eq!(read.signature, b"signature");
    assert_eq!(
        read.signed(&text),
        text.rsplit_once('.').expect("parts").0.as_bytes()
    );
    assert!(is_token(&text) && !is_token("kw_0123.x.y") && !is_token("eyJ0"));
}

#[test]
fn what_could_not_be_verified_by_anybody_is_refused() {
    use TokenError::{Algorithm, Critical, Malformed, TooLong};
    for (header, expected) in [
        (with(header(), "alg", json!("none")), Algorithm),
        (with(header(), "alg", json!("None")), Algorithm),
        (with(header(), "alg", json!("HS256")), Algorithm),
        (with(header(), "alg", json!("rs256")), Algorithm),
        (with(header(), "alg", Value::Null), Algorithm),
        (with(header(), "alg", json!(["RS256"])), Algorithm),
        (with(header(), "crit", json!(["b64"])), Critical),
        (with(header(), "kid", json!(1)), Malformed),
        (json!(["RS256"]), Malformed),
    ] {
        let read = Token::read(&token(&header, &claims()));
        assert_eq!(read, Err(expected), "{header}");
    }
    let text = token(&header(), &claims());
    for (text, expected) in [
        (String::new(), Malformed),
        ("a.b".to_owned(), Malformed),
        (text.replace('.', "="), Malformed),
        (format!("{text}=="), Malformed),
        (format!("{text}.x"), Malformed),
        (format!("{text}{}", "A".repeat(BYTES_MAX)), TooLong),
    ] {
        assert_eq!(Token::read(&text), Err(expected), "{text:.40}");
    }
}

#[test]
fn claims_hold_for_the_right_issuer_audience_and_time() {
    use TokenError::*;
    assert_eq!(bearer(&claims(), NOW), Ok("search".to_owned()));
    let alone = with(claims(), "aud", json!("keyweir"));
    assert_eq!(bearer(&alone, NOW), Ok("search".to_owned()));
    for (field, value, expected) in [
        ("iss", json!("https://id.example/"), Issuer),
        ("iss", json!(1), Malformed),
        ("iss", Value::Null, Incomplete),
        ("aud", json!("other"), Audience),
        ("aud", json!([]), Audience),
        ("aud", json!(["keyweir", 1]), Malformed),
        ("aud", Value::Null, Incomplete),
        ("exp", json!(NOW - 31), Expired),
        // As text it would be no bound at all.
        ("exp", json!("1900000000"), Malformed),
        ("exp", Value::Null, Incomplete),
        ("nbf", json!(NOW + 31), TooEarly),
        ("nbf", json!("0"), Malformed),
        ("team", json!([7]), NoTenant),
        ("team", Value::Null, NoTenant),
    ] {
        let claims = with(claims(), field, value);
        assert_eq!(bearer(&claims, NOW), Err(expected), "{claims}");
    }
    let late = with(claims(), "nbf", json!(NOW + 29));
    assert_eq!(
        bearer(&late, NOW),
        Ok("search".to_owned()),
        "within the leeway"
    );
    assert_eq!(bearer(&claims(), NOW + 89), Ok("search".to_owned()));
    assert_eq!(bearer(&claims(), NOW + 90), Err(Expired));
}

fn key(fields: Value) -> Value {
    with(fields, "kid", json!("one"))
}

fn rsa() -> Value {
    key(json!({"kty": "RSA", "n": encode([0x81; 256]), "e": "AQAB", "use": "sig"}))
}

#[test]
fn keys_of_other_kinds_are_left_out_and_secrets_refused() {
    let read = |keys: Value| Keys::read(json!({ "keys": keys }).to_string().as_bytes());
    let p256 =
        key(json!({"kty": "EC", "crv": "P-256", "x": encode([1; 32]), "y": encode([2; 32])}));
    let ed = key(json!({"kty": "OKP", "crv": "Ed25519", "x": encode([3; 32])}));
    let all = [
        rsa(),
        p256,
        ed,
        with(rsa(), "use", json!("enc")),
        with(rsa(), "n", json!(encode([0x81; 128]))),
        with(rsa(), "alg", json!("RSA-OAEP")),
        key(json!({"kty": "EC", "crv": "secp256k1", "x": encode([1; 32]), "y": encode([2; 32])})),
        key(json!({"kty": "EC", "crv": "P-256", "x": encode([1; 31]), "y": encode([2; 32])})),
    ];
    assert_eq!(read(json!(all)).expect("some are right").len(), 3);
    for (keys, expected) in [
        (json!([1]), KeysError::Malformed),
        (json!({}), KeysError::Malformed),
        (json!([with(rsa(), "d", json!("AQAB"))]), KeysError::Private),
        (json!([{"kty": "oct", "k": "c2VjcmV0"}]), KeysError::Private),
        (json!(vec![rsa(); 101]), KeysError::TooLarge),
    ] {
        assert_eq!(read(keys).expect_err("wrong"), expected);
    }
    for text in [&b""[..], b"[]", b"\xff", b"{\"keys\":"] {
        assert_eq!(Keys::read(text), Err(KeysError::Malformed));
    }
}

#[test]
fn a_key_verifies_what_names_it_and_fits_its_kind() {
    let keys =
        json!({ "keys": [rsa(), with(with(rsa(), "kid", json!("two")), "alg", json!("RS512"))] });
    let keys = Keys::read(keys.to_string().as_bytes()).expect("keys");
    let found = |header: &Value| {
        let token = Token::read(&token(header, &claims())).expect("a token");
        keys.of(&token).map(Iterator::count)
    };
    let kid = |id: Value, alg: &str| with(with(header(), "kid", id), "alg", json!(alg));
    assert_eq!(found(&header()), Ok(1));
    assert_eq!(found(&kid(json!("two"), "RS512")), Ok(1));
    assert_eq!(found(&kid(Value::Null, "RS512")), Ok(2));
    // Of a key that is known nobody is asked, whatever the token says it is.
    for (id, alg, error) in [
        ("three", "RS256", TokenError::UnknownKey),
        ("two", "RS256", TokenError::Signature),
        ("one", "ES256", TokenError::Signature),
        ("one", "EdDSA", TokenError::Signature),
    ] {
        assert_eq!(found(&kid(json!(id), alg)), Err(error), "{id} {alg}");
    }
    assert_eq!(
        found(&kid(Value::Null, "ES256")),
        Err(TokenError::UnknownKey)
    );
}
