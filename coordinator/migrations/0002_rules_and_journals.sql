-- Rolling windows of rules, open lists of destinations, and what is known of the signers' journals.

-- What counts in the window of a rule: one row an intent and batch, from the reservation of its coins.
CREATE TABLE window_count (
    intent_hash {bytes} NOT NULL REFERENCES withdrawal (intent_hash),
    batch {bytes} NOT NULL REFERENCES batch (id),
    vault {bytes} NOT NULL REFERENCES vault (id),
    rule TEXT NOT NULL,
    amount {int} NOT NULL CHECK (amount BETWEEN 1 AND 2100000000000000),
    counted_at {int} NOT NULL,
    released_at {int},
    PRIMARY KEY (intent_hash, batch)
){strict};

-- An intent is counted once, whatever pays it.
CREATE UNIQUE INDEX window_count_open ON window_count (intent_hash) WHERE released_at IS NULL;

-- The sum over a window reads the rows of that window, in this index alone.
CREATE INDEX window_count_by_rule ON window_count (vault, rule, counted_at, amount) WHERE released_at IS NULL;

CREATE INDEX window_count_by_batch ON window_count (batch);

-- Statements about open lists, byte for byte; `entry` is the subject of the statement that added the
-- destination, `list` and `script_pubkey` are its. `entitled_at`: when enough persons had signed.
CREATE TABLE list_statement (
    vault {bytes} NOT NULL REFERENCES vault (id),
    subject {bytes} NOT NULL,
    purpose {int} NOT NULL,
    entry {bytes} NOT NULL,
    list TEXT NOT NULL,
    script_pubkey {bytes} NOT NULL,
    statement {bytes} NOT NULL,
    stored_at {int} NOT NULL,
    stored_by TEXT NOT NULL,
    entitled_at {int} CHECK (entitled_at >= stored_at),
    PRIMARY KEY (vault, subject)
){strict};

CREATE INDEX list_statement_by_entry ON list_statement (vault, entry, stored_at);

CREATE INDEX list_statement_by_list ON list_statement (vault, list, stored_at);

CREATE INDEX list_statement_by_script ON list_statement (vault, script_pubkey);

CREATE INDEX list_statement_entitled ON list_statement (vault, entitled_at) WHERE entitled_at IS NOT NULL;

-- The signatures under them that verified.
CREATE TABLE list_approval (
    vault {bytes} NOT NULL,
    subject {bytes} NOT NULL,
    approving_key {bytes} NOT NULL,
    purpose {int} NOT NULL,
    approver TEXT NOT NULL,
    expires {int} NOT NULL,
    signature {bytes} NOT NULL,
    received_at {int} NOT NULL,
    PRIMARY KEY (vault, subject, approving_key, expires),
    FOREIGN KEY (vault, subject) REFERENCES list_statement (vault, subject)
){strict};

-- What the last accepted receipt of each journal said.
CREATE TABLE journal (
    vault {bytes} NOT NULL REFERENCES vault (id),
    journal TEXT NOT NULL,
    signer TEXT NOT NULL,
    counter {int} NOT NULL CHECK (counter >= 0),
    head {bytes} NOT NULL,
    receipt {bytes} NOT NULL,
    received_at {int} NOT NULL,
    PRIMARY KEY (vault, journal)
){strict};

-- Certificates by which one journal goes on for another; each journal moves at most once.
CREATE TABLE journal_move (
    vault {bytes} NOT NULL REFERENCES vault (id),
    moved_from TEXT NOT NULL,
    moved_to TEXT NOT NULL,
    signer TEXT NOT NULL,
    number {int} NOT NULL CHECK (number >= 1),
    certificate {bytes} NOT NULL,
    received_at {int} NOT NULL,
    PRIMARY KEY (vault, moved_from),
    UNIQUE (vault, moved_to),
    UNIQUE (vault, signer, number)
){strict};

-- Receipts that were refused, each once; resolved when a later one of the signer was accepted.
CREATE TABLE journal_refusal (
    vault {bytes} NOT NULL REFERENCES vault (id),
    journal TEXT NOT NULL,
    receipt {bytes} NOT NULL,
    txid {bytes} NOT NULL,
    signer TEXT NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    hint TEXT NOT NULL,
    refused_at {int} NOT NULL,
    resolved_at {int},
    PRIMARY KEY (vault, journal, receipt)
){strict};

CREATE INDEX journal_refusal_by_signer ON journal_refusal (vault, signer, refused_at) WHERE resolved_at IS NULL;

-- only postgres:
GRANT SELECT ON window_count, list_statement, list_approval, journal, journal_move, journal_refusal
    TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT INSERT ON window_count, list_statement, list_approval, journal, journal_move, journal_refusal
    TO countersign_coordinator;
GRANT UPDATE (released_at) ON window_count TO countersign_coordinator;
GRANT UPDATE (entitled_at) ON list_statement TO countersign_coordinator;
GRANT UPDATE (resolved_at) ON journal_refusal TO countersign_coordinator;
GRANT UPDATE (counter, head, receipt, received_at) ON journal TO countersign_coordinator;
-- end only
