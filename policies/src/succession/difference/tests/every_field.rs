//! A whole document altered place by place: no difference is left out.

use toml::{Table, Value};

use super::full_draft;
use crate::descriptor::ScriptKind;
use crate::document::samples::address;
use crate::document::{Policy, parse_duration};
use crate::review::world::secret;
use crate::succession::difference::diff;
use crate::succession::samples::first;

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
