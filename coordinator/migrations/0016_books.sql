-- What an operator says of a vault's books: whether its external references are accounts of customers.
CREATE TABLE vault_books (
    vault {bytes} PRIMARY KEY REFERENCES vault (id),
    references_are_accounts {int} NOT NULL CHECK (references_are_accounts IN (0, 1)),
    set_at {int} NOT NULL,
    set_by TEXT NOT NULL
){strict};

-- A reference that was paid more than came in under it, since a reorg took deposits back: its withdrawals wait until it
-- is even again, or until an operator says otherwise. Nothing is ever deleted.
CREATE TABLE customer_hold (
    vault {bytes} NOT NULL REFERENCES vault (id),
    reference TEXT NOT NULL CHECK (length(reference) >= 1),
    number {int} NOT NULL CHECK (number >= 1),
    balance_sat {int} NOT NULL CHECK (balance_sat < 0),
    opened_at {int} NOT NULL,
    released_at {int},
    released_by TEXT,
    release_reason TEXT,
    ended_at {int},
    PRIMARY KEY (vault, reference, number),
    CHECK ((released_at IS NULL) = (released_by IS NULL)),
    CHECK ((released_at IS NULL) = (release_reason IS NULL))
){strict};
CREATE UNIQUE INDEX customer_hold_open ON customer_hold (vault, reference) WHERE ended_at IS NULL;

-- only postgres:
GRANT SELECT ON vault_books, customer_hold TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT INSERT ON vault_books, customer_hold TO countersign_coordinator;
GRANT UPDATE (references_are_accounts, set_at, set_by) ON vault_books TO countersign_coordinator;
GRANT UPDATE (released_at, released_by, release_reason, ended_at) ON customer_hold TO countersign_coordinator;
-- end only
