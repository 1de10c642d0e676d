//! Client keys: made from random bytes, shown once, kept as a hash.
//!
//! The hash is plain SHA-256, without salt or stretching: those protect what people choose, and a
//! client key is 256 random bits, out of reach of guessing. In exchange a presented key is found
//! with one hash and one look-up, among any number of tenants.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use keyweir_terms::id_map::IdMap;
use keyweir_terms::ids::TenantId;

/// Digits of the text of a client key. Letters and digits only: a double click selects it all.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Digits that 256 bits need.
const DIGIT_COUNT: usize = 43;

/// A client key in clear: only whoever makes one holds it, to show it once.
#[derive(Clone)]
pub struct ClientKey(SecretString);

impl ClientKey {
    /// What every client key begins with, so that scanners for leaked keys can know it.
    pub const PREFIX: &'static str = "kw_";

    /// The longest, whoever made it: a header's worth.
    pub const BYTES_MAX: usize = 4_096;

    /// The key that `random`, from the system's source of randomness, makes.
    pub fn from_random(random: [u8; 32]) -> Self {
        Self(SecretString::from(format!(
            "{}{}",
            Self::PREFIX,
            base62(random)
        )))
    }

    /// The key itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What the policy file holds of it.
    pub fn hash(&self) -> ClientKeyHash {
        ClientKeyHash::of(self.expose())
    }
}

/// `number`, most significant byte first, in base 62 and with leading zeros.
fn base62(mut number: [u8; 32]) -> String {
    let mut digits = [0; DIGIT_COUNT];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[usize::from(divide_by_62(&mut number))];
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// Long division in place; the remainder.
fn divide_by_62(number: &mut [u8; 32]) -> u8 {
    let mut remainder: u16 = 0;
    for byte in number {
        let dividend = remainder << 8 | u16::from(*byte);
        // Below 256, since the remainder was below 62.
        *byte = (dividend / 62) as u8;
        remainder = dividend % 62;
    }
    remainder as u8
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey(redacted)")
    }
}

/// SHA-256 of a client key. Written `sha256:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientKeyHash([u8; 32]);

/// Why a text is no [`ClientKeyHash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientKeyHashError {
    /// It does not begin with `sha256:`.
    #[error("a client key's hash begins with \"sha256:\"")]
    NoPrefix,
    /// What follows is not 64 hex digits.
    #[error("\"sha256:\" must be followed by 64 hex digits")]
    NotHex,
}

impl ClientKeyHash {
    const PREFIX: &'static str = "sha256:";

    /// The hash of what a client presented.
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented.as_bytes()).into())
    }

    /// The hash's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for ClientKeyHash {
    type Err = ClientKeyHashError;

    fn from_str(text: &str) -> Result<Self, ClientKeyHashError> {
        let hex = text
            .strip_prefix(Self::PREFIX)
            .ok_or(ClientKeyHashError::NoPrefix)?
            .as_bytes();
        let mut hash = [0; 32];
        if hex.len() != 2 * hash.len() {
            return Err(ClientKeyHashError::NotHex);
        }
        for (byte, pair) in hash.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
        }
        Ok(Self(hash))
    }
}

fn hex_digit(digit: u8) -> Result<u8, ClientKeyHashError> {
    let value = char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok());
    value.ok_or(ClientKeyHashError::NotHex)
}

impl fmt::Display for ClientKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ClientKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKeyHash({self})")
    }
}

/// Which tenant a presented client key belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientKeys {
    tenants: IdMap<[u8; 32], TenantId>,
    /// Of those that are refused from some moment on.
    expire: IdMap<[u8; 32], SystemTime>,
}

/// Whose a presented client key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The tenant.
    pub tenant: TenantId,
    /// From when on this key of its is refused.
    pub expires: Option<SystemTime>,
}

impl ClientKeys {
    /// The index of all tenants' hashes.
    pub fn new(hashes: impl IntoIterator<Item = (ClientKeyHash, TenantId)>) -> Self {
        let hashes = hashes.into_iter();
        Self {
            tenants: hashes.map(|(hash, tenant)| (hash.0, tenant)).collect(),
            expire: IdMap::default(),
        }
    }

    /// These are refused from those moments on.
    pub fn expiring(
        mut self,
        expire: impl IntoIterator<Item = (ClientKeyHash, SystemTime)>,
    ) -> Self {
        let expire = expire.into_iter();
        self.expire = expire.map(|(hash, at)| (hash.0, at)).collect();
        self
    }

