//! Tests of canonical.
