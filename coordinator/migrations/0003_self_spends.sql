-- Batches that pay no withdrawal: spends to ourselves and recoveries. And sweeps, which share a line with
-- every payment to their script (M2).

ALTER TABLE batch ADD COLUMN purpose TEXT NOT NULL DEFAULT 'pay'
    CHECK (purpose IN ('pay', 'bump', 'consolidate', 'refresh', 'cancel', 'drain', 'recover'));

ALTER TABLE withdrawal ADD COLUMN sweep {int} NOT NULL DEFAULT 0 CHECK (sweep IN (0, 1));

-- An attempt's PSBT as it was issued again, with one more approval of maintenance in its manifest. The
-- transaction stays the same; signers get the newest whose approvals all hold.
CREATE TABLE attempt_reissue (
    txid {bytes} NOT NULL REFERENCES attempt (txid),
    number {int} NOT NULL CHECK (number >= 1),
    psbt {bytes} NOT NULL,
    manifest {bytes} NOT NULL,
    approver TEXT NOT NULL,
    approving_key {bytes} NOT NULL,
    expires {int} NOT NULL,
    holds_until {int} NOT NULL CHECK (holds_until <= expires),
    reissued_at {int} NOT NULL,
    PRIMARY KEY (txid, number),
    UNIQUE (txid, approving_key, expires)
){strict};

-- only postgres:
GRANT SELECT ON attempt_reissue TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT INSERT ON attempt_reissue TO countersign_coordinator;
-- end only
