//! Golden files: every format's bytes, written by an implementation of its own (`reference.py`) for
//! implementers in other languages, and run through the library here.

mod approval;
mod bip;
mod bip322;
mod codes;
mod documents;
mod events;
mod golden;
mod hash;
mod inclusion;
mod intent;
mod journal;
mod keys;
mod manifest;
mod merkle;
mod policy;
mod receipt;
mod reference;
mod void;
mod webauthn;
