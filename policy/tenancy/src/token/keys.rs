//! An issuer's public keys, as a JSON Web Key Set (RFC 7517) has them.
//!
//! Keys of other kinds, and those that are not for signatures, are left out: issuers publish them
//! beside. Private keys and shared secrets are refused, since whoever publishes those has a mistake to
//! mend first.

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::error::TokenError;
use super::{Token, decode};

/// The longest key set.
pub const BYTES_MAX: usize = 256 * 1024;
/// Keys of one issuer: providers publish a handful.
const KEYS_MAX: usize = 100;
/// Keys that are tried where a token names none.
const TRIED_MAX: usize = 4;
/// The shortest and the longest RSA key, in bytes: 2048 to 8192 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// An issuer's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<PublicKey>);

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    /// What it is made of.
    pub material: Material,
}

/// What a public key is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Material {
    /// Modulus and exponent, big-endian.
    Rsa {
        /// The modulus, without leading zeros.
        n: Vec<u8>,
        /// The exponent.
        e: Vec<u8>,
    },
    /// A point on P-256, uncompressed (65 bytes).
    P256(Vec<u8>),
    /// A point on P-384, uncompressed (97 bytes).
    P384(Vec<u8>),
    /// A key of Ed25519 (32 bytes).
    Ed25519(Vec<u8>),
}

/// Why a key set cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// It is too large.
    #[error("it is larger than 256 KiB, or has more than 100 keys")]
    TooLarge,
    /// It is not JSON with a list of keys.
    #[error("it is no JSON Web Key Set: {{\"keys\": [...]}}")]
    Malformed,
    /// It holds what nobody but the issuer may have.
    #[error("it holds a private key or a shared secret; publish public keys only")]
    Private,
}

impl Keys {
    /// Reads a key set. It may have no key that can be used: that is how an issuer takes its last one out.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(text: &[u8]) -> Result<Self, KeysError> {
        if text.len() > BYTES_MAX {
            return Err(KeysError::TooLarge);
        }
        let set: Value = serde_json::from_slice(text).map_err(|_| KeysError::Malformed)?;
        let list = set.get("keys").and_then(Value::as_array);
        let list = list.ok_or(KeysError::Malformed)?;
        if list.len() > KEYS_MAX {
            return Err(KeysError::TooLarge);
        }
        let mut keys = Vec::new();
        for key in list {
            let key = key.as_object().ok_or(KeysError::Malformed)?;
            if key.contains_key("d") || key.contains_key("k") {
                return Err(KeysError::Private);
            }
            keys.extend(public(key));
        }
        Ok(Self(keys))
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of those that `later` has no more.
    pub fn gone(&self, later: &Self) -> Vec<&str> {
        let has = |id: &&str| later.0.iter().any(|key| key.id.as_deref() == Some(*id));
        let ids = self.0.iter().filter_map(|key| key.id.as_deref());
        ids.filter(|id| !has(id)).collect()
    }

    /// The keys that may have signed `token`: the one that it names, or a few that fit where it names
    /// none. A key is never used with an algorithm that is not its own.
    ///
    /// # Errors
    /// If none of them may: one that it names and that is known to be of another algorithm has not signed
    /// it, and its issuer need not be asked for it.
    pub fn of(&self, token: &Token) -> Result<impl Iterator<Item = &PublicKey>, TokenError> {
        let fits = |key: &&PublicKey| {
            let is_named = token.key_id.is_none() || token.key_id == key.id;
            is_named && key.fits(token.algorithm)
        };
        let mut found = self.0.iter().filter(fits).take(TRIED_MAX).peekable();
        let is_named = |key: &PublicKey| key.id.is_some() && key.id == token.key_id;
        match found.peek() {
            Some(_) => Ok(found),
            None if self.0.iter().any(is_named) => Err(TokenError::Signature),
            None => Err(TokenError::UnknownKey),
        }
    }
}

impl PublicKey {
    fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let is_its_kind = match self.material {
            Material::Rsa { .. } => {
                matches!(algorithm, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512)
            }
            Material::P256(_) => algorithm == Es256,
            Material::P384(_) => algorithm == Es384,
            Material::Ed25519(_) => algorithm == EdDsa,
        };
        is_its_kind && self.algorithm.is_none_or(|only| only == algorithm)
    }
}

/// The key that `key` describes, if it is one for signatures that are accepted.
fn public(key: &Map<String, Value>) -> Option<PublicKey> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|its_use| its_use != "sig") {
        return None;
    }
    let algorithm = match text("alg") {
        Some(name) => Some(Algorithm::named(name)?),
        None => None,
    };
    let bytes = |name: &str| decode(text(name)?).ok();
    let sized = |name: &str, len: usize| bytes(name).filter(|it| it.len() == len);
    let point = |len: usize| Some([&[4][..], &sized("x", len)?, &sized("y", len)?].concat());
    let material = match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let n = bytes("n")?;
            let zeros = n.iter().take_while(|byte| **byte == 0).count();
            let (n, e) = (n[zeros..].to_vec(), bytes("e")?);
            RSA_BYTES
                .contains(&n.len())
                .then_some(Material::Rsa { n, e })?
        }
        ("EC", Some("P-256")) => Material::P256(point(32)?),
        ("EC", Some("P-384")) => Material::P384(point(48)?),
        ("OKP", Some("Ed25519")) => Material::Ed25519(sized("x", 32)?),
        _ => return None,
    };
    Some(PublicKey {
        id: text("kid").map(str::to_owned),
        algorithm,
        material,
    })
}
