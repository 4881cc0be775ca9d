//! What signs is told from what does not, at each bound exactly; and nothing is refused that no row refuses.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::descriptor::samples::{compiled, named, ranged, vault, with_checksum};
use crate::descriptor::{ScriptKind, nums_xpub};
use crate::devices::{ROWS, rows_of};
use bitcoin::Network;

fn nobody() -> String {
    let keys = ["alice", "bob", "machine"].map(|name| {
        let key = named(name, Network::Regtest).key;
        key.xpub.public_key
    });
    format!("{}/<0;1>/*", nums_xpub(&keys, NetworkKind::Test))
}

fn multi(fragment: &str) -> String {
    let keys = ["alice", "bob", "machine"].map(ranged).join(",");
    format!("{fragment}(2,{keys})")
}

/// A vault of each form, made once: weighing the paths of one takes long in so many cases.
static VAULTS: LazyLock<Vec<VaultDescriptor>> =
    LazyLock::new(|| Form::ALL.into_iter().map(made).collect());

fn of_form(form: Form) -> VaultDescriptor {
    let place = Form::ALL.iter().position(|one| *one == form);
    VAULTS[place.expect("one of all")].clone()
}

fn made(form: Form) -> VaultDescriptor {
    let text = match form {
        Form::Wpkh => format!("wpkh({})", ranged("alice")),
        Form::WshSorted => format!("wsh({})", multi("sortedmulti")),
        Form::WshMulti => format!("wsh({})", multi("multi")),
        Form::WshMiniscript => return vault(&compiled(ScriptKind::Wsh)),
        Form::TrKey => format!("tr({})", ranged("alice")),
        Form::TrMulti => format!("tr({},{})", nobody(), multi("multi_a")),
        Form::TrMiniscript => return vault(&compiled(ScriptKind::Tr)),
    };
    vault(&with_checksum(&text))
}

fn device(kind: &str, firmware: Option<&str>) -> Device {
    Device {
        kind: kind.to_owned(),
        firmware: firmware.map(str::to_owned),
        seed_created: None,
        host: None,
    }
}

fn asked(kind: &str, firmware: Option<&str>, form: Form) -> Ability {
    let descriptor = of_form(form);
    let key = named("alice", Network::Regtest).key;
    ability(&device(kind, firmware), &descriptor, &key)
}

fn reason(ability: Ability) -> Reason {
    match ability {
        Ability::Cannot(inability) => inability.reason,
        Ability::Signs(_) | Ability::Unknown => panic!("not refused: {ability:?}"),
    }
}

#[test]
fn forms_are_told_apart_as_makers_tell_them_apart() {
    for form in Form::ALL {
        assert_eq!(Shape::of(&of_form(form)).form, form);
    }
    let tree = format!(
        "tr({},{{pk({}),and_v(v:pk({}),older(144))}})",
        nobody(),
        ranged("alice"),
        ranged("bob")
    );
    let shape = Shape::of(&vault(&with_checksum(&tree)));
    assert_eq!(shape.form, Form::TrMiniscript);
    assert_eq!((shape.leaves, shape.tree_depth, shape.keys), (2, 1, 3));
    assert!(!shape.repeats_key);
}

#[test]
fn sizes_are_counted_as_bip_388_writes_templates() {
    let sorted = Shape::of(&of_form(Form::WshSorted));
    let template = "wsh(sortedmulti(2,@0/**,@1/**,@2/**))";
    assert_eq!(sorted.template_chars, template.len());
    assert_eq!((sorted.keys, sorted.multi_keys), (3, 3));
    // 2, three keys each with its length, 3, OP_CHECKMULTISIG.
    assert_eq!(sorted.script_bytes, 1 + 3 * 34 + 1 + 1);
    let taproot = Shape::of(&of_form(Form::TrMulti));
    let template = "tr(@0/**,multi_a(2,@1/**,@2/**,@3/**))";
    assert_eq!(taproot.template_chars, template.len());
    assert_eq!(
        (taproot.keys, taproot.multi_keys, taproot.leaves),
        (4, 3, 1)
    );
    let other = with_checksum(&format!(
        "wpkh({})",
        ranged("alice").replace("<0;1>", "<2;3>")
    ));
    let other = Shape::of(&vault(&other));
    assert_eq!(other.template_chars, "wpkh(@0/<2;3>/*)".len());
    let twice = format!(
        "tr({},{{multi_a(2,{a},{b}),multi_a(2,{a},{c})}})",
        nobody(),
        a = ranged("alice"),
        b = ranged("bob"),
        c = ranged("machine")
    );
    assert!(Shape::of(&vault(&with_checksum(&twice))).repeats_key);
}

