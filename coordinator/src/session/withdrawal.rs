//! The life of a withdrawal, from requested to settled.
