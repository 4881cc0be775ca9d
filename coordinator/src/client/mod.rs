//! The reference client of a service.
