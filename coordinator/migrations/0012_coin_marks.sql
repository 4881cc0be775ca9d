-- What operators say of coins: that one is frozen, and why; how one is called. A mark ends when it is taken away or
-- another takes its place; nothing is ever deleted.

CREATE TABLE coin_mark (
    vault {bytes} NOT NULL REFERENCES vault (id),
    txid {bytes} NOT NULL CHECK (length(txid) = 32),
    vout {int} NOT NULL CHECK (vout >= 0),
    number {int} NOT NULL CHECK (number >= 1),
    mark TEXT NOT NULL CHECK (mark IN ('frozen', 'label')),
    text TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 200),
    set_at {int} NOT NULL,
    set_by TEXT NOT NULL,
    ended_at {int} CHECK (ended_at >= set_at),
    ended_by TEXT,
    PRIMARY KEY (vault, txid, vout, number),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
){strict};

-- A coin is frozen once, and has one label.
CREATE UNIQUE INDEX coin_mark_open ON coin_mark (vault, mark, txid, vout) WHERE ended_at IS NULL;

-- only postgres:
GRANT SELECT ON coin_mark TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT INSERT ON coin_mark TO countersign_coordinator;
GRANT UPDATE (ended_at, ended_by) ON coin_mark TO countersign_coordinator;
-- end only

-- The search by amount.
CREATE INDEX withdrawal_by_amount ON withdrawal (vault, amount);
