//! JSON Web Tokens signed with RS256, as Entra ID signs them.
//!
//! Written over aws-lc-rs itself, because the usual crate picks its cryptography provider for the whole
//! process and panics when two are enabled anywhere in a build.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{EmulatorError, random};

/// The claims of a token by name.
pub(crate) type ClaimSet = Map<String, Value>;

/// Signs tokens with one key, and tells its own signatures from others.
pub(crate) struct Signer {
    key: KeyPair,
    key_id: String,
}

/// Why a text is not a token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// Not three parts of base64url with JSON in the first two.
    Format,
    /// Well formed and not signed with our key.
    Signature,
}

impl Signer {
    /// A signer with a new key. Takes about a tenth of a second.
    pub(crate) fn generate() -> Result<Self, EmulatorError> {
        let key =
            KeyPair::generate(KeySize::Rsa2048).map_err(EmulatorError::crypto("a signing key"))?;
        let key_id = URL_SAFE_NO_PAD.encode(random::bytes::<20>());
        Ok(Self { key, key_id })
    }

    #[expect(clippy::expect_used, reason = "the key is valid and the buffer of its size")]
    pub(crate) fn sign(&self, claims: &ClaimSet) -> String {
        let header =
            json!({ "typ": "JWT", "alg": "RS256", "x5t": self.key_id, "kid": self.key_id });
        let payload = Value::Object(claims.clone());
        let signed = format!("{}.{}", encode(header.to_string()), encode(payload.to_string()));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .expect("a signature");
        format!("{signed}.{}", encode(signature))
    }

    /// The public key ([form](https://www.rfc-editor.org/rfc/rfc7517)).
    pub(crate) fn public_key(&self) -> Value {
        let key = self.key.public_key();
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.key_id, "x5t": self.key_id,
            "n": encode(key.modulus().big_endian_without_leading_zero()),
            "e": encode(key.exponent().big_endian_without_leading_zero()),
        })
    }

    /// The claims of a token that this signer signed. Looks at no claim itself.
    pub(crate) fn verify(&self, token: &str) -> Result<ClaimSet, Invalid> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Invalid::Format)?;
        let (header, claims) = signed.split_once('.').ok_or(Invalid::Format)?;
        let header = decode_object(header)?;
        let claims = decode_object(claims)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Invalid::Format)?;
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.key.public_key());
        let is_ours = public.verify(signed.as_bytes(), &signature).is_ok();
        if is_ours && header.get("alg") == Some(&json!("RS256")) {
            Ok(claims)
        } else {
            Err(Invalid::Signature)
        }
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode_object(part: &str) -> Result<ClaimSet, Invalid> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Invalid::Format)?;
    serde_json::from_slice(&bytes).map_err(|_| Invalid::Format)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> ClaimSet {
        json!({ "aud": "x", "exp": 1 }).as_object().cloned().unwrap()
    }

    #[test]
    fn a_signed_token_verifies_and_gives_its_claims_back() {
        let signer = Signer::generate().unwrap();
        let token = signer.sign(&claims());
        assert_eq!(signer.verify(&token), Ok(claims()));
    }

    #[test]
    fn a_token_of_another_key_or_with_other_claims_is_refused() {
        let signer = Signer::generate().unwrap();
        let token = signer.sign(&claims());
        let stranger = Signer::generate().unwrap();
        assert_eq!(stranger.verify(&token), Err(Invalid::Signature));

        let mut parts: Vec<_> = token.split('.').collect();
        let forged = encode(r#"{"aud":"y","exp":1}"#);
        parts[1] = &forged;
        assert_eq!(signer.verify(&parts.join(".")), Err(Invalid::Signature));
    }

    #[test]
    fn a_text_that_is_no_token_has_an_invalid_format() {
        let signer = Signer::generate().unwrap();
        for text in [
            "",
            "hunter2",
            "a.b.c",
            "a.b",
            "\"eyJhbGciOiJSUzI1NiJ9.e30.c2ln\"",
            "..",
            "e30.e30.e30.",
        ] {
            assert_eq!(signer.verify(text), Err(Invalid::Format), "{text:?}");
        }
    }
}
