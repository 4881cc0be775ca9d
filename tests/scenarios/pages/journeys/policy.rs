//! The next version of the policy, from its file to the first payment under it.

use std::path::Path;

use bitcoin::Amount;
use harness::{Browser, Failure, LONG, Outcome, Purse, SignerHome, Web, field, wait_until};
use policies::Policy;
use policies::descriptor::{NamedKey, ScriptKind, compile};
use policies::document::{PolicyDraft, SignerDraft, SignerKey, SuccessionDraft};
use policies::succession::line;

use super::{Office, STATE, answer, of_ops, opens_with};

/// Carol in the place of the automatic co-signer.
const WITH_CAROL: &str =
    "or(99@thresh(2,pk(alice),pk(bob),pk(carol)),1@and(pk(recovery),older(12960)))";
/// What the next version lets pass without a human.
const NEW_MOST: u64 = 1_000_000;

/// The version after the first: another signer, and less without a human.
fn next(first: &PolicyDraft, policy: &Policy, carol: SignerDraft) -> Result<Policy, Failure> {
    let mut next = PolicyDraft {
        version: policy.version + 1,
        vault: policy.vault.to_string(),
        previous: policy.id.to_string(),
        keyset: None,
        ..first.clone()
    };
    let seat = next.signers.iter_mut().find(|one| one.name == "machine");
    *seat.ok_or_else(|| Failure::new("no co-signer"))? = carol;
    let keys = next.signers.iter().map(|signer| {
        let key = signer.key.parse::<SignerKey>()?.position();
        let name = signer.name.clone();
        Ok(NamedKey { name, key })
    });
    let keys = keys.collect::<Result<Vec<_>, Failure>>()?;
    next.spending.policy = Some(WITH_CAROL.to_owned());
    next.spending.descriptor = compile(WITH_CAROL, ScriptKind::Wsh, &keys)?;
    next.rules[0].amount_max_sat = Some(NEW_MOST);
    Policy::parse(next.to_toml().as_bytes())
        .map_err(|mistakes| Failure::new(format!("{mistakes:?}")))
}

/// Pins a version at a signer, by its file and the id that was read out; what the signer wrote about it.
fn pin(signer: &SignerHome, file: &[u8], next: &Policy) -> Result<String, Failure> {
    let file = signer.bring("version-2.json", file)?.display().to_string();
    let id = next.id.to_string();
    wait_until("the delay at a signer to be over", LONG, || {
        let said = signer.run(&["policy", "pin", &file, "--id", &id])?;
        said.done()
            .ok()
            .map(|said| field(&said.json()?, "ack"))
            .transpose()
    })
}

/// The page names a difference, in words.
fn differs(browser: &Browser, part: &str) -> Outcome {
    browser.shows(".differences")?;
    let script =
        "return [...document.querySelectorAll('.differences')].map((one) => one.innerText).join()";
    let told = browser.script(script)?.to_string();
    assert!(told.contains(part), "{part} in {told}");
    Ok(())
}

/// What the page shows of a version before anybody approves it.
fn is_shown(browser: &Browser, next: &Policy) -> Outcome {
    browser.says("#live", "Nobody has approved it yet")?;
    differs(browser, "small payouts")?;
    browser.says("#live", "1 of 1 would need one more approval")?;
    browser.click("#sides summary")?;
    for line in ["5000000", "1000000", "carol"] {
        browser.says("#sides", line)?;
    }
    let words = next.words();
    assert_eq!(browser.count("ol.words li")?, words.len());
    for (n, word) in (1..).zip(words) {
        browser.says(&format!("ol.words li:nth-child({n})"), word)?;
    }
    browser.click("#live a[href$='/replay']")?;
    browser.says("main", "w-old")
}

