//! What stands on pages again and again, as safe HTML: amounts, addresses, times, states, strangers' words.
//!
//! Invariant: whatever comes from outside is escaped here, and what could disguise it is made visible.

mod address;
mod ask;
mod cause;
mod hint;
mod moment;
mod money;
mod outside;
mod state;
mod stop_banner;
mod waiting;

pub(crate) use address::{Address, TxidText};
pub(crate) use ask::{Ask, Command};
pub(crate) use cause::Cause;
pub(crate) use hint::Hint;
pub(crate) use moment::{Ago, Moment, duration};
pub(crate) use money::{Money, Unit};
pub(crate) use outside::Outside;
pub(crate) use policies::words::escaped;
pub(crate) use state::State;
pub(crate) use stop_banner::{StopBanner, stop_banner};
pub(crate) use waiting::{Waiting, waiting_line};
