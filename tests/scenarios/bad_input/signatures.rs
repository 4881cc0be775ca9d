//! Files that are handed in as signatures, or brought to a signer, and are not what they should be.

use std::fs;

use bitcoin::{Amount, Txid};
use harness::{Failure, Outcome, Purse, Treasury};
use policies::psbt::Encoding;

use super::{funded, nothing_changes};

const AMOUNT: Amount = Amount::from_sat(300_000);

/// Files that are nobody's PSBT, made out of a good one.
fn broken(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let text = Encoding::Base64.encode(good);
    // The bytes of a linear congruence: random enough, and the same in every run.
    let random = (0..5000_u32)
        .map(|n| {
            n.wrapping_mul(1_664_525)
                .wrapping_add(1_013_904_223)
                .to_be_bytes()[0]
        })
        .collect();
    vec![
        ("nothing", Vec::new()),
        ("random bytes", random),
        ("the magic alone", b"psbt\xff".to_vec()),
        ("cut at the end", good[..good.len() - 1].to_vec()),
        ("cut in the middle", good[..good.len() / 2].to_vec()),
        ("one byte behind", [good, &[0]].concat()),
        ("itself behind", good.repeat(2)),
        ("base64 cut", text[..text.len() - 5].to_vec()),
        (
            "base64 with a stranger",
            [&text[..40], b"!", &text[40..]].concat(),
        ),
        ("huge", [good, &vec![0; 5 << 20]].concat()),
        (
            "a length that lies",
            [b"psbt\xff\x01\x00\xff", &[0xff; 8][..], good].concat(),
        ),
        ("JSON", b"{\"psbt\": 1}".to_vec()),
    ]
}

/// Two attempts, and what Alice returns for the first.
fn two_attempts(treasury: &Treasury) -> Result<(Txid, Txid, Vec<u8>), Failure> {
    // A second coin, so that both attempts can be out at once.
    treasury.deposit(super::FUNDS)?;
    treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    let first = treasury.batch()?;
    treasury.withdraw("w-2", &Purse::stranger(2), AMOUNT)?;
    let second = treasury.batch()?;
    let signed = treasury.people.alice.sign(&treasury.psbt(first)?)?.done()?;
    Ok((first, second, signed.stdout))
}

/// 1. Two attempts are out, and Alice has signed the first.
/// 2. Broken files of every sort are handed in for either; Alice's file is handed in for the second;
///    the unsigned PSBT is handed in for the first; files come for an attempt that nobody knows.
/// 3. Each is refused by its own code, or counts as no signature, and nothing is stored.
/// 4. Her file counts where it belongs.
#[test]
fn file_that_holds_no_signatures_for_an_attempt_is_refused() -> Outcome {
    let mut treasury = funded()?;
    let (first, second, signed) = two_attempts(&treasury)?;
    nothing_changes(&mut treasury, |treasury| {
        let signer = treasury.signer();
        let hand_in = |txid: &str, bytes: &[u8]| {
            signer.post_bytes(&format!("/attempts/{txid}/signatures"), bytes)
        };
        let binary = match String::from_utf8(signed.clone()) {
            Ok(text) => text.trim().parse::<bitcoin::Psbt>()?.serialize(),
            Err(_) => signed.clone(),
        };
        for (what, file) in broken(&binary) {
            for txid in [first, second] {
                hand_in(&txid.to_string(), &file)?
                    .refused(422, "signatures_unreadable")
                    .map_err(|failure| Failure::new(format!("{what}: {failure}")))?;
            }
        }
        hand_in(&second.to_string(), &signed)?.refused(422, "other_transaction")?;
        hand_in(&"ab".repeat(32), &signed)?.refused(404, "unknown_attempt")?;
        let unsigned = hand_in(&first.to_string(), &treasury.psbt(first)?)?.done()?;
        assert_eq!(
            unsigned["accepted"].as_array().map_or(0, Vec::len),
            0,
            "{unsigned}"
        );
        Ok(())
    })?;
    treasury.hand_in(first, &signed)?;
    Ok(())
}

/// 1. An attempt is out.
/// 2. Alice is brought broken files of every sort, to review and to sign into a file.
/// 3. Each is refused with status 1 and a code, an empty one with status 2; no file is written, and her journal stays as
///    it is.
/// 4. She signs the genuine PSBT.
#[test]
fn signer_refuses_broken_files_and_writes_nothing() -> Outcome {
    let mut treasury = funded()?;
    treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    let txid = treasury.batch()?;
    let genuine = treasury.psbt(txid)?;
    let alice = &treasury.people.alice;
    let journal = alice.journal()?;
    for (what, file) in broken(&genuine) {
        let brought = alice.bring("brought.psbt", &file)?;
        let out = brought.with_file_name("signed.psbt");
        let (brought, written) = (brought.display().to_string(), out.display().to_string());
        let (status, code) = if file.is_empty() {
            (2, "EMPTY_FILE")
        } else {
            (1, "PSBT_")
        };
        for arguments in [
            vec!["review", brought.as_str()],
            vec!["sign", brought.as_str(), "-o", written.as_str(), "--yes"],
        ] {
            let said = alice.run_plainly(&arguments, &[])?.ended_with(status)?;
            let named = said.stderr.contains(code) || said.text().contains(code);
            let quiet = !said.stderr.contains("panicked");
            assert!(named && quiet, "{what}: {}{}", said.text(), said.stderr);
        }
        assert!(!out.exists(), "{what}: something was written");
        assert_eq!(alice.journal()?, journal, "{what}");
    }
    let nowhere = alice.run_plainly(&["sign", "/nowhere/x.psbt", "--yes"], &[])?;
    assert!(
        nowhere.code != 0 && nowhere.stderr.contains("/nowhere/x.psbt"),
        "{}",
        nowhere.stderr
    );
    assert_eq!(alice.journal()?, journal);
    let brought = alice.bring("brought.psbt", &genuine)?;
    let out = brought.with_file_name("signed.psbt");
    let (brought, written) = (brought.display().to_string(), out.display().to_string());
    alice
        .run_plainly(&["sign", &brought, "-o", &written, "--yes"], &[])?
        .done()?;
    treasury.hand_in(txid, &fs::read(&out)?)?;
    treasury.must_be_well()
}

/// 1. The request tool is given addresses of other networks, no addresses, and amounts that are none.
/// 2. Each is refused, with a status that is not 0, and no request is written.
#[test]
fn request_tool_refuses_other_networks_and_bad_amounts() -> Outcome {
    let treasury = funded()?;
    let dana = &treasury.people.dana;
    dana.make_requester()?;
    let good = Purse::stranger(1).to_string();
    for (to, amount) in [
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "100000"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "100000"),
        ("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "100000"),
        ("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "100000"),
        ("nonsense", "100000"),
        ("", "100000"),
        (good.as_str(), "0"),
        (good.as_str(), "-1"),
        (good.as_str(), "0.5"),
        (good.as_str(), "1e5"),
        (good.as_str(), "18446744073709551616"),
        (good.as_str(), "2100000000000001"),
    ] {
        let to = format!("--to={to}");
        let amount = format!("--amount-sat={amount}");
        let said = dana.run_plainly(&["request", &to, &amount, "--id", "w-1"], &[])?;
        let refused = matches!(said.code, 1 | 2) && said.stdout.is_empty();
        assert!(
            refused && !said.stderr.contains("panicked"),
            "{to} {amount} ended with {}: {}{}",
            said.code,
            said.text(),
            said.stderr
        );
    }
    Ok(())
}
