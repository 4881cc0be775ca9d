//! The people's pages, in real browsers and by programs that pretend to be one.

mod carrying;
mod cells;
mod guard;
mod hostile_words;
mod journeys;
mod matrix;
mod taking_back;
mod usable;
