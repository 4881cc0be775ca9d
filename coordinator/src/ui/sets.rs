//! Sets of signers, any one of which can sign, as people say them.

use super::attempts::counted;

/// Sets of signers in words: any so many of them, where that is what they are.
pub(super) fn needs(sets: &[Vec<String>]) -> String {
    let mut names: Vec<&String> = sets.iter().flatten().collect();
    names.sort_unstable();
    names.dedup();
    let listed = |names: &[&String]| {
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        names.join(", ")
    };
    let Some(first) = sets.first() else {
        return "nobody can sign it".to_owned();
    };
    let is_even = sets.iter().all(|set| set.len() == first.len());
    if is_even && Some(sets.len()) == choose(names.len(), first.len()) {
        if first.len() == names.len() {
            return format!("all of {}", listed(&names));
        }
        return format!("any {} of {}", first.len(), listed(&names));
    }
    let some: Vec<String> = sets.iter().take(6).map(|set| set.join(" and ")).collect();
    let more = sets.len().saturating_sub(some.len());
    let tail = if more > 0 {
        format!(", or one of {} more", counted(more, "set"))
    } else {
        String::new()
    };
    format!("{}{tail}", some.join(", or "))
}

/// How many sets of `size` there are among `all`.
fn choose(all: usize, size: usize) -> Option<usize> {
    let mut sets = 1_usize;
    for step in 1..=size {
        let left = all.checked_sub(size.checked_sub(step)?)?;
        sets = sets.checked_mul(left)?.checked_div(step)?;
    }
    Some(sets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(of: &[&[&str]]) -> Vec<Vec<String>> {
        let names = |set: &&[&str]| set.iter().map(|&name| name.to_owned()).collect();
        of.iter().map(names).collect()
    }

    #[test]
    fn sets_of_signers_are_said_as_people_say_them() {
        let two_of_three = sets(&[&["alice", "bob"], &["alice", "carol"], &["bob", "carol"]]);
        assert_eq!(needs(&two_of_three), "any 2 of alice, bob, carol");
        assert_eq!(needs(&sets(&[&["alice", "bob"]])), "all of alice, bob");
        let with_boss = sets(&[&["alice", "bob"], &["alice", "carol"]]);
        assert_eq!(needs(&with_boss), "alice and bob, or alice and carol");
        assert_eq!(needs(&[]), "nobody can sign it");
        assert_eq!(choose(15, 8), Some(6_435));
    }
}
