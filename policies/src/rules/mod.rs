//! Which approvals an intent needs, and whether they are there.
