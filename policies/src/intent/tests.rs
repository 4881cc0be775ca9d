//! Tests of intents.

use bitcoin::hex::DisplayHex;
use proptest::prelude::*;

use super::canonical::{CanonicalError, FieldError};
use super::*;
use crate::ids::HexError;

fn text() -> String {
    let mut intent = sample::payment("w-1", 7);
    intent.reference = "inv \"42\" \\".to_owned();
    String::from_utf8(intent.encode()).expect("ASCII")
}

#[test]
fn an_intent_reads_back_from_its_bytes() {
    let text = text();
    let intent = Intent::decode(text.as_bytes()).expect("an intent");
    assert_eq!(intent.encode(), text.as_bytes());
    assert_eq!(intent.hash(), Intent::hash_bytes(text.as_bytes()));
    assert!(
        text.starts_with("{\"amount_sat\":50000,\"created\":1795478400,\"expires\""),
        "{text}"
    );
    assert!(
        text.contains("\"reference\":\"inv \\\"42\\\" \\\\\""),
        "{text}"
    );
    assert_eq!(serde_json::to_string(&intent).expect("serializes"), text);
}

#[test]
fn each_form_that_is_not_an_intent_is_refused_by_name() {
    use IntentError as E;
    let vault = sample::payment("w-1", 7).vault.to_string();
    let script = sample::payment("w-1", 7).script_pubkey.to_hex_string();
    let name = |key, position, allowed| E::Name {
        key,
        source: NameError::Character { position, allowed },
    };
    let amounts = |from: &str, to: &str| text().replace(from, to);
    let sat = Amount::from_sat;
    let cases = vec![
        (
            text() + "\n",
            E::Canonical(CanonicalError::WhiteSpace {
                position: text().len(),
            }),
        ),
        (amounts("intent/1", "intent/2"), E::Format),
        (
            amounts(",\"repeats\":\"\"", ""),
            E::Field(FieldError::Missing { key: "repeats" }),
        ),
        (
            amounts(",\"vault\"", ",\"v\":0,\"vault\""),
            E::Field(FieldError::Unknown { key: "v".into() }),
        ),
        (
            amounts("\"id\":\"w-1\"", "\"id\":1"),
            E::Field(FieldError::Kind {
                key: "id",
                expected: "a string",
            }),
        ),
        (
            amounts(":50000", ":\"50000\""),
            E::Field(FieldError::Kind {
                key: "amount_sat",
                expected: "an integer",
            }),
        ),
        (
            amounts("\"w-1\"", "\"w/1\""),
            name("id", 1, "[A-Za-z0-9._:-]"),
        ),
        (
            amounts("\"w-1\"", "\"\""),
            E::Name {
                key: "id",
                source: NameError::Length { found: 0, max: 64 },
            },
        ),
        (
            amounts("exchange", "Exchange"),
            name("requester", 0, "[a-z0-9-]"),
        ),
        (
            amounts("\"replaces\":\"\"", "\"replaces\":\" \""),
            name("replaces", 0, "[A-Za-z0-9._:-]"),
        ),
        (amounts("payment", "Payment"), E::Kind),
        (
            amounts(&vault, &vault.replace('1', "A")),
            E::Hex {
                key: "vault",
                source: HexError::NotLowerHex { position: 0 },
            },
        ),
        (
            amounts(&script, &script.to_uppercase().replace('0', "A")),
            E::Hex {
                key: "script_pubkey",
                source: HexError::NotLowerHex { position: 0 },
            },
        ),
        (
            amounts(&script, &format!("{script}0")),
            E::Hex {
                key: "script_pubkey",
                source: HexError::OddLength { found: 45 },
            },
        ),
        (amounts(&script, ""), E::EmptyScript),
        (amounts(":50000", ":0"), E::ZeroAmount),
        (amounts("min_sat\":50000", "min_sat\":0"), E::ZeroMin),
        (
            amounts(":50000", ":2100000000000001"),
            E::AmountAboveSupply {
                amount: sat(2_100_000_000_000_001),
            },
        ),
        (
            amounts("min_sat\":50000", "min_sat\":50001"),
            E::MinAboveAmount {
                min: sat(50_001),
                amount: sat(50_000),
            },
        ),
        (
            amounts("min_sat\":50000", "min_sat\":49999"),
            E::MinDiffers {
                min: sat(49_999),
                amount: sat(50_000),
            },
        ),
        (
            amounts(":1795564800", ":1795478400"),
            E::ExpiresBeforeCreated {
                created: UnixTime::from_secs(1_795_478_400),
                expires: UnixTime::from_secs(1_795_478_400),
            },
        ),
        (
            amounts("\"replaces\":\"\"", "\"replaces\":\"w-1\""),
            E::NamesItself { key: "replaces" },
        ),
        (
            amounts("\"repeats\":\"\"", "\"repeats\":\"w-1\""),
            E::NamesItself { key: "repeats" },
        ),
        (
            amounts(
                "\"repeats\":\"\",\"replaces\":\"\"",
                "\"repeats\":\"a\",\"replaces\":\"a\"",
            ),
            E::ReplacesAndRepeats {
                id: "a".parse().expect("an id"),
            },
        ),
        (
            amounts("inv ", &"x".repeat(195)),
            E::ReferenceTooLong { found: 201 },
        ),
    ];
    for (json, expected) in cases {
        assert_ne!(json, text(), "the case changes something: {expected}");
        assert_eq!(Intent::decode(json.as_bytes()), Err(expected), "{json}");
    }
}

