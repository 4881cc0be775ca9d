//! Which settled coins an attempt spends. Pure.
