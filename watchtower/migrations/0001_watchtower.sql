-- The watchtower's tables. Times are unix seconds, amounts satoshi, hashes and txids raw bytes in
-- consensus order.

-- only postgres:
DO $$
DECLARE
    role_name TEXT;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['countersign_owner', 'countersign_coordinator',
        'countersign_watchtower', 'countersign_web', 'countersign_auditor']
    LOOP
        BEGIN
            IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role_name) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
END $$;
-- end only

-- The chain that these tables are about, for ever.
CREATE TABLE chain_identity (
    one_row {int} PRIMARY KEY CHECK (one_row = 1),
    genesis {bytes} NOT NULL CHECK (length(genesis) = 32)
){strict};

-- The active chain, from a base block on. Blocks that leave it are deleted from here only.
CREATE TABLE chain_block (
    height {int} PRIMARY KEY CHECK (height >= 0),
    hash {bytes} NOT NULL UNIQUE CHECK (length(hash) = 32),
    previous {bytes} NOT NULL CHECK (length(previous) = 32),
    time {int} NOT NULL
){strict};

-- Every issued script, watched for ever.
CREATE TABLE watched_script (
    script {bytes} PRIMARY KEY,
    vault {bytes} NOT NULL CHECK (length(vault) = 32),
    keyset {bytes} NOT NULL CHECK (length(keyset) = 32),
    keychain {int} NOT NULL CHECK (keychain IN (0, 1)),
    derivation_index {int} NOT NULL CHECK (derivation_index BETWEEN 0 AND 2147483647),
    settle_depth {int} NOT NULL CHECK (settle_depth >= 1),
    reference TEXT,
    watched_at {int} NOT NULL,
    UNIQUE (vault, keyset, keychain, derivation_index)
){strict};

-- Whole transactions that pay a watched script or spend a coin.
CREATE TABLE chain_transaction (
    txid {bytes} PRIMARY KEY CHECK (length(txid) = 32),
    raw {bytes} NOT NULL,
    placement TEXT NOT NULL CHECK (placement IN ('unconfirmed', 'confirmed', 'gone')),
    block_height {int},
    block_hash {bytes},
    settle_depth {int},
    settle_height {int},
    settled {int} NOT NULL CHECK (settled IN (0, 1)),
    CHECK ((placement = 'confirmed') = (block_height IS NOT NULL)),
    CHECK ((placement = 'confirmed') = (block_hash IS NOT NULL)),
    CHECK ((settle_height IS NOT NULL) = (block_height IS NOT NULL AND settle_depth IS NOT NULL))
){strict};
CREATE INDEX chain_transaction_by_height ON chain_transaction (block_height);
CREATE INDEX chain_transaction_due ON chain_transaction (settle_height) WHERE settled = 0;
CREATE INDEX chain_transaction_unconfirmed ON chain_transaction (txid) WHERE placement = 'unconfirmed';

-- Which outpoints they spend, so that conflicts are found by outpoint.
CREATE TABLE chain_input (
    txid {bytes} NOT NULL REFERENCES chain_transaction (txid),
    vin {int} NOT NULL,
    previous_txid {bytes} NOT NULL,
    previous_vout {int} NOT NULL,
    PRIMARY KEY (txid, vin)
){strict};
CREATE INDEX chain_input_by_previous ON chain_input (previous_txid, previous_vout);

-- Outputs that pay a watched script.
CREATE TABLE coin (
    txid {bytes} NOT NULL REFERENCES chain_transaction (txid),
    vout {int} NOT NULL,
    script {bytes} NOT NULL REFERENCES watched_script (script),
    vault {bytes} NOT NULL,
    amount_sat {int} NOT NULL CHECK (amount_sat BETWEEN 0 AND 2100000000000000),
    coinbase {int} NOT NULL CHECK (coinbase IN (0, 1)),
    is_change {int} NOT NULL CHECK (is_change IN (0, 1)),
    placement TEXT NOT NULL CHECK (placement IN ('unconfirmed', 'confirmed', 'gone')),
    block_height {int},
    block_hash {bytes},
    settle_height {int},
    settled {int} NOT NULL CHECK (settled IN (0, 1)),
    spent_by {bytes},
    spent_height {int},
    spent_hash {bytes},
    times_confirmed {int} NOT NULL,
    times_spent {int} NOT NULL,
    PRIMARY KEY (txid, vout),
    CHECK ((placement = 'confirmed') = (block_height IS NOT NULL)),
    CHECK ((placement = 'confirmed') = (block_hash IS NOT NULL)),
    CHECK ((placement = 'confirmed') = (settle_height IS NOT NULL)),
    CHECK (settled = 0 OR placement = 'confirmed'),
    CHECK ((spent_height IS NULL) = (spent_hash IS NULL)),
    CHECK (spent_height IS NULL OR spent_by IS NOT NULL)
){strict};
CREATE INDEX coin_by_height ON coin (block_height);
CREATE INDEX coin_due ON coin (settle_height) WHERE settled = 0;
CREATE INDEX coin_unspent ON coin (vault, txid, vout) WHERE spent_height IS NULL;
CREATE INDEX coin_by_script ON coin (script);

