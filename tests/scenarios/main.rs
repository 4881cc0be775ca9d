//! What the whole of Countersign does, told in sentences: each on a node and database of its own.

mod bad_input;
mod books;
mod deposits;
mod exactly_once;
mod grants;
mod hostile_coordinator;
mod hostile_signer;
mod independent_signers;
mod journals;
mod killed_attempts;
mod open_lists;
mod passkeys;
mod policy_files;
mod recovery;
mod refused_approvals;
mod self_spends;
mod store_roles;
mod sweeps;
mod the_demo;
mod the_money_moves;
mod the_world;
mod watchtower_deposits;
mod watchtower_node;
mod watchtower_outgoing;
mod watchtower_tower;
mod windows;