#[test]
fn a_trezor_signs_multisig_and_says_with_what_it_could() {
    assert!(matches!(
        asked("trezor", None, Form::WshSorted),
        Ability::Signs(_)
    ));
    for form in [Form::WshMiniscript, Form::TrMulti, Form::TrMiniscript] {
        let Ability::Cannot(inability) = asked("trezor", Some("2.8.1"), form) else {
            panic!("it has no {form}");
        };
        assert_eq!(inability.instead, Some(Form::WshSorted));
    }
}

#[test]
fn what_is_near_is_named_only_where_it_is_signed() {
    let instead = |kind, firmware, form| match asked(kind, firmware, form) {
        Ability::Cannot(inability) => inability.instead,
        Ability::Signs(_) | Ability::Unknown => panic!("not refused"),
    };
    assert_eq!(
        instead("jade", None, Form::TrMiniscript),
        Some(Form::WshMiniscript)
    );
    assert_eq!(
        instead("jade", Some("1.0.29"), Form::TrMiniscript),
        Some(Form::WshSorted)
    );
    assert_eq!(instead("keepkey", None, Form::TrKey), Some(Form::Wpkh));
    assert_eq!(
        instead("coldcard-mk3", None, Form::WshMulti),
        Some(Form::WshSorted)
    );
    // An older firmware is updated, not worked around.
    assert_eq!(instead("ledger", Some("2.1.0"), Form::WshMiniscript), None);
}

#[test]
fn each_firmware_is_judged_by_the_latest_row_that_is_not_later() {
    let limit = |firmware, form| match asked("ledger", firmware, form) {
        Ability::Signs(row) => row.bounds().map(|bounds| (bounds.inputs, bounds.keys)),
        Ability::Unknown | Ability::Cannot(_) => None,
    };
    let sorted = Form::WshSorted;
    assert_eq!(limit(Some("2.0.3"), sorted), Some((Some(64), Some(5))));
    assert_eq!(limit(Some("2.0.4"), sorted), Some((Some(512), Some(5))));
    assert_eq!(limit(Some("2.1.0"), sorted), Some((Some(512), Some(15))));
    assert_eq!(limit(None, sorted), Some((Some(512), Some(15))));
    assert_eq!(limit(Some("1.6.0"), sorted), None);
    for row in ROWS.iter().filter(|row| !row.from.is_any()) {
        for form in row.forms {
            let first = rows_of(row.kind, *form).next().expect("this one at least");
            let at = asked(row.kind, Some(&row.from.to_string()), *form);
            match row.verdict {
                Verdict::Signs(_) => assert_eq!(at, Ability::Signs(row), "{row:?}"),
                Verdict::Never(_) => assert!(matches!(at, Ability::Cannot(_)), "{row:?}"),
            }
            if first == row {
                let before = asked(row.kind, Some("0.0.1"), *form);
                let Reason::Firmware { least, .. } = reason(before) else {
                    panic!("{row:?} is said of 0.0.1");
                };
                assert_eq!(least, row.from);
            }
        }
    }
}

