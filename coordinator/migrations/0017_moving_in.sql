-- Wallets whose descriptor had a life elsewhere: what is read again for them, and what they called their coins. Nothing
-- of such a vault is spent before books and node agree.

CREATE TABLE moving_in (
    vault {bytes} PRIMARY KEY REFERENCES vault (id),
    from_height {int} NOT NULL CHECK (from_height >= 0),
    end_index {int} NOT NULL CHECK (end_index >= 1),
    scan {int} NOT NULL,
    comparison {int},
    begun_at {int} NOT NULL,
    begun_by TEXT NOT NULL,
    ended_at {int} CHECK (ended_at >= begun_at)
){strict};

-- What the wallet said of addresses, transactions and outputs (BIP 329), until its coins are found.
CREATE TABLE moving_label (
    vault {bytes} NOT NULL REFERENCES moving_in (vault),
    kind TEXT NOT NULL CHECK (kind IN ('addr', 'tx', 'output')),
    about TEXT NOT NULL,
    label TEXT NOT NULL CHECK (length(label) <= 80),
    spendable {int} NOT NULL CHECK (spendable IN (0, 1)),
    PRIMARY KEY (vault, kind, about)
){strict};

-- only postgres:
GRANT SELECT ON moving_in, moving_label TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT INSERT ON moving_in, moving_label TO countersign_coordinator;
GRANT UPDATE (end_index, scan, comparison, ended_at) ON moving_in TO countersign_coordinator;
GRANT UPDATE (label, spendable) ON moving_label TO countersign_coordinator;
-- end only
