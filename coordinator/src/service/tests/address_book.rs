//! The address book: who signed what, what an entry waits for, and what a file of new ones becomes.

use bitcoin::{Address, Network, ScriptBuf};
use policies::document::{
    ApprovalsDraft, ApproverDraft, ListDraft, OpenDraft, PinnedKeyDraft, PolicyDraft,
    TestFirstDraft,
};
use policies::{ListAdd, Statement, Subject};

use super::stops::{sign, store};
use super::world::{NOW, World, foreign, secret};
use crate::roles::fixture::Kind;
use crate::service::address_book::drafting::{
    EntryDraft, EntryFault, EntryWarning, NewEntry, WrongEntry, draft_entry,
};
use crate::service::address_book::importing::{hand_in, import};
use crate::service::address_book::{
    BookEntry, BookFilter, BookState, Signed, list_book, show_entry,
};
use crate::service::events::head_number;
use crate::service::paging::{Cursor, PAGE};

const DAY: u64 = 86_400;
/// Two programs whose addresses differ and begin and end alike.
const ALIKE: [&str; 2] = [
    "bcrt1q8rz9ccxm7hppvkqqj9xlqya33zj3p5edmzycae",
    "bcrt1qtwkjrhxg7f2dak2ey8e0tu63fw9zdgwumzycae",
];

fn quorum(count: u32) -> ApprovalsDraft {
    ApprovalsDraft {
        group: Some("ops".to_owned()),
        count,
        page: None,
    }
}

fn lists(draft: &mut PolicyDraft) {
    draft.approvers.push(ApproverDraft {
        name: "erin".to_owned(),
        person: "erin".to_owned(),
        groups: vec!["ops".to_owned()],
        keys: vec![PinnedKeyDraft::own(&secret("erin").public())],
    });
    let open = |test_first| {
        Some(OpenDraft {
            approvals: quorum(2),
            delay: "24h".to_owned(),
            test_first,
        })
    };
    draft.lists = vec![
        ListDraft {
            name: "partners".to_owned(),
            entries: vec![address(&foreign(200))],
            open: open(Some(TestFirstDraft {
                sat: 10_000,
                group: "ops".to_owned(),
            })),
        },
        ListDraft {
            name: "others".to_owned(),
            entries: Vec::new(),
            open: open(None),
        },
        ListDraft {
            name: "fixed".to_owned(),
            entries: vec![address(&foreign(201))],
            open: None,
        },
    ];
}

async fn world() -> World {
    World::funded_on(Kind::Wsh, 2, 1_000_000, lists).await
}

fn address(script: &ScriptBuf) -> String {
    Address::from_script(script, Network::Regtest)
        .expect("an address")
        .to_string()
}

fn typed(address: &str, label: &str) -> NewEntry {
    NewEntry {
        address: address.to_owned(),
        label: label.to_owned(),
        expires: String::new(),
    }
}

async fn try_draft(world: &World, list: &str, typed: NewEntry) -> Result<EntryDraft, WrongEntry> {
    draft_entry(&world.service, &world.operator, world.vault, list, typed)
        .await
        .expect("an open list")
}

/// Proposes an entry, and signs it by those named.
async fn propose(
    world: &World,
    list: &str,
    (address, label): (&str, &str),
    signers: &[&str],
) -> Subject {
    let draft = try_draft(world, list, typed(address, label)).await;
    let draft = draft.expect("nothing is wrong");
    let statement = Statement::ListAdd(draft.add.clone());
    store(world, &statement).await.expect("stored");
    for person in signers {
        let until = draft.add.expires;
        let signed = sign(world, &statement, &secret(person), until).await;
        signed.expect("counts");
    }
    draft.subject
}

async fn say(world: &World, statement: Statement, person: &str) {
    store(world, &statement).await.expect("stored");
    let until = world.service.now().saturating_add(DAY);
    let signed = sign(world, &statement, &secret(person), until).await;
    signed.expect("counts");
}

async fn show(world: &World, entry: Subject) -> BookEntry {
    show_entry(&world.service, &world.operator, world.vault, entry)
        .await
        .expect("an entry")
}

fn names(signed: &[Signed]) -> Vec<&str> {
    signed.iter().map(|one| one.approver.as_str()).collect()
}

