//! Tests of passkeys: assertions made here with keys of our own, and any bytes at all.

use p256::ecdsa::signature::Signer as _;
use proptest::prelude::*;

use super::*;
use crate::intent::{PublicKey, Signature, SignatureError};

const MESSAGE: [u8; 32] = [0x42; 32];
const ORIGIN: &str = "http://localhost:7543";

fn used() -> RelyingParty {
    RelyingParty {
        rp_id: "localhost".to_owned(),
        origins: vec![ORIGIN.to_owned()],
        synced: false,
    }
}

fn secret() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a scalar")
}

fn es256() -> PublicKey {
    let point = secret().verifying_key().to_sec1_point(true);
    let bytes = point.as_bytes().try_into().expect("33 bytes");
    PublicKey::from_webauthn_es256(bytes).expect("a point")
}

fn data(rp_id: &str, flags: u8) -> Vec<u8> {
    let hash = sha256::Hash::hash(rp_id.as_bytes()).to_byte_array();
    [&hash[..], &[flags, 0, 0, 0, 9]].concat()
}

fn client(kind: &str, challenge: &[u8; 32], origin: &str, rest: &str) -> Vec<u8> {
    let challenge = challenge_text(challenge);
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"{rest}}}"#)
        .into_bytes()
}

fn good_client() -> Vec<u8> {
    client("webauthn.get", &MESSAGE, ORIGIN, r#","crossOrigin":false"#)
}

/// An assertion that is truly signed, whatever it says.
fn signed(data: Vec<u8>, client: Vec<u8>) -> Signature {
    let hash = sha256::Hash::hash(&client).to_byte_array();
    let signature: p256::ecdsa::Signature = secret().sign(&[&data[..], &hash].concat());
    let der = signature.to_der().as_bytes().to_vec();
    let assertion = Assertion::new(data, client, der).expect("short parts");
    Signature::from_assertion(&es256(), assertion).expect("is a passkey's")
}

fn verified(signature: &Signature) -> Result<(), SignatureError> {
    es256().verify_assertion(&used(), &MESSAGE, signature)
}

#[test]
fn an_assertion_counts_for_its_challenge_origin_and_verified_user() {
    let good = signed(data("localhost", 0x05), good_client());
    assert_eq!(verified(&good), Ok(()));
    // The counter is never decisive, extensions and unknown members are passed over.
    let more = client(
        "webauthn.get",
        &MESSAGE,
        ORIGIN,
        r#","other_keys":{"a":[1]}"#,
    );
    let with_extensions = [data("localhost", 0x85), vec![0xa0]].concat();
    assert_eq!(verified(&signed(with_extensions, more)), Ok(()));
    let mut other = good.encode();
    *other.last_mut().expect("long") ^= 1;
    let other = Signature::decode(&other).expect("reads");
    assert_eq!(verified(&other), Err(SignatureError::Wrong));
    let synced = RelyingParty {
        synced: true,
        ..used()
    };
    let backed_up = signed(data("localhost", 0x1d), good_client());
    assert_eq!(
        es256().verify_assertion(&synced, &MESSAGE, &backed_up),
        Ok(())
    );
    assert_eq!(verified(&backed_up), Err(AssertionError::Synced.into()));
}

#[test]
fn what_a_passkey_must_not_say_is_refused_by_name_although_truly_signed() {
    let plain = |flags| data("localhost", flags);
    let says = |kind: &str, rest: &str| client(kind, &MESSAGE, ORIGIN, rest);
    let get = "webauthn.get";
    let expected = "webauthn.get";
    let length = |found| AssertionError::AuthenticatorData { found };
    let cases = [
        (
            plain(5),
            says("webauthn.create", ""),
            AssertionError::Type { expected },
        ),
        (
            plain(5),
            says(get, r#","type":"webauthn.get""#),
            AssertionError::ClientData,
        ),
        (
            plain(5),
            says(get, r#","crossOrigin":null"#),
            AssertionError::ClientData,
        ),
        (
            plain(5),
            says(get, r#","crossOrigin":true"#),
            AssertionError::CrossOrigin,
        ),
        (
            plain(5),
            says(get, r#","topOrigin":"http://localhost:7543""#),
            AssertionError::CrossOrigin,
        ),
        (
            plain(5),
            client(get, &[0; 32], ORIGIN, ""),
            AssertionError::Challenge,
        ),
        (
            plain(5),
            client(get, &MESSAGE, "http://localhost", ""),
            AssertionError::Origin,
        ),
        (
            plain(5),
            client(get, &MESSAGE, "http://localhost:7543/", ""),
            AssertionError::Origin,
        ),
        (plain(5), b"[]".to_vec(), AssertionError::ClientData),
        (
            plain(5),
            [good_client(), b" x".to_vec()].concat(),
            AssertionError::ClientData,
        ),
        (plain(0), good_client(), AssertionError::UserNotPresent),
        (plain(4), good_client(), AssertionError::UserNotPresent),
        (plain(1), good_client(), AssertionError::UserNotVerified),
        (plain(0x15), good_client(), AssertionError::BackupState),
        (plain(0x45), good_client(), length(37)),
        (plain(0x85), good_client(), length(37)),
        ([plain(5), vec![0]].concat(), good_client(), length(38)),
        (plain(5)[..36].to_vec(), good_client(), length(36)),
        (Vec::new(), good_client(), length(0)),
        (
            data("localhost.example", 5),
            good_client(),
            AssertionError::RelyingParty,
        ),
    ];
    for (data, client, expected) in cases {
        let text = String::from_utf8_lossy(&client).into_owned();
        assert_eq!(
            verified(&signed(data, client)),
            Err(expected.into()),
            "{text}"
        );
    }
}

#[test]
fn an_ecdsa_signature_has_one_encoding_but_either_s() {
    let (data, client) = (data("localhost", 5), good_client());
    let good = signed(data.clone(), client.clone());
    let der = good
        .as_assertion()
        .expect("an assertion")
        .signature()
        .to_vec();
    let with = |der: Vec<u8>| {
        let assertion = Assertion::new(data.clone(), client.clone(), der)?;
        verified(&Signature::from_assertion(&es256(), assertion)?)
    };
    // The lower s is a byte shorter, so that a byte more is not too long.
    let read = p256::ecdsa::Signature::from_der(&der)
        .expect("reads")
        .normalize_s();
    let der = read.to_der().as_bytes().to_vec();
    assert_eq!(with(der.clone()), Ok(()));
    let (r, s) = read.split_scalars();
    let other = p256::ecdsa::Signature::from_scalars(r, -*s).expect("a signature");
    assert_eq!(with(other.to_der().as_bytes().to_vec()), Ok(()));
    let encoding: Result<(), SignatureError> = Err(AssertionError::SignatureEncoding.into());
    assert_eq!(with([&der[..], &[0]].concat()), encoding);
    assert_eq!(with(der[..der.len() - 1].to_vec()), encoding);
    assert_eq!(with(read.to_bytes().to_vec()), encoding);
    assert_eq!(with(Vec::new()), encoding);
    assert_eq!(with(vec![0x30, 6, 2, 1, 0, 2, 1, 1]), encoding);
    // The length in the long form, and an integer with a needless zero.
    let long = [&[0x30, 0x81], &der[1..]].concat();
    assert_eq!(with(long), encoding);
}

/// A credential's authenticator data in an attestation object of the format `none`.
fn registration(flags: u8, cose: &[u8]) -> Vec<u8> {
    let hash = sha256::Hash::hash(b"localhost").to_byte_array();
    let credential = [&[0; 16][..], &[0, 2, 0xaa, 0xbb], cose].concat();
    let data = [&hash[..], &[flags, 0, 0, 0, 0], &credential].concat();
    let length = u8::try_from(data.len()).expect("short");
    let head = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58";
    [&head[..], &[length], &data].concat()
}

fn cose_es256() -> Vec<u8> {
    let point = secret().verifying_key().to_sec1_point(false);
    let (x, y) = (&point.as_bytes()[1..33], &point.as_bytes()[33..]);
    [
        b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20",
        x,
        b"\x22\x58\x20",
        y,
    ]
    .concat()
}

fn registered(object: &[u8]) -> Result<Registered, RegistrationError> {
    let client = client("webauthn.create", &MESSAGE, ORIGIN, "");
    used().read_registration(&MESSAGE, &client, object)
}

#[test]
fn a_new_passkey_is_read_from_its_registration() {
    let read = registered(&registration(0x45, &cose_es256())).expect("registers");
    assert_eq!(read.key, es256());
    assert_eq!(read.credential_id, [0xaa, 0xbb]);
    assert!(!read.synced);
    assert!(
        registered(&registration(0x5d, &cose_es256()))
            .expect("registers")
            .synced
    );
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key();
    let okp = [
        b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20",
        &key.to_bytes()[..],
    ]
    .concat();
    let read = registered(&registration(0x45, &okp)).expect("registers");
    assert_eq!(
        read.key,
        PublicKey::from_webauthn_eddsa(key.to_bytes()).expect("a key")
    );
}

#[test]
fn a_registration_that_proves_nothing_is_refused_by_name() {
    let good = registration(0x45, &cose_es256());
    let code = |object: &[u8]| registered(object).map_err(|error| error.code());
    let rsa = b"\xa4\x01\x03\x03\x39\x01\x00\x20\x43\x01\x00\x01\x21\x41\x00";
    let mut off_curve = cose_es256();
    *off_curve.last_mut().expect("long") ^= 1;
    let twice = [b"\xa5\x01\x02\x01\x02\x03\x26", &cose_es256()[5..]].concat();
    let packed = String::from_utf8_lossy(&good).is_empty();
    assert!(!packed);
    let mut attested = good.clone();
    attested[6..10].copy_from_slice(b"pack");
    for (object, expected) in [
        (registration(0x45, rsa), "RS256_REFUSED"),
        (registration(0x45, &off_curve), "BAD_KEY"),
        (registration(0x45, &twice), "COSE_KEY"),
        (registration(0x45, b"\xa0"), "COSE_KEY"),
        (registration(0x45, b""), "COSE_KEY"),
        (registration(0x05, &cose_es256()), "NO_CREDENTIAL"),
        (registration(0x41, &cose_es256()), "USER_NOT_VERIFIED"),
        (registration(0x44, &cose_es256()), "USER_NOT_PRESENT"),
        (registration(0xc5, &cose_es256()), "ATTESTATION_OBJECT"),
        (
            registration(0x45, &[&cose_es256()[..], &[0]].concat()),
            "ATTESTATION_OBJECT",
        ),
        (attested, "ATTESTED"),
        ([&good[..], &[0]].concat(), "ATTESTATION_OBJECT"),
        (good[..good.len() - 1].to_vec(), "ATTESTATION_OBJECT"),
        (vec![0; 4097], "ATTESTATION_TOO_LARGE"),
        (Vec::new(), "ATTESTATION_OBJECT"),
    ] {
        assert_eq!(code(&object), Err(expected), "{object:02x?}");
    }
    let get = client("webauthn.get", &MESSAGE, ORIGIN, "");
    let refused = used().read_registration(&MESSAGE, &get, &good);
    assert_eq!(
        refused.map_err(|error| error.code()),
        Err("CLIENT_DATA_TYPE")
    );
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_of_a_registration_panic(object in proptest::collection::vec(any::<u8>(), 0..300), at in 0usize..300, byte: u8) {
        prop_assert!(registered(&object).is_err());
        let mut near = registration(0x45, &cose_es256());
        if let Some(place) = near.get_mut(at) {
            *place = byte;
        }
        drop(registered(&near));
    }

    #[test]
    fn an_altered_byte_of_an_assertion_never_counts(at in 1usize..300, flip in 1u8..) {
        let mut bytes = signed(data("localhost", 5), good_client()).encode();
        let at = 1 + at % (bytes.len() - 1);
        bytes[at] ^= flip;
        if let Ok(altered) = Signature::decode(&bytes) {
            prop_assert!(verified(&altered).is_err(), "byte {} ^ {}", at, flip);
        }
    }
}
