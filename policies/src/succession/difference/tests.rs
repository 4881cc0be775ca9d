//! Nothing that differs is left out, and what is called tightened or loosened is.

use toml::{Table, Value};

use super::*;
use crate::descriptor::{ScriptKind, samples};
use crate::document::samples::{address, quorum, rule};
use crate::document::{
    DeviceDraft, GoDraft, InclusionDraft, ListDraft, OpenDraft, OtherVaultDraft, PinnedKeyDraft,
    PolicyDraft, StopDraft, TestFirstDraft, WindowDraft, parse_duration,
};
use crate::report::{difference, difference_json};
use crate::review::world::secret;
use crate::succession::samples::{first, next, next_draft, with_new_machine};

/// A second version in which every table of the format stands.
fn full_draft(previous: &Policy) -> PolicyDraft {
    let mut draft = next_draft(previous);
    // Proving it equal takes most of the time that parsing does; comparing it has a test of its own.
    draft.spending.policy = None;
    draft.lists.push(ListDraft {
        name: "exchanges".to_owned(),
        entries: Vec::new(),
        open: Some(OpenDraft {
            approvals: quorum(Some("board"), 2),
            delay: "24h".to_owned(),
            test_first: Some(TestFirstDraft {
                sat: 10_000,
                group: "ops".to_owned(),
            }),
        }),
    });
    draft.rules[0].window = Some(WindowDraft {
        sat: 100_000_000,
        per: "24h".to_owned(),
    });
    draft.rules[1].to = Some(vec!["counterparties".to_owned(), "exchanges".to_owned()]);
    draft.limits.inclusion = Some(InclusionDraft {
        bits: "207fffff".to_owned(),
        confirmations: 2,
    });
    draft.vaults = vec![
        other_vault("cold", "c0", ["carol", "dora", "emil"]),
        other_vault("warm", "c1", ["gerd", "hans", "ines"]),
    ];
    draft.stop = Some(StopDraft {
        release: quorum(Some("ops"), 2),
    });
    draft.go = Some(GoDraft {
        approvals: quorum(Some("ops"), 1),
        within: "12h".to_owned(),
    });
    draft
}

fn other_vault(name: &str, id: &str, keys: [&str; 3]) -> OtherVaultDraft {
    let [a, b, c] = keys.map(samples::ranged);
    OtherVaultDraft {
        name: name.to_owned(),
        vault: id.repeat(32),
        descriptor: samples::with_checksum(&format!("wsh(sortedmulti(2,{a},{b},{c}))")),
        reach: Some(500),
    }
}

fn parsed(draft: &PolicyDraft) -> Policy {
    Policy::parse(draft.to_toml().as_bytes()).expect("a policy without mistakes")
}

/// The changes that an alteration of the full version makes, as direction, about, before and after.
fn altered(alter: impl FnOnce(&mut PolicyDraft)) -> Vec<Change> {
    let previous = first(ScriptKind::Wsh);
    let mut draft = full_draft(&previous);
    let before = parsed(&draft);
    alter(&mut draft);
    let after = parsed(&draft);
    let changes = diff(&before, &after);
    for change in &changes {
        assert_ne!(change.before, change.after, "{change:?}");
    }
    let back = diff(&after, &before);
    assert_eq!(changes.len(), back.len(), "{changes:?} {back:?}");
    changes
}

fn only(alter: impl FnOnce(&mut PolicyDraft)) -> (Direction, String) {
    let changes = altered(alter);
    let [change] = changes.as_slice() else {
        panic!("not one change: {changes:?}");
    };
    (change.direction, change.about.clone())
}

#[test]
fn equal_documents_differ_in_nothing() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let policy = first(kind);
        assert_eq!(diff(&policy, &policy), []);
        assert!(difference(&policy, &policy).contains("Nothing differs."));
    }
}

#[test]
fn a_document_that_differs_in_comments_alone_is_said_to_mean_the_same() {
    let previous = first(ScriptKind::Wsh);
    let draft = full_draft(&previous);
    let before = parsed(&draft);
    let commented = format!("# why\n{}", draft.to_toml());
    let after = Policy::parse(commented.as_bytes()).expect("valid");
    let changes = diff(&before, &after);
    assert_eq!(changes.len(), 1);
    assert!(changes[0].about.contains("it means the same"));
}

/// A way to each value of a document, through tables and arrays.
type Way = Vec<Place>;

#[derive(Debug, Clone)]
enum Place {
    Key(String),
    Item(usize),
}

