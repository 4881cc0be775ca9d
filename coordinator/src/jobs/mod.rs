//! Leased work of our own table: the side effects that outlive a request.
