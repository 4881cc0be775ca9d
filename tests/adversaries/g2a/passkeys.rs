//! Pages that lie to a person's passkey: in a real browser with a virtual authenticator, and with a passkey
//! made here for the domain that no real page of a test can have.

use bitcoin::hashes::{Hash as _, sha256};
use ed25519_dalek::{Signer as _, SigningKey};
use policies::document::Tool;
use policies::hash::Purpose;
use policies::intent::webauthn::challenge_text;
use policies::intent::{Assertion, RelyingParty};
use policies::{Approval, MerkleRoot, PublicKey, Signature};

use super::super::attempt::{Attempt, Plan, build};
use super::super::vault::{Kind, Vault, secret, seed};
use super::pages::{Browsed, Page};
use super::stage::{Attack, Signer, Stage, attack, pay};
use crate::Failure;

pub(super) const ATTACKS: &[Attack] = &[
    attack(
        "a passkey asked by a page of another origin",
        "APPROVAL_WRONG",
        another_origin,
    ),
    attack(
        "a passkey of another domain",
        "APPROVAL_WRONG",
        another_domain,
    ),
    attack(
        "a passkey that signed something else",
        "APPROVAL_WRONG",
        another_challenge,
    ),
    attack(
        "a passkey without its person",
        "APPROVAL_WRONG",
        without_its_person,
    ),
    attack(
        "a key of the coordinator's page for a person's own",
        "TOO_FEW_APPROVALS",
        page_for_own,
    ),
    attack(
        "a page that lies to a real passkey",
        "APPROVAL_WRONG",
        real_browser,
    ),
];

const OWN: &str = "http://localhost:7543";
const PAGE: &str = "https://treasury.example";

/// A passkey made here, which says whatever it is told.
struct Soft {
    key: SigningKey,
}

/// What such a passkey says.
#[derive(Debug, Clone)]
struct Says {
    rp_id: &'static str,
    origin: &'static str,
    flags: u8,
}

/// What an honest one says on the tool's own page: its person was present and verified.
const HONEST: Says = Says {
    rp_id: "localhost",
    origin: OWN,
    flags: 0x05,
};

impl Soft {
    fn new(name: &str) -> Self {
        let key = SigningKey::from_bytes(&seed(name));
        Self { key }
    }

    fn public(&self) -> Result<PublicKey, Failure> {
        Ok(PublicKey::from_webauthn_eddsa(
            self.key.verifying_key().to_bytes(),
        )?)
    }

    fn assertion(&self, message: &[u8; 32], says: &Says) -> Result<Assertion, Failure> {
        let client = format!(
            "{{\"type\":\"webauthn.get\",\"challenge\":\"{}\",\"origin\":\"{}\",\"crossOrigin\":false}}",
            challenge_text(message),
            says.origin
        );
        let mut data = sha256::Hash::hash(says.rp_id.as_bytes())
            .to_byte_array()
            .to_vec();
        data.extend([says.flags, 0, 0, 0, 1]);
        let mut signed = data.clone();
        signed.extend(sha256::Hash::hash(client.as_bytes()).to_byte_array());
        let signature = self.key.sign(&signed).to_bytes().to_vec();
        Ok(Assertion::new(data, client.into_bytes(), signature)?)
    }
}

/// The vault where dana approves with this passkey: instead of a key file if it is an own one, else beside it.
fn with_passkey(
    vault: &Vault,
    key: &PublicKey,
    tool: Tool,
    party: &RelyingParty,
) -> Result<Vault, Failure> {
    let old = format!(
        "{{ key = \"{}\", tool = \"own\" }}",
        secret("dana").public()
    );
    let new = format!(
        "{{ key = \"{key}\", tool = \"{}\", rp_id = \"{}\", origins = [\"{}\"], synced = {} }}",
        tool.name(),
        party.rp_id,
        party.origins.join("\", \""),
        party.synced,
    );
    let keys = match tool {
        Tool::Own => new,
        Tool::Page => format!("{old}, {new}"),
    };
    vault.under(|text| text.replace(&old, &keys))
}

fn party(rp_id: &str, origin: &str) -> RelyingParty {
    RelyingParty {
        rp_id: rp_id.to_owned(),
        origins: vec![origin.to_owned()],
        synced: false,
    }
}

/// The payment that is attacked; erin approves it as always.
fn plan(vault: &Vault) -> Plan {
    let mut plan = pay(vault, "w-1", 66, 20_000_000, &[0]);
    plan.asked[0].approved_by = vec!["erin"];
    plan
}

/// What dana's passkey must sign for it, and the root.
fn wanted(
    vault: &Vault,
    attempt: &Attempt,
    plan: &Plan,
) -> Result<([u8; 32], MerkleRoot), Failure> {
    let mut roots = attempt.manifest.proofs.keys().map(|(root, _)| *root);
    let root = roots
        .next_back()
        .ok_or_else(|| Failure::new("erin approves under a root"))?;
    let (purpose, expires) = (Purpose::Approve, plan.approvals_expire);
    let message = Approval::message(purpose, vault.policy.vault, root, expires);
    Ok((message, root))
}

/// The payment with dana's approval by that passkey.
fn approved(
    attempt: &Attempt,
    plan: &Plan,
    root: MerkleRoot,
    key: &PublicKey,
    assertion: Assertion,
) -> Result<Attempt, Failure> {
    let mut attempt = attempt.clone();
    attempt.manifest.add_approval(Approval {
        purpose: Purpose::Approve,
        subject: root.into(),
        expires: plan.approvals_expire,
        key: key.id(),
        signature: Signature::from_assertion(key, assertion)?,
    });
    Ok(attempt)
}

