//! Approvals that are touched in the page: counted where the policy says so, and nowhere else.
//!
//! Pages that page keys work at have a name of the web's and TLS; so has this treasury.

use bitcoin::hex::{DisplayHex as _, FromHex as _};
use bitcoin::{Amount, Psbt};
use harness::{
    Bitcoind, Browser, Coordinator, Engine, Failure, Front, Outcome, People, Purse, ScriptKind,
    Settings, Store, Treasury, now,
};
use policies::document::{ApproverDraft, PinnedKeyDraft, PolicyDraft, RuleDraft};
use policies::hash::Purpose;
use policies::intent::webauthn::challenge_text;
use policies::intent::{Assertion, MerkleTree, PublicKey, Signature};
use policies::psbt::Manifest;
use policies::{Approval, Intent};
use serde::Deserialize;
use serde_json::json;

use super::{STATE, of_ops};

/// The rules watch payouts up to this by a page key besides.
const WATCHED_MAX_SAT: u64 = 10_000_000;

/// What the browser hands over after a touch, in hex.
#[derive(Deserialize)]
struct Touched {
    data: String,
    client: String,
    signature: String,
}

/// Asks for a passkey as a page does that shows one thing and has another signed.
const TOUCH: &str = r#"
    const bytes = (text) =>
        Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const form = document.querySelector("form[data-passkey]").dataset;
    const allowCredentials = form.credentials.split(" ").map((id) => ({ type: "public-key", id: bytes(id) }));
    return navigator.credentials
        .get({ publicKey: { challenge: bytes(arguments[0]), rpId: form.rp, allowCredentials, userVerification: "required" } })
        .then(({ response }) => ({
            data: hex(response.authenticatorData),
            client: hex(response.clientDataJSON),
            signature: hex(response.signature),
        }));
"#;

/// Makes a page key on the person's account, and gives it as the page says that the policy names it.
fn make_page_key(browser: &Browser) -> Result<PinnedKeyDraft, Failure> {
    #[derive(Deserialize)]
    struct Line {
        entry: Entry,
    }
    #[derive(Deserialize)]
    struct Entry {
        key: String,
        tool: String,
        rp_id: String,
        origins: Vec<String>,
        synced: bool,
    }
    browser.open(&format!("{}/account", Front::url()))?;
    browser.says("main", "An approval by a page key trusts this page")?;
    browser.fill("#page-key-label", "Security key")?;
    browser.click("#add-page-key")?;
    browser.shows("td[data-label=Entry] code")?;
    let entry = browser.text("td[data-label=Entry] code")?;
    let Line { entry } = toml::from_str(&format!("entry = {entry}"))?;
    Ok(PinnedKeyDraft {
        key: entry.key,
        tool: entry.tool,
        rp_id: Some(entry.rp_id),
        origins: Some(entry.origins),
        synced: Some(entry.synced),
    })
}

/// Erin approves in the page alone; a rule for payouts of middling size wants that besides dana's own tool.
fn with_page_key(policy: &mut PolicyDraft, key: PinnedKeyDraft) {
    policy.approvers.push(ApproverDraft {
        name: "erin".to_owned(),
        person: "erin".to_owned(),
        groups: vec!["ops".to_owned()],
        keys: vec![key],
    });
    let mut watched = of_ops(1);
    watched.page = Some(1);
    let rule = RuleDraft {
        name: "watched payouts".to_owned(),
        kind: Some("payment".to_owned()),
        requester: None,
        to: None,
        amount_max_sat: Some(WATCHED_MAX_SAT),
        window: None,
        approvals: watched,
    };
    policy.rules.insert(1, rule);
}

/// What a lying page has erin's passkey sign for an intent that its rule counts no page keys for.
fn touched(treasury: &Treasury, browser: &Browser, intent: &Intent) -> Result<Approval, Failure> {
    let policy = &treasury.people.policy;
    let tree = MerkleTree::new(&[intent.hash().to_bytes()])?;
    let expires = now().saturating_add(3_600);
    let challenge = Approval::message(Purpose::Approve, policy.vault, tree.root(), expires);
    let said = browser.script_with(TOUCH, vec![json!(challenge_text(&challenge))])?;
    let said: Touched = serde_json::from_value(said)?;
    let bytes = |hex: &str| Vec::<u8>::from_hex(hex);
    let (data, client) = (bytes(&said.data)?, bytes(&said.client)?);
    let assertion = Assertion::new(data, client, bytes(&said.signature)?)?;
    let key: &PublicKey = policy
        .approvers
        .iter()
        .find(|approver| approver.name == "erin")
        .and_then(|approver| approver.keys.first())
        .map(|pinned| &pinned.key)
        .ok_or_else(|| Failure::new("erin has no key"))?;
    Ok(Approval {
        purpose: Purpose::Approve,
        subject: tree.root().into(),
        expires,
        key: key.id(),
        signature: Signature::from_assertion(key, assertion)?,
    })
}

