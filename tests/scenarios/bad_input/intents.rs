//! Intents whose bytes, signature, vault or time are not right.

use bitcoin::Amount;
use harness::{Failure, Outcome, Purse, requester_key};
use policies::intent::SecretKey;
use policies::{Intent, RequestSignature, UnixTime};
use serde_json::{Value, json};

use super::{funded, nothing_changes};

const AMOUNT: Amount = Amount::from_sat(1_000_000);

/// 1. A good intent is written in other ways that mean the same to a lax reader, and each is signed
///    as it is written.
/// 2. Each is refused: an intent has one form.
#[test]
fn intent_that_is_not_canonical_is_refused_even_if_signed() -> Outcome {
    let mut treasury = funded()?;
    nothing_changes(&mut treasury, |treasury| {
        let good = treasury.intent("w-1", &Purse::stranger(1), AMOUNT)?;
        let text = String::from_utf8(good.encode())?;
        let script = good.script_pubkey.to_hex_string();
        let amount = "\"amount_sat\":1000000,";
        let moved = format!("{{{}", text.replacen(amount, "", 1).trim_start_matches('{'));
        let last = format!("{},\"amount_sat\":1000000}}", moved.trim_end_matches('}'));
        for (what, text) in [
            ("a space", text.replacen(':', ": ", 1)),
            ("a line break at the end", format!("{text}\n")),
            ("a space before", format!(" {text}")),
            ("a byte order mark", format!("\u{feff}{text}")),
            ("another order", last),
            ("a key twice", text.replacen(amount, &amount.repeat(2), 1)),
            (
                "an escape that is not needed",
                text.replacen("payment", "p\\u0061yment", 1),
            ),
            (
                "an escaped slash",
                text.replacen("\"reference\":\"\"", "\"reference\":\"\\/\"", 1),
            ),
            (
                "a letter outside ASCII",
                text.replacen("\"reference\":\"\"", "\"reference\":\"é\"", 1),
            ),
            ("two intents", text.repeat(2)),
            ("half an intent", text[..text.len() / 2].to_owned()),
            ("nothing", String::new()),
            ("an array", format!("[{text}]")),
        ] {
            treasury
                .submit_body(&treasury.signed_bytes(text.as_bytes()))?
                .refused(422, "intent_not_canonical")
                .map_err(|failure| Failure::new(format!("{what}: {failure}")))?;
        }
        for (what, text) in [
            (
                "a missing field",
                text.replacen("\"reference\":\"\",", "", 1),
            ),
            (
                "an unknown field",
                text.replacen("\"vault\":", "\"urgent\":\"yes\",\"vault\":", 1),
            ),
            ("another format", text.replacen("intent/1", "intent/2", 1)),
            ("another kind", text.replacen("\"payment\"", "\"gift\"", 1)),
            (
                "upper-case hex",
                text.replacen(&script, &script.to_uppercase(), 1),
            ),
            ("an id with a space", text.replacen("\"w-1\"", "\"w 1\"", 1)),
            ("an empty id", text.replacen("\"w-1\"", "\"\"", 1)),
            ("a path as id", text.replacen("\"w-1\"", "\"../w\"", 1)),
            (
                "a long reference",
                text.replacen(
                    "\"reference\":\"\"",
                    &format!("\"reference\":\"{}\"", "x".repeat(201)),
                    1,
                ),
            ),
            (
                "less at least",
                text.replacen("\"min_sat\":1000000", "\"min_sat\":999999", 1),
            ),
        ] {
            treasury
                .submit_body(&treasury.signed_bytes(text.as_bytes()))?
                .refused(422, "intent_malformed")
                .map_err(|failure| Failure::new(format!("{what}: {failure}")))?;
        }
        Ok(())
    })
}

/// 1. A good intent comes without a signature, with rubbish, with the signature of another intent,
///    of another vault, of a stranger, or under the name of somebody else.
/// 2. Each is refused by its own code.
#[test]
fn intent_without_its_requesters_signature_is_refused() -> Outcome {
    let mut treasury = funded()?;
    nothing_changes(&mut treasury, |treasury| {
        let good = treasury.intent("w-1", &Purse::stranger(1), AMOUNT)?;
        let other = treasury.intent("w-2", &Purse::stranger(1), AMOUNT)?;
        let body = treasury.signed_bytes(&good.encode());
        let with = |field: &str, value: Value| {
            let mut body = body.clone();
            body[field] = value;
            treasury.submit_body(&body)
        };
        let vault = treasury.people.policy.vault;
        let elsewhere = policies::VaultId::from_bytes([9; 32]);
        let stranger = SecretKey::from_bytes(&[9; 32]);
        let sign = |key: &SecretKey, vault, intent: &Intent| {
            RequestSignature::sign(key, vault, intent.hash())
        };
        let mut unsigned = body.clone();
        unsigned
            .as_object_mut()
            .ok_or_else(|| Failure::new("no body"))?
            .remove("signature");
        treasury.submit_body(&unsigned)?.refused(422, "malformed")?;
        for rubbish in [
            String::new(),
            "zz".to_owned(),
            "01".to_owned(),
            format!("01{}", "00".repeat(63)),
            format!("01{}", "00".repeat(65)),
            format!("09{}", "00".repeat(64)),
        ] {
            with("signature", json!(rubbish))?.refused(400, "malformed")?;
        }
        with("signature", json!(null))?.refused(422, "malformed")?;
        with("key", json!("nobody"))?.refused(422, "malformed")?;
        for wrong in [
            sign(&requester_key(), vault, &other).signature,
            sign(&requester_key(), elsewhere, &good).signature,
            sign(&stranger, vault, &good).signature,
        ] {
            with("signature", json!(wrong))?.refused(422, "request_signature_invalid")?;
        }
        let zero = format!("01{}", "00".repeat(64));
        with("signature", json!(zero))?.refused(422, "request_signature_invalid")?;
        let foreign = sign(&stranger, vault, &good);
        treasury
            .submit_body(&json!({
                "intent": String::from_utf8(good.encode())?,
                "key": foreign.key,
                "signature": foreign.signature,
            }))?
            .refused(422, "unknown_request_key")?;
        treasury
            .submit(&Intent {
                requester: "dana".parse()?,
                ..good
            })?
            .refused(422, "other_requester")?;
        Ok(())
    })
}

/// 1. Well signed intents are of another vault or keyset, expired, from the future, or never valid.
/// 2. Each is refused by its own code.
#[test]
fn intent_of_another_vault_or_time_is_refused() -> Outcome {
    let mut treasury = funded()?;
    nothing_changes(&mut treasury, |treasury| {
        let good = treasury.intent("w-1", &Purse::stranger(1), AMOUNT)?;
        let now = harness::now();
        let at = |created: UnixTime, expires: UnixTime| Intent {
            created,
            expires,
            ..good.clone()
        };
        let cases = [
            (
                Intent {
                    vault: policies::VaultId::from_bytes([9; 32]),
                    ..good.clone()
                },
                "other_vault",
            ),
            (
                Intent {
                    keyset: policies::Keyset::from_bytes([9; 32]),
                    ..good.clone()
                },
                "other_keyset",
            ),
            (
                at(now.saturating_sub(7200), now.saturating_sub(1)),
                "intent_expired",
            ),
            (
                at(now.saturating_add(3600), now.saturating_add(7200)),
                "intent_from_the_future",
            ),
            (
                at(now, now.saturating_sub(60)),
                "intent_expires_before_created",
            ),
        ];
        for (intent, code) in cases {
            treasury.submit(&intent)?.refused(422, code)?;
        }
        Ok(())
    })
}
