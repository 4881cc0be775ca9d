//! The life of an attempt, from draft to settled or dead.
