//! Open lists: a destination from its proposal to its removal, on people's own tools.

use bitcoin::{Address, Amount, Txid};
use harness::{
    Browser, Engine, Failure, Outcome, Purse, SHORT, ScriptKind, SignerHome, Treasury, items,
    wait_until,
};
use policies::document::{
    ApprovalsDraft, ApproverDraft, ListDraft, OpenDraft, PinnedKeyDraft, PolicyDraft, RuleDraft,
    TestFirstDraft,
};
use serde_json::Value;

use crate::passkeys::register;

const TEST: Amount = Amount::from_sat(1_000_000);
const FULL: Amount = Amount::from_sat(3_000_000);

fn of_ops(count: u32) -> ApprovalsDraft {
    ApprovalsDraft {
        group: Some("ops".to_owned()),
        count,
        page: None,
    }
}

/// Payments go only to partners, whom two persons of ops add.
fn partners_only(policy: &mut PolicyDraft, erin: PinnedKeyDraft, delay: &str) {
    policy.approvers.push(ApproverDraft {
        name: "erin".to_owned(),
        person: "erin".to_owned(),
        groups: vec!["ops".to_owned()],
        keys: vec![erin],
    });
    policy.lists = vec![ListDraft {
        name: "partners".to_owned(),
        entries: Vec::new(),
        open: Some(OpenDraft {
            approvals: of_ops(2),
            delay: delay.to_owned(),
            test_first: Some(TestFirstDraft {
                sat: TEST.to_sat(),
                group: "ops".to_owned(),
            }),
        }),
    }];
    policy.rules = vec![RuleDraft {
        name: "partners".to_owned(),
        kind: Some("payment".to_owned()),
        requester: None,
        to: Some(vec!["partners".to_owned()]),
        amount_max_sat: Some(100_000_000),
        window: None,
        approvals: ApprovalsDraft {
            group: None,
            count: 0,
            page: None,
        },
    }];
}

struct Partners {
    treasury: Treasury,
    erin: SignerHome,
}

impl Partners {
    fn start(engine: Engine, delay: &str) -> Result<Self, Failure> {
        let erin = SignerHome::new("erin")?;
        let key = erin.make_approver()?;
        Self::start_edited(engine, erin, |policy| partners_only(policy, key, delay))
    }

    fn start_edited(
        engine: Engine,
        erin: SignerHome,
        edit: impl FnOnce(&mut PolicyDraft),
    ) -> Result<Self, Failure> {
        let treasury = Treasury::start_edited(ScriptKind::Wsh, engine, edit)?;
        let policy = &treasury.people.policy;
        erin.pin(&policy.bytes, policy.id)?;
        treasury.deposit(Amount::from_sat(20_000_000))?;
        treasury.deposit(Amount::from_sat(20_000_000))?;
        Ok(Self { treasury, erin })
    }

    /// A person says something of a list with their own tool; the operator hands it in.
    fn say(&self, who: &SignerHome, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
        let said = who
            .run(&[&["list"], arguments, &["--yes"]].concat())?
            .done()?;
        let file = who.bring("said.json", &said.stdout)?.display().to_string();
        self.treasury
            .command_line(&["statement", "submit", &file])?
            .done()?;
        Ok(said.stdout)
    }

    /// Dana proposes a destination; the file that she gives on.
    fn propose(&self, to: &Address) -> Result<Vec<u8>, Failure> {
        let to = to.to_string();
        let dana = &self.treasury.people.dana;
        self.say(
            dana,
            &[
                "add",
                "--list",
                "partners",
                "--address",
                &to,
                "--label",
                "ACME",
            ],
        )
    }

    /// Erin reads the file and approves it.
    fn second(&self, proposal: &[u8]) -> Result<Vec<u8>, Failure> {
        let file = self.erin.bring("proposal.json", proposal)?;
        self.say(&self.erin, &["approve", &file.display().to_string()])
    }

    fn entry(&self) -> Result<Value, Failure> {
        let path = self.treasury.path("/lists/partners");
        let list = self.treasury.auditor().get(&path)?.done()?;
        let entries = items(&list["entries"])?;
        let only = entries.first().cloned();
        only.ok_or_else(|| Failure::new(format!("no entry in {list}")))
    }