#[test]
fn each_bound_of_a_policy_holds_at_its_last_value_and_not_beyond() {
    /// Its name, how it is set, and what of a shape it bounds.
    type Bound = (&'static str, fn(&mut Bounds, usize), fn(&Shape) -> usize);
    let set: [Bound; 6] = [
        ("keys", |b, n| b.keys = Some(n), |s| s.keys),
        (
            "keys in one multisig",
            |b, n| b.multi_keys = Some(n),
            |s| s.multi_keys,
        ),
        (
            "letters in its template",
            |b, n| b.template_chars = Some(n),
            |s| s.template_chars,
        ),
        (
            "bytes of script",
            |b, n| b.script_bytes = Some(n),
            |s| s.script_bytes,
        ),
        (
            "levels in its script tree",
            |b, n| b.tree_depth = Some(n),
            |s| s.tree_depth,
        ),
        (
            "scripts in its tree",
            |b, n| b.leaves = Some(n),
            |s| s.leaves,
        ),
    ];
    let key = named("alice", Network::Regtest).key;
    for (name, write, read) in set {
        let mut seen = false;
        for form in Form::ALL {
            let descriptor = of_form(form);
            let demand = Demand::of(&descriptor);
            let size = read(demand.shape());
            let Some(less) = size.checked_sub(1) else {
                continue;
            };
            seen = true;
            let mut bounds = Bounds::NONE;
            write(&mut bounds, size);
            assert_eq!(demand.exceeded(&bounds, &key), None, "{name}");
            write(&mut bounds, less);
            let above = Reason::Above {
                what: name,
                found: size,
                most: less,
            };
            assert_eq!(demand.exceeded(&bounds, &key), Some(above));
        }
        assert!(seen, "{name} is in no form");
    }
}

#[test]
fn paths_fingerprints_and_places_are_bounds_too() {
    let path = |text: &str| -> DerivationPath { text.parse().expect("a path") };
    let has = |paths: Paths, text: &str, network| paths.has(&path(text), network);
    for (text, main, test) in [
        ("48h/0h/0h/2h", true, false),
        ("48h/1h/0h/2h", false, true),
        ("45h", true, true),
        ("45h/7h", true, true),
        ("84h", false, false),
        ("48h/0", false, false),
    ] {
        let found = (
            has(Paths::OfCoin, text, NetworkKind::Main),
            has(Paths::OfCoin, text, NetworkKind::Test),
        );
        assert_eq!(found, (main, test), "{text}");
    }
    let deep = |steps: usize| vec!["1h"; steps].join("/");
    assert!(has(Paths::AtMost(12), &deep(10), NetworkKind::Test));
    assert!(!has(Paths::AtMost(12), &deep(11), NetworkKind::Test));
    let seven = VaultDescriptor::parse(
        &with_checksum(&format!(
            "wsh({})",
            multi("sortedmulti")
                .replace("/48'/1'/", "/48'/7'/")
                .replace("/48h/1h/", "/48h/7h/")
        )),
        Network::Regtest,
    )
    .expect("accepted");
    let key = &seven.key_positions()[0];
    let found = reason(ability(&device("ledger", None), &seven, key));
    assert_eq!(found.to_string(), "it has no keys at 48h/7h/0h/2h");
    // Two accounts of one seed.
    let bob = named("bob", Network::Regtest).key.fingerprint.to_string();
    let alice = named("alice", Network::Regtest).key.fingerprint;
    let one_seed =
        with_checksum(&format!("wsh({})", multi("sortedmulti")).replace(&bob, &alice.to_string()));
    let one_seed = vault(&one_seed);
    let key = &one_seed.key_positions()[0];
    let found = reason(ability(&device("coldcard", None), &one_seed, key));
    assert_eq!(found, Reason::Fingerprint { fingerprint: alice });
    let on_ledger = ability(&device("ledger", None), &one_seed, key);
    assert!(matches!(on_ledger, Ability::Signs(_)));
    let twice = vault(&with_checksum(&format!(
        "tr({},{{multi_a(2,{a},{b}),multi_a(2,{a},{c})}})",
        nobody(),
        a = ranged("alice"),
        b = ranged("bob"),
        c = ranged("machine")
    )));
    let key = &twice.key_positions()[0];
    let found = reason(ability(&device("bitbox02", None), &twice, key));
    assert_eq!(found, Reason::RepeatedKey);
}

#[test]
fn what_the_table_does_not_say_is_neither_signed_nor_refused() {
    assert_eq!(asked("abacus", Some("1"), Form::Wpkh), Ability::Unknown);
    assert_eq!(asked("keystone", None, Form::TrMulti), Ability::Unknown);
    // Firmware of another maker's notation counts as not written.
    let read = asked("ledger", Some("0.9X"), Form::WshMiniscript);
    assert!(matches!(read, Ability::Signs(_)), "{read:?}");
    let edge = asked("coldcard-edge", Some("6.2.0X"), Form::WshMiniscript);
    assert!(matches!(reason(edge), Reason::Firmware { .. }));
}

#[test]
fn a_measured_pace_is_what_was_measured() {
    let descriptor = of_form(Form::WshMiniscript);
    let pace = Demand::of(&descriptor).pace(&device("ledger", None));
    let pace = pace.expect("measured");
    assert_eq!([1, 10, 40].map(|inputs| pace.seconds(inputs)), [6, 16, 52]);
    assert_eq!(pace.seconds(usize::MAX), u64::MAX.div_ceil(1_000));
    assert_eq!(Demand::of(&descriptor).pace(&device("krux", None)), None);
}

proptest! {
    #[test]
    fn nothing_that_a_policy_may_write_of_a_device_stops_the_analysis(
        kind in prop_oneof![
            (0..ROWS.len()).prop_map(|row| ROWS[row].kind.to_owned()),
            "[a-z0-9-]{1,20}",
        ],
        firmware in proptest::option::of(prop_oneof![
            "(>=)?[0-9]{1,3}(\\.[0-9]{1,3}){0,3}(Q|X|QX)?",
            ".{0,20}",
        ]),
        form in 0..Form::ALL.len(),
        key in 0_usize..4,
    ) {
        let descriptor = of_form(Form::ALL[form]);
        let device = device(&kind, firmware.as_deref());
        let keys = descriptor.key_positions();
        let key = &keys[key % keys.len()];
        match ability(&device, &descriptor, key) {
            Ability::Signs(row) => prop_assert!(row.bounds().is_some() && row.kind == kind),
            Ability::Cannot(inability) => prop_assert!(!inability.source.is_empty()),
            Ability::Unknown => {}
        }
    }
}
