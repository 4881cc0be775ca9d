//! Tests of book.
