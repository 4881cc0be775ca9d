//! What the pages of a policy promise, drawn over a vault with a proposal.

mod routes;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bitcoin::hashes::{Hash, sha256};
use bitcoin::{Amount, Network};
use policies::document::{
    ApprovalsDraft, ApproverDraft, DeviceDraft, HeadDraft, ListDraft, MaintenanceDraft, OpenDraft,
    PinnedKeyDraft, PolicyDraft, RequesterDraft, RuleDraft, SignerDraft, SuccessionDraft,
    TestFirstDraft, WindowDraft,
};
use policies::hash::Purpose;
use policies::intent::SecretKey;
use policies::succession::SuccessionFile;
use policies::{Approval, PolicyId, Subject, UnixTime, VaultId};
use tempfile::TempDir;
use watchtower::store::database::Database;

use super::{propose, replay, sheet, show, version};
use crate::roles::fixture::{Kind, Vault};
use crate::service::devices::OfDevices;
use crate::service::people::PersonRole;
use crate::service::policy_review::{
    ReplayView, ReplayedView, case, compare, examine, replay_version, review,
};
use crate::service::versions::{ProposalView, SubmitSuccession, submit_succession};
use crate::service::{Actor, BatchSettings, Service};
use crate::ui::visitor::Visitor;

const NOW: u64 = 1_795_400_000;

const SETTINGS: BatchSettings = BatchSettings {
    interval: None,
    count: None,
    age: None,
    fee_target: 6,
    estimate_max_age: 1_800,
    urgent_target: 2,
    economy_target: 144,
    fee_cap: None,
    signing_window: 3_600,
};

struct World {
    service: Service,
    operator: Actor,
    vault: VaultId,
    document: PolicyDraft,
    time: Arc<AtomicU64>,
    _folder: TempDir,
}

fn secret(name: &str) -> SecretKey {
    SecretKey::from_bytes(&sha256::Hash::hash(name.as_bytes()).to_byte_array())
}

fn quorum(group: Option<&str>, count: u32) -> ApprovalsDraft {
    ApprovalsDraft {
        group: group.map(str::to_owned),
        count,
        page: None,
    }
}

fn rule(name: &str, most: u64, approvals: ApprovalsDraft) -> RuleDraft {
    RuleDraft {
        name: name.to_owned(),
        kind: None,
        requester: None,
        to: None,
        amount_max_sat: Some(most),
        window: None,
        approvals,
    }
}

fn approver(name: &str, groups: &[&str]) -> ApproverDraft {
    ApproverDraft {
        name: name.to_owned(),
        person: name.to_owned(),
        groups: groups.iter().map(ToString::to_string).collect(),
        keys: vec![PinnedKeyDraft::own(&secret(name).public())],
    }
}

