//! Withdrawal intents, their keys, signatures and approvals.