    fn becomes(&self, state: &str) -> Result<Value, Failure> {
        wait_until(&format!("the entry to be {state}"), SHORT, || {
            let entry = self.entry()?;
            Ok((entry["state"] == state).then_some(entry))
        })
    }

    /// A withdrawal that the policy denies, for this reason.
    fn is_denied(&self, id: &str, to: &Address, amount: Amount, miss: &str) -> Outcome {
        let intent = self.treasury.intent(id, to, amount)?;
        let problem = self
            .treasury
            .submit(&intent)?
            .refused(422, "denied_by_policy")?;
        assert_eq!(problem["misses"][0]["code"], miss, "{problem}");
        Ok(())
    }

    /// Both signers take down what the coordinator keeps, as from a USB stick.
    fn take_down(&self) -> Outcome {
        let kept = self
            .treasury
            .command_line(&["statement", "list"])?
            .done()?
            .stdout;
        for signer in [&self.treasury.people.alice, &self.treasury.people.bob] {
            let file = signer.bring("statements.json", &kept)?;
            signer
                .run(&["list", "note", &file.display().to_string()])?
                .done()?;
        }
        Ok(())
    }

    /// What the coordinator keeps of statements, as a file beside a person's home.
    fn statements_at(&self, home: &SignerHome) -> Result<String, Failure> {
        let kept = self.treasury.command_line(&["statement", "list"])?;
        let file = home.bring("kept.json", &kept.done()?.stdout)?;
        Ok(file.display().to_string())
    }

    /// The operator hands in an approval.
    fn hand_in(&self, approval: &Value) -> Outcome {
        let path = self.treasury.path("/approvals");
        self.treasury.operator().post(&path, approval)?.done()?;
        Ok(())
    }

    fn pay(&self, id: &str, to: &Address, amount: Amount) -> Result<Txid, Failure> {
        self.treasury.withdraw(id, to, amount)?;
        self.pay_all(&[id])
    }

    fn pay_all(&self, ids: &[&str]) -> Result<Txid, Failure> {
        let txid = self.treasury.batch()?;
        let psbt = self.treasury.psbt(txid)?;
        for signer in [&self.treasury.people.alice, &self.treasury.people.bob] {
            // They saw the entry a moment after the coordinator did.
            let signed = wait_until("the signer's own cooling-off to end", SHORT, || {
                Ok(signer.sign(&psbt)?.done().ok().map(|said| said.stdout))
            })?;
            self.treasury.hand_in(txid, &signed)?;
        }
        self.treasury.settle(txid, ids)?;
        Ok(txid)
    }
}

