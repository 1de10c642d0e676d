//! Tokens by real signatures. The RSA ones were made once with OpenSSL, by a key that is nowhere any
//! more; the others are made here.

use keyweir_policy::config::file;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::{Value, json};

use super::*;

const RSA_N: &str = "\
     5gKJ1jhF5hv3RP2rIdxRYn6Rh2T50qiMYmKJ8TH9GfXoeo86HgWURv65FoO5136EgFSqsLRNp3Rwxrdh01SHpkCW\
     rS4NjziaqrUEkNDe3eM-5l8ou4LQ4gSphfRKajimz6TfUdwYVU_6G6uTTBfUletqy2uDg_e8v4VAz4Ec8RpR2c7D\
     J_djgPmpJn6FUmL_fY6q3vrUvIKdfgkgX59cB0x_D7KtMhk0EIIQ2w5Z6zYu9oCcGzWK9aXnSwDiur0WMwBZB9Pl\
     rl9gehRmm-QwhdCD8dceZK3hbGdxBCqW8t3Xn-yenIIfvJWEZMrgFgnCqThAk24tCR2hHM7OMMf7ww";
const RS256: &str = "\
     eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJrZXl\
     3ZWlyIiwiZXhwIjo0MTAyNDQ0ODAwLCJ0ZWFtIjoic2VhcmNoIn0.HP2vRRDLAou49xc_SxwmpHkaKzB-oGjyEyX\
     TN29hsIKonK4-e_jNUDGigVCJzlyJ6h-dFieoY__BAmzWBVU_xS9xvL_1ZgcNC-UtMui1OyP6i0_YK43KI1wK1wF\
     Q59efYDHiokXiCNf7HZhRD6jiJY_pEmO4hntc9_FITP5zPptLNQnv9nrT8R_ZonFvElwXOdEDhpFGbbtDimsozGo\
     mbPcRKbjQrBRFmZl6ZjekV5oERhvlpIORMzh0AM9k71Pi3y6KP-JWeSIHoE8a2T8y_wG9EhjGFcGonih-XIyVRKU\
     DJWFew_AdLxsjFa01OW9rQY0-i2Skrlc_me6SJFjzeA";
const PS256: &str = "\
     eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJrZXl\
     3ZWlyIiwiZXhwIjo0MTAyNDQ0ODAwLCJ0ZWFtIjoic2VhcmNoIn0.4ksQGLKArl3JcgWYdRl9EJigr1uJkNT8B7C\
     EPIkCDzZweZXtzlTp7kQpy4xMFyoGMFrY3awi8ZAayQClDADCM2V2hnJ35FOw9ipGGvPbQjrOAMPtfDeP-bS1-vb\
     2u_ZOfHwSCCHkew5rp05FotNxw1PKEqfM1N9VuoArAmkSn50WGuZJiVKyrYpDkGssANvmFfoKa1BrGZUhV7Uwpzp\
     stsucdm4B5xNwrYXjNfAOa2bms96bgZqsXidcy0KX7XeMJKVaFPiFppBmFHbwkQJLY3-aWVxopCYPgXspa8xsuEf\
     Nb4_Tld8-dWNPFphHCarUDirsbUMwKa6I3IV0drJycQ";

/// Before the tokens made with OpenSSL expire, which is in 2100.
const NOW: u64 = 1_800_000_000;
const SEARCH: TenantId = TenantId(0);
const MOMENT: Duration = Duration::from_secs(1);

fn at(secs: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(secs)
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.as_ref().chunks(3) {
        let bits = chunk
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let digit = bits >> (18 - 6 * place) & 63;
            text.push(char::from(DIGITS[digit as usize]));
        }
    }
    text
}

fn claims() -> Value {
    json!({"iss": "https://id.example", "aud": "keyweir", "exp": NOW + 60, "team": "search"})
}

/// A token with this header, signed by `sign`.
fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!(
        "{}.{}",
        encode(header.to_string()),
        encode(claims.to_string())
    );
    let signature = encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

