//! Tests of keys and signatures.

use super::*;

/// RFC 8032 §7.1, test 3.
const KEY: &str = "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";

fn key() -> PublicKey {
    KEY.parse().expect("a key")
}

#[test]
fn a_key_reads_back_from_text_record_and_json() {
    assert_eq!(key().to_string(), KEY);
    assert_eq!(PublicKey::from_record(&key().record()), Ok(key()));
    assert_eq!(key().record().first(), Some(&1));
    assert_eq!(key().record().len(), 33);
    let json = serde_json::to_string(&key()).expect("serializes");
    assert_eq!(
        serde_json::from_str::<PublicKey>(&json).expect("reads"),
        key()
    );
}

#[test]
fn keys_of_other_forms_are_refused_by_name() {
    let digits = KEY.strip_prefix("ed25519:").expect("prefixed");
    let cases = [
        (digits.to_owned(), KeyError::NoAlgorithm),
        (format!("rsa:{digits}"), KeyError::UnknownAlgorithm),
        (format!("ED25519:{digits}"), KeyError::UnknownAlgorithm),
        (format!("webauthn-rs256:{digits}"), KeyError::Rs256Refused),
        (format!("rs256:{digits}"), KeyError::Rs256Refused),
        // Not the x of a point of P-256, an uncompressed point's first byte, and the point at infinity.
        (
            format!("webauthn-es256:02{}", "ff".repeat(32)),
            KeyError::NotAPoint,
        ),
        (format!("webauthn-es256:04{digits}"), KeyError::NotAPoint),
        (
            format!("webauthn-es256:{}", "00".repeat(33)),
            KeyError::NotAPoint,
        ),
        (
            format!("webauthn-es256:{digits}"),
            KeyError::Hex(HexError::WrongLength {
                expected: 66,
                found: 64,
            }),
        ),
        (
            format!("webauthn-eddsa:01{}", "00".repeat(31)),
            KeyError::Weak,
        ),
        (
            format!("ed25519:{}", digits.to_uppercase()),
            KeyError::Hex(HexError::NotLowerHex { position: 0 }),
        ),
        (
            "ed25519:00".to_owned(),
            KeyError::Hex(HexError::WrongLength {
                expected: 64,
                found: 2,
            }),
        ),
        (
            format!("ed25519:{}", "02".to_owned() + &"00".repeat(31)),
            KeyError::NotAPoint,
        ),
        // The neutral element, and y = p + 1, its second encoding.
        (format!("ed25519:01{}", "00".repeat(31)), KeyError::Weak),
        (
            format!("ed25519:ee{}7f", "ff".repeat(30)),
            KeyError::NotAPoint,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse::<PublicKey>(), Err(expected), "{text}");
    }
    assert_eq!(
        PublicKey::from_record(&[9; 33]),
        Err(KeyError::UnknownAlgorithm)
    );
    assert!(matches!(
        PublicKey::from_record(&[]),
        Err(KeyError::RecordLength { .. })
    ));
    assert!(matches!(
        PublicKey::from_record(&[1; 32]),
        Err(KeyError::RecordLength { .. })
    ));
    assert!(matches!(
        PublicKey::from_record(&[2; 33]),
        Err(KeyError::RecordLength {
            found: 33,
            expected: 34
        })
    ));
}

#[test]
fn a_signature_of_another_length_or_algorithm_is_refused() {
    let wrong = |found| {
        Err(SignatureError::Length {
            found,
            expected: 65,
        })
    };
    assert_eq!(Signature::decode(&[]), wrong(0));
    assert_eq!(Signature::decode(&[1; 64]), wrong(64));
    assert_eq!(Signature::decode(&[1; 66]), wrong(66));
    assert_eq!(
        Signature::decode(&[0; 65]),
        Err(SignatureError::UnknownAlgorithm)
    );
    let cut_off = SignatureError::CutOff {
        part: "clientDataJSON",
    };
    assert_eq!(Signature::decode(&[2; 4]), Err(cut_off));
    let too_long = SignatureError::PartTooLong {
        part: "authenticatorData",
        found: 257,
        most: 256,
    };
    assert_eq!(Signature::decode(&[2, 0xfd, 1, 1]), Err(too_long));
    let trailing = SignatureError::Trailing { excess: 1 };
    assert_eq!(Signature::decode(&[3, 0, 0, 0, 0]), Err(trailing));
    let shown = Signature::decode(&[3, 1, 7, 0, 0]).expect("three parts");
    assert_eq!(shown.encode(), [3, 1, 7, 0, 0]);
    // A length has one encoding.
    assert!(Signature::decode(&[3, 0xfd, 1, 0, 7, 0, 0]).is_err());
    let signature = Signature::decode(&[1; 65]).expect("a signature");
    assert_eq!(signature.to_string().parse(), Ok(signature.clone()));
    assert_eq!(signature.encode(), [1; 65]);
    assert_eq!(
        key().verify(&[0; 32], &signature),
        Err(SignatureError::Wrong)
    );
}

#[cfg(feature = "signing")]
mod signing {
    use super::*;
    use crate::intent::SecretKey;

    #[test]
    fn only_the_key_s_own_signature_of_the_message_counts() {
        let secret = SecretKey::from_bytes(&[7; 32]);
        let signature = secret.sign(&[1; 32]);
        assert_eq!(secret.public().verify(&[1; 32], &signature), Ok(()));
        assert_eq!(
            secret.public().verify(&[2; 32], &signature),
            Err(SignatureError::Wrong)
        );
        assert_eq!(
            key().verify(&[1; 32], &signature),
            Err(SignatureError::Wrong)
        );
        for position in 1..65 {
            let mut bytes = signature.encode();
            if let Some(byte) = bytes.get_mut(position) {
                *byte ^= 1;
            }
            let altered = Signature::decode(&bytes).expect("reads");
            assert_eq!(
                secret.public().verify(&[1; 32], &altered),
                Err(SignatureError::Wrong)
            );
        }
    }

    #[test]
    fn a_secret_key_is_never_shown() {
        let secret = SecretKey::from_bytes(&[7; 32]);
        assert!(!format!("{secret:?}").contains("0707"));
    }
}

#[test]
fn a_passkey_verifies_nothing_where_no_policy_pins_its_origins() {
    let digits = KEY.strip_prefix("ed25519:").expect("prefixed");
    let passkey: PublicKey = format!("webauthn-eddsa:{digits}").parse().expect("a key");
    assert!(passkey.is_passkey() && !key().is_passkey());
    assert_ne!(passkey.id(), key().id());
    let signature = Signature::decode(&[1; 65]).expect("a signature");
    assert_eq!(
        passkey.verify(&[0; 32], &signature),
        Err(SignatureError::UnpinnedPasskey)
    );
    let assertion = Signature::decode(&[3, 0, 0, 0]).expect("an assertion");
    assert_eq!(
        key().verify(&[0; 32], &assertion),
        Err(SignatureError::OtherAlgorithm {
            found: Algorithm::WebauthnEddsa,
            expected: Algorithm::Ed25519
        })
    );
}