fn ways(value: &Value, way: &Way, found: &mut Vec<Way>) {
    if !way.is_empty() {
        found.push(way.clone());
    }
    let deeper = |place: Place| [way.clone(), vec![place]].concat();
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                ways(value, &deeper(Place::Key(key.clone())), found);
            }
        }
        Value::Array(items) => {
            for (position, value) in items.iter().enumerate() {
                ways(value, &deeper(Place::Item(position)), found);
            }
        }
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_) => {}
    }
}

fn at<'v>(root: &'v mut Value, way: &[Place]) -> &'v mut Value {
    way.iter().fold(root, |value, place| match place {
        Place::Key(key) => &mut value[key.as_str()],
        Place::Item(position) => &mut value[*position],
    })
}

/// Other values that may stand in the place of one.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Integer(number) => vec![Value::Integer(number + 1), Value::Integer(number - 1)],
        Value::Boolean(value) => vec![Value::Boolean(!value)],
        Value::Datetime(_) => vec![
            "2028-01-01T00:00:00Z"
                .parse::<toml::value::Datetime>()
                .map(Value::Datetime)
                .expect("a time"),
        ],
        Value::Array(items) => {
            let mut turned = items.clone();
            turned.reverse();
            vec![Value::Array(turned)]
        }
        Value::String(text) => {
            let instead = if text.starts_with("ed25519:") {
                secret("somebody else").public().to_string()
            } else if text.starts_with("bcrt") {
                address(9).to_string()
            } else if text.len() == 64 {
                "ab".repeat(32)
            } else if parse_duration(text).is_ok() {
                "3h".to_owned()
            } else if text == "payment" {
                "sweep".to_owned()
            } else if text == "207fffff" {
                "1d00ffff".to_owned()
            } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
                "17".to_owned()
            } else {
                "board".to_owned()
            };
            vec![Value::String(format!("{text}x")), Value::String(instead)]
        }
        Value::Float(_) | Value::Table(_) => Vec::new(),
    }
}

/// Changes every value of a document one by one, removes every key and item, and turns every array round: wherever
/// a policy comes out that is another one, the difference says so.
#[test]
fn every_field_that_changes_is_reported() {
    let previous = first(ScriptKind::Wsh);
    let mut root: Table = full_draft(&previous).to_toml().parse().expect("TOML");
    root["spending"].as_table_mut().expect("a table").insert(
        "double_payment".to_owned(),
        Value::String("trust-coordinator".to_owned()),
    );
    let device: Table =
        "kind = 'ledger'\nfirmware = '2.4'\nseed_created = 2026-10-01\nhost = 'desk'"
            .parse()
            .expect("TOML");
    root["signers"][0]
        .as_table_mut()
        .expect("a table")
        .insert("device".to_owned(), Value::Table(device));
    let root = Value::Table(root);
    let read = |value: &Value| {
        let text = toml::to_string(value).expect("TOML");
        Policy::parse(format!("{}\n", text.trim_end()).as_bytes())
    };
    let base = read(&root).expect("valid");
    let mut found = Vec::new();
    ways(&root, &Vec::new(), &mut found);
    let mut reported = 0;
    let mut check = |altered: &Value, way: &Way| {
        let Ok(policy) = read(altered) else {
            return;
        };
        let same = Policy {
            id: base.id,
            bytes: base.bytes.clone(),
            ..policy.clone()
        };
        let changes = diff(&base, &policy);
        let said = changes
            .iter()
            .any(|change| !change.about.starts_with("text of the document"));
        assert_eq!(said, same != base, "{way:?}: {changes:?}");
        reported += usize::from(said);
    };
    for way in &found {
        let mut original = root.clone();
        for other in others(at(&mut original, way)) {
            let mut altered = root.clone();
            *at(&mut altered, way) = other;
            check(&altered, way);
        }
        let mut altered = root.clone();
        let (last, around) = way.split_last().expect("a way");
        match (at(&mut altered, around), last) {
            (Value::Table(table), Place::Key(key)) => drop(table.remove(key)),
            (Value::Array(items), Place::Item(position)) => drop(items.remove(*position)),
            (other, _) => panic!("no place in {other}"),
        }
        check(&altered, way);
    }
    assert!(reported > 80, "only {reported} changes were tried");
}

#[test]
fn the_text_of_the_policy_is_compared() {
    let previous = first(ScriptKind::Wsh);
    let with = next(&previous, |_| {});
    let without = next(&previous, |draft| draft.spending.policy = None);
    let changes = diff(&with, &without);
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].part, changes[0].about.as_str()),
        (Part::Keys, "policy")
    );
}