/// Hands an approval of one intent in by the API, as whoever has it can.
fn hand_in(treasury: &Treasury, approval: &Approval, intent: &Intent) -> Outcome {
    let tree = MerkleTree::new(&[intent.hash().to_bytes()])?;
    let proof = tree
        .proof(intent.hash().as_bytes())
        .ok_or_else(|| Failure::new("no proof"))?;
    let body = json!({
        "purpose": "approve",
        "root": tree.root(),
        "expires": approval.expires,
        "key": approval.key,
        "signature": approval.signature.encode().to_lower_hex_string(),
        "intents": [{ "intent": intent.hash(), "proof": proof.encode().to_lower_hex_string() }],
    });
    treasury
        .operator()
        .post(&treasury.path("/approvals"), &body)?
        .done()?;
    Ok(())
}

/// 1. Erin joins at pages with a name of the web's, and makes a page key on her account, beside the passkey that signs
///    her in; the policy pins what the page says.
/// 2. A payout of middling size: dana approves it with her own tool, which is not enough. Erin reads on the page what
///    an approval there means, touches her page key, and it is approved.
/// 3. A large payout: the page says that an approval there would change nothing, and asks for none. A lying page has
///    her touch the key for it all the same, and hands that in: it stays pending.
/// 4. Dana approves that, too, with her own tool; both are batched. Told that only erin approved the large one, alice's
///    own signer refuses. Of the genuine file it says which approval trusts the page, and signs it; both are settled.
#[test]
fn a_page_approval_counts_where_the_rules_say_and_nowhere_else() -> Outcome {
    let node = Bitcoind::start()?;
    let store = Store::start(Engine::Sqlite)?;
    let settings = Settings {
        public_url: Some(Front::url()),
        ..Settings::default()
    };
    let coordinator = Coordinator::start(&store, &node, &settings)?;
    let front = Front::start(coordinator.port())?;
    let erin = Browser::start_before(&front)?;
    coordinator.let_in(&erin, "erin", "approver")?;
    let key = make_page_key(&erin)?;
    let edit = |policy: &mut PolicyDraft| with_page_key(policy, key);
    let people = People::agree_edited(ScriptKind::Wsh, &node, edit)?;
    let treasury = Treasury::assemble(node, store, people, coordinator)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let approving = |intent: &Intent| {
        let hash = intent.hash();
        treasury.vault_page(&format!("/withdrawals/approve?intent={hash}"))
    };

    let middling = Amount::from_sat(WATCHED_MAX_SAT);
    let watched = treasury.withdraw("w-1", &Purse::stranger(1), middling)?;
    treasury.approve(&[&watched])?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "requested");
    erin.open(&approving(&watched))?;
    erin.says("main", "This approval trusts the coordinator's page")?;
    erin.says("main", "Your approval in the page counts")?;
    erin.click("form[data-passkey]:has([value=approve]) button")?;
    erin.says("main [role=status]", "all that the rules ask for is there")?;
    erin.says(STATE, "approved")?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");

    let more = Amount::from_sat(WATCHED_MAX_SAT + 1);
    let large = treasury.withdraw("w-2", &Purse::stranger(2), more)?;
    erin.open(&approving(&large))?;
    erin.says("#live", "counts no approvals in the page")?;
    assert_eq!(erin.count("form[data-passkey]:has([value=approve])")?, 0);
    let lie = touched(&treasury, &erin, &large)?;
    hand_in(&treasury, &lie, &large)?;
    assert_eq!(treasury.withdrawal_state("w-2")?, "requested");
    erin.open(&treasury.vault_page("/withdrawals/exchange/w-2"))?;
    erin.says(STATE, "requested")?;

    treasury.approve(&[&large])?;
    let txid = treasury.batch()?;
    let genuine = treasury.psbt(txid)?;
    let mut psbt = Psbt::deserialize(&genuine)?;
    let mut manifest = Manifest::read(&psbt)?;
    let (root, erins) = (lie.subject, lie.key);
    manifest.add_approval(lie);
    let before = manifest.approvals.len();
    (manifest.approvals).retain(|(subject, key), _| *subject != root || *key == erins);
    assert_eq!(before - manifest.approvals.len(), 1, "not dana's alone");
    manifest.write_into(&mut psbt);
    let alice = &treasury.people.alice;
    let said = alice.sign(&psbt.serialize())?;
    let said = said.refused("TOO_FEW_APPROVALS")?;
    assert!(said.stdout.is_empty(), "it gave out: {}", said.text());
    let told = said.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("rule \"larger payouts\" needs 1"), "{told}");

    let said = alice.review(&genuine)?.done()?;
    let told = format!("{}{}", said.text(), said.stderr);
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let part = "erin: this approval trusts the coordinator's page";
    assert!(told.contains(part), "{part} in\n{told}");
    treasury.countersign(alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1", "w-2"])?;
    Ok(())
}
