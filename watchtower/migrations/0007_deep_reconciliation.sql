-- A reconciliation may look through the node's whole UTXO set: that takes minutes on a large chain, tells how far it
-- has come, and can be called off.

ALTER TABLE reconciliation_request ADD COLUMN deep {int} NOT NULL DEFAULT 0 CHECK (deep IN (0, 1));
ALTER TABLE reconciliation_request ADD COLUMN aborted_at {int};
ALTER TABLE reconciliation ADD COLUMN differences {int} NOT NULL DEFAULT 0 CHECK (differences >= 0);

CREATE TABLE reconciliation_scan (
    request {int} PRIMARY KEY REFERENCES reconciliation_request (id),
    progress {int} NOT NULL CHECK (progress BETWEEN 0 AND 100),
    looked_at {int} NOT NULL
){strict};

-- The first differences of a scan, as both sides had the coin at its block.
CREATE TABLE reconciliation_difference (
    request {int} NOT NULL REFERENCES reconciliation_request (id),
    position {int} NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('node_only', 'books_only', 'other')),
    txid {bytes} NOT NULL CHECK (length(txid) = 32),
    vout {int} NOT NULL,
    node_sat {int},
    books_sat {int},
    height {int} NOT NULL,
    PRIMARY KEY (request, position)
){strict};

-- only postgres:
GRANT SELECT ON reconciliation_scan, reconciliation_difference
    TO countersign_coordinator, countersign_watchtower, countersign_web, countersign_auditor;
GRANT INSERT ON reconciliation_scan, reconciliation_difference TO countersign_watchtower;
GRANT UPDATE (progress, looked_at) ON reconciliation_scan TO countersign_watchtower;
GRANT UPDATE (aborted_at) ON reconciliation_request TO countersign_coordinator, countersign_web;
-- end only
