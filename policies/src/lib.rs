//! The rule-book.
