//! The people's pages, in real browsers and by programs that pretend to be one.

mod guard;
mod hostile_words;
mod matrix;
mod usable;
