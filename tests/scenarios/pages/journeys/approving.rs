//! A withdrawal from the request to the receipt, approved with people's own tools.

use bitcoin::Amount;
use harness::{AUTOMATIC_MAX_SAT, Browser, Outcome, Purse, field};
use serde_json::json;

use super::{Office, STATE, Tool, answer};

const APPROVE: &str = "form[action$='/ask'] button:not(.button-danger)";

/// 1. Dana and erin join by their invitations; each pairs the own tool with the pages by its code.
/// 2. The service asks for a large withdrawal. Dana finds it waiting for her, opens her tool from the page, reads it
///    there and approves; the page, which stayed open, shows it approved by itself.
/// 3. Erin asks for one on the page: the preview says who must approve, her tool signs it and hands it in.
/// 4. The page offers her no approval of her own withdrawal; a page that asks her tool all the same is refused by it.
///    Dana's approval counts.
/// 5. The automatic signer and bob sign the batch; both are settled, and the receipt has the transaction.
#[test]
fn an_approver_approves_with_the_own_tool_and_the_requester_cannot() -> Outcome {
    let mut office = Office::open()?;
    let dana = office.treasury.join("dana", "approver")?;
    let erin = office.treasury.join("erin", "requester")?;
    let _danas_tool = office.pair(&office.treasury.people.dana, &dana)?;
    let erins_tool = office.pair(&office.erin, &erin)?;
    let treasury = &office.treasury;

    let large = Amount::from_sat(AUTOMATIC_MAX_SAT + 1);
    treasury.withdraw("w-1", &Purse::stranger(1), large)?;
    let detail = treasury.vault_page("/withdrawals/exchange/w-1");
    dana.open(&detail)?;
    dana.says(STATE, "requested")?;
    dana.click("a.button[href*='/approve?intent=']")?;
    dana.shows("form[action$='/ask']")?;
    answer(&dana, APPROVE, "Handed in")?;
    dana.says(STATE, "approved")?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");

    let to = Purse::stranger(2).to_string();
    erin.open(&treasury.vault_page("/withdrawals/new"))?;
    erin.fill("#draft-to", &to)?;
    erin.fill("#draft-amount", "0.06")?;
    erin.fill("#draft-reference", "rent of December")?;
    erin.says("#preview", "larger payouts")?;
    erin.says("#preview", "dana")?;
    erin.click("form[hx-post] button[type=submit]:not(.button-quiet)")?;
    erin.shows("form[action$='/ask']")?;
    let id = erin.text("dl.facts dd:nth-of-type(4)")?;
    answer(&erin, "form[action$='/ask'] button", "Handed in")?;
    let own = treasury.path(&format!("/withdrawals/treasurer/{id}"));
    erin.open(&treasury.page(&own))?;
    erin.says(STATE, "requested")?;
    assert_eq!(erin.count("a.button[href*='/approve?intent=']")?, 0);
    let hash = field(&treasury.auditor().get(&own)?.done()?, "intent_hash")?;
    let approving = treasury.vault_page(&format!("/withdrawals/approve?intent={hash}"));
    erin.open(&approving)?;
    erin.says("#live", "You asked for it yourself")?;
    assert_eq!(erin.count("form[action$='/ask']")?, 0);
    asks_all_the_same(&office, &erin, &erins_tool, &hash)?;
    let shown = treasury.auditor().get(&own)?.done()?;
    assert_eq!(shown["approvals"], json!([]), "{shown}");
    dana.open(&approving)?;
    answer(&dana, APPROVE, "Handed in")?;
    dana.says(STATE, "approved")?;

    office.treasury.start_cosigner()?;
    let treasury = &office.treasury;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    dana.open(&detail)?;
    dana.says(STATE, "settled")?;
    dana.open(&format!("{detail}/receipt"))?;
    dana.says("main", &txid.to_string())?;
    Ok(())
}

/// A page of the paired coordinator asks a person's tool to approve what its owner asked for; the tool refuses.
fn asks_all_the_same(office: &Office, browser: &Browser, tool: &Tool, hash: &str) -> Outcome {
    let form = "
        const form = document.createElement('form');
        form.id = 'lie';
        form.method = 'post';
        form.target = '_blank';
        form.action = arguments[0];
        for (const [name, value] of Object.entries(arguments[1])) {
            const field = document.createElement('input');
            field.type = 'hidden';
            field.name = name;
            field.value = value;
            form.append(field);
        }
        const button = document.createElement('button');
        button.textContent = 'Approve';
        form.append(button);
        document.querySelector('main').prepend(form);";
    let fields = json!({
        "vault": office.treasury.people.policy.vault,
        "what": "approve",
        "hash": hash,
        "back": office.treasury.page("/"),
    });
    let ask = format!("http://localhost:{}/ask", tool.port);
    browser.script_with(form, vec![json!(ask), fields])?;
    browser.click("#lie button")?;
    browser.turn_to_new_tab()?;
    browser.says("main", "erin is the person behind that")?;
    assert_eq!(browser.count("#act")?, 0, "the tool would have signed it");
    browser.close_tab()
}
