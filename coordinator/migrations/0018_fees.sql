-- What operators said of a vault's fees: how fast, how long to wait, how much more to pay, and who decides. `standing`
-- is 0 once it is taken away. Rungs are feerates in sat per 1000 weight units, lowest first, with commas between.

CREATE TABLE vault_fee_policy (
    vault {bytes} PRIMARY KEY REFERENCES vault (id),
    target_blocks {int} NOT NULL CHECK (target_blocks BETWEEN 1 AND 1008),
    deadline_blocks {int} NOT NULL CHECK (deadline_blocks BETWEEN 1 AND 1008),
    budget {int} NOT NULL CHECK (budget BETWEEN 0 AND 2100000000000000),
    bump TEXT NOT NULL CHECK (bump IN ('off', 'propose', 'automatic')),
    cpfp {int} NOT NULL CHECK (cpfp IN (0, 1)),
    consolidate_below_sat_kwu {int} CHECK (consolidate_below_sat_kwu > 0),
    rungs TEXT NOT NULL,
    standing {int} NOT NULL CHECK (standing IN (0, 1)),
    set_at {int} NOT NULL,
    set_by TEXT NOT NULL
){strict};

-- Of each batch the attempt that is out, since which height of the tip, and what was last done or said of it, at which
-- tip: nothing is done twice at one.
CREATE TABLE batch_bump (
    batch {bytes} PRIMARY KEY REFERENCES batch (id),
    attempt {bytes} NOT NULL REFERENCES attempt (txid),
    since_height {int} NOT NULL CHECK (since_height >= 0),
    tip {bytes} CHECK (length(tip) = 32),
    outcome TEXT NOT NULL CHECK (outcome IN ('waits', 'proposed', 'made', 'released', 'held')),
    code TEXT NOT NULL,
    says TEXT NOT NULL,
    feerate_sat_kwu {int} NOT NULL CHECK (feerate_sat_kwu >= 0),
    more {int} NOT NULL CHECK (more >= 0),
    left_over {int} NOT NULL CHECK (left_over >= 0),
    changed_at {int} NOT NULL
){strict};

-- The rungs of ladders: attempts of one batch that are exclusive with one another and pay the same, the lowest first.
-- One that is not released is broadcast by nobody here.
CREATE TABLE attempt_rung (
    attempt {bytes} PRIMARY KEY REFERENCES attempt (txid),
    ladder {bytes} NOT NULL REFERENCES attempt (txid),
    place {int} NOT NULL CHECK (place BETWEEN 1 AND 9),
    released_at {int},
    released_by TEXT,
    UNIQUE (ladder, place),
    CHECK ((released_at IS NULL) = (released_by IS NULL))
){strict};

-- only postgres:
GRANT SELECT ON vault_fee_policy, batch_bump, attempt_rung
    TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT INSERT ON vault_fee_policy, batch_bump, attempt_rung TO countersign_coordinator;
GRANT UPDATE (target_blocks, deadline_blocks, budget, bump, cpfp, consolidate_below_sat_kwu, rungs, standing, set_at, set_by)
    ON vault_fee_policy TO countersign_coordinator;
GRANT UPDATE (attempt, since_height, tip, outcome, code, says, feerate_sat_kwu, more, left_over, changed_at)
    ON batch_bump TO countersign_coordinator;
GRANT UPDATE (released_at, released_by) ON attempt_rung TO countersign_coordinator;
-- end only
