//! The pages as a browser sees them, by the real router.

mod account;
mod ceremonies;
mod limits;
mod people;
mod receipts;
mod secrets;
pub(super) mod served;
mod signing_in;
pub(super) mod stopped;
mod tokens;