#[test]
fn limits_tighten_and_loosen() {
    use Direction::{Changed, Loosened, Tightened};
    type Alter = fn(&mut PolicyDraft);
    let cases: [(Alter, Direction, &str); 13] = [
        (|d| d.limits.fee_max_sat += 1, Loosened, "highest fee"),
        (|d| d.limits.fee_max_sat -= 1, Tightened, "highest fee"),
        (|d| d.limits.change.min_sat += 1, Tightened, "least change"),
        (
            |d| d.limits.confirmations.deposit += 1,
            Tightened,
            "confirmations of deposits",
        ),
        (
            |d| d.limits.fee_budget = None,
            Loosened,
            "budget of all fees",
        ),
        (
            |d| d.limits.self_spend_budget = None,
            Tightened,
            "spends to ourselves that nobody approves",
        ),
        (
            |d| "5m".clone_into(&mut d.limits.clock_skew),
            Changed,
            "clock skew",
        ),
        (
            |d| d.maintenance = None,
            Tightened,
            "spends to ourselves beyond their budget",
        ),
        (|d| d.change = None, Tightened, "the next version"),
        (
            |d| d.change.as_mut().expect("there").approvals.count = 1,
            Loosened,
            "the next version, approvals",
        ),
        (
            |d| "1h".clone_into(&mut d.change.as_mut().expect("there").delay),
            Loosened,
            "the next version, delay",
        ),
        (
            |d| {
                let budget = d.limits.fee_budget.as_mut().expect("there");
                budget.sat *= 2;
                "48h".clone_into(&mut budget.window);
            },
            Changed,
            "budget of all fees",
        ),
        (
            |d| "12h".clone_into(&mut d.limits.fee_budget.as_mut().expect("there").window),
            Loosened,
            "budget of all fees",
        ),
    ];
    for (alter, direction, about) in cases {
        assert_eq!(only(alter), (direction, about.to_owned()));
    }
}

#[test]
fn what_a_proof_shows_tightens_and_loosens() {
    use Direction::{Changed, Loosened, Tightened};
    type Case = (fn(&mut InclusionDraft), Direction);
    let cases: [Case; 4] = [
        (|shown| shown.confirmations = 3, Tightened),
        (|shown| shown.confirmations = 1, Loosened),
        (|shown| "1d00ffff".clone_into(&mut shown.bits), Tightened),
        (
            |shown| {
                "1d00ffff".clone_into(&mut shown.bits);
                shown.confirmations = 1;
            },
            Changed,
        ),
    ];
    for (alter, direction) in cases {
        let (found, about) =
            only(|draft| alter(draft.limits.inclusion.as_mut().expect("it is there")));
        assert_eq!(found, direction);
        assert!(about.starts_with("what a first attempt shows"), "{about}");
    }
    assert_eq!(only(|draft| draft.limits.inclusion = None).0, Loosened);
}

#[test]
fn stops_that_are_released_sooner_and_goes_that_count_longer_loosen() {
    use Direction::{Loosened, Tightened};
    let go = |within: &str| {
        let within = within.to_owned();
        only(move |draft| draft.go.as_mut().expect("it is there").within = within)
    };
    assert_eq!(go("13h").0, Loosened);
    assert_eq!(go("11h").0, Tightened);
    assert_eq!(only(|draft| draft.go = None).0, Loosened);
    let fewer = |draft: &mut PolicyDraft| {
        draft.stop.as_mut().expect("it is there").release = quorum(Some("ops"), 1);
    };
    let (direction, about) = only(fewer);
    assert_eq!(direction, Loosened);
    assert!(about.contains("the release of a stop"), "{about}");
}

