//! The table of pages and forms: `o` operator, `p` approver, `r` requester, `a` auditor; `*` is for everybody.

/// Verb, path, roles.
pub(super) const CELLS: &[(&str, &str, &str)] = &[
];
