-- Vaults, addresses, withdrawals, batches, attempts, tokens and jobs.
-- Amounts are satoshi, times unix seconds, flags 0 or 1. `state` is the name of the state, `detail`
-- its JSON with what it carries, `version` the number of events applied.

CREATE TABLE policy (
    id {bytes} PRIMARY KEY,
    vault {bytes} NOT NULL,
    version {int} NOT NULL CHECK (version >= 1),
    keyset {bytes} NOT NULL,
    document {bytes} NOT NULL,
    created_at {int} NOT NULL,
    UNIQUE (vault, version)
){strict};

CREATE TABLE vault (
    id {bytes} PRIMARY KEY,
    name TEXT NOT NULL,
    policy {bytes} NOT NULL REFERENCES policy (id),
    keyset {bytes} NOT NULL,
    created_at {int} NOT NULL
){strict};

-- The next index of each keychain; a row is locked by taking one.
CREATE TABLE keychain_cursor (
    keyset {bytes} NOT NULL,
    keychain {int} NOT NULL CHECK (keychain IN (0, 1)),
    next_index {int} NOT NULL CHECK (next_index BETWEEN 0 AND 2147483648),
    PRIMARY KEY (keyset, keychain)
){strict};

CREATE TABLE address (
    keyset {bytes} NOT NULL,
    keychain {int} NOT NULL CHECK (keychain IN (0, 1)),
    idx {int} NOT NULL,
    vault {bytes} NOT NULL REFERENCES vault (id),
    policy {bytes} NOT NULL REFERENCES policy (id),
    script_pubkey {bytes} NOT NULL,
    address TEXT NOT NULL,
    reference TEXT NOT NULL,
    metadata TEXT NOT NULL,
    issued_at {int} NOT NULL,
    PRIMARY KEY (keyset, keychain, idx),
    UNIQUE (vault, script_pubkey)
){strict};

CREATE TABLE withdrawal (
    vault {bytes} NOT NULL REFERENCES vault (id),
    requester TEXT NOT NULL,
    id TEXT NOT NULL,
    intent_hash {bytes} NOT NULL,
    intent {bytes} NOT NULL,
    request_key {bytes} NOT NULL,
    request_signature {bytes} NOT NULL,
    script_pubkey {bytes} NOT NULL,
    amount {int} NOT NULL CHECK (amount BETWEEN 1 AND 2100000000000000),
    expires {int} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('requested', 'approved', 'rejected', 'expired', 'cancelled',
        'batched', 'signing', 'broadcast', 'confirmed', 'settled', 'failed')),
    detail TEXT NOT NULL,
    version {int} NOT NULL CHECK (version >= 1),
    submitted_at {int} NOT NULL,
    PRIMARY KEY (vault, requester, id),
    UNIQUE (intent_hash)
){strict};

-- One output satisfies every withdrawal of one script and amount (M2).
CREATE INDEX withdrawal_by_payment ON withdrawal (vault, script_pubkey, amount);

CREATE INDEX withdrawal_by_state ON withdrawal (vault, state, submitted_at);

-- Every approval and refusal that verified, with the proof that ties it to the intent.
CREATE TABLE approval (
    intent_hash {bytes} NOT NULL REFERENCES withdrawal (intent_hash),
    approving_key {bytes} NOT NULL,
    purpose {int} NOT NULL,
    approver TEXT NOT NULL,
    root {bytes} NOT NULL,
    expires {int} NOT NULL,
    signature {bytes} NOT NULL,
    proof {bytes} NOT NULL,
    received_at {int} NOT NULL,
    PRIMARY KEY (intent_hash, approving_key, purpose, root, expires)
){strict};

CREATE TABLE batch (
    id {bytes} PRIMARY KEY,
    vault {bytes} NOT NULL REFERENCES vault (id),
    keyset {bytes} NOT NULL,
    created_at {int} NOT NULL,
    created_by TEXT NOT NULL
){strict};

CREATE TABLE batch_withdrawal (
    batch {bytes} NOT NULL REFERENCES batch (id),
    vault {bytes} NOT NULL,
    requester TEXT NOT NULL,
    withdrawal TEXT NOT NULL,
    live {int} NOT NULL CHECK (live IN (0, 1)),
    PRIMARY KEY (batch, vault, requester, withdrawal),
    FOREIGN KEY (vault, requester, withdrawal) REFERENCES withdrawal (vault, requester, id)
){strict};

-- M1: a withdrawal is in at most one live batch.
CREATE UNIQUE INDEX batch_withdrawal_live ON batch_withdrawal (vault, requester, withdrawal) WHERE live = 1;

CREATE TABLE reservation (
    batch {bytes} NOT NULL REFERENCES batch (id),
    txid {bytes} NOT NULL,
    vout {int} NOT NULL,
    amount {int} NOT NULL CHECK (amount BETWEEN 1 AND 2100000000000000),
    reserved_at {int} NOT NULL,
    released_at {int},
    release_reason TEXT,
    PRIMARY KEY (batch, txid, vout),
    CHECK ((released_at IS NULL) = (release_reason IS NULL))
){strict};

