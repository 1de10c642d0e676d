//! Whether a public key made a signature.

use keyweir_policy::tenancy::token::Algorithm;
use keyweir_policy::tenancy::token::keys::{Material, PublicKey};
use ring::signature::{
    self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

/// Whether `key` has signed `text` with `algorithm`, which is one of its own.
pub(super) fn has_signed(key: &PublicKey, algorithm: Algorithm, text: &[u8], made: &[u8]) -> bool {
    let by = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
        UnparsedPublicKey::new(algorithm, key).verify(text, made)
    };
    let verified = match &key.material {
        Material::Rsa { n, e } => match rsa(algorithm) {
            Some(algorithm) => RsaPublicKeyComponents { n, e }.verify(algorithm, text, made),
            None => return false,
        },
        Material::P256(point) => by(&signature::ECDSA_P256_SHA256_FIXED, point),
        Material::P384(point) => by(&signature::ECDSA_P384_SHA384_FIXED, point),
        Material::Ed25519(key) => by(&signature::ED25519, key),
    };
    verified.is_ok()
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return None,
    })
}
