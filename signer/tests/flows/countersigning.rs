//! Transfers countersigned from a page: the bridge reviews them itself, and signs with the key here or the device that
//! is attached.

mod bench;
mod here;
mod there;