#[test]
fn the_other_vaults_are_compared_with_their_descriptors() {
    type Case = (fn(&mut PolicyDraft), &'static str);
    let cases: [Case; 5] = [
        (
            |draft| drop(draft.vaults.pop()),
            "vault warm, which transfers may pay",
        ),
        (
            |draft| draft.vaults[0].reach = Some(501),
            "vault cold, which transfers may pay, scripts of each keychain",
        ),
        (
            |draft| draft.vaults[0].vault = "c2".repeat(32),
            "vault cold, which transfers may pay, identity",
        ),
        (
            |draft| {
                let instead = other_vault("cold", "c0", ["carol", "dora", "gina"]);
                draft.vaults[0].descriptor = instead.descriptor;
            },
            "vault cold, which transfers may pay, descriptor",
        ),
        (|draft| draft.vaults.swap(0, 1), "order in other vaults"),
    ];
    for (alter, about) in cases {
        assert_eq!(only(alter), (Direction::Changed, about.to_owned()));
    }
}

/// The version after a first one, with devices of two signers: kind and host of each.
fn with_devices(previous: &Policy, devices: [(&str, &str); 2]) -> Policy {
    let mut draft = next_draft(previous);
    for (signer, kind) in draft.signers.iter_mut().zip(["one", "other"]) {
        signer.device = Some(DeviceDraft {
            kind: kind.to_owned(),
        });
    }
    let written = devices.iter().zip(["one", "other"]);
    let text = written.fold(draft.to_toml(), |text, ((kind, host), marked)| {
        let instead = format!("kind = {kind:?}\nhost = {host:?}");
        text.replace(&format!("kind = {marked:?}"), &instead)
    });
    Policy::parse(text.as_bytes()).expect("valid")
}

/// Signers on one host are one theft: a step of rules may say so of hosts that were two, and is then no small thing.
#[test]
fn keys_that_come_onto_one_host_are_named_and_loosen() {
    let previous = first(ScriptKind::Wsh);
    let with = |host: &str, kind: &str| with_devices(&previous, [("ledger", "desk"), (kind, host)]);
    let told = |after: &Policy, before: &Policy| -> Vec<(Direction, String)> {
        let changes = diff(before, after).into_iter();
        changes
            .map(|change| (change.direction, change.about))
            .collect()
    };
    let apart = with("shelf", "ledger");
    let [one, other] = [&previous.signers[0].name, &previous.signers[1].name];
    let host = (Direction::Changed, format!("signer {other}, host"));
    let both = format!("one theft takes the keys of {one} and {other}");
    let together = with("desk", "ledger");
    assert_eq!(
        told(&together, &apart),
        [(Direction::Loosened, both.clone()), host.clone()]
    );
    assert_eq!(
        told(&apart, &together),
        [(Direction::Tightened, both), host]
    );
    assert_eq!(
        told(&with("shelf", "software"), &apart),
        [(Direction::Changed, format!("signer {other}, device"))]
    );
}

const PASSKEY: &str =
    "webauthn-es256:036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";

/// An `own` key counts for the promise and for versions, a `page` key does not: calling one the other is a change of
/// who decides, though no key comes or goes.
#[test]
fn a_page_key_that_is_called_own_is_named_and_loosens() {
    let previous = first(ScriptKind::Wsh);
    let labelled = |tool: &str, domain: &str, port: u16| {
        next(&previous, |draft| {
            let mut key = PinnedKeyDraft::own(&secret("dana").public());
            PASSKEY.clone_into(&mut key.key);
            tool.clone_into(&mut key.tool);
            key.rp_id = Some(domain.to_owned());
            let scheme = if tool == "own" { "http" } else { "https" };
            key.origins = Some(vec![format!("{scheme}://{domain}:{port}")]);
            draft.approvers[0].keys.push(key);
        })
    };
    let page = labelled("page", "treasury.example", 7543);
    let own = labelled("own", "localhost", 7543);
    let changes = diff(&page, &own);
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0].direction, Direction::Loosened);
    assert!(changes[0].about.contains("key webauthn-es256:"));
    let (was, is) = (&changes[0].before, &changes[0].after);
    assert!(was.as_ref().is_some_and(|was| was.starts_with("page")));
    assert!(is.as_ref().is_some_and(|is| is.starts_with("own")));
    assert_eq!(diff(&own, &page)[0].direction, Direction::Tightened);
    // Where it is used is another thing.
    let elsewhere = labelled("own", "localhost", 7544);
    assert_eq!(diff(&own, &elsewhere)[0].direction, Direction::Changed);
}

#[test]
fn people_and_keys_more_loosen_and_fewer_tighten() {
    let frank_in_ops = only(|draft| draft.approvers[2].groups.push("ops".to_owned()));
    assert_eq!(
        frank_in_ops,
        (Direction::Loosened, "approver frank, group ops".to_owned())
    );
    let gina = |draft: &mut PolicyDraft| {
        let mut gina = draft.approvers[1].clone();
        "gina".clone_into(&mut gina.name);
        "gina".clone_into(&mut gina.person);
        gina.keys = vec![PinnedKeyDraft::own(&secret("gina").public())];
        draft.approvers.push(gina);
    };
    let (direction, about) = only(gina);
    assert_eq!(
        (direction, about.as_str()),
        (Direction::Loosened, "approver gina")
    );
    let previous = first(ScriptKind::Wsh);
    let mut draft = full_draft(&previous);
    let without = parsed(&draft);
    gina(&mut draft);
    let back = diff(&parsed(&draft), &without);
    assert_eq!(back.len(), 1);
    assert_eq!(back[0].direction, Direction::Tightened);
}

