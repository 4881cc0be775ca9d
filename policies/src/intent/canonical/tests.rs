//! Tests of canonical JSON, with another implementation of RFC 8785 as oracle.

use proptest::prelude::*;

use super::*;

fn refused(json: &str) -> CanonicalError {
    Object::decode(json.as_bytes()).expect_err(json)
}

#[test]
fn each_form_that_is_not_canonical_is_refused_by_name() {
    use CanonicalError as E;
    let cases: Vec<(&str, E)> = vec![
        ("", E::EndsEarly),
        ("{\"a\":1", E::EndsEarly),
        ("{\"a", E::EndsEarly),
        ("{\"a\":1}\n", E::WhiteSpace { position: 7 }),
        ("{\"a\":1}x", E::Trailing { position: 7 }),
        (" {}", E::WhiteSpace { position: 0 }),
        ("{ }", E::WhiteSpace { position: 1 }),
        ("{\"a\" :1}", E::WhiteSpace { position: 4 }),
        ("{\"a\":\t1}", E::WhiteSpace { position: 5 }),
        ("{\"a\":1 }", E::WhiteSpace { position: 6 }),
        ("{\"b\":1,\"a\":1}", E::KeyOrder { key: "a".into() }),
        ("{\"a\":1,\"a\":1}", E::DuplicateKey { key: "a".into() }),
        (
            "{\"a\":1,\"b\":1,\"a\":1}",
            E::DuplicateKey { key: "a".into() },
        ),
        ("{\"a\":\"\\u0041\"}", E::Escape { position: 6 }),
        ("{\"a\":\"\\/\"}", E::Escape { position: 6 }),
        ("{\"a\":\"\\n\"}", E::Escape { position: 6 }),
        (
            "{\"a\":\"\n\"}",
            E::NotPrintableAscii {
                position: 6,
                byte: 0x0a,
            },
        ),
        (
            "{\"a\":\"\u{7f}\"}",
            E::NotPrintableAscii {
                position: 6,
                byte: 0x7f,
            },
        ),
        (
            "{\"a\":\"é\"}",
            E::NotPrintableAscii {
                position: 6,
                byte: 0xc3,
            },
        ),
        (
            "\u{feff}{}",
            E::NotPrintableAscii {
                position: 0,
                byte: 0xef,
            },
        ),
        ("{\"a\":-1}", E::Negative { position: 5 }),
        ("{\"a\":-0}", E::Negative { position: 5 }),
        ("{\"a\":1.0}", E::Fraction { position: 5 }),
        ("{\"a\":1e3}", E::Exponent { position: 5 }),
        ("{\"a\":1E3}", E::Exponent { position: 5 }),
        ("{\"a\":01}", E::LeadingZero { position: 5 }),
        ("{\"a\":00}", E::LeadingZero { position: 5 }),
        (
            "{\"a\":9007199254740992}",
            E::NumberTooLarge { position: 5 },
        ),
        (
            "{\"a\":99999999999999999999}",
            E::NumberTooLarge { position: 5 },
        ),
        ("{\"a\":true}", E::Literal { position: 5 }),
        ("{\"a\":null}", E::Literal { position: 5 }),
        ("{\"a\":{}}", E::Nested { position: 5 }),
        ("{\"a\":[1]}", E::Nested { position: 5 }),
        (
            "{\"a\":1,}",
            E::Unexpected {
                position: 7,
                byte: b'}',
            },
        ),
        (
            "{,}",
            E::Unexpected {
                position: 1,
                byte: b',',
            },
        ),
        (
            "{a:1}",
            E::Unexpected {
                position: 1,
                byte: b'a',
            },
        ),
        (
            "[1]",
            E::Unexpected {
                position: 0,
                byte: b'[',
            },
        ),
        (
            "{\"a\":+1}",
            E::Unexpected {
                position: 5,
                byte: b'+',
            },
        ),
    ];
    for (json, expected) in cases {
        assert_eq!(refused(json), expected, "{json}");
    }
}

