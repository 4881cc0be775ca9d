//! What the whole of Countersign does, told in sentences: each on a node and database of its own.

mod store_roles;
mod the_world;
mod watchtower_deposits;
mod watchtower_node;
mod watchtower_outgoing;
mod watchtower_tower;