/// Dana's passkey is honest and counts; then it says something else, and is refused for that.
fn lie(stage: &mut Stage<'_>, says: &Says, inner: &str) -> Result<(), Failure> {
    let dana = Soft::new("dana's passkey");
    let key = dana.public()?;
    let own = party("localhost", OWN);
    let vault = with_passkey(stage.vault, &key, Tool::Own, &own)?;
    let plan = plan(&vault);
    let attempt = build(&vault, &plan);
    let (message, root) = wanted(&vault, &attempt, &plan)?;
    let assertion = dana.assertion(&message, &HONEST)?;
    let honest = approved(&attempt, &plan, root, &key, assertion)?;
    stage.signs(&mut Signer::new(&vault, "alice"), &honest)?;
    let assertion = dana.assertion(&message, says)?;
    let lied = approved(&attempt, &plan, root, &key, assertion)?;
    stage.refuses_for(&mut Signer::new(&vault, "alice"), &lied, inner)
}

fn another_origin(stage: &mut Stage<'_>) -> Result<(), Failure> {
    for origin in ["http://localhost:7544", "https://localhost:7543", PAGE] {
        lie(stage, &Says { origin, ..HONEST }, "ORIGIN")?;
    }
    Ok(())
}

fn another_domain(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let rp_id = "treasury.example";
    lie(stage, &Says { rp_id, ..HONEST }, "RELYING_PARTY")
}

fn without_its_person(stage: &mut Stage<'_>) -> Result<(), Failure> {
    // Neither touched nor recognized, and touched by somebody.
    for (flags, inner) in [
        (0x00, "USER_NOT_PRESENT"),
        (0x01, "USER_NOT_VERIFIED"),
        (0x04, "USER_NOT_PRESENT"),
    ] {
        lie(stage, &Says { flags, ..HONEST }, inner)?;
    }
    Ok(())
}

fn another_challenge(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let dana = Soft::new("dana's passkey");
    let key = dana.public()?;
    let own = party("localhost", OWN);
    let vault = with_passkey(stage.vault, &key, Tool::Own, &own)?;
    let plan = plan(&vault);
    let attempt = build(&vault, &plan);
    let (message, root) = wanted(&vault, &attempt, &plan)?;
    let shown = dana.assertion(&[7; 32], &HONEST)?;
    let lied = approved(&attempt, &plan, root, &key, shown)?;
    stage.refuses_for(&mut Signer::new(&vault, "alice"), &lied, "CHALLENGE")?;
    let assertion = dana.assertion(&message, &HONEST)?;
    let honest = approved(&attempt, &plan, root, &key, assertion)?;
    stage.signs(&mut Signer::new(&vault, "alice"), &honest)?;
    Ok(())
}

fn page_for_own(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let dana = Soft::new("dana's passkey on the page");
    let key = dana.public()?;
    let says = Says {
        rp_id: "treasury.example",
        origin: PAGE,
        ..HONEST
    };
    // Dana has both: one for the coordinator's page, and the own one.
    let page = with_passkey(stage.vault, &key, Tool::Page, &party(says.rp_id, PAGE))?;
    let plan = plan(&page);
    let attempt = build(&page, &plan);
    let (message, root) = wanted(&page, &attempt, &plan)?;
    let assertion = dana.assertion(&message, &says)?;
    let lied = approved(&attempt, &plan, root, &key, assertion)?;
    stage.refuses(&mut Signer::new(&page, "alice"), &lied)?;
    let mut by_own = lied;
    by_own.manifest.add_approval(Approval::approve(
        &secret("dana"),
        page.policy.vault,
        root,
        plan.approvals_expire,
    ));
    // The page's signature and the own one have one place each: both are there, and the own one counts.
    stage.signs(&mut Signer::new(&page, "alice"), &by_own)?;
    Ok(())
}

/// 1. Dana registers a passkey on the page of the own tool.
/// 2. The coordinator's page, on this same host, shows a small payment and asks the same passkey to sign
///    for a large one: the browser lets it, and the origin in what it signs is the coordinator's.
/// 3. The own tool's page asks for the small payment, and the coordinator hands the answer in for the
///    large one.
/// 4. The own tool's page asks for the large one: that counts.
fn real_browser(stage: &mut Stage<'_>) -> Result<(), Failure> {
    // One browser is enough: what it signs does not depend on the vault's script.
    if stage.vault.kind != Kind::TrMultiA {
        return Ok(());
    }
    let tool = Page::serve("The approver's own tool: 0.2 BTC to a stranger")?;
    let coordinator = Page::serve("Approve 0.001 BTC to your own exchange")?;
    let browsed = Browsed::register(&tool)?;
    let key = browsed.key();
    let vault = with_passkey(stage.vault, &key, Tool::Own, browsed.party())?;
    let plan = plan(&vault);
    let attempt = build(&vault, &plan);
    let (message, root) = wanted(&vault, &attempt, &plan)?;
    let mut small = pay(&vault, "w-0", 65, 6_000_000, &[1]);
    small.asked[0].approved_by = vec!["erin"];
    let (shown, _) = wanted(&vault, &build(&vault, &small), &small)?;
    for (page, asked, inner) in [
        (&coordinator, &message, "ORIGIN"),
        (&tool, &shown, "CHALLENGE"),
    ] {
        let assertion = browsed.touch(page, asked)?;
        let lied = approved(&attempt, &plan, root, &key, assertion)?;
        stage.refuses_for(&mut Signer::new(&vault, "alice"), &lied, inner)?;
    }
    let assertion = browsed.touch(&tool, &message)?;
    let honest = approved(&attempt, &plan, root, &key, assertion)?;
    stage.signs(&mut Signer::new(&vault, "alice"), &honest)?;
    Ok(())
}
