//! From bytes to a checked policy.

use super::{Mistake, Policy, Problem, bytes};

/// Parses and checks a document.
pub(super) fn parse(document: &[u8]) -> Result<Policy, Vec<Mistake>> {
    let _text = bytes::text_of(document).map_err(|problems| {
        problems
            .into_iter()
            .map(|problem| Mistake {
                path: String::new(),
                line: None,
                problem,
            })
            .collect::<Vec<_>>()
    })?;
    Err(vec![Mistake {
        path: String::new(),
        line: None,
        problem: Problem::Missing,
    }])
}
