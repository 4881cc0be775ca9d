//! The tables of the coordinator: all of its SQL lives here.
