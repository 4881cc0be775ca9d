-- What vaults say of deposits. The tracker decides by it once, when it first sees a deposit: what is said later changes
-- nothing of that. `standing` is 0 once it is taken away.

CREATE TABLE deposit_rule (
    vault {bytes} PRIMARY KEY CHECK (length(vault) = 32),
    minimum_sat {int} NOT NULL CHECK (minimum_sat BETWEEN 0 AND 2100000000000000),
    flood {int} NOT NULL CHECK (flood BETWEEN 1 AND 1000000),
    freeze_reuse {int} NOT NULL CHECK (freeze_reuse IN (0, 1)),
    standing {int} NOT NULL CHECK (standing IN (0, 1)),
    set_at {int} NOT NULL,
    set_by TEXT NOT NULL
){strict};

-- Whether it was below the vault's minimum when it was first seen: then it is credited to nobody.
ALTER TABLE coin ADD COLUMN below_minimum {int} NOT NULL DEFAULT 0 CHECK (below_minimum IN (0, 1));

-- For those that look at what has grown old.
CREATE INDEX coin_unspent_by_height ON coin (vault, block_height)
    WHERE placement = 'confirmed' AND spent_height IS NULL;

-- Deposits below the minimum are an account of their own.
-- only postgres:
ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_kind_check;
ALTER TABLE ledger_account ADD CONSTRAINT ledger_account_kind_check CHECK (kind IN
    ('coins', 'deposits_pending', 'deposits_settled', 'below_minimum', 'clearing', 'withdrawals', 'fees', 'opening'));
-- end only
-- only sqlite:
CREATE TABLE wider_account (
    id {serial},
    vault {bytes} NOT NULL CHECK (length(vault) = 32),
    kind TEXT NOT NULL CHECK (kind IN
        ('coins', 'deposits_pending', 'deposits_settled', 'below_minimum', 'clearing', 'withdrawals', 'fees', 'opening')),
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
GRANT SELECT ON deposit_rule
    TO countersign_coordinator, countersign_watchtower, countersign_web, countersign_auditor;
GRANT INSERT ON deposit_rule TO countersign_coordinator;
GRANT UPDATE (minimum_sat, flood, freeze_reuse, standing, set_at, set_by) ON deposit_rule TO countersign_coordinator;
DO $$
BEGIN
    IF current_user <> 'countersign_owner' THEN
        ALTER TABLE deposit_rule OWNER TO countersign_owner;
    END IF;
END $$;
-- end only