#[test]
fn a_sweep_may_pay_less_than_its_amount() {
    let mut intent = sample::payment("w-1", 7);
    intent.kind = IntentKind::Sweep;
    intent.min = Amount::from_sat(1);
    assert_eq!(Intent::decode(&intent.encode()), Ok(intent));
}

#[test]
fn an_intent_beyond_the_format_encodes_to_bytes_that_are_refused() {
    let mut intent = sample::payment("w-1", 7);
    intent.reference = "é".to_owned();
    assert!(matches!(
        intent.check(),
        Err(IntentError::Canonical(
            CanonicalError::NotPrintableAscii { .. }
        ))
    ));
    intent.reference = String::new();
    intent.expires = UnixTime::from_secs(u64::MAX);
    assert!(matches!(
        intent.check(),
        Err(IntentError::Canonical(
            CanonicalError::NumberTooLarge { .. }
        ))
    ));
    let mut intent = sample::payment("w-1", 7);
    intent.script_pubkey = ScriptBuf::from_bytes(vec![0x6a; 600]);
    assert!(matches!(
        Intent::decode(&intent.encode()),
        Err(IntentError::Canonical(CanonicalError::TooLong { .. }))
    ));
}

proptest! {
    #[test]
    fn an_intent_altered_in_one_byte_is_refused_or_another_intent(
        at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let original = text().into_bytes();
        let mut altered = original.clone();
        let at = at.index(altered.len());
        if let Some(place) = altered.get_mut(at) {
            *place = byte;
        }
        if let Ok(intent) = Intent::decode(&altered) {
            prop_assert_eq!(intent.encode(), altered.clone());
            prop_assert_eq!(altered == original, intent.hash() == Intent::hash_bytes(&original));
        }
    }

    #[test]
    fn any_intent_that_passes_its_check_reads_back(
        amount in 1_u64..=2_100_000_000_000_000, script in prop::collection::vec(any::<u8>(), 1..40),
        reference in "[ -~]{0,200}", id in "[A-Za-z0-9._:-]{1,64}", created in 0_u64..1 << 40,
    ) {
        let mut intent = sample::payment(&id, 1);
        (intent.amount, intent.min) = (Amount::from_sat(amount), Amount::from_sat(amount));
        intent.script_pubkey = ScriptBuf::from_bytes(script);
        intent.reference = reference;
        (intent.created, intent.expires) = (UnixTime::from_secs(created), UnixTime::from_secs(created + 1));
        match intent.check() {
            Ok(()) => prop_assert_eq!(Intent::decode(&intent.encode()), Ok(intent)),
            // Long texts together may exceed 1 KiB.
            Err(error) => prop_assert!(intent.encode().len() > 1024, "{}: {}", error, intent.encode().as_hex()),
        }
    }
}
