//! The pages of a policy by the real router: from a document that is brought to a version in force, and what is
//! refused on the way.

use policies::document::Policy;
use tokio::runtime::Runtime;

use super::*;
use crate::ui::tests::served::{Browser, Seen, Served};

/// Pages over a vault, with an operator and two who approve.
struct Pages {
    world: World,
    served: Served,
    olga: Browser,
    dana: Browser,
    root: String,
}

impl Pages {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let world = runtime.block_on(World::new());
        let served = Served::over(runtime, world.service.clone(), Arc::clone(&world.time));
        let (_, olga) = served.person("olga", PersonRole::Operator);
        let (_, dana) = served.person("dana", PersonRole::Approver);
        Self {
            root: format!("/vaults/{}/policy", world.vault),
            world,
            served,
            olga,
            dana,
        }
    }

    fn next(&self, edit: impl FnOnce(&mut PolicyDraft)) -> Vec<u8> {
        self.served.runtime.block_on(self.world.next(edit))
    }

    fn get(&self, tail: &str) -> Seen {
        self.served.get(&format!("{}{tail}", self.root), &self.dana)
    }

    /// Looks at a document that is brought as a file.
    fn bring(&self, document: &[u8]) -> Seen {
        let parts = [
            ("file", Some("next.toml"), document),
            ("document", None, b"".as_slice()),
        ];
        let path = format!("{}/propose", self.root);
        self.served.upload(&path, &self.dana, &parts)
    }

    /// Sends what stands in the form, with the id that was looked at if there is one.
    fn type_in(&self, text: &str, confirmed: &str) -> Seen {
        let parts = [
            ("confirmed", None, confirmed.as_bytes()),
            ("document", None, text.as_bytes()),
        ];
        let path = format!("{}/propose", self.root);
        self.served.upload(&path, &self.dana, &parts)
    }

    /// Proposes a version as a person does it; gives its id.
    fn propose(&self, document: &[u8]) -> PolicyId {
        let id = Policy::parse(document).expect("a policy").id;
        let text = String::from_utf8(document.to_vec()).expect("text");
        let done = self.type_in(&text, &id.to_string());
        assert_eq!(done.status, 303, "{}", done.text);
        assert_eq!(done.location, format!("{}/versions/{id}", self.root));
        id
    }

    fn hand_in(&self, id: PolicyId, text: &str) -> Seen {
        let path = format!("{}/versions/{id}/approvals", self.root);
        let parts = [("text", None, text.as_bytes())];
        self.served.upload(&path, &self.dana, &parts)
    }

    fn proposals(&self) -> usize {
        self.get("/versions").text.matches(">Version 2</a>").count()
    }
}

/// What stands in the field of the document.
fn kept(page: &str) -> String {
    let field = page.split("<textarea id=\"document\"").nth(1);
    let text = field.expect("a field").split_once(">\n").expect("its text");
    unescaped(text.1.split("</textarea>").next().expect("its end"))
}

#[test]
fn a_document_is_looked_at_first_and_proposed_as_it_was_byte_for_byte() {
    let pages = Pages::new();
    let beginning = pages.get("/propose");
    assert_eq!(beginning.status, 200);
    assert!(kept(&beginning.text).contains("version = 2"));
    let document = pages.next(lower);
    let looked = pages.bring(&document);
    assert_eq!(looked.status, 200, "{}", looked.text);
    assert!(looked.text.contains("Propose this version") && looked.text.contains("tightened"));
    assert_eq!(kept(&looked.text).as_bytes(), document);
    assert_eq!(pages.proposals(), 0, "looking stores nothing");
    let text = String::from_utf8(document.clone()).expect("text");
    let other = pages.type_in(&text, &pages.world.vault.to_string());
    assert_eq!(other.status, 200, "another id was agreed to");
    assert_eq!(pages.proposals(), 0);

    let id = pages.propose(&document);
    assert_eq!(pages.proposals(), 1);
    let export = |what: &str| pages.get(&format!("/versions/{id}/export/{what}"));
    let file = export("document");
    assert_eq!(
        file.text.as_bytes(),
        document,
        "the bytes are what is approved"
    );
    assert_eq!(file.kept, "attachment; filename=\"policy-2.toml\"");
    assert_eq!(
        Policy::parse(file.text.as_bytes()).expect("a policy").id,
        id
    );
    let file = export("succession");
    let read = SuccessionFile::read(file.text.as_bytes()).expect("a file");
    assert_eq!((read.document(), read.version()), (document.as_slice(), id));
    let descriptor = &pages.world.document.spending.descriptor;
    assert_eq!(export("descriptor").text.trim_end(), descriptor);
    assert!(export("analysis").json().is_object());
    assert_eq!(export("everything").status, 404);
    let strange = format!(
        "/versions/{}/export/document",
        PolicyId::from_bytes([9; 32])
    );
    assert_eq!(pages.get(&strange).status, 404);
}

