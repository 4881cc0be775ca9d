//! The configuration file of the coordinator.
