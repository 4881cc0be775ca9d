//! Tests of merkle.