#[test]
fn a_device_that_cannot_sign_is_told_and_passed_only_by_saying_so() {
    let pages = Pages::new();
    let document = pages.next(|draft| {
        let device = draft.signers[1].device.as_mut().expect("a device");
        device.kind = "trezor".to_owned();
    });
    let id = Policy::parse(&document).expect("a policy").id;
    let text = String::from_utf8(document.clone()).expect("text");
    let looked = pages.bring(&document);
    assert_eq!(looked.status, 200, "{}", looked.text);
    for words in [
        "trezor cannot sign this policy: no miniscript in its firmware; with sortedmulti it could",
        "DEVICE_CANNOT_SIGN",
        "name=\"despite_devices\"",
    ] {
        let plain = unescaped(&looked.text);
        assert!(plain.contains(words), "{words} in {plain}");
    }
    let refused = pages.type_in(&text, &id.to_string());
    assert_eq!(refused.status, 422);
    assert!(unescaped(&refused.text).contains("--despite-devices"));
    assert_eq!(pages.proposals(), 0);
    let confirmed = id.to_string();
    let parts = [
        ("confirmed", None, confirmed.as_bytes()),
        ("despite_devices", None, b"yes".as_slice()),
        ("document", None, text.as_bytes()),
    ];
    let path = format!("{}/propose", pages.root);
    let done = pages.served.upload(&path, &pages.dana, &parts);
    assert_eq!(done.status, 303, "{}", done.text);
    let people = pages.get(&format!("?version={id}&tab=people"));
    assert!(unescaped(&people.text).contains("trezor cannot sign this policy"));
}

#[test]
fn what_is_no_next_version_is_told_beside_the_field_which_keeps_it() {
    let pages = Pages::new();
    let refused = |seen: &Seen, why: &str| {
        assert_eq!(seen.status, 422, "{}", seen.text);
        for words in ["id=\"document-wrong\"", "aria-invalid=\"true\"", why] {
            assert!(seen.text.contains(words), "{words} in {}", seen.text);
        }
        assert!(!seen.text.contains("Propose this version"));
    };
    let typed = "version = = 2\n<script>\"'&amp;\n";
    let garbage = pages.type_in(typed, "");
    refused(&garbage, "mistake");
    assert_eq!(kept(&garbage.text), typed);
    assert!(!garbage.text.contains("<script>\""));
    refused(&pages.bring(&[0xff, 0xfe, 0, 1, 2]), "mistake");
    refused(&pages.bring(b"{\"a\": 1}"), "mistake");

    // More than a document may have, more than axum takes by itself, and more than is taken at all.
    let good = pages.next(lower);
    for size in [70_000, 3_000_000] {
        let large = [good.clone(), b"#".repeat(size)].concat();
        let seen = pages.bring(&large);
        refused(&seen, "TOO_LARGE");
        assert_eq!(kept(&seen.text).len(), large.len());
    }
    let seen = pages.bring(&b"#".repeat(9 * 1024 * 1024));
    assert_eq!(seen.status, 413);
    assert!(seen.text.contains("8 MiB"), "{}", seen.text);

    let skips = |draft: &mut PolicyDraft| draft.version = 3;
    let strange = |draft: &mut PolicyDraft| draft.previous = "00".repeat(32);
    let in_force = pages.world.document.to_toml().into_bytes();
    for document in [pages.next(skips), pages.next(strange), in_force] {
        let seen = pages.bring(&document);
        assert_eq!(seen.status, 200, "{}", seen.text);
        assert!(seen.text.contains("It cannot be proposed as it is."));
        let id = Policy::parse(&document).expect("a policy").id;
        let text = String::from_utf8(document).expect("text");
        let forced = pages.type_in(&text, &id.to_string());
        assert_eq!(forced.status, 200, "{}", forced.text);
        assert_eq!(kept(&forced.text), text);
    }
    assert_eq!(pages.proposals(), 0, "nothing of that was stored");
    let (_, ada) = pages.served.person("ada", PersonRole::Auditor);
    let path = format!("{}/propose", pages.root);
    let seen = pages
        .served
        .upload(&path, &ada, &[("document", None, &good)]);
    assert_eq!(seen.status, 403);
    let forged = Browser {
        csrf: "0".repeat(64),
        ..pages.dana.clone()
    };
    let seen = pages
        .served
        .upload(&path, &forged, &[("document", None, &good)]);
    assert_eq!(seen.status, 403);
}