-- M3: an outpoint is reserved by at most one open batch.
CREATE UNIQUE INDEX reservation_open ON reservation (txid, vout) WHERE released_at IS NULL;

CREATE TABLE attempt (
    txid {bytes} PRIMARY KEY,
    batch {bytes} NOT NULL REFERENCES batch (id),
    number {int} NOT NULL CHECK (number >= 1),
    vault {bytes} NOT NULL REFERENCES vault (id),
    policy {bytes} NOT NULL REFERENCES policy (id),
    psbt {bytes} NOT NULL,
    fee {int} NOT NULL CHECK (fee >= 0),
    weight {int} NOT NULL CHECK (weight > 0),
    state TEXT NOT NULL CHECK (state IN ('draft', 'dropped', 'issued', 'signed', 'broadcasting',
        'in_mempool', 'confirmed', 'settled', 'dead')),
    detail TEXT NOT NULL,
    version {int} NOT NULL CHECK (version >= 1),
    confirmations {int} NOT NULL CHECK (confirmations >= 0),
    final_transaction {bytes},
    created_at {int} NOT NULL,
    UNIQUE (batch, number)
){strict};

CREATE INDEX attempt_by_state ON attempt (vault, state, created_at);

-- One row a signature that verified; nothing else of what signers send is kept.
CREATE TABLE attempt_signature (
    txid {bytes} NOT NULL REFERENCES attempt (txid),
    input {int} NOT NULL,
    signature_key TEXT NOT NULL,
    signer TEXT NOT NULL,
    signature {bytes} NOT NULL,
    received_at {int} NOT NULL,
    PRIMARY KEY (txid, input, signature_key)
){strict};

CREATE TABLE attempt_receipt (
    txid {bytes} NOT NULL REFERENCES attempt (txid),
    journal {bytes} NOT NULL,
    receipt {bytes} NOT NULL,
    received_at {int} NOT NULL,
    PRIMARY KEY (txid, journal, receipt)
){strict};

-- Reserved: signers' statements that they did not and will never sign a transaction (M4).
CREATE TABLE void (
    txid {bytes} NOT NULL REFERENCES attempt (txid),
    journal {bytes} NOT NULL,
    expires {int} NOT NULL,
    signature {bytes} NOT NULL,
    received_at {int} NOT NULL,
    PRIMARY KEY (txid, journal)
){strict};

-- Bearer tokens: only the SHA-256 is kept.
CREATE TABLE token (
    id TEXT PRIMARY KEY,
    sha256 {bytes} NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('service', 'signer', 'operator', 'auditor')),
    vault {bytes} REFERENCES vault (id),
    created_at {int} NOT NULL,
    created_by TEXT NOT NULL,
    revoked_at {int}
){strict};

-- Side effects and recurring work. A lease is held while `epoch` is the one that was claimed.
CREATE TABLE job (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    run_at {int} NOT NULL,
    attempts {int} NOT NULL,
    lease_holder TEXT,
    lease_until {int} NOT NULL,
    epoch {int} NOT NULL,
    done_at {int},
    parked_reason TEXT,
    last_error TEXT,
    PRIMARY KEY (kind, key)
){strict};

CREATE INDEX job_due ON job (run_at) WHERE done_at IS NULL AND parked_reason IS NULL;

-- only postgres:
GRANT SELECT ON coordinator_migration, policy, vault, keychain_cursor, address, withdrawal, approval, batch, batch_withdrawal,
    reservation, attempt, attempt_signature, attempt_receipt, void, job
    TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT SELECT ON token TO countersign_coordinator, countersign_web;
GRANT SELECT (id, name, role, vault, created_at, created_by, revoked_at) ON token TO countersign_auditor;
GRANT INSERT ON policy, vault, keychain_cursor, address, withdrawal, approval, batch, batch_withdrawal,
    reservation, attempt, attempt_signature, attempt_receipt, void, token, job
    TO countersign_coordinator;
GRANT UPDATE (policy, keyset) ON vault TO countersign_coordinator;
GRANT UPDATE (next_index) ON keychain_cursor TO countersign_coordinator;
GRANT UPDATE (state, detail, version) ON withdrawal TO countersign_coordinator;
GRANT UPDATE (live) ON batch_withdrawal TO countersign_coordinator;
GRANT UPDATE (released_at, release_reason) ON reservation TO countersign_coordinator;
GRANT UPDATE (state, detail, version, confirmations, final_transaction) ON attempt TO countersign_coordinator;
GRANT UPDATE (revoked_at) ON token TO countersign_coordinator;
GRANT UPDATE (run_at, attempts, lease_holder, lease_until, epoch, done_at, parked_reason, last_error)
    ON job TO countersign_coordinator;
GRANT INSERT ON withdrawal, approval TO countersign_web;
-- end only