/// A treasury of 2-of-3 with a recovery after 90 days.
fn draft(keys: &Vault) -> PolicyDraft {
    let head = HeadDraft {
        height: 100,
        time: UnixTime::from_secs(NOW - 1_000),
    };
    let mut draft = PolicyDraft::first_version("treasury", Network::Regtest, head);
    keys.descriptor
        .text()
        .clone_into(&mut draft.spending.descriptor);
    draft.signers = (keys.signers().into_iter())
        .map(|signer| SignerDraft {
            journal: secret(&format!("journal {}", signer.name))
                .public()
                .to_string(),
            person: signer.name.clone(),
            device: Some(DeviceDraft {
                kind: "software".to_owned(),
            }),
            key: signer.key.text,
            name: signer.name,
        })
        .collect();
    draft.requesters = vec![RequesterDraft {
        name: "exchange".to_owned(),
        person: None,
        keys: vec![PinnedKeyDraft::own(&secret("exchange").public())],
    }];
    draft.approvers = vec![
        approver("dana", &["ops", "board"]),
        approver("erin", &["ops"]),
        approver("frank", &["board"]),
    ];
    draft.maintenance = Some(MaintenanceDraft {
        approvals: quorum(Some("ops"), 1),
    });
    draft.lists = vec![ListDraft {
        name: "counterparties".to_owned(),
        entries: Vec::new(),
        open: Some(OpenDraft {
            approvals: quorum(Some("board"), 2),
            delay: "24h".to_owned(),
            test_first: Some(TestFirstDraft {
                sat: 10_000,
                group: "ops".to_owned(),
            }),
        }),
    }];
    let small = RuleDraft {
        kind: Some("payment".to_owned()),
        requester: Some(vec!["exchange".to_owned()]),
        window: Some(WindowDraft {
            sat: 50_000_000,
            per: "24h".to_owned(),
        }),
        ..rule("small customer payouts", 5_000_000, quorum(None, 0))
    };
    let counterparties = RuleDraft {
        to: Some(vec!["counterparties".to_owned()]),
        ..rule("counterparties", 5_000_000_000, quorum(Some("ops"), 1))
    };
    let rest = rule("the <b>rest</b>", 1_000_000_000, quorum(Some("ops"), 2));
    draft.rules = vec![small, counterparties, rest];
    draft.change = Some(SuccessionDraft {
        approvals: quorum(Some("board"), 2),
        delay: "48h".to_owned(),
    });
    draft
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("countersign.db");
        let database = Database::open_sqlite(&path).await.expect("opens");
        crate::store::migrate(&database).await.expect("migrates");
        let time = Arc::new(AtomicU64::new(NOW));
        let (clock, drawn) = (Arc::clone(&time), AtomicU64::new(0));
        let service = Service::new(database, Network::Regtest, SETTINGS).with_sources(
            Arc::new(move || UnixTime::from_secs(clock.load(Ordering::SeqCst))),
            Arc::new(move || {
                let number = drawn.fetch_add(1, Ordering::SeqCst);
                sha256::Hash::hash(&number.to_be_bytes()).to_byte_array()
            }),
        );
        let operator = Actor::local();
        let document = draft(&Vault::new(Kind::Wsh));
        let text = document.to_toml();
        let vault = crate::service::vaults::create_vault(
            &service,
            &operator,
            text.as_bytes(),
            OfDevices::Refuse,
        );
        let vault = vault.await.expect("a vault").vault;
        Self {
            service,
            operator,
            vault,
            document,
            time,
            _folder: folder,
        }
    }

    /// The next version, with an edit; a comment in it disguises itself.
    async fn next(&self, edit: impl FnOnce(&mut PolicyDraft)) -> Vec<u8> {
        let before = self.review(None).await;
        let mut next = self.document.clone();
        next.version = before.version + 1;
        next.vault = self.vault.to_string();
        next.previous = before.id.to_string();
        next.keyset = Some(before.keyset.to_string());
        edit(&mut next);
        format!("# lower \u{202e}rekcah\u{202c} limits\n{}", next.to_toml()).into_bytes()
    }

    /// The file of a version with the approvals of these.
    fn file(&self, document: &[u8], by: &[&str]) -> String {
        let mut file = SuccessionFile::of(document).expect("a version");
        for name in by {
            let subject = Subject::from_bytes(file.version().to_bytes());
            let expires = UnixTime::from_secs(NOW + 86_400);
            let key = secret(name);
            file.approve(Approval::sign(
                &key,
                Purpose::Policy,
                self.vault,
                subject,
                expires,
            ));
        }
        String::from_utf8(file.write()).expect("text")
    }

    async fn propose(&self, document: &[u8], by: &[&str]) -> ProposalView {
        let file = self.file(document, by);
        let request = SubmitSuccession {
            file,
            despite_devices: false,
        };
        let taken = submit_succession(&self.service, &self.operator, self.vault, &request).await;
        taken.expect("is taken").0
    }

    async fn review(
        &self,
        version: Option<PolicyId>,
    ) -> crate::service::policy_review::PolicyReview {
        review(&self.service, &self.operator, self.vault, version)
            .await
            .expect("a review")
    }

    async fn page_of(&self, visitor: &Visitor, id: PolicyId) -> String {
        let (service, actor) = (&self.service, &self.operator);
        let case = case(service, actor, self.vault, id).await.expect("a case");
        let comparison = match case.previous {
            Some(previous) => {
                let compared = compare(service, actor, self.vault, previous, id).await;
                Some(compared.expect("compared"))
            }
            None => None,
        };
        let replay = replay_version(service, actor, self.vault, id)
            .await
            .expect("replayed");
        version::drawn(visitor, self.vault, case, (comparison, Some(replay)))
    }

    fn visitor(&self, person: &str, role: PersonRole) -> Visitor {
        let mut visitor = Visitor::sample(person, role);
        visitor.vaults = vec![(self.vault, "treasury".to_owned())];
        visitor
    }
}

fn lower(draft: &mut PolicyDraft) {
    draft.rules[0].amount_max_sat = Some(2_000_000);
    draft.rules[2].approvals.count = 1;
}

