//! What the whole of Countersign does, told in sentences: each on a node and database of its own.

mod the_world;
