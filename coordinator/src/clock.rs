//! The only reader of the system clock in this process.
