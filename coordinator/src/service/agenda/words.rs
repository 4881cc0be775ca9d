//! Names, numbers and times in sentences.

use policies::UnixTime;

/// `alice`, `alice and bob`, `alice, bob and carol`; `nobody` for none.
pub(super) fn and<T: AsRef<str>>(names: &[T]) -> String {
    joined(names, "and")
}

/// `alice`, `alice or bob`, `alice, bob or carol`; `nobody` for none.
pub(super) fn or<T: AsRef<str>>(names: &[T]) -> String {
    joined(names, "or")
}

/// So many of these: `alice or bob` for one, `alice and bob` for all, else `2 of alice, bob and carol`.
pub(super) fn some_of<T: AsRef<str>>(needed: usize, names: &[T]) -> String {
    if needed >= names.len() {
        and(names)
    } else if needed == 1 {
        or(names)
    } else {
        format!("{needed} of {}", and(names))
    }
}

/// `1 approval`, `2 approvals`.
pub(super) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `is` for one name, `are` for more.
pub(super) const fn is(number: usize) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// `has` for one name, `have` for more.
pub(super) const fn has(number: usize) -> &'static str {
    if number == 1 { "has" } else { "have" }
}

/// A hint as a sentence.
pub(super) fn sentence(hint: &str) -> String {
    let mut letters = hint.chars();
    let first: String = letters
        .next()
        .map(|first| first.to_uppercase().collect())
        .unwrap_or_default();
    let end = if hint.ends_with('.') || hint.is_empty() {
        ""
    } else {
        "."
    };
    format!("{first}{}{end}", letters.as_str())
}

/// A moment to the minute: `2026-11-26 17:44 UTC`.
pub(super) fn moment(at: UnixTime) -> String {
    let text = at.to_string();
    match text.get(..10).zip(text.get(11..16)) {
        Some((day, minute)) if text.len() == 20 => format!("{day} {minute} UTC"),
        Some(_) | None => text,
    }
}

fn joined<T: AsRef<str>>(names: &[T], word: &str) -> String {
    match names {
        [] => "nobody".to_owned(),
        [only] => only.as_ref().to_owned(),
        [many @ .., last] => {
            let many: Vec<&str> = many.iter().map(AsRef::as_ref).collect();
            format!("{} {word} {}", many.join(", "), last.as_ref())
        }
    }
}