struct Keys {
    ed: Ed25519KeyPair,
    p256: EcdsaKeyPair,
}

impl Keys {
    fn new() -> Self {
        let random = SystemRandom::new();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let p256 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        Self {
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).expect("a key"),
            p256: EcdsaKeyPair::from_pkcs8(algorithm, p256.as_ref(), &random).expect("a key"),
        }
    }

    fn published(&self) -> String {
        let point = self.p256.public_key().as_ref();
        let ed = encode(self.ed.public_key());
        json!({ "keys": [
            {"kty": "RSA", "kid": "rsa", "n": RSA_N, "e": "AQAB"},
            {"kty": "EC", "kid": "ec", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])},
            {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": ed, "alg": "EdDSA", "use": "sig"},
        ] })
        .to_string()
    }

    fn ed(&self, claims: &Value) -> String {
        let header = json!({"alg": "EdDSA", "kid": "ed"});
        token(&header, claims, |text| self.ed.sign(text).as_ref().to_vec())
    }

    fn es256(&self, claims: &Value) -> String {
        let random = SystemRandom::new();
        let sign = |text: &[u8]| {
            self.p256
                .sign(&random, text)
                .expect("signed")
                .as_ref()
                .to_vec()
        };
        token(&json!({"alg": "ES256", "kid": "ec"}), claims, sign)
    }
}

struct House {
    folder: tempfile::TempDir,
    tokens: Tokens,
}

impl House {
    fn new(published: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut house = Self {
            folder,
            tokens: Tokens::default(),
        };
        house.publish(published);
        house.policy(&format!("claim = \"team\"\n{more}"));
        house
    }

    /// Follows a policy that says this of the issuer.
    fn policy(&mut self, of_issuer: &str) {
        let policy = format!(
            r#"
            [[gateway.jwt]]
            issuer = "https://id.example"
            audiences = ["keyweir"]
            jwks_file = "keys.json"
            {of_issuer}
            [[provider]]
            id = "p"
            dialect = "openai"
            base_url = "https://p.example"
            [[account]]
            id = "a"
            provider = "p"
            key = [{{ id = "a-1", secret = {{ env = "A" }} }}]
            [[tenant]]
            id = "search"
            "#
        );
        let parsed = file::parse(&[("keys.toml", &policy)], at(NOW));
        let (policy, warnings) = parsed.unwrap_or_else(|report| panic!("{report}"));
        assert!(warnings.problems.is_empty(), "{warnings}");
        self.tokens = Tokens::after(&self.tokens, &policy, self.folder.path());
    }

    fn publish(&self, published: &str) {
        std::fs::write(self.folder.path().join("keys.json"), published).expect("written");
        self.tokens.reread();
    }

    fn view(&self) -> IssuerView {
        self.tokens.issuers().next().expect("an issuer")
    }

    fn bearer(&self, token: &str) -> Result<TenantId, Denied> {
        self.tokens.bearer(token, at(NOW))
    }
}

fn wrong(error: TokenError) -> Result<TenantId, Denied> {
    Err(Denied::Wrong(error))
}

#[test]
fn tokens_of_every_usual_algorithm_open_their_tenant() {
    let keys = Keys::new();
    let house = House::new(&keys.published(), "");
    for token in [keys.ed(&claims()), keys.es256(&claims()), RS256.to_owned()] {
        assert_eq!(house.bearer(&token), Ok(SEARCH), "{token}");
        assert_eq!(house.bearer(&token), Ok(SEARCH), "known by now");
    }
    assert_eq!(
        house.bearer(PS256),
        wrong(TokenError::Algorithm),
        "not asked for"
    );
    let house = House::new(&keys.published(), "algorithms = [\"PS256\"]");
    assert_eq!(house.bearer(PS256), Ok(SEARCH));
    assert_eq!(house.bearer(RS256), wrong(TokenError::Algorithm));
}

