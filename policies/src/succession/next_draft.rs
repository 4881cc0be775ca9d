//! The beginning of a next version: the document of the one before, with its place in the line written in.
//!
//! Only the head differs: the number is one higher, the version before and its keyset are named. Comments, order and
//! spelling stay, so that what somebody then changes is all that differs.

use crate::document::EditStep::Key;
use crate::document::{Edit, Policy, quoted};

/// The text of a version that follows this one and changes nothing; none where its text cannot be edited, or where no
/// number is left.
pub fn draft_next(policy: &Policy) -> Option<String> {
    let text = std::str::from_utf8(&policy.bytes).ok()?;
    let mut edit = Edit::of(text)?;
    let version = policy.version.checked_add(1)?;
    if !edit.set(&[Key("version")], &version.to_string()) {
        return None;
    }
    // Written from the last to the first, since each is put right behind the number.
    for (key, id) in [
        ("keyset", policy.keyset.to_string()),
        ("previous", policy.id.to_string()),
        ("vault", policy.vault.to_string()),
    ] {
        if !edit.set(&[Key(key)], &quoted(&id)) {
            edit.insert_after(&[Key("version")], key, &quoted(&id));
        }
    }
    Some(edit.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::ScriptKind;
    use crate::document::samples::policy;
    use crate::succession::{Direction, Part, Step, diff, follows};

    #[test]
    fn a_next_version_that_changes_nothing_follows_and_so_does_the_one_after() {
        let mut before = policy(ScriptKind::Wsh);
        for number in 2..4 {
            let text = draft_next(&before).expect("a draft");
            let next = Policy::parse(text.as_bytes()).expect("a policy");
            assert_eq!(next.version, number);
            assert_eq!(follows(&before, &next), Ok(Step::Rules));
            let changes = diff(&before, &next);
            assert!(
                changes
                    .iter()
                    .all(|change| change.part == Part::Head
                        && change.direction == Direction::Changed),
                "{changes:?}"
            );
            before = next;
        }
    }

    #[test]
    fn comments_stay_where_they_are() {
        let text = String::from_utf8(policy(ScriptKind::Wsh).bytes).expect("text");
        let commented = text.replace("version = 1", "version = 1 # the first one");
        let before = Policy::parse(commented.as_bytes()).expect("a policy");
        let next = draft_next(&before).expect("a draft");
        assert!(next.contains("version = 2 # the first one\n"), "{next}");
    }
}
