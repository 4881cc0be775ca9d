//! What replacing an attempt at a higher feerate would take. Pure; reserved.
