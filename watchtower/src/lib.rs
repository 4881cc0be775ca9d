//! watchtower
