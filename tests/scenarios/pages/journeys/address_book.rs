//! Destinations come onto an open list from the pages, one by one and from a file.

use bitcoin::{Address, Amount};
use harness::{Outcome, Purse};
use policies::document::{ApprovalsDraft, ListDraft, OpenDraft, PolicyDraft, RuleDraft};

use super::{Office, STATE, answer};

/// Payments go only to partners, whom two persons of ops add; an entry cools off for a day.
fn partners_only(policy: &mut PolicyDraft) {
    policy.lists = vec![ListDraft {
        name: "partners".to_owned(),
        entries: Vec::new(),
        open: Some(OpenDraft {
            approvals: super::of_ops(2),
            delay: "24h".to_owned(),
            test_first: None,
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

/// A withdrawal that the policy denies, for this reason.
fn is_denied(office: &Office, to: &Address, miss: &str) -> Outcome {
    let treasury = &office.treasury;
    let intent = treasury.intent("w-1", to, Amount::from_sat(1_000_000))?;
    let problem = treasury.submit(&intent)?.refused(422, "denied_by_policy")?;
    assert_eq!(problem["misses"][0]["code"], miss, "{problem}");
    Ok(())
}

/// 1. Dana proposes a partner on the page. What is no address is told beside the field, and what was typed stays. Her
///    tool shows the entry and signs it.
/// 2. Nothing is paid there yet. Erin, whom the page names, approves the entry with her tool.
/// 3. The entry cools off: its page counts down, and nothing is paid there.
/// 4. A day later, by the coordinator's clock, it is in force: a withdrawal to it is approved without a human.
/// 5. Erin brings a file with three more. The wrong line is shown with what is wrong, the two others are signed at
///    once; dana approves one of them.
#[test]
fn partners_come_into_the_address_book_from_the_pages() -> Outcome {
    let office = Office::open_under(partners_only)?;
    let treasury = &office.treasury;
    let dana = treasury.join("dana", "operator")?;
    let erin = treasury.join("erin", "approver")?;
    let _danas_tool = office.pair(&treasury.people.dana, &dana)?;
    let _erins_tool = office.pair(&office.erin, &erin)?;
    let list = treasury.vault_page("/address-book/partners");
    let to = Purse::stranger(1);
    let propose = "form[action$='/ask']:has([value=list-propose]) button";
    let approve = "form[action$='/ask']:has([value=list-approve]) button";

    dana.open(&list)?;
    dana.click("a.button[href$='/propose']")?;
    dana.fill("#address", "bcrt1qnowhere")?;
    dana.fill("#label", "ACME Ltd")?;
    dana.click("form:has(#address) button")?;
    dana.shows("#address-wrong")?;
    assert_eq!(dana.value("#label")?, "ACME Ltd", "what was typed is gone");
    dana.fill("#address", &to.to_string())?;
    dana.click("form:has(#address) button")?;
    dana.shows("#preview")?;
    answer(&dana, propose, "1 of 2 persons have signed it")?;
    is_denied(&office, &to, "entry_quorum")?;

    erin.open(&list)?;
    erin.says("#live", "signed by dana; could sign: erin")?;
    erin.click("table.book a[href*='/entries/']")?;
    erin.says(STATE, "proposed")?;
    answer(&erin, approve, "2 of 2 persons have signed it")?;
    erin.says(STATE, "cooling")?;
    erin.says("#live", "opens in 2")?;
    is_denied(&office, &to, "cooling_off")?;
    treasury
        .store
        .sql("UPDATE list_statement SET stored_at = 1000, entitled_at = 1000")?;
    dana.open(&list)?;
    dana.says(STATE, "in force")?;
    treasury.withdraw("w-1", &to, Amount::from_sat(1_000_000))?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");

    let csv = format!(
        "address,label,expires\n{},Kraken desk,\nbcrt1qnowhere,Nobody,\n{},Landlord,2099-01-01\n",
        Purse::stranger(2),
        Purse::stranger(3)
    );
    let file = office.erin.bring("partners.csv", csv.as_bytes())?;
    erin.open(&list)?;
    erin.click("a[href$='/import']")?;
    erin.bring("#file", &file)?;
    erin.click("form:has(#file) button")?;
    erin.says("main .big", "2 can be signed; 1 cannot")?;
    erin.shows("td[data-label=Wrong] .wrong")?;
    answer(&erin, propose, "Handed in 2 entries")?;
    dana.open(&format!("{list}?state=proposed"))?;
    assert_eq!(dana.count("table.book tbody tr")?, 2);
    dana.open(&format!("{list}?text=Landlord"))?;
    dana.click("table.book a[href*='/entries/']")?;
    dana.says("h1", "Landlord")?;
    answer(&dana, approve, "2 of 2 persons have signed it")?;
    dana.says(STATE, "cooling")?;
    Ok(())
}
