//! Amounts and destinations that no withdrawal may have, and ids that are taken.

use bitcoin::{Amount, ScriptBuf};
use harness::{AUTOMATIC_MAX_SAT, Outcome, Purse};
use policies::{Intent, IntentKind};

use super::{FUNDS, funded, nothing_changes};

const AMOUNT: Amount = Amount::from_sat(1_000_000);

/// An intent for another amount.
fn of(intent: &Intent, amount: Amount) -> Intent {
    Intent {
        amount,
        min: amount,
        ..intent.clone()
    }
}

/// 1. A vault has funds, and a good intent is at hand but not submitted.
/// 2. The same is submitted with an amount that is negative, zero, dust, fractional, written with an
///    exponent, beyond 64 bits, beyond all bitcoin, beyond the rules, beyond the balance.
/// 3. Each is refused by its own code.
/// 4. The good intent is accepted after all that.
#[test]
fn amount_that_cannot_be_paid_is_refused_by_name() -> Outcome {
    let mut treasury = funded()?;
    let good = treasury.intent("w-1", &Purse::stranger(1), AMOUNT)?;
    nothing_changes(&mut treasury, |treasury| {
        let text = String::from_utf8(good.encode())?;
        for (amount, status, code) in [
            ("-1", 422, "intent_not_canonical"),
            ("-1000000", 422, "intent_not_canonical"),
            ("1000000.0", 422, "intent_not_canonical"),
            ("0.5", 422, "intent_not_canonical"),
            ("1e6", 422, "intent_not_canonical"),
            ("1E+6", 422, "intent_not_canonical"),
            ("01000000", 422, "intent_not_canonical"),
            ("9223372036854775808", 422, "intent_not_canonical"),
            ("18446744073709551616", 422, "intent_not_canonical"),
            ("9007199254740992", 422, "intent_not_canonical"),
            ("2100000000000001", 422, "amount_too_large"),
            ("0", 422, "amount_zero"),
            ("\"1000000\"", 422, "intent_malformed"),
            ("null", 422, "intent_not_canonical"),
        ] {
            let text = text.replace(":1000000,", &format!(":{amount},"));
            treasury
                .submit_body(&treasury.signed_bytes(text.as_bytes()))?
                .refused(status, code)?;
        }
        for (amount, code) in [
            (Amount::ONE_SAT, "dust"),
            (Amount::from_sat(293), "dust"),
            (FUNDS + Amount::ONE_SAT, "insufficient_funds"),
            (Amount::from_sat(5_000_000_001), "denied_by_policy"),
            (Amount::MAX_MONEY, "denied_by_policy"),
        ] {
            treasury.submit(&of(&good, amount))?.refused(422, code)?;
        }
        Ok(())
    })?;
    treasury.submit(&good)?.done()?;
    Ok(())
}

/// 1. Most of the balance is promised to a withdrawal.
/// 2. Another one wants more than the rest: it is refused, though the balance would cover it alone.
#[test]
fn balance_is_promised_only_once() -> Outcome {
    let mut treasury = funded()?;
    let most = Amount::from_sat(AUTOMATIC_MAX_SAT);
    treasury.withdraw("w-1", &Purse::stranger(1), most)?;
    nothing_changes(&mut treasury, |treasury| {
        let second = treasury.intent("w-2", &Purse::stranger(2), most + Amount::ONE_SAT)?;
        let problem = treasury
            .submit(&second)?
            .refused(422, "insufficient_funds")?;
        assert_eq!(problem["available_sat"], AUTOMATIC_MAX_SAT, "{problem}");
        Ok(())
    })
}

/// 1. Intents pay `OP_RETURN`, an unknown witness version, pay-to-anchor, a bare key, bare multisig,
///    nothing, or rubbish.
/// 2. Others pay a deposit address of the vault itself, or one that it has not issued yet.
/// 3. Others are of a kind that is not served yet.
/// 4. Each is refused by its own code.
#[test]
fn destination_that_may_not_be_paid_is_refused_by_name() -> Outcome {
    let mut treasury = funded()?;
    let own = treasury.new_address("customer 7")?;
    nothing_changes(&mut treasury, |treasury| {
        let good = treasury.intent("w-1", &Purse::stranger(1), AMOUNT)?;
        let key = "02".to_owned() + &"79".repeat(32);
        for hex in [
            "6a0401020304".to_owned(),
            "6a".to_owned(),
            format!("5220{}", "ab".repeat(32)),
            "51024e73".to_owned(),
            format!("0020{}", "ab".repeat(31)),
            format!("21{key}ac"),
            format!("5121{key}21{key}52ae"),
            "00".to_owned(),
            "ff".repeat(100),
        ] {
            let script_pubkey = ScriptBuf::from_hex(&hex)?;
            treasury
                .submit(&Intent {
                    script_pubkey,
                    ..good.clone()
                })?
                .refused(422, "script_not_allowed")?;
        }
        let policy = &treasury.people.policy;
        for script_pubkey in [
            own.script_pubkey(),
            policy
                .descriptor
                .script_pubkey(policies::Keychain::External, 77),
            policy
                .descriptor
                .script_pubkey(policies::Keychain::Internal, 0),
        ] {
            treasury
                .submit(&Intent {
                    script_pubkey,
                    ..good.clone()
                })?
                .refused(422, "own_script")?;
        }
        let empty =
            String::from_utf8(good.encode())?.replace(&good.script_pubkey.to_hex_string(), "");
        treasury
            .submit_body(&treasury.signed_bytes(empty.as_bytes()))?
            .refused(422, "intent_malformed")?;
        treasury
            .submit(&Intent {
                kind: IntentKind::Sweep,
                ..good.clone()
            })?
            .refused(422, "denied_by_policy")?;
        treasury
            .submit(&Intent {
                kind: IntentKind::Transfer,
                ..good.clone()
            })?
            .refused(422, "transfer_to_stranger")?;
        treasury
            .submit(&Intent {
                replaces: Some("w-0".parse()?),
                ..good.clone()
            })?
            .refused(422, "not_supported_yet")?;
        treasury
            .submit(&Intent {
                repeats: Some("w-0".parse()?),
                ..good
            })?
            .refused(404, "unknown_withdrawal")?;
        Ok(())
    })
}

/// 1. A withdrawal is requested.
/// 2. The same body again is answered with the same withdrawal, and makes no second one.
/// 3. Its id with any other body is refused: another amount, payee, time or reference.
#[test]
fn id_with_another_body_is_refused() -> Outcome {
    let mut treasury = funded()?;
    let first = treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    nothing_changes(&mut treasury, |treasury| {
        let again = treasury.submit(&first)?;
        assert_eq!(again.status, 200);
        let others = [
            of(&first, AMOUNT + Amount::ONE_SAT),
            Intent {
                script_pubkey: Purse::stranger(2).script_pubkey(),
                ..first.clone()
            },
            Intent {
                expires: first.expires.saturating_add(1),
                ..first.clone()
            },
            Intent {
                reference: "another".to_owned(),
                ..first.clone()
            },
        ];
        for other in others {
            treasury.submit(&other)?.refused(409, "id_reused")?;
        }
        Ok(())
    })
}
