//! Tokens of an issuer in the place of client keys, and the issuer's keys as they change.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::house::House;
use crate::support::api::{Api, Request};
use crate::support::scripted::{Scripted, json as answer};
use crate::support::stage::Plan;

const ISSUER: &str = "
[[gateway.jwt]]
issuer = \"https://id.example\"
audiences = [\"keyweir\"]
claim = \"team\"
";
const SEARCH: &str = "\n[[tenant]]\nid = \"search\"\n";

fn encode(bytes: impl AsRef<[u8]>) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.as_ref().chunks(3) {
        let bits = chunk
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

/// An issuer's key.
struct Signer {
    id: &'static str,
    pair: Ed25519KeyPair,
}

impl Signer {
    fn new(id: &'static str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key");
        Self { id, pair }
    }

    fn published(&self) -> String {
        let x = encode(self.pair.public_key());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": x}]}).to_string()
    }

    fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "EdDSA", "kid": self.id}).to_string();
        let signed = format!("{}.{}", encode(header), encode(claims.to_string()));
        let signature = encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

fn claims() -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let expires = now.expect("after 1970").as_secs() + 3_600;
    json!({"iss": "https://id.example", "aud": "keyweir", "exp": expires, "team": "search"})
}

fn with(token: &str) -> Request {
    let request = Api::Messages.request(false).without("x-api-key");
    request.header("x-api-key", token)
}

async fn status(house: &House, token: &str) -> u16 {
    let request = Api::Messages.request(false).without("x-api-key");
    let bearer = format!("Bearer {token}");
    house
        .ask(&request.header("authorization", &bearer))
        .await
        .status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_its_tenant_and_shows_up_nowhere_and_keys_are_rotated_by_their_file() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let issuer = format!("{ISSUER}jwks_file = \"issuer.json\"\n");
    let house = House::build(Plan::new().and(SEARCH)).await;
    house.put("issuer.json", &old.published());
    let token = old.token(&claims());
    assert_eq!(status(&house, &token).await, 401, "nobody is trusted");
    house.follow(&(house.policy() + &issuer)).await;

    assert_eq!(status(&house, &token).await, 200);
    let answer = house.ask(&with(&token)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = house.stage.control().last_request().expect("it was sent");
    assert!(!format!("{sent:?}").contains(&token[..40]), "{sent:?}");
    let mut of_nobody = claims();
    of_nobody["team"] = json!("nobody");
    let answer = house.ask(&with(&old.token(&of_nobody))).await;
    let told = Api::Messages.check_refusal(&answer, 401, "authentication_error");
    assert!(!told.contains("nobody"), "{told}");

    house.put("issuer.json", &new.published());
    let answer = house.gateway().reload().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(status(&house, &token).await, 401, "its key is gone");
    assert_eq!(status(&house, &new.token(&claims())).await, 200);
    let told = house.gateway().admin("/metrics").await.text() + &house.gateway().written();
    for part in token.split('.').filter(|part| part.len() > 40) {
        assert!(!told.contains(part), "{part} is told");
    }
    house.stage.is_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_cannot_be_had_are_told_and_an_empty_set_is_believed() {
    let signer = Signer::new("one");
    let issuer = format!("{ISSUER}jwks_file = \"issuer.json\"\n");
    let house = House::build(Plan::new().and(SEARCH).and(&issuer)).await;
    let told = async || {
        let status = house.gateway().status().await;
        let ready = house.gateway().admin("/readyz").await;
        assert_eq!(ready.status, 200);
        let metrics = house.gateway().admin("/metrics").await.text();
        (status["issuers"][0].clone(), ready.text(), metrics)
    };
    let (status, ready, metrics) = told().await;
    assert_eq!(status["state"], "out", "{status}");
    assert!(ready.contains("issuer https://id.example"), "{ready}");
    let failed = "keyweir_issuer_keys_failed{issuer=\"https://id.example\"} ";
    assert!(metrics.contains(&format!("{failed}1")), "{metrics}");
    let answer = house.gateway().reload().await;
    let failures = answer.json()["issuers_failed"].to_string();
    assert!(failures.contains("issuer.json"), "{failures}");

    house.put("issuer.json", &signer.published());
    house.gateway().reload().await;
    assert_eq!(status_of(&house, &signer).await, 200);
    let (status, ready, metrics) = told().await;
    assert_eq!(
        (&status["state"], &status["keys"]),
        (&json!("serving"), &json!(1))
    );
    assert_eq!(ready, "ready\n");
    assert!(metrics.contains(&format!("{failed}0")), "{metrics}");
    assert!(metrics.contains("keyweir_issuer_keys_read_timestamp_seconds{issuer="));

    house.put("issuer.json", "{\"keys\":[]}");
    house.gateway().reload().await;
    assert_eq!(status_of(&house, &signer).await, 401);
    house.put("issuer.json", &signer.published());
    house.gateway().reload().await;
    assert_eq!(status_of(&house, &signer).await, 200);
    let file = house.gateway().files.path().join("issuer.json");
    std::fs::remove_file(file).expect("it is there");
    house.gateway().reload().await;
    assert_eq!(status_of(&house, &signer).await, 200, "for an hour");
    assert_eq!(told().await.0["state"], "kept");
    house.stage.is_unharmed().await;
}

async fn status_of(house: &House, signer: &Signer) -> u16 {
    status(house, &signer.token(&claims())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_at_an_address_are_asked_for_when_a_new_one_is_named_and_not_by_every_stranger() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let published = Arc::new(Mutex::new(old.published()));
    let asked = Arc::new(AtomicUsize::new(0));
    let (says, counts) = (Arc::clone(&published), Arc::clone(&asked));
    let at = Scripted::start(move |_| {
        counts.fetch_add(1, Ordering::SeqCst);
        answer(200, "", &says.lock())
    })
    .await;
    let issuer = format!("{ISSUER}jwks_url = \"{}/keys.json\"\n", at.url());
    let house = House::build(Plan::new().and(SEARCH).and(&issuer)).await;
    let becomes = async |token: &str, expected: u16| {
        let wait = async {
            while status(&house, token).await != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let came = tokio::time::timeout(crate::support::PATIENCE, wait).await;
        came.unwrap_or_else(|_| panic!("never {expected}"));
    };

    // The gateway starts without them.
    becomes(&old.token(&claims()), 200).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    *published.lock() = new.published();
    assert_eq!(
        status(&house, &new.token(&claims())).await,
        503,
        "it is being asked for"
    );
    becomes(&new.token(&claims()), 200).await;
    assert_eq!(status(&house, &old.token(&claims())).await, 401);
    // Nobody knows yet whether these are new ones; and no stranger has the issuer asked once more.
    for stranger in ["a", "b", "c"] {
        let answer = house
            .ask(&with(&Signer::new(stranger).token(&claims())))
            .await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        let wait = answer.header("retry-after").parse::<u64>();
        let wait = wait.expect("seconds");
        assert!((1..=31).contains(&wait), "{wait}");
        assert_ne!(answer.header("x-should-retry"), "false");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    house.stage.is_unharmed().await;
}