#[tokio::test]
async fn an_entry_tells_what_it_waits_for_from_its_proposal_to_its_removal() {
    let world = world().await;
    // The withdrawal w-1 pays this script.
    let to = address(&foreign(b'1'));
    let entry = propose(&world, "partners", (&to, "Bank"), &["dana"]).await;
    let shown = show(&world, entry).await;
    assert_eq!(BookState::of(&shown.entry), BookState::Proposed);
    assert_eq!((shown.needed, shown.group.as_deref()), (2, Some("ops")));
    assert_eq!(names(&shown.approvals), ["dana"]);
    assert_eq!(
        (shown.could, shown.opens_at),
        (vec!["erin".to_owned()], None)
    );
    let standing = shown.test.expect("the list asks for a first payment");
    assert_eq!(
        (standing.words(), standing.most.to_sat()),
        ("not paid yet", 10_000)
    );

    // Another rule pays it before it is listed.
    world.submit("w-1", 300_000).await;
    world.batch().await;
    let statement = Statement::decode(shown.statement.as_bytes()).expect("canonical");
    let until = world.service.now().saturating_add(DAY);
    let signed = sign(&world, &statement, &secret("erin"), until).await;
    signed.expect("counts");
    let shown = show(&world, entry).await;
    assert_eq!(BookState::of(&shown.entry), BookState::Cooling);
    assert_eq!(
        shown.opens_at,
        Some(world.service.now().saturating_add(DAY))
    );
    assert_eq!(shown.could, Vec::<String>::new());
    world.pass(DAY - 1);
    assert_eq!(
        BookState::of(&show(&world, entry).await.entry),
        BookState::Cooling
    );
    world.pass(1);
    // Erin's signature is over; her word of before is not repeated by itself.
    assert_eq!(
        BookState::of(&show(&world, entry).await.entry),
        BookState::Proposed
    );
    sign(
        &world,
        &statement,
        &secret("erin"),
        world.service.now().saturating_add(99 * DAY),
    )
    .await
    .expect("counts again");
    let shown = show(&world, entry).await;
    assert_eq!(BookState::of(&shown.entry), BookState::InForce);
    assert_eq!(
        (shown.entry.state.as_str(), shown.opens_at),
        ("awaiting_confirmation", None)
    );

    let standing = show(&world, entry).await.test.expect("as before");
    assert_eq!(standing.words(), "paid, waits for confirmation");
    assert_eq!(standing.payments.len(), 1);
    assert_eq!(standing.payments[0].amount.to_sat(), 300_000);
    say(&world, Statement::ListConfirm { entry }, "dana").await;
    let shown = show(&world, entry).await;
    let standing = shown.test.expect("as before");
    assert_eq!(standing.words(), "confirmed");
    let confirmed = standing.confirmed.expect("by dana");
    assert_eq!(names(&confirmed.by), ["dana"]);
    assert_eq!(shown.removed, None);

    say(&world, Statement::ListRemove { entry }, "erin").await;
    let shown = show(&world, entry).await;
    assert_eq!(BookState::of(&shown.entry), BookState::Removed);
    let removed = shown.removed.expect("by erin");
    assert_eq!(
        (names(&removed.by), removed.at),
        (vec!["erin"], world.service.now())
    );
    let again = try_draft(&world, "partners", typed(&to, "Bank")).await;
    let again = again.expect("what was removed may be proposed again");
    assert!(matches!(
        again.warnings.as_slice(),
        [EntryWarning::ListedBefore { list, .. }] if list == "partners"
    ));
}

#[tokio::test]
async fn the_book_is_filtered_and_read_page_by_page_without_loss() {
    let world = world().await;
    let mut proposed = Vec::new();
    for number in 0..120_u8 {
        let list = if number % 3 == 0 {
            "others"
        } else {
            "partners"
        };
        let to = address(&foreign(number));
        proposed.push(propose(&world, list, (&to, &format!("Client {number:03}x")), &[]).await);
    }
    let to = address(&foreign(130));
    let entered = propose(&world, "others", (&to, "Bank"), &["dana", "erin"]).await;
    let read = async |filter: &BookFilter, after: Option<&Cursor>| {
        let (service, operator) = (&world.service, &world.operator);
        list_book(service, operator, world.vault, filter, after, PAGE).await
    };
    let all = async |filter: BookFilter| {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = read(&filter, after.as_ref()).await.expect("a page");
            assert!(page.items.len() <= 50);
            found.extend(page.items.iter().map(|one| one.entry.entry));
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    };
    let mut found = all(BookFilter::default()).await;
    let mut expected = [proposed.clone(), vec![entered]].concat();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "each once");
    let of = |list: Option<&str>, state, text: &str| BookFilter {
        list: list.map(str::to_owned),
        state,
        text: text.to_owned(),
    };
    assert_eq!(all(of(Some("others"), None, "")).await.len(), 41);
    assert_eq!(all(of(None, Some(BookState::Cooling), "")).await, [entered]);
    assert_eq!(all(of(None, Some(BookState::Removed), "")).await, []);
    assert_eq!(all(of(None, None, "client 007")).await, [proposed[7]]);
    let grouped = address(&foreign(9));
    let grouped = format!("{} {}", &grouped[..8], &grouped[8..20]);
    assert_eq!(all(of(None, None, &grouped)).await, [proposed[9]]);
    let unknown = read(&of(Some("nobody"), None, ""), None).await;
    assert_eq!(unknown.expect_err("no list").code(), "unknown_list");
    for parts in [
        &["1"][..],
        &["x", "y"],
        &["18446744073709551615", &"00".repeat(32)],
    ] {
        let wrong = read(&BookFilter::default(), Some(&Cursor::of(parts))).await;
        assert_eq!(wrong.expect_err("no place").code(), "malformed");
    }
}