/// What a browser reads out of escaped text.
fn unescaped(html: &str) -> String {
    let marks = [
        ("&#34;", "\""),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#39;", "'"),
    ];
    let marks = marks.into_iter().chain([("&#38;", "&")]);
    marks.fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// No inline code or style, nothing that hides, no name taken for HTML.
fn is_calm(page: &str) {
    for never in [
        "style=",
        "onclick",
        "onload",
        "<b>rest</b>",
        "javascript:",
        "\u{202e}",
    ] {
        assert!(!page.contains(never), "{never} in {page}");
    }
    assert_eq!(page.matches("<h1").count(), 1);
}

#[tokio::test]
async fn every_part_of_the_page_shows_what_it_is_for_and_names_are_text() {
    let world = World::new().await;
    let visitor = world.visitor("dana", PersonRole::Approver);
    for (tab, expected) in [
        ("rules", "the &lt;b&gt;rest&lt;/b&gt;"),
        ("paths", "alice + bob"),
        ("when", "any 2 of alice, bob, carol, 3 ways"),
        ("loss", "none of them may be dishonest"),
        ("people", "software"),
        ("document", "The id as words to read out"),
        ("nonsense", "The first rule that matches decides."),
    ] {
        let page = show::drawn(&visitor, world.review(None).await, tab);
        is_calm(&page);
        let plain = page
            .replace("</bdi>", "")
            .replace("<bdi class=\"outside\">", "");
        let expected = expected.replace(", 3 ways", "");
        assert!(plain.contains(&expected), "{tab}: {plain}");
    }
}

#[tokio::test]
async fn a_comment_that_turns_the_order_of_letters_is_made_visible_in_both_views() {
    let world = World::new().await;
    let document = world.next(lower).await;
    let proposal = world.propose(&document, &[]).await;
    let visitor = world.visitor("dana", PersonRole::Approver);
    let page = world.page_of(&visitor, proposal.policy).await;
    is_calm(&page);
    assert!(page.contains("⟨U+202E⟩"), "{page}");
    let review = world.review(Some(proposal.policy)).await;
    let page = show::drawn(&visitor, review, "document");
    is_calm(&page);
    assert!(page.contains("⟨U+202E⟩"), "{page}");
}

#[tokio::test]
async fn only_who_may_still_approve_is_offered_to_and_the_form_passes_the_id_alone() {
    let world = World::new().await;
    let document = world.next(lower).await;
    let proposal = world.propose(&document, &["dana"]).await;
    let page = async |person: &str, role| {
        let visitor = world.visitor(person, role);
        world.page_of(&visitor, proposal.policy).await
    };
    let asked = "name=\"what\" value=\"policy-approve\"";
    let frank = page("frank", PersonRole::Approver).await;
    let form = frank.split("action=\"http://localhost:7543/ask\"").nth(1);
    let form = form
        .expect("a form")
        .split("</form>")
        .next()
        .expect("its end");
    assert!(form.contains(asked));
    assert!(form.contains(&format!("name=\"hash\" value=\"{}\"", proposal.policy)));
    assert!(
        !form.contains("csrf"),
        "the tool is not given the session's token"
    );
    let dana = page("dana", PersonRole::Approver).await;
    assert!(!dana.contains(asked) && dana.contains("You have approved it."));
    for (person, role) in [
        ("erin", PersonRole::Approver),
        ("alice", PersonRole::Operator),
    ] {
        let other = page(person, role).await;
        assert!(!other.contains(asked) && other.contains("You are not of those who approve it."));
    }
    let mut unpaired = world.visitor("frank", PersonRole::Approver);
    unpaired.bridge = None;
    let page = world.page_of(&unpaired, proposal.policy).await;
    assert!(!page.contains(asked) && page.contains("/account/bridge"));
    assert!(page.contains("Waits for the approval of 1 more person. Who can give it: frank."));
}

#[tokio::test]
async fn each_signer_is_told_the_exact_command_and_a_pin_names_the_id() {
    let world = World::new().await;
    let visitor = world.visitor("alice", PersonRole::Operator);
    let rules = world
        .propose(&world.next(lower).await, &["dana", "frank"])
        .await;
    let page = world.page_of(&visitor, rules.policy).await;
    assert!(page.contains("countersign-signer --home alice policy follow version-2.json"));
    assert!(!page.contains("policy pin"));
    let document = world
        .next(|draft| {
            let keys = Vault::from_seed(Kind::Wsh, 21);
            keys.descriptor
                .text()
                .clone_into(&mut draft.spending.descriptor);
            for (signer, new) in draft.signers.iter_mut().zip(keys.signers()) {
                signer.key = new.key.text;
            }
            draft.keyset = None;
        })
        .await;
    let keyset = world.propose(&document, &[]).await;
    assert_eq!(keyset.step, "keyset");
    let page = world.page_of(&visitor, keyset.policy).await;
    let id = keyset.policy;
    for words in [
        format!("countersign-signer --home bob policy pin version-2.json --id {id}"),
        format!("countersign-signer --home bob policy pin version-2.json --id {id} --leaving"),
    ] {
        assert!(page.contains(&words), "{words}: {page}");
    }
    for word in policies::document::words_of(id) {
        assert!(page.contains(&format!("<li>{word}</li>")));
    }
}

#[tokio::test]
async fn a_document_with_mistakes_stands_in_the_form_again_as_it_was_given() {
    let world = World::new().await;
    let visitor = world.visitor("dana", PersonRole::Approver);
    let good = String::from_utf8(world.next(lower).await).expect("text");
    let broken = good.replace("version = 2", "version = 0");
    let looked = async |text: &str| {
        let draft = examine(
            &world.service,
            &world.operator,
            world.vault,
            text.as_bytes(),
        )
        .await;
        propose::drawn(&visitor, world.vault, text, draft.expect("looked at"))
    };
    let page = looked(&broken).await;
    assert!(page.contains("OUT_OF_RANGE") && page.contains("version = 0</"));
    let kept = page
        .split("<textarea id=\"document\"")
        .nth(1)
        .expect("a field");
    let kept = kept.split_once(">\n").expect("its text").1;
    let kept = kept.split("</textarea>").next().expect("its end");
    assert_eq!(unescaped(kept), broken);
    assert!(!page.contains("Propose this version"));
    let page = looked(&good).await;
    assert!(page.contains("The document has letters that are not seen"));
    assert!(page.contains("Propose this version") && page.contains("tightened"));
    assert_eq!(
        page.matches("name=\"csrf\"").count() % 2,
        0,
        "each form carries the token"
    );
}

#[tokio::test]
async fn the_sheet_has_descriptor_keys_and_steps_and_no_form_of_its_own() {
    let world = World::new().await;
    let visitor = world.visitor("dana", PersonRole::Approver);
    let review = world.review(None).await;
    let (descriptor, address) = (
        review.spending.descriptor.clone(),
        review.spending.first_address.clone().expect("an address"),
    );
    let page = sheet::drawn(&visitor, review);
    is_calm(&page);
    let sheet = page
        .split("<article class=\"sheet\">")
        .nth(1)
        .expect("a sheet");
    assert!(unescaped(sheet).contains(&descriptor), "{sheet}");
    assert!(sheet.contains(&format!("data-copy=\"{address}\"")));
    assert!(sheet.contains("(sequence 12960)") && sheet.contains("importdescriptors"));
    assert!(!sheet.contains("<form"));
}

#[test]
fn a_replay_lists_what_differs_first_and_says_what_was_left_out() {
    let row = |number: u32, says: &str| ReplayedView {
        requester: "exchange".to_owned(),
        id: format!("w-{number}"),
        amount: Amount::from_sat(3_000_000),
        paid_at: UnixTime::from_secs(NOW),
        outcome: "short",
        says: says.to_owned(),
        said: "automatic by rule small".to_owned(),
    };
    let replay = ReplayView {
        version: (PolicyId::from_bytes([2; 32]), 3),
        in_force: (PolicyId::from_bytes([1; 32]), 2),
        summary: "2 of 1000 would need one more approval.".to_owned(),
        since: UnixTime::from_secs(NOW - 90 * 86_400),
        total: 1_000,
        is_bounded: true,
        differing: (0..2)
            .map(|number| row(number, "1 more of 1 approvals"))
            .collect(),
        alike: (2..1_000).map(|number| row(number, "automatic")).collect(),
    };
    let visitor = Visitor::sample("dana", PersonRole::Auditor);
    let page = replay::drawn(&visitor, VaultId::from_bytes([7; 32]), replay);
    is_calm(&page);
    assert!(page.contains("only the newest 1000 were replayed"));
    assert!(page.contains("and 798 more, in the CSV."));
    let (first, second) = (page.find(">w-0<"), page.find(">w-2<"));
    assert!(first.is_some_and(|first| second.is_some_and(|second| first < second)));
}

#[test]
fn what_is_pasted_loses_the_carriage_returns_of_browsers_and_nothing_else() {
    let given = propose::typed("a = 1\r\n\r\nb = \"\u{202e}\"\r\n");
    assert_eq!(given, "a = 1\n\nb = \"\u{202e}\"\n");
    assert_eq!(propose::typed("a\rb"), "a\rb");
}
