-- Between which marks a vault's balance should stay, and with which vaults it balances. `level`: where it
-- stood when it was last looked at, so that crossing a mark is told once. `standing` is 0 once they are taken away.

CREATE TABLE vault_marks (
    vault {bytes} PRIMARY KEY REFERENCES vault (id),
    low {int} NOT NULL CHECK (low BETWEEN 0 AND 2100000000000000),
    high {int} NOT NULL CHECK (high BETWEEN low AND 2100000000000000),
    refill_from {bytes} REFERENCES vault (id),
    drain_to {bytes} REFERENCES vault (id),
    standing {int} NOT NULL CHECK (standing IN (0, 1)),
    level TEXT NOT NULL CHECK (level IN ('below', 'within', 'above')),
    set_at {int} NOT NULL,
    set_by TEXT NOT NULL
){strict};

-- only postgres:
GRANT SELECT ON vault_marks TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT INSERT ON vault_marks TO countersign_coordinator;
GRANT UPDATE (low, high, refill_from, drain_to, standing, level, set_at, set_by) ON vault_marks TO countersign_coordinator;
-- end only
