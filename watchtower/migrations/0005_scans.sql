-- Scans of blocks that were taken in before, history that is opening balance, several nodes, what the node's
-- answers to our transactions mean.

-- Blocks that operators ask to be read again. The daemon takes the oldest open one, ascending; without an end it
-- goes to the tip, and past its end too where it found coins.
CREATE TABLE scan (
    id {serial},
    from_height {int} NOT NULL CHECK (from_height >= 0),
    to_height {int} CHECK (to_height >= from_height),
    done_height {int},
    found {int} NOT NULL CHECK (found >= 0),
    requested_by TEXT NOT NULL,
    requested_at {int} NOT NULL,
    ended_at {int},
    failure TEXT,
    CHECK (failure IS NULL OR ended_at IS NOT NULL)
){strict};

-- The scan that found it. Until it ends well, a spend of the coin may be in a block that was not yet read again.
ALTER TABLE coin ADD COLUMN found_by {int} REFERENCES scan (id);
CREATE INDEX coin_found ON coin (found_by) WHERE found_by IS NOT NULL;

-- How far the watchtower's own catching up with the node has come.
CREATE TABLE catch_up (
    one_row {int} PRIMARY KEY CHECK (one_row = 1),
    from_height {int} NOT NULL,
    to_height {int} NOT NULL,
    seen_at {int} NOT NULL
){strict};

-- Blocks up to this height are history of the script: no deposit and no payment of the vault's own.
ALTER TABLE watched_script ADD COLUMN history_until {int} CHECK (history_until >= 0);

-- What the latest answer to a transaction of ours means.
ALTER TABLE outgoing_status ADD COLUMN class TEXT;

-- Opening balances are an account of their own.
-- only postgres:
ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_kind_check;
ALTER TABLE ledger_account ADD CONSTRAINT ledger_account_kind_check CHECK (kind IN
    ('coins', 'deposits_pending', 'deposits_settled', 'clearing', 'withdrawals', 'fees', 'opening'));
-- end only
-- only sqlite:
CREATE TABLE wider_account (
    id {serial},
    vault {bytes} NOT NULL CHECK (length(vault) = 32),
    kind TEXT NOT NULL CHECK (kind IN
        ('coins', 'deposits_pending', 'deposits_settled', 'clearing', 'withdrawals', 'fees', 'opening')),
    reference TEXT NOT NULL,
    UNIQUE (vault, kind, reference)
){strict};
INSERT INTO wider_account (id, vault, kind, reference) SELECT id, vault, kind, reference FROM ledger_account;
CREATE TABLE wider_entry (
    number {serial},
    debit {int} NOT NULL REFERENCES wider_account (id),
    credit {int} NOT NULL REFERENCES wider_account (id),
    amount_sat {int} NOT NULL CHECK (amount_sat BETWEEN 1 AND 2100000000000000),
    cause TEXT NOT NULL UNIQUE,
    entered_at {int} NOT NULL,
    CHECK (debit <> credit)
){strict};
INSERT INTO wider_entry (number, debit, credit, amount_sat, cause, entered_at)
    SELECT number, debit, credit, amount_sat, cause, entered_at FROM ledger_entry;
DROP TABLE ledger_entry;
DROP TABLE ledger_account;
ALTER TABLE wider_account RENAME TO ledger_account;
ALTER TABLE wider_entry RENAME TO ledger_entry;
CREATE INDEX ledger_entry_by_debit ON ledger_entry (debit, number);
CREATE INDEX ledger_entry_by_credit ON ledger_entry (credit, number);
CREATE INDEX ledger_entry_by_time ON ledger_entry (entered_at);
CREATE TRIGGER ledger_entry_is_never_updated BEFORE UPDATE ON ledger_entry
    BEGIN SELECT RAISE(ABORT, 'ledger_entry is append-only'); END;
CREATE TRIGGER ledger_entry_is_never_deleted BEFORE DELETE ON ledger_entry
    BEGIN SELECT RAISE(ABORT, 'ledger_entry is append-only'); END;
-- end only

-- only postgres:
GRANT SELECT ON scan, catch_up
    TO countersign_coordinator, countersign_watchtower, countersign_web, countersign_auditor;
GRANT INSERT ON scan TO countersign_coordinator;
GRANT UPDATE ON scan TO countersign_watchtower;
GRANT INSERT, UPDATE ON catch_up TO countersign_watchtower;
-- Nodes that are configured no more.
GRANT DELETE ON node_status TO countersign_watchtower;
DO $$
BEGIN
    IF current_user <> 'countersign_owner' THEN
        ALTER TABLE scan OWNER TO countersign_owner;
        ALTER TABLE catch_up OWNER TO countersign_owner;
    END IF;
END $$;
-- end only
