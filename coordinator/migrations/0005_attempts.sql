-- Many attempts a batch: what each spends, what each pays, and which spends of our coins are settled.

ALTER TABLE attempt ADD COLUMN purpose TEXT NOT NULL DEFAULT 'pay'
    CHECK (purpose IN ('pay', 'bump', 'consolidate', 'refresh', 'cancel', 'drain', 'recover'));

UPDATE attempt SET purpose = (SELECT b.purpose FROM batch b WHERE b.id = attempt.batch);

-- The coins that an attempt spends, from the moment it is issued. Rivals are found by these, never by the
-- batch that held the coins.
CREATE TABLE attempt_input (
    attempt {bytes} NOT NULL REFERENCES attempt (txid),
    txid {bytes} NOT NULL,
    vout {int} NOT NULL,
    amount {int} NOT NULL CHECK (amount BETWEEN 1 AND 2100000000000000),
    PRIMARY KEY (attempt, txid, vout)
){strict};

CREATE INDEX attempt_input_by_coin ON attempt_input (txid, vout);

-- The withdrawals that an attempt pays; `turn` counts the attempts of one withdrawal.
CREATE TABLE attempt_payment (
    attempt {bytes} NOT NULL REFERENCES attempt (txid),
    vault {bytes} NOT NULL,
    requester TEXT NOT NULL,
    withdrawal TEXT NOT NULL,
    turn {int} NOT NULL CHECK (turn >= 1),
    PRIMARY KEY (attempt, vault, requester, withdrawal),
    UNIQUE (vault, requester, withdrawal, turn),
    FOREIGN KEY (vault, requester, withdrawal) REFERENCES withdrawal (vault, requester, id)
){strict};

-- The coins that a settled transaction spends, ours or not; `settled` is 0 again after a reorg.
CREATE TABLE settled_spend (
    txid {bytes} NOT NULL,
    vout {int} NOT NULL,
    spender {bytes} NOT NULL,
    settled {int} NOT NULL CHECK (settled IN (0, 1)),
    PRIMARY KEY (txid, vout, spender)
){strict};

-- Until now every batch had one attempt, which spends what was reserved and pays what was batched.
INSERT INTO attempt_input (attempt, txid, vout, amount)
    SELECT a.txid, r.txid, r.vout, r.amount FROM attempt a JOIN reservation r ON r.batch = a.batch;

INSERT INTO attempt_payment (attempt, vault, requester, withdrawal, turn)
    SELECT a.txid, w.vault, w.requester, w.withdrawal,
        ROW_NUMBER() OVER (PARTITION BY w.vault, w.requester, w.withdrawal ORDER BY a.created_at, a.txid)
    FROM attempt a JOIN batch_withdrawal w ON w.batch = a.batch;

INSERT INTO settled_spend (txid, vout, spender, settled)
    SELECT i.txid, i.vout, i.attempt, 1 FROM attempt_input i JOIN attempt a ON a.txid = i.attempt
    WHERE a.state = 'settled';

-- only postgres:
GRANT SELECT ON attempt_input, attempt_payment, settled_spend
    TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT INSERT ON attempt_input, attempt_payment, settled_spend TO countersign_coordinator;
GRANT UPDATE (settled) ON settled_spend TO countersign_coordinator;
-- end only