#[test]
fn a_rule_that_matches_more_is_not_called_looser_where_it_takes_from_one_that_asks_for_less() {
    // The first rule is automatic: what it takes from others, it takes from those that ask for more.
    let (direction, about) = only(|draft| draft.rules[0].amount_max_sat = Some(6_000_000));
    assert_eq!(direction, Direction::Loosened);
    assert_eq!(about, "rule small customer payouts, highest amount");
    let (direction, _) = only(|draft| draft.rules[0].amount_max_sat = Some(4_000_000));
    assert_eq!(direction, Direction::Tightened);
    // A rule that asks for three stands before those that ask for less.
    let strict = |most: u64| {
        move |draft: &mut PolicyDraft| {
            let mut strict = rule("strict", quorum(None, 3));
            strict.amount_max_sat = Some(most);
            draft.rules.insert(0, strict);
        }
    };
    let previous = first(ScriptKind::Wsh);
    let direction = |from: u64, to: u64| {
        let changes = diff(&next(&previous, strict(from)), &next(&previous, strict(to)));
        let change = changes.iter().find(|change| change.part == Part::Rules);
        change.expect("a change").direction
    };
    assert_eq!(direction(1_000, 2_000), Direction::Changed);
    assert_eq!(direction(2_000, 1_000), Direction::Changed);
    let (direction, about) = only(strict(1_000));
    assert_eq!(
        (direction, about.as_str()),
        (Direction::Changed, "rule strict")
    );
}

#[test]
fn rules_come_go_and_change_places() {
    let (direction, about) = only(|draft| {
        draft.rules.push(rule("all else", quorum(None, 3)));
    });
    assert_eq!(
        (direction, about.as_str()),
        (Direction::Loosened, "rule all else")
    );
    let (direction, about) = only(|draft| drop(draft.rules.pop()));
    assert_eq!(
        (direction, about.as_str()),
        (Direction::Tightened, "rule the rest")
    );
    let (direction, about) = only(|draft| draft.rules.swap(0, 1));
    assert_eq!(
        (direction, about.as_str()),
        (Direction::Changed, "order of the rules")
    );
}

#[test]
fn a_rule_that_is_automatic_no_more_decides_sweeps_and_repeats_too() {
    let changes = altered(|draft| draft.rules[0].approvals = quorum(Some("ops"), 1));
    let told: Vec<(Direction, &str)> = changes
        .iter()
        .map(|change| (change.direction, change.about.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                Direction::Tightened,
                "rule small customer payouts, approvals"
            ),
            (
                Direction::Changed,
                "rule small customer payouts, sweeps and repeated payments"
            ),
        ]
    );
}

#[test]
fn a_destination_more_loosens_where_its_rules_ask_for_no_more_than_those_after_them() {
    let more = |draft: &mut PolicyDraft| draft.lists[0].entries.push(address(5).to_string());
    let (direction, about) = only(more);
    assert_eq!(direction, Direction::Loosened);
    assert_eq!(about, format!("list counterparties, entry {}", address(5)));
    // Where the list's rule asks for more than one after it, the destination is taken from that one.
    let previous = first(ScriptKind::Wsh);
    let mut draft = full_draft(&previous);
    draft.rules[1].approvals = quorum(None, 3);
    let before = parsed(&draft);
    more(&mut draft);
    let changes = diff(&before, &parsed(&draft));
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].direction, Direction::Changed);
}

#[test]
fn a_new_keyset_is_told_with_its_keys_in_eighty_columns_and_as_json() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let previous = first(kind);
        let next = with_new_machine(&previous, "zelda");
        let text = difference(&previous, &next);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        for expected in [
            "at each signer a human pins it",
            "signer machine, key: was",
            "signer machine, journal: was",
            "descriptor: was",
            "version: was 1; is 2",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        // The same names can spend: no path comes or goes.
        assert!(!text.contains("can spend"), "{text}");
        let json = difference_json(&previous, &next);
        assert_eq!(json["step"], "keyset");
        let changes = json["changes"].as_array().expect("changes");
        assert_eq!(changes.len(), diff(&previous, &next).len());
    }
}