/// 1. Dana proposes a partner: the entry waits for approvals, and nothing is paid there.
/// 2. Erin approves it: it cools off. Alice and bob take that down.
/// 3. After that one small payment goes there, and no second one until it is confirmed.
/// 4. Dana confirms it: any amount goes there.
/// 5. Erin removes it: nothing goes there any more.
fn a_destination_comes_and_goes(engine: Engine) -> Outcome {
    let mut partners = Partners::start(engine, "3s")?;
    let to = Purse::stranger(1);
    let proposal = partners.propose(&to)?;
    assert_eq!(
        partners.entry()?["says"],
        "waiting for approvals: 1 of 2 of ops"
    );
    partners.is_denied("w-0", &to, TEST, "entry_quorum")?;
    partners.is_denied("w-0", &Purse::stranger(2), TEST, "destination")?;
    partners.second(&proposal)?;
    partners.take_down()?;
    partners.becomes("test_payment_only")?;
    partners.is_denied("w-0", &to, FULL, "test_amount")?;
    // The signers' own clocks run since they took it down.
    partners.pay("w-1", &to, TEST)?;
    partners.becomes("awaiting_confirmation")?;
    let other = Amount::from_sat(TEST.to_sat() - 1);
    partners.is_denied("w-2", &to, other, "awaiting_confirmation")?;

    let dana = &partners.treasury.people.dana;
    let file = dana.bring("entry.json", &proposal)?.display().to_string();
    partners.say(dana, &["confirm", &file])?;
    partners.becomes("in_force")?;
    partners.pay("w-2", &to, FULL)?;

    let entry = partners.entry()?["entry"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    partners.say(&partners.erin, &["remove", &entry])?;
    partners.becomes("removed")?;
    partners.is_denied("w-3", &to, other, "entry_removed")?;
    partners.treasury.reconcile()?;
    partners.treasury.must_be_well()
}

#[test]
fn destination_of_an_open_list_comes_and_goes_on_sqlite() -> Outcome {
    a_destination_comes_and_goes(Engine::Sqlite)
}

#[test]
fn destination_of_an_open_list_comes_and_goes_on_postgres() -> Outcome {
    a_destination_comes_and_goes(Engine::Postgres)
}

/// Each payment to partners needs two persons, and a partner is added by one.
fn two_approve(policy: &mut PolicyDraft) {
    for rule in &mut policy.rules {
        rule.approvals = of_ops(2);
        rule.amount_max_sat = Some(FULL.to_sat());
    }
    for open in policy
        .lists
        .iter_mut()
        .filter_map(|list| list.open.as_mut())
    {
        open.approvals = of_ops(1);
    }
}

/// Lines of a terminal as one text.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the own tool says of a payment to partners: it cannot know whether it may be paid yet.
const HINGES: &str = "if it is on the open list partners (delay 3s, at most 0.01 000 000 BTC \
                      (1,000,000 sat) until a person of ops confirmed its first payment), rule \
                      \"partners\" applies: 2 persons of ops must approve";

/// 1. Dana adds a partner; payments to partners need two approvals.
/// 2. Dana approves one with the own tool, which has seen no statement, and says what it hinges on.
/// 3. Erin approves it with a passkey on the own tool's page, which shows the same words, and beside the
///    statements that dana is the one who signed for the partner.
/// 4. It is batched; dana reads it once more out of the transfer, which carries the statement itself.
/// 5. It is paid. What no rule allows anybody is refused by the tool, with the reason of the rule.
/// 6. Dana removes the partner: the tool warns of it.
#[test]
fn payment_to_an_open_list_is_approved_with_the_own_tool() -> Outcome {
    let browser = Browser::start()?;
    browser.plug_in_authenticator()?;
    let erin = SignerHome::new("erin")?;
    let key = register(&erin, &browser, || Ok(()))?;
    let partners = Partners::start_edited(Engine::Sqlite, erin, |policy| {
        partners_only(policy, key, "3s");
        two_approve(policy);
    })?;
    let treasury = &partners.treasury;
    let (dana, erin) = (&treasury.people.dana, &partners.erin);
    let to = Purse::stranger(1);
    let proposal = partners.propose(&to)?;
    partners.take_down()?;
    partners.becomes("test_payment_only")?;
    let intent = treasury.withdraw("w-1", &to, TEST)?;
    let request = treasury.signed_bytes(&intent.encode()).to_string();

    let file = dana.bring("w-1.json", request.as_bytes())?;
    let said = dana.run_plainly(&["approve", "--yes", &file.display().to_string()], &[])?;
    let said = said.done()?;
    let told = in_one_line(&said.stderr);
    for part in [
        HINGES,
        "otherwise nobody may pay it",
        "partners: no statement shown here puts it there",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    partners.hand_in(&serde_json::from_slice(&said.stdout)?)?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "requested");

    let statements = partners.statements_at(erin)?;
    let file = erin
        .bring("w-1.json", request.as_bytes())?
        .display()
        .to_string();
    let arguments = ["approve", "--page", "--statements", &statements, &file];
    let approval = erin.on_page(&arguments, |url| {
        browser.open(url)?;
        let told = in_one_line(&browser.text("main")?);
        for part in [HINGES, "partners has it as \"ACME\", signed by enough"] {
            assert!(told.contains(part), "{part} in\n{told}");
        }
        browser.click("#act")?;
        browser.says("#said", "Approved. You may close this page.")
    })?;
    partners.hand_in(&approval)?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");

    let txid = partners.pay_all(&["w-1"])?;
    let file = dana.bring("w-1.psbt", &treasury.psbt(txid)?)?;
    let said = dana.run_plainly(&["approve", "--yes", &file.display().to_string()], &[])?;
    let told = in_one_line(&said.done()?.stderr);
    let part = "partners has it as \"ACME\", signed by enough; each signer waits 3s";
    assert!(told.contains(part), "{told}");

    let more = Amount::from_sat(FULL.to_sat() + 1);
    let request = treasury.signed_bytes(&treasury.intent("w-2", &to, more)?.encode());
    let file = dana.bring("w-2.json", request.to_string().as_bytes())?;
    let file = file.display().to_string();
    let refused = dana.run(&["approve", "--yes", &file])?.refused("DENIED")?;
    let reason = &refused.json()?["reasons"][0];
    assert_eq!(reason["misses"][0]["rule"], "partners", "{reason}");
    assert_eq!(reason["misses"][0]["code"], "amount", "{reason}");

    let entry = dana.bring("entry.json", &proposal)?.display().to_string();
    partners.say(dana, &["remove", &entry])?;
    let statements = partners.statements_at(dana)?;
    let file = dana.bring(
        "w-1.json",
        treasury
            .signed_bytes(&intent.encode())
            .to_string()
            .as_bytes(),
    )?;
    let file = file.display().to_string();
    let arguments = ["approve", "--yes", "--statements", &statements, &file];
    let said = dana.run_plainly(&arguments, &[])?.done()?;
    let told = in_one_line(&said.stderr);
    assert!(
        told.contains("LIST partners: the list's entry was removed"),
        "{told}"
    );
    Ok(())
}

/// 1. A partner is added who must cool off for an hour.
/// 2. A lying coordinator says that it was added long ago, and issues a payment at once.
/// 3. Alice's own signer refuses: the hour runs from when her journal first saw it. She took it down by
///    looking, so that the hour runs from now.
#[test]
fn cooling_off_runs_by_the_signers_own_clock() -> Outcome {
    let partners = Partners::start(Engine::Sqlite, "1h")?;
    let to = Purse::stranger(1);
    let proposal = partners.propose(&to)?;
    partners.second(&proposal)?;
    partners.becomes("cooling_off")?;
    partners.is_denied("w-1", &to, TEST, "cooling_off")?;
    partners
        .treasury
        .store
        .sql("UPDATE list_statement SET stored_at = 1000, entitled_at = 1000")?;
    partners.becomes("test_payment_only")?;
    partners.treasury.withdraw("w-1", &to, TEST)?;
    let txid = partners.treasury.batch()?;
    let psbt = partners.treasury.psbt(txid)?;
    let alice = &partners.treasury.people.alice;
    let before = alice.journal()?;
    let said = alice.sign(&psbt)?.refused("DENIED")?;
    assert!(said.stderr.contains("cools off until"), "{}", said.stderr);
    assert_ne!(alice.journal()?, before, "what was seen is journalled");
    Ok(())
}

/// 1. Somebody who is not of the group signs, or signs something else: refused by name.
#[test]
fn signature_that_may_not_be_given_under_a_statement_is_refused() -> Outcome {
    let partners = Partners::start(Engine::Sqlite, "1h")?;
    let proposal = partners.propose(&Purse::stranger(1))?;
    let said: Value = serde_json::from_slice(&proposal)?;
    let subject = partners.entry()?["entry"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let path = partners
        .treasury
        .path(&format!("/statements/{subject}/approvals"));
    let api = partners.treasury.operator();
    let mut wrong = said["approvals"][0].clone();
    wrong["purpose"] = "list-remove".into();
    api.post(&path, &wrong)?
        .refused(422, "statement_wrong_purpose")?;
    let mut wrong = said["approvals"][0].clone();
    wrong["expires"] = 4_000_000_000_u64.into();
    api.post(&path, &wrong)?
        .refused(422, "approval_signature_invalid")?;
    let mut wrong = said["approvals"][0].clone();
    wrong["key"] = "00".repeat(32).into();
    api.post(&path, &wrong)?
        .refused(422, "unknown_approval_key")?;
    let unknown = partners
        .treasury
        .path(&format!("/statements/{}/approvals", "11".repeat(32)));
    api.post(&unknown, &said["approvals"][0])?
        .refused(404, "unknown_statement")?;
    Ok(())
}