#[test]
fn a_forged_token_opens_nothing() {
    let (keys, others) = (Keys::new(), Keys::new());
    let house = House::new(&keys.published(), "");
    assert_eq!(
        house.bearer(&others.ed(&claims())),
        wrong(TokenError::Signature)
    );
    assert_eq!(
        house.bearer(&others.es256(&claims())),
        wrong(TokenError::Signature)
    );
    // Other claims under a good signature, and a signature that is cut, or none at all.
    let good = keys.ed(&claims());
    let (signed, signature) = good.rsplit_once('.').expect("parts");
    let (header, _) = signed.split_once('.').expect("parts");
    let mut other = claims();
    other["team"] = json!("admin");
    let forged = format!("{header}.{}.{signature}", encode(other.to_string()));
    assert_eq!(house.bearer(&forged), wrong(TokenError::Signature));
    for signature in ["", &signature[..40]] {
        let cut = house.bearer(&format!("{signed}.{signature}"));
        assert_eq!(cut, wrong(TokenError::Signature));
    }
}

#[test]
fn no_signature_and_the_public_key_as_a_secret_open_nothing() {
    let keys = Keys::new();
    let house = House::new(&keys.published(), "");
    let none = token(&json!({"alg": "none"}), &claims(), |_| Vec::new());
    assert_eq!(house.bearer(&none), wrong(TokenError::Algorithm));
    for secret in [keys.ed.public_key().as_ref(), RSA_N.as_bytes()] {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let sign = |text: &[u8]| hmac::sign(&secret, text).as_ref().to_vec();
        for kid in ["ed", "rsa"] {
            let forged = token(&json!({"alg": "HS256", "kid": kid}), &claims(), sign);
            assert_eq!(house.bearer(&forged), wrong(TokenError::Algorithm));
        }
    }
    // A key with the algorithm of another.
    let sign = |text: &[u8]| keys.ed.sign(text).as_ref().to_vec();
    let mixed = token(&json!({"alg": "ES256", "kid": "ed"}), &claims(), sign);
    assert_eq!(house.bearer(&mixed), wrong(TokenError::Signature));
}

#[test]
fn claims_count_of_whom_for_whom_until_when_and_which_tenant() {
    let keys = Keys::new();
    let house = House::new(&keys.published(), "");
    for (field, value, expected) in [
        ("iss", json!("https://other.example"), TokenError::Issuer),
        ("aud", json!("other"), TokenError::Audience),
        ("exp", json!(NOW - 31), TokenError::Expired),
        ("nbf", json!(NOW + 31), TokenError::TooEarly),
        ("team", json!("nobody"), TokenError::UnknownTenant),
        ("team", json!(7), TokenError::NoTenant),
    ] {
        let mut claims = claims();
        claims[field] = value;
        assert_eq!(house.bearer(&keys.ed(&claims)), wrong(expected), "{claims}");
    }
    let good = keys.ed(&claims());
    assert_eq!(house.bearer(&good), Ok(SEARCH));
    let late = house.tokens.bearer(&good, at(NOW + 90));
    assert_eq!(late, wrong(TokenError::Expired), "though it is known");
}

#[test]
fn a_claim_may_be_a_list_and_stand_within_another() {
    let keys = Keys::new();
    for (rule, field, value, expected) in [
        (
            "groups",
            "groups",
            json!(["x", 7, "search", "y"]),
            Ok(SEARCH),
        ),
        (
            "groups",
            "groups",
            json!(["x"]),
            wrong(TokenError::UnknownTenant),
        ),
        ("groups", "groups", json!([7]), wrong(TokenError::NoTenant)),
        ("groups", "groups", json!([]), wrong(TokenError::NoTenant)),
        ("a.b", "a", json!({"b": "search"}), Ok(SEARCH)),
        ("a.b.c", "a", json!({"b": {"c": ["search"]}}), Ok(SEARCH)),
        (
            "a.b",
            "a",
            json!({"c": "search"}),
            wrong(TokenError::NoTenant),
        ),
        ("a.b", "a", json!("search"), wrong(TokenError::NoTenant)),
        (
            "https://a.b/t",
            "https://a.b/t",
            json!("search"),
            Ok(SEARCH),
        ),
    ] {
        let mut house = House::new(&keys.published(), "");
        house.policy(&format!("claim = {rule:?}"));
        let mut claims = claims();
        claims[field] = value;
        assert_eq!(house.bearer(&keys.ed(&claims)), expected, "{rule} {claims}");
    }
}

