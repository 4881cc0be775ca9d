-- Stops, releases and goes with the signatures under them, and which attempts signers are asked to void.

-- Byte for byte; `stop` is the subject of the stop that a release names, and of a stop its own.
CREATE TABLE vault_statement (
    vault {bytes} NOT NULL REFERENCES vault (id),
    subject {bytes} NOT NULL,
    purpose {int} NOT NULL,
    stop {bytes},
    statement {bytes} NOT NULL,
    stored_at {int} NOT NULL,
    stored_by TEXT NOT NULL,
    entitled_at {int} CHECK (entitled_at >= stored_at),
    PRIMARY KEY (vault, subject)
){strict};

CREATE INDEX vault_statement_by_stop ON vault_statement (vault, stop);

CREATE INDEX vault_statement_entitled ON vault_statement (vault, purpose, entitled_at)
    WHERE entitled_at IS NOT NULL;

-- The signatures under them that verified.
CREATE TABLE vault_statement_approval (
    vault {bytes} NOT NULL,
    subject {bytes} NOT NULL,
    approving_key {bytes} NOT NULL,
    purpose {int} NOT NULL,
    approver TEXT NOT NULL,
    expires {int} NOT NULL,
    signature {bytes} NOT NULL,
    received_at {int} NOT NULL,
    PRIMARY KEY (vault, subject, approving_key, expires),
    FOREIGN KEY (vault, subject) REFERENCES vault_statement (vault, subject)
){strict};

-- Attempts that signers are asked to void.
CREATE TABLE void_wish (
    attempt {bytes} NOT NULL PRIMARY KEY REFERENCES attempt (txid),
    vault {bytes} NOT NULL REFERENCES vault (id),
    wished_at {int} NOT NULL,
    wished_by TEXT NOT NULL
){strict};

CREATE INDEX void_wish_by_vault ON void_wish (vault, wished_at);

-- only postgres:
GRANT SELECT ON vault_statement, vault_statement_approval, void_wish
    TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT INSERT ON vault_statement, vault_statement_approval, void_wish TO countersign_coordinator;
GRANT UPDATE (entitled_at) ON vault_statement TO countersign_coordinator;
-- end only