-- Transactions to broadcast: inserted by coordinators in the transaction that sets `broadcasting`.
CREATE TABLE outgoing (
    txid {bytes} PRIMARY KEY CHECK (length(txid) = 32),
    vault {bytes} NOT NULL CHECK (length(vault) = 32),
    raw {bytes} NOT NULL,
    settle_depth {int} NOT NULL CHECK (settle_depth >= 1),
    created_at {int} NOT NULL
){strict};

-- What the node answered; only the chain decides what became of a transaction.
CREATE TABLE outgoing_status (
    txid {bytes} PRIMARY KEY REFERENCES outgoing (txid),
    answer TEXT NOT NULL CHECK (answer IN ('accepted', 'already known', 'unknown')),
    code {int},
    reason TEXT NOT NULL,
    attempts {int} NOT NULL,
    answered_at {int} NOT NULL,
    next_at {int} NOT NULL
){strict};

CREATE TABLE fee_estimate (
    target {int} PRIMARY KEY CHECK (target >= 1),
    feerate_sat_kwu {int} NOT NULL CHECK (feerate_sat_kwu > 0),
    height {int} NOT NULL,
    estimated_at {int} NOT NULL
){strict};

-- Questions to the node's mempool, and its answers.
CREATE TABLE mempool_test (
    txid {bytes} PRIMARY KEY CHECK (length(txid) = 32),
    raw {bytes} NOT NULL,
    requested_at {int} NOT NULL
){strict};
CREATE TABLE mempool_test_result (
    txid {bytes} PRIMARY KEY REFERENCES mempool_test (txid),
    allowed {int} NOT NULL CHECK (allowed IN (0, 1)),
    reason TEXT NOT NULL,
    tested_at {int} NOT NULL
){strict};

CREATE TABLE node_status (
    node TEXT PRIMARY KEY,
    chain TEXT NOT NULL,
    height {int} NOT NULL,
    hash {bytes},
    headers {int} NOT NULL,
    initial_download {int} NOT NULL CHECK (initial_download IN (0, 1)),
    trouble TEXT,
    detail TEXT NOT NULL,
    checked_at {int} NOT NULL
){strict};

-- Double entry: one row debits one account and credits another. Append-only.
CREATE TABLE ledger_account (
    id {serial},
    vault {bytes} NOT NULL CHECK (length(vault) = 32),
    kind TEXT NOT NULL CHECK (kind IN
        ('coins', 'deposits_pending', 'deposits_settled', 'clearing', 'withdrawals', 'fees')),
    reference TEXT NOT NULL,
    UNIQUE (vault, kind, reference)
){strict};
CREATE TABLE ledger_entry (
    number {serial},
    debit {int} NOT NULL REFERENCES ledger_account (id),
    credit {int} NOT NULL REFERENCES ledger_account (id),
    amount_sat {int} NOT NULL CHECK (amount_sat BETWEEN 1 AND 2100000000000000),
    cause TEXT NOT NULL UNIQUE,
    entered_at {int} NOT NULL,
    CHECK (debit <> credit)
){strict};
CREATE INDEX ledger_entry_by_debit ON ledger_entry (debit, number);
CREATE INDEX ledger_entry_by_credit ON ledger_entry (credit, number);

-- Events are inserted unnumbered with their cause; one leased sequencer numbers and chains them.
CREATE TABLE event (
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    version {int} NOT NULL CHECK (version >= 1),
    kind TEXT NOT NULL,
    vault {bytes},
    body TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    happened_at {int} NOT NULL,
    PRIMARY KEY (object_kind, object_id, version)
){strict};
CREATE TABLE event_queue (
    id {serial},
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    version {int} NOT NULL,
    UNIQUE (object_kind, object_id, version),
    FOREIGN KEY (object_kind, object_id, version) REFERENCES event (object_kind, object_id, version)
){strict};
CREATE TABLE event_sequence (
    number {int} PRIMARY KEY CHECK (number >= 1),
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    version {int} NOT NULL,
    hash {bytes} NOT NULL CHECK (length(hash) = 32),
    epoch {int} NOT NULL,
    UNIQUE (object_kind, object_id, version),
    FOREIGN KEY (object_kind, object_id, version) REFERENCES event (object_kind, object_id, version)
){strict};

-- How far a consumer of events has come.
CREATE TABLE consumer_cursor (
    consumer TEXT PRIMARY KEY,
    number {int} NOT NULL CHECK (number >= 0)
){strict};