#[test]
fn the_largest_integer_and_the_longest_object_are_read() {
    let mut object = Object::decode(b"{\"a\":9007199254740991}").expect("reads");
    assert_eq!(object.take_integer("a"), Ok(MAX_INTEGER));
    let long = |length: usize| Object::new().text("a", &"x".repeat(length)).encode();
    assert_eq!(long(1024 - 8).len(), 1024);
    assert!(Object::decode(&long(1024 - 8)).is_ok());
    let refused = Object::decode(&long(1025 - 8)).expect_err("one byte too many");
    assert_eq!(
        refused,
        CanonicalError::TooLong {
            found: 1025,
            max: 1024
        }
    );
}

#[test]
fn nesting_is_bounded() {
    assert!(Object::decode_nested(b"{\"a\":[{\"b\":[1]}]}", 100).is_ok());
    let refused = Object::decode_nested(b"{\"a\":[{\"b\":[[]]}]}", 100).expect_err("too deep");
    assert_eq!(refused, CanonicalError::Nested { position: 12 });
    let deep = "{\"a\":".repeat(100_000);
    let refused = Object::decode_nested(deep.as_bytes(), 1 << 20).expect_err("too deep");
    assert_eq!(refused, CanonicalError::Nested { position: 20 });
    assert!(Object::decode_nested(b"{\"a\":[1,]}", 100).is_err());
    assert!(Object::decode_nested(b"{\"a\":[1 ]}", 100).is_err());
}

#[test]
fn keys_missing_unknown_or_of_another_kind_are_named() {
    let mut object = Object::new().text("a", "x").integer("b", 1).list("c", []);
    assert_eq!(object.take_text("z"), Err(FieldError::Missing { key: "z" }));
    assert_eq!(
        object.take_integer("a"),
        Err(FieldError::Kind {
            key: "a",
            expected: "an integer"
        })
    );
    assert_eq!(
        object.take_text("b"),
        Err(FieldError::Kind {
            key: "b",
            expected: "a string"
        })
    );
    assert_eq!(
        object.take_object("c"),
        Err(FieldError::Kind {
            key: "c",
            expected: "an object"
        })
    );
    assert_eq!(object.take_list("c"), Err(FieldError::Missing { key: "c" }));
    let unknown = Object::new().integer("d", 1).finish();
    assert_eq!(unknown, Err(FieldError::Unknown { key: "d".into() }));
}

fn value() -> impl Strategy<Value = Value> {
    let text = "[ -~]{0,12}".prop_map(Value::Text);
    let leaf = prop_oneof![text, (0..=MAX_INTEGER).prop_map(Value::Integer)];
    let flat = prop::collection::btree_map("[ -~]{0,4}", leaf.clone(), 0..4)
        .prop_map(|entries| Value::Object(Object(entries)));
    let list = prop::collection::vec(prop_oneof![leaf.clone(), flat.clone()], 0..4);
    prop_oneof![leaf, flat, list.prop_map(Value::List)]
}

proptest! {
    #[test]
    fn encoding_is_what_rfc_8785_says_and_reads_back(
        entries in prop::collection::btree_map("[ -~]{0,6}", value(), 0..6)
    ) {
        let object = Object(entries);
        let bytes = object.encode();
        let parsed: serde_json::Value = serde_json::from_slice(&bytes).expect("is JSON");
        let oracle = serde_json_canonicalizer::to_vec(&parsed).expect("canonicalizes");
        prop_assert_eq!(&bytes, &oracle);
        prop_assert_eq!(Object::decode_nested(&bytes, usize::MAX), Ok(object));
    }

    #[test]
    fn whatever_is_read_encodes_to_the_same_bytes(
        json in "\\{(\"[ab\\\\\"]{1,2}\":(\"[ -~é\\\\]{0,3}\"|[0-9.e-]{1,18}|\\[1?\\]),?){0,3}\\}"
    ) {
        if let Ok(object) = Object::decode_nested(json.as_bytes(), usize::MAX) {
            prop_assert_eq!(object.encode(), json.as_bytes());
        }
    }
}