    /// The tenant whose client key this is. How long it takes tells nothing of any key: what is
    /// compared is a hash, which nobody can steer towards another.
    pub fn find(&self, presented: &str) -> Option<Presented> {
        self.of_hash(&ClientKeyHash::of(presented))
    }

    /// The tenant whose client key has this hash.
    pub fn of_hash(&self, hash: &ClientKeyHash) -> Option<Presented> {
        let tenant = *self.tenants.get(hash.as_bytes())?;
        let expires = self.expire.get(hash.as_bytes()).copied();
        Some(Presented { tenant, expires })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn text(random: [u8; 32]) -> String {
        ClientKey::from_random(random).expose().to_owned()
    }

    #[test]
    fn client_keys_have_one_form() {
        assert_eq!(text([0; 32]), format!("kw_{}", "0".repeat(43)));
        // 2^256 - 1
        assert_eq!(
            text([255; 32]),
            "kw_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1"
        );
        let mut one = [0; 32];
        one[31] = 62;
        assert_eq!(text(one), format!("kw_{}10", "0".repeat(41)));
    }

    #[test]
    fn hashes_are_read_as_they_are_written() {
        // From FIPS 180-2: SHA-256 of "abc".
        let written = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(ClientKeyHash::of("abc").to_string(), written);
        assert_eq!(written.parse(), Ok(ClientKeyHash::of("abc")));
        let upper = written.to_uppercase().replace("SHA256", "sha256");
        assert_eq!(upper.parse(), Ok(ClientKeyHash::of("abc")));
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let digits = "0".repeat(64);
        for (text, error) in [
            ("", ClientKeyHashError::NoPrefix),
            ("kw_abc", ClientKeyHashError::NoPrefix),
            (&digits, ClientKeyHashError::NoPrefix),
            ("sha256:", ClientKeyHashError::NotHex),
            (
                &format!("sha256:{}", &digits[1..]),
                ClientKeyHashError::NotHex,
            ),
            (&format!("sha256:{digits}0"), ClientKeyHashError::NotHex),
            (
                &format!("sha256:+{}", &digits[1..]),
                ClientKeyHashError::NotHex,
            ),
            (
                &format!("sha256:é{}", &digits[2..]),
                ClientKeyHashError::NotHex,
            ),
        ] {
            assert_eq!(text.parse::<ClientKeyHash>(), Err(error), "{text}");
        }
    }

    #[test]
    fn presented_key_finds_its_tenant() {
        let keys = [
            ClientKey::from_random([1; 32]),
            ClientKey::from_random([2; 32]),
        ];
        let index = ClientKeys::new([
            (keys[0].hash(), TenantId(0)),
            (keys[1].hash(), TenantId(1)),
            (ClientKeyHash::of("chosen by hand"), TenantId(1)),
        ]);
        let moment = SystemTime::UNIX_EPOCH;
        let index = index.expiring([(keys[1].hash(), moment)]);
        let tenant = |key: &str| index.find(key).map(|found| found.tenant);
        let expires = |key: &str| index.find(key).and_then(|found| found.expires);
        assert_eq!(expires(keys[0].expose()), None);
        assert_eq!(expires(keys[1].expose()), Some(moment));
        assert_eq!(tenant(keys[0].expose()), Some(TenantId(0)));
        assert_eq!(tenant(keys[1].expose()), Some(TenantId(1)));
        assert_eq!(tenant("chosen by hand"), Some(TenantId(1)));
        assert_eq!(tenant(&keys[0].expose()[..45]), None);
        assert_eq!(tenant(""), None);
        assert_eq!(tenant(&keys[0].hash().to_string()), None);
    }

    #[test]
    fn debug_shows_no_client_key() {
        let key = ClientKey::from_random([7; 32]);
        assert!(!format!("{key:?}").contains(&key.expose()[3..]));
    }

    proptest! {
        #[test]
        fn different_randomness_makes_different_keys(
            randoms in prop::collection::hash_set(any::<[u8; 32]>(), 1..20)
        ) {
            let keys: HashSet<String> = randoms.iter().map(|random| text(*random)).collect();
            prop_assert_eq!(keys.len(), randoms.len());
            prop_assert!(keys.iter().all(|key| key.len() == 46 && key[3..].bytes().all(|byte| byte.is_ascii_alphanumeric())));
        }
    }
}