#[tokio::test]
async fn a_file_becomes_drafts_and_loses_no_line_that_is_wrong() {
    let world = world().await;
    let own = world.address().await.address;
    let taken = address(&foreign(50));
    propose(&world, "partners", (&taken, "Taken"), &["dana"]).await;
    let good = [address(&foreign(60)), address(&foreign(61))];
    let mainnet = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    let file = [
        "\u{feff}label;address;expires".to_owned(),
        format!("\"Bank; main\";{};2027-06-30", good[0]),
        format!("Mainnet;{mainnet};"),
        format!("Again;{};", good[0]),
        format!("Taken;{taken};"),
        format!("Policy;{};", address(&foreign(200))),
        format!("Us;{own};"),
        format!("B\u{430}nk\u{202e};{};", address(&foreign(62))),
        format!("{};{};", "x".repeat(65), address(&foreign(63))),
        format!(";{};soon", address(&foreign(64))),
        format!("Late;{};2020-01-01", address(&foreign(65))),
        "Alone".to_owned(),
        String::new(),
        format!("Trust;{};2027-06-30T12:00:00Z", good[1]),
    ];
    let file = file.join("\r\n");
    let (service, operator) = (&world.service, &world.operator);
    let read = import(service, operator, world.vault, "partners", file.as_bytes());
    let read = read.await.expect("a file");
    let drafts: Vec<(&str, &str)> = (read.good.iter())
        .map(|one| (one.add.label.as_str(), one.address.as_str()))
        .collect();
    assert_eq!(
        drafts,
        [
            ("Bank; main", good[0].as_str()),
            ("Trust", good[1].as_str())
        ]
    );
    assert_eq!(read.good[0].add.expires.to_string(), "2027-06-30T00:00:00Z");
    for draft in &read.good {
        let statement = Statement::decode(draft.statement.as_bytes()).expect("canonical");
        assert_eq!(statement, Statement::ListAdd(draft.add.clone()));
        assert_eq!(draft.add.not_before.as_secs(), NOW);
    }
    let fields: Vec<(u64, Vec<&str>)> = (read.wrong.iter())
        .map(|one| (one.line, one.faults.iter().map(EntryFault::field).collect()))
        .collect();
    assert_eq!(
        fields,
        [
            (3, vec!["address"]),
            (4, vec!["address"]),
            (5, vec!["address"]),
            (6, vec!["address"]),
            (7, vec!["address"]),
            (8, vec!["label"]),
            (9, vec!["label"]),
            (10, vec!["label", "expires"]),
            (11, vec!["expires"]),
            (12, vec!["address"]),
        ]
    );
    let said: Vec<String> = (read.wrong.iter())
        .map(|one| one.faults[0].to_string())
        .collect();
    assert!(
        said[0].starts_with("the address is not of the network"),
        "{}",
        said[0]
    );
    assert_eq!(read.wrong[1].faults, [EntryFault::Twice { line: 2 }]);
    assert!(
        matches!(&read.wrong[2].faults[..], [EntryFault::Listed { label, .. }] if label == "Taken")
    );
    assert_eq!(read.wrong[3].faults, [EntryFault::InDocument]);
    assert_eq!(read.wrong[4].faults, [EntryFault::OwnAddress]);
    assert!(
        said[5].contains("U+0430, which looks like a; character 5 is U+202E"),
        "{}",
        said[5]
    );
    // What is wrong comes back as it was typed, and is read again once it is mended.
    let mended = read
        .to_mend()
        .replace("soon", "")
        .replace("2020-01-01", "2028-01-01");
    let again = import(
        service,
        operator,
        world.vault,
        "partners",
        mended.as_bytes(),
    );
    let again = again.await.expect("a file");
    assert_eq!(again.good.len() + again.wrong.len(), read.wrong.len());
    assert!(again.good.iter().any(|one| one.add.label == "Late"));
    let closed = import(service, operator, world.vault, "fixed", b"a,b").await;
    assert_eq!(closed.expect_err("closed").code(), "list_not_open");
    let long = "a,b\n".repeat(1_001);
    let long = import(service, operator, world.vault, "partners", long.as_bytes()).await;
    assert_eq!(long.expect_err("too long").code(), "malformed");
}

