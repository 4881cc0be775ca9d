//! What the whole of Countersign does, told in sentences: each on a node and database of its own.

mod bad_input;
mod books;
mod deposits;
mod exactly_once;
mod grants;
mod hostile_coordinator;
mod hostile_signer;
mod policy_files;
mod refused_approvals;
mod store_roles;
mod the_demo;
mod the_money_moves;
mod the_world;
mod watchtower_deposits;
mod watchtower_node;
mod watchtower_outgoing;
mod watchtower_tower;