#[test]
fn keys_that_are_rotated_count_at_once_and_bad_ones_never() {
    let (old, new) = (Keys::new(), Keys::new());
    let house = House::new(&old.published(), "");
    let (before, after) = (old.ed(&claims()), new.ed(&claims()));
    assert_eq!(house.bearer(&before), Ok(SEARCH));
    for bad in ["", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}"] {
        house.publish(bad);
        assert_eq!(house.bearer(&before), Ok(SEARCH), "the old ones are kept");
    }
    house.publish(&new.published());
    assert_eq!(
        house.bearer(&before),
        wrong(TokenError::Signature),
        "though it is known"
    );
    assert_eq!(house.bearer(&after), Ok(SEARCH));
}

#[test]
fn an_issuer_takes_its_last_key_out() {
    let keys = Keys::new();
    let house = House::new(&keys.published(), "");
    let token = keys.ed(&claims());
    assert_eq!(house.bearer(&token), Ok(SEARCH));
    house.publish("{\"keys\":[]}");
    assert_eq!(
        house.bearer(&token),
        wrong(TokenError::UnknownKey),
        "though it is known"
    );
    assert_eq!(house.view().trouble(), None, "it is an answer");
    house.publish(&keys.published());
    assert_eq!(house.bearer(&token), Ok(SEARCH));
}

#[test]
fn keys_that_cannot_be_had_count_as_long_as_the_policy_says() {
    let keys = Keys::new();
    let token = keys.ed(&claims());
    for (kept, expected) in [("1h", Ok(SEARCH)), ("0s", Err(Denied::NoKeys(MOMENT)))] {
        let house = House::new(&keys.published(), &format!("keys_kept = \"{kept}\""));
        assert_eq!(house.bearer(&token), Ok(SEARCH));
        let file = house.folder.path().join("keys.json");
        std::fs::remove_file(file).expect("it is there");
        house.tokens.reread();
        assert_eq!(house.bearer(&token), expected, "{kept}");
        let view = house.view();
        assert_eq!((view.is_usable, view.failures), (kept == "1h", 1));
        assert!(view.read.is_some());
        let trouble = view.trouble().expect("it is told");
        assert!(trouble.contains("keys.json"), "{trouble}");
        house.publish(&keys.published());
        assert_eq!(house.bearer(&token), Ok(SEARCH), "{kept}");
        assert_eq!(house.view().trouble(), None);
    }
}

#[test]
fn without_keys_nobody_knows() {
    let house = House::new("half", "");
    let keys = Keys::new();
    let nobody_knows = Err(Denied::NoKeys(MOMENT));
    assert_eq!(house.bearer(&keys.ed(&claims())), nobody_knows);
    house.publish(&keys.published());
    assert_eq!(house.bearer(&keys.ed(&claims())), Ok(SEARCH));
}

#[test]
fn what_is_known_is_bounded() {
    let keys = Keys::new();
    let house = House::new(&keys.published(), "");
    let known = Verified {
        tenant: SEARCH,
        until: at(NOW + 1),
        issuer: 0,
        edition: 1,
    };
    for number in 0..2 * VERIFIED_MAX as u64 + 5 {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        house.tokens.learn(hash, known, at(NOW));
    }
    assert!(house.tokens.verified.lock().len() <= VERIFIED_MAX);
}
