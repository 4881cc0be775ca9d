//! `docs/errors.md`: every stable code with its meaning and what to do.

use std::collections::BTreeMap;

use super::List;
use super::reading::{Explained, Sources};
use crate::golden;

const HEAD: &str = "\
# Codes

Every code that programs may decide by, with its meaning and what to do. Codes do not change; words may. Capitals are
said by whoever reviews, offline too; small letters by the API and the coordinator's command line.

This page is made from the sources; a test compares it and says how to renew it.
";

/// The whole page; notes the codes of which no source says what they mean.
pub(super) fn table(sources: &Sources, lists: &[List], unexplained: &mut Vec<String>) -> String {
    let mut page = HEAD.to_owned();
    for list in lists {
        let mut known: BTreeMap<String, Explained> = BTreeMap::new();
        for path in &list.sources {
            let explained = if list.functions.is_empty() {
                in_place(path)
            } else {
                sources.explain(path, &list.functions)
            };
            for (code, explained) in explained {
                let entry = known.entry(code).or_default();
                entry.meanings.extend(explained.meanings);
                entry.hints.extend(explained.hints);
            }
        }
        page += &format!(
            "\n## {}\n\n| code | meaning | what to do |\n|---|---|---|\n",
            title(&list.of)
        );
        for code in &list.codes {
            let mut explained = known.remove(code).unwrap_or_default();
            if let Some(meaning) = list.meanings.get(code) {
                explained.meanings = vec![meaning.clone()];
            }
            if explained.meanings.is_empty() {
                unexplained.push(format!("{}: {code}", list.of));
            }
            page += &format!(
                "| `{code}` | {} | {} |\n",
                cell(&explained.meanings),
                cell(&explained.hints)
            );
        }
    }
    page
}

/// What failures say that are made where they are met: in one literal, if words fill no other place.
fn in_place(folder: &str) -> BTreeMap<String, Explained> {
    let mut known: BTreeMap<String, Explained> = BTreeMap::new();
    for text in golden::sources(folder) {
        for made in super::made_in_place(&text) {
            let (before, after) = made.split_once(".hinted(").unwrap_or((made, ""));
            let mut words = before.split('"').skip(1).step_by(2);
            let Some(code) = words.next() else { continue };
            let entry = known.entry(code.to_owned()).or_default();
            note(&mut entry.meanings, words.next());
            note(&mut entry.hints, after.split('"').nth(1));
        }
    }
    known
}

fn note(list: &mut Vec<String>, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !list.iter().any(|known| known == text)) {
        list.push(text.to_owned());
    }
}

fn title(of: &str) -> String {
    let mut letters = of.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Sentences of one cell; what fills the places of a text is not known here.
fn cell(texts: &[String]) -> String {
    if texts.is_empty() {
        return "–".to_owned();
    }
    let clean = |text: &String| {
        let words: Vec<&str> = text
            .split_whitespace()
            .filter(|word| *word != "\\")
            .collect();
        let text = places_left_open(&words.join(" "));
        text.trim_end_matches('.').replace('|', "\\|")
    };
    texts.iter().map(clean).collect::<Vec<_>>().join("; or: ")
}

fn places_left_open(text: &str) -> String {
    let mut open = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, behind)) = after.split_once('}') else {
            break;
        };
        open.push_str(before);
        open.push('…');
        rest = behind;
    }
    open + rest
}