-- Leased work. Every write of a holder asserts its epoch, so that a stale lease cannot commit.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch {int} NOT NULL CHECK (epoch >= 1),
    expires_at {int} NOT NULL
){strict};

CREATE TABLE reconciliation_request (
    id {serial},
    vault {bytes} NOT NULL CHECK (length(vault) = 32),
    requested_at {int} NOT NULL
){strict};
CREATE TABLE reconciliation (
    number {serial},
    request {int} UNIQUE REFERENCES reconciliation_request (id),
    vault {bytes} NOT NULL,
    height {int} NOT NULL,
    hash {bytes} NOT NULL,
    ledger_sat {int} NOT NULL,
    tracker_sat {int} NOT NULL,
    node_sat {int} NOT NULL,
    coins {int} NOT NULL,
    agrees {int} NOT NULL CHECK (agrees IN (0, 1)),
    detail TEXT NOT NULL,
    reconciled_at {int} NOT NULL
){strict};
CREATE INDEX reconciliation_by_vault ON reconciliation (vault, number);

-- Evidence is inserted and never changed, whoever asks.
-- only sqlite:
CREATE TRIGGER event_is_never_updated BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'event is append-only'); END;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'event is append-only'); END;
CREATE TRIGGER event_sequence_is_never_updated BEFORE UPDATE ON event_sequence
    BEGIN SELECT RAISE(ABORT, 'event_sequence is append-only'); END;
CREATE TRIGGER event_sequence_is_never_deleted BEFORE DELETE ON event_sequence
    BEGIN SELECT RAISE(ABORT, 'event_sequence is append-only'); END;
CREATE TRIGGER ledger_entry_is_never_updated BEFORE UPDATE ON ledger_entry
    BEGIN SELECT RAISE(ABORT, 'ledger_entry is append-only'); END;
CREATE TRIGGER ledger_entry_is_never_deleted BEFORE DELETE ON ledger_entry
    BEGIN SELECT RAISE(ABORT, 'ledger_entry is append-only'); END;
-- end only
-- only postgres:
CREATE FUNCTION countersign_refuse_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse_change();
CREATE TRIGGER event_sequence_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_sequence
    FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse_change();
CREATE TRIGGER ledger_entry_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse_change();

GRANT SELECT ON watchtower_migration, chain_identity, chain_block, watched_script, chain_transaction, chain_input,
    coin, outgoing, outgoing_status, fee_estimate, mempool_test, mempool_test_result, node_status,
    ledger_account, ledger_entry, event, event_queue, event_sequence, consumer_cursor, lease,
    reconciliation_request, reconciliation
    TO countersign_coordinator, countersign_watchtower, countersign_web, countersign_auditor;

-- The watchtower alone says what the chain shows.
GRANT INSERT, DELETE ON chain_block TO countersign_watchtower;
GRANT INSERT, UPDATE ON chain_transaction, coin, outgoing_status, fee_estimate, node_status
    TO countersign_watchtower;
GRANT INSERT ON chain_identity, chain_input, mempool_test_result, reconciliation TO countersign_watchtower;
GRANT DELETE ON fee_estimate TO countersign_watchtower;

-- Coordinators ask, and hand transactions over.
GRANT INSERT ON watched_script, outgoing, mempool_test, reconciliation_request
    TO countersign_coordinator;
GRANT INSERT ON reconciliation_request TO countersign_web;

-- Both keep books and events, and share work by leases.
GRANT INSERT ON ledger_account, ledger_entry, event, event_queue
    TO countersign_coordinator, countersign_watchtower;
GRANT INSERT ON event_sequence TO countersign_watchtower, countersign_coordinator;
GRANT DELETE ON event_queue TO countersign_watchtower, countersign_coordinator;
GRANT INSERT, UPDATE ON consumer_cursor, lease TO countersign_coordinator, countersign_watchtower;
-- A withdrawal submitted through the pages leaves its event.
GRANT INSERT ON event, event_queue TO countersign_web;

-- Whoever applies this, the owner's role owns it, and applies what comes later.
GRANT USAGE, CREATE ON SCHEMA public TO countersign_owner;
DO $$
DECLARE
    owned RECORD;
BEGIN
    FOR owned IN SELECT tablename FROM pg_tables
        WHERE schemaname = current_schema() AND tableowner = current_user
            AND current_user <> 'countersign_owner'
    LOOP
        EXECUTE format('ALTER TABLE %I OWNER TO countersign_owner', owned.tablename);
    END LOOP;
    IF current_user <> 'countersign_owner' THEN
        ALTER FUNCTION countersign_refuse_change() OWNER TO countersign_owner;
    END IF;
END $$;
-- end only