/// 1. Four million satoshi pass without a human under the first version.
/// 2. Dana brings the file of the next version to the page: carol in the place of the co-signer, one million without a
///    human. The page shows what that changes before it is proposed, and proposing approves nothing.
/// 3. Its page shows the differences in words and side by side, what it would have asked of the past, and the id as
///    words to read out. Dana and erin approve it, each with the own tool.
/// 4. Alice and bob pin it by the id, each after their own delay; what they wrote about it is handed in on the page,
///    which says that they follow.
/// 5. Once its delay is over here, dana activates it: the page says first what becomes of the open withdrawal.
/// 6. Money comes to the new keys. Four million wait for a human now; half a million is paid, signed by alice and bob.
#[test]
fn a_next_version_is_proposed_reviewed_approved_pinned_and_activated() -> Outcome {
    let carol = SignerHome::new("carol")?;
    let record = carol.make_signer()?;
    let mut first = None;
    let mut office = Office::open_under(|policy| {
        policy.change = Some(SuccessionDraft {
            approvals: of_ops(2),
            delay: "1s".to_owned(),
        });
        first = Some(policy.clone());
    })?;
    let first = first.ok_or_else(|| Failure::new("no draft"))?;
    let treasury = &office.treasury;
    let next = next(&first, &treasury.people.policy, record)?;
    let larger = Amount::from_sat(4_000_000);
    treasury.withdraw("w-old", &Purse::stranger(1), larger)?;
    assert_eq!(treasury.withdrawal_state("w-old")?, "approved");
    let dana = treasury.join("dana", "operator")?;
    let erin = treasury.join("erin", "approver")?;
    let _danas_tool = office.pair(&treasury.people.dana, &dana)?;
    let _erins_tool = office.pair(&office.erin, &erin)?;

    let file = carol.bring("next.toml", &next.bytes)?;
    dana.open(&treasury.vault_page("/policy"))?;
    dana.click("a.button[href$='/policy/propose']")?;
    dana.bring("#file", &file)?;
    dana.click("form:has(#file) button:not([type=button])")?;
    differs(&dana, "small payouts")?;
    let proposals = || treasury.store.number("SELECT COUNT(*) FROM proposal");
    assert_eq!(proposals()?, 0, "looking at it stored something");
    dana.click("form:has([name=confirmed]) button")?;
    dana.says("main [role=status]", "Nobody has approved it by that")?;
    let version = treasury.vault_page(&format!("/policy/versions/{}", next.id));
    assert_eq!(dana.address()?, version);
    is_shown(&dana, &next)?;
    let ask = "form[action$='/ask']:has([value=policy-approve]) button";
    for (browser, says) in [(&dana, "1 of 2 persons"), (&erin, "2 of 2 persons")] {
        browser.open(&version)?;
        answer(browser, ask, says)?;
        browser.open(&version)?;
        browser.says("#live", "You have approved it")?;
    }

    let tail = format!("/policy/versions/{}/export/succession", next.id);
    let exported = Web::of(treasury, &dana)?.get(&treasury.path(&tail))?;
    assert_eq!(exported.status, 200, "{}", exported.text);
    let mut wrote = Vec::new();
    for signer in [&treasury.people.alice, &treasury.people.bob] {
        wrote.push(pin(signer, exported.text.as_bytes(), &next)?);
    }

    opens_with(&dana, &version, "a.button[href$='/activate']")?;
    dana.click("a.button[href$='/activate']")?;
    dana.says("h1", "Activate version 2")?;
    dana.says("table.list", "w-old")?;
    let in_force = || treasury.operator().get(&treasury.path(""))?.done();
    assert_eq!(in_force()?["version"], 1, "a preview activated it");
    dana.click("form[action$='/activate'] button")?;
    dana.shows("main [role=status]")?;
    assert_eq!(in_force()?["version"], 2);
    dana.click("#told summary")?;
    let files: Vec<&Path> = wrote.iter().map(Path::new).collect();
    dana.bring_all("#acks", &files)?;
    dana.click("#told button:not([type=button])")?;
    dana.says("h1", "Handed in")?;
    assert_eq!(dana.count("main .wrong")?, 0, "{}", dana.text("main")?);
    dana.open(&version)?;
    assert_eq!(dana.count("td[data-label=Follows] .chip-good")?, 2);

    let versions = vec![office.treasury.people.policy.clone(), next];
    office.treasury.people.policy = line(versions)?;
    let treasury = &office.treasury;
    treasury.deposit(Amount::from_sat(20_000_000))?;
    treasury.withdraw("w-large", &Purse::stranger(2), larger)?;
    assert_eq!(treasury.withdrawal_state("w-large")?, "requested");
    treasury.withdraw("w-new", &Purse::stranger(3), Amount::from_sat(500_000))?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-new"])?;
    dana.open(&treasury.vault_page("/withdrawals/exchange/w-new"))?;
    dana.says(STATE, "settled")?;
    dana.open(&treasury.page(&format!("/attempts/{txid}")))?;
    let id = treasury.people.policy.id.to_string();
    assert!(dana.source()?.contains(&id), "not under the new version");
    Ok(())
}