#[test]
fn a_version_comes_in_force_once_enough_approved_it_and_its_delay_is_over() {
    let pages = Pages::new();
    let document = pages.next(lower);
    let id = pages.propose(&document);
    let activate = format!("{}/versions/{id}/activate", pages.root);
    let early = pages.served.get(&activate, &pages.olga);
    assert!((400..500).contains(&early.status), "{}", early.status);
    assert!(early.text.contains("What to do:"), "{}", early.text);

    let typed = "no file <at> all";
    let wrong = pages.hand_in(id, typed);
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("id=\"file-wrong\"") && !wrong.text.contains("<at>"));
    assert!(
        unescaped(&wrong.text).contains(&format!("{typed}</textarea>")),
        "what was pasted is kept: {}",
        wrong.text
    );
    assert_eq!(pages.hand_in(id, "").status, 422);
    let other = pages.next(|draft| draft.rules[0].amount_max_sat = Some(1_000_000));
    let other = pages.hand_in(id, &pages.world.file(&other, &["dana"]));
    assert_eq!(other.status, 422);
    assert!(other.text.contains("This is the file of another version."));
    let stranger = pages.hand_in(id, &pages.world.file(&document, &["mallory"]));
    assert_eq!(stranger.status, 422);
    assert!(stranger.text.contains("Not counted:"), "{}", stranger.text);
    let taken = pages.hand_in(id, &pages.world.file(&document, &["dana", "frank"]));
    assert_eq!(taken.status, 303, "{}", taken.text);

    let young = pages.served.form(&activate, &pages.olga, &[]);
    assert_eq!(young.status, 503, "its delay is not over");
    assert!(
        young.text.contains("Its delay runs until"),
        "{}",
        young.text
    );
    pages.world.time.fetch_add(48 * 3_600, Ordering::SeqCst);
    let (_, olga) = pages.served.person("oscar", PersonRole::Operator);
    let preview = pages.served.get(&activate, &olga);
    assert_eq!(preview.status, 200, "{}", preview.text);
    assert!(preview.text.contains("Activate version 2") && preview.text.contains("None is open."));
    let (_, frank) = pages.served.person("frank", PersonRole::Approver);
    assert_eq!(pages.served.form(&activate, &frank, &[]).status, 403);
    let done = pages.served.form(&activate, &olga, &[]);
    assert_eq!(done.status, 303, "{}", done.text);
    let again = pages.served.get(&activate, &olga);
    let version = format!("{}/versions/{id}", pages.root);
    assert_eq!((again.status, again.location), (303, version));
    let sheet = pages.served.get(&format!("{}/sheet", pages.root), &frank);
    assert!(
        sheet
            .text
            .contains("Policy version 2, regtest, in force when printed")
    );
}

#[test]
fn versions_are_compared_replayed_and_printed_before_they_are_in_force() {
    let pages = Pages::new();
    let alone = pages.get("/compare");
    assert!(
        alone.text.contains("There is only one version."),
        "{}",
        alone.text
    );
    let id = pages.propose(&pages.next(lower));
    let first = pages.served.runtime.block_on(pages.world.review(None));
    let both = pages.get("/compare");
    let named = pages.get(&format!("/compare?a={}&b={id}", first.id));
    for seen in [&both, &named] {
        assert_eq!(seen.status, 200);
        is_calm(&seen.text);
        assert!(seen.text.contains("tightened") && seen.text.contains("⟨U+202E⟩"));
    }
    let selected = format!("<option value=\"{id}\" selected>");
    assert_eq!(
        named.text.matches(&selected).count(),
        1,
        "only as the second"
    );
    let wrong = pages.get(&format!("/compare?a=%3Cb%3E&b={id}"));
    assert!(wrong.status == 200 && wrong.text.contains("Choose two versions."));
    let unknown = PolicyId::from_bytes([9; 32]);
    assert_eq!(
        pages.get(&format!("/compare?a={unknown}&b={id}")).status,
        404
    );

    let replay = pages.get(&format!("/versions/{id}/replay"));
    assert_eq!(replay.status, 200, "{}", replay.text);
    assert!(
        replay
            .text
            .contains("No withdrawal of the last 90 days was approved.")
    );
    let file = pages.get(&format!("/versions/{id}/replay?format=csv"));
    assert_eq!(file.kept, "attachment; filename=\"replay.csv\"");
    assert!(
        file.text
            .starts_with("requester,id,amount_sat,paid_at,outcome,")
    );

    for (tail, says) in [
        ("/sheet".to_owned(), "in force"),
        (format!("/versions/{id}/sheet"), "not in force"),
    ] {
        let seen = pages.get(&tail);
        assert_eq!(seen.status, 200);
        is_calm(&seen.text);
        let sheet = seen.text.split("<article class=\"sheet\">").nth(1);
        let sheet = unescaped(sheet.expect("a sheet"));
        assert!(sheet.contains(&format!("{says} when printed")), "{sheet}");
        assert!(sheet.contains(&pages.world.document.spending.descriptor));
        assert!(!sheet.contains("<form"));
    }
}
