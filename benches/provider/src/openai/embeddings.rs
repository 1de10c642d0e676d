//! `POST /v1/embeddings`: vectors that follow from the text, as floats or as base64.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::errors::invalid;
use super::read::{known_model, read};
use crate::accounts::Purpose;
use crate::body::Outcome;
use crate::budget::Charge;
use crate::exchange::Exchange;
use crate::problem::Problem;
use crate::text::Weight;

/// The fields of a request that matter.
#[derive(Debug, Deserialize)]
struct EmbeddingRequest<'a> {
    model: Option<String>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    encoding_format: Option<String>,
    dimensions: Option<usize>,
}

/// Answers `POST /v1/embeddings`.
pub(crate) async fn create(exchange: Exchange, body: &Bytes) -> Outcome {
    let (request, model, inputs) = match check(&exchange, body) {
        Ok(checked) => checked,
        Err(problem) => return exchange.problem(&problem, None),
    };
    let mut weight = Weight::default();
    if let Some(input) = request.input {
        weight.add(input);
    }
    let counted = exchange.state.world.tokens;
    let guess = counted.guess(weight.bytes, weight.media);
    let charge = Charge {
        input: guess,
        tokens: guess,
        produces: false,
    };
    let passed = match exchange.pass(Purpose::Model(&model), &model, charge).await {
        Ok(passed) => passed,
        Err(outcome) => return outcome,
    };
    let truth = counted.truth(weight.bytes, weight.media);
    let now = passed.exchange.state.now();
    passed.budget.correct_input(guess, truth, true, now);
    let dimensions = request
        .dimensions
        .unwrap_or(DIMENSIONS)
        .clamp(1, DIMENSIONS_MAX);
    let is_base64 = request.encoding_format.as_deref() == Some("base64");
    let embed = |(index, text): (usize, &Value)| {
        let vector = vector(&text.to_string(), dimensions);
        let embedding = if is_base64 {
            json!(base64(&vector))
        } else {
            json!(vector)
        };
        json!({ "object": "embedding", "index": index, "embedding": embedding })
    };
    let data: Vec<Value> = inputs.iter().enumerate().map(embed).collect();
    let answer = json!({
        "object": "list",
        "data": data,
        "model": model,
        "usage": { "prompt_tokens": truth, "total_tokens": truth },
    });
    passed.json(answer.to_string())
}

type Checked<'a> = (EmbeddingRequest<'a>, String, Vec<Value>);

fn check<'a>(exchange: &Exchange, body: &'a Bytes) -> Result<Checked<'a>, Problem> {
    let request: EmbeddingRequest<'_> = read(body)?;
    let model = known_model(exchange, request.model.as_deref())?;
    let missing = || invalid("Missing required parameter: 'input'.").param("input");
    let input = request.input.ok_or_else(missing)?;
    let inputs = match serde_json::from_str(input.get()) {
        Ok(Value::String(text)) => vec![Value::String(text)],
        // One text as tokens, or a list of texts.
        Ok(Value::Array(tokens)) if tokens.iter().all(Value::is_number) && !tokens.is_empty() => {
            vec![Value::Array(tokens)]
        }
        Ok(Value::Array(texts)) if !texts.is_empty() => texts,
        _ => return Err(invalid("'$.input' is invalid.").param("input")),
    };
    Ok((request, model, inputs))
}

/// Few, unless the client wants more: vectors are not what is simulated.
const DIMENSIONS: usize = 8;
const DIMENSIONS_MAX: usize = 3_072;

fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let seed = text.bytes().fold(17_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut dice = fastrand::Rng::with_seed(seed);
    (0..dimensions).map(|_| dice.f32() - 0.5).collect()
}

/// The bytes of the floats, little-endian, in base64, as SDKs ask for them.
fn base64(vector: &[f32]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector
        .iter()
        .flat_map(|float| float.to_le_bytes())
        .collect();
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 4);
    for three in bytes.chunks(3) {
        let word = three
            .iter()
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - three.len()));
        for digit in 0..4 {
            let bits = (word >> (18 - 6 * digit)) as usize & 63;
            let is_padding = digit > three.len();
            text.push(if is_padding {
                '='
            } else {
                DIGITS[bits] as char
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_floats_is_padded() {
        assert_eq!(base64(&[1.0]), "AACAPw==");
        assert_eq!(base64(&[1.0, 2.0]), "AACAPwAAAEA=");
        assert_eq!(base64(&[1.0, 2.0, 0.5]), "AACAPwAAAEAAAAA/");
    }

    #[test]
    fn vector_follows_from_the_text() {
        assert_eq!(vector("a", 4), vector("a", 4));
        assert_ne!(vector("a", 4), vector("b", 4));
    }
}