#[tokio::test]
async fn drafts_of_a_file_are_handed_in_signed_and_a_wrong_one_keeps_none_back() {
    let world = world().await;
    let (service, operator) = (&world.service, &world.operator);
    let file = format!(
        "{},One\n{},Two\n",
        address(&foreign(1)),
        address(&foreign(2))
    );
    let read = import(service, operator, world.vault, "others", file.as_bytes());
    let mut bundle: serde_json::Value =
        serde_json::from_str(&read.await.expect("a file").to_sign()).expect("JSON");
    for one in bundle.as_array_mut().expect("a list") {
        let text = one["statement"].as_str().expect("a text");
        let statement = Statement::decode(text.as_bytes()).expect("canonical");
        let Statement::ListAdd(ListAdd { expires, .. }) = statement else {
            panic!("an addition");
        };
        let (purpose, subject) = (statement.purpose(), statement.subject());
        let key = secret("dana");
        let approval = policies::Approval::sign(&key, purpose, world.vault, subject, expires);
        one["approvals"] = serde_json::json!([{
            "purpose": purpose.to_string(),
            "expires": expires,
            "key": approval.key,
            "signature": approval.signature,
        }]);
    }
    bundle
        .as_array_mut()
        .expect("a list")
        .insert(1, serde_json::json!({ "statement": "{}" }));
    let bytes = bundle.to_string();
    for _ in 0..2 {
        let handed = hand_in(service, operator, world.vault, bytes.as_bytes()).await;
        let handed = handed.expect("a file");
        let outcomes: Vec<bool> = handed.iter().map(|one| one.outcome.is_ok()).collect();
        assert_eq!(outcomes, [true, false, true]);
        for one in handed.iter().filter_map(|one| one.outcome.as_ref().ok()) {
            assert_eq!(
                (one.approved_by.as_slice(), one.needed),
                (&["dana".to_owned()][..], 2)
            );
        }
    }
    for bytes in [&b""[..], b"[", b"{}", b"\xff", b"[1]"] {
        let wrong = hand_in(service, operator, world.vault, bytes).await;
        assert_eq!(wrong.expect_err("no file").code(), "malformed");
    }
}

#[tokio::test]
async fn an_address_or_label_that_passes_for_a_known_one_is_warned_of() {
    let world = world().await;
    propose(&world, "partners", (ALIKE[0], "Bank One"), &["dana"]).await;
    let poison = try_draft(&world, "others", typed(ALIKE[1], "BANK 0NE")).await;
    let poison = poison.expect("it is a payable address");
    let said: Vec<String> = poison.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("begins and ends like another one") && said[0].contains(ALIKE[0]));
    assert!(
        said[1].contains("label that looks the same, \"Bank One\""),
        "{}",
        said[1]
    );
    let same = try_draft(&world, "others", typed(ALIKE[0], "Bank One")).await;
    let same = same.expect("another list");
    assert!(matches!(
        same.warnings.as_slice(),
        [EntryWarning::OnOtherList { .. }]
    ));
    let file = format!("{},One\n{},Two\n", ALIKE[0], ALIKE[1]);
    let (service, operator) = (&world.service, &world.operator);
    let read = import(service, operator, world.vault, "others", file.as_bytes());
    let read = read.await.expect("a file");
    let looks = |one: &EntryWarning| matches!(one, EntryWarning::LooksLike { .. });
    assert!(read.good[1].warnings.iter().any(looks));
    let script = ScriptBuf::from_hex(&poison.add.script_pubkey.to_hex_string());
    assert_eq!(script.expect("hex"), poison.add.script_pubkey);
}

#[tokio::test]
async fn a_signature_of_an_entry_that_holds_no_longer_than_the_last_changes_nothing() {
    let world = world().await;
    let to = address(&foreign(b'1'));
    let entry = propose(&world, "partners", (&to, "Bank"), &["dana"]).await;
    say(&world, Statement::ListRemove { entry }, "dana").await;
    world.work().await;
    let before = head_number(&world.service).await.expect("a number");
    let removal = Statement::ListRemove { entry };
    for later in [0, 1, DAY] {
        let until = world.service.now().saturating_add(DAY + later);
        let again = sign(&world, &removal, &secret("dana"), until).await;
        assert_eq!(again.expect("is known").approvals.len(), 1);
    }
    world.work().await;
    let after = head_number(&world.service).await.expect("a number");
    assert_eq!(
        after, before,
        "a removal never ends, whatever its signature says"
    );
}
