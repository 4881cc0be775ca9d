-- The queue: how fast each withdrawal is to be paid, and what the operators were told. Metadata of submissions: no
-- signer sees it, and nothing that is signed depends on it.

CREATE TABLE withdrawal_speed (
    vault {bytes} NOT NULL,
    requester TEXT NOT NULL,
    id TEXT NOT NULL,
    speed TEXT NOT NULL CHECK (speed IN ('urgent', 'normal', 'economy')),
    latest {int},
    told TEXT NOT NULL CHECK (told IN ('', 'in_danger', 'passed')),
    changed_by TEXT NOT NULL,
    changed_at {int} NOT NULL,
    PRIMARY KEY (vault, requester, id),
    FOREIGN KEY (vault, requester, id) REFERENCES withdrawal (vault, requester, id)
){strict};

-- The last question that a held queue asked: open while a feerate is asked for, answered once one is allowed.
CREATE TABLE queue_hold (
    vault {bytes} PRIMARY KEY REFERENCES vault (id),
    question {int} NOT NULL CHECK (question > 0),
    asked_sat_kwu {int} CHECK (asked_sat_kwu > 0),
    allowed_sat_kwu {int} CHECK (allowed_sat_kwu > 0),
    allowed_by TEXT NOT NULL,
    changed_at {int} NOT NULL,
    CHECK (allowed_sat_kwu IS NULL OR asked_sat_kwu IS NOT NULL)
){strict};

-- only postgres:
GRANT SELECT ON withdrawal_speed, queue_hold
    TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT INSERT ON withdrawal_speed, queue_hold TO countersign_coordinator;
GRANT UPDATE (speed, latest, told, changed_by, changed_at) ON withdrawal_speed TO countersign_coordinator;
GRANT UPDATE (question, asked_sat_kwu, allowed_sat_kwu, allowed_by, changed_at) ON queue_hold
    TO countersign_coordinator;
-- A withdrawal submitted through the pages may say how fast.
GRANT INSERT ON withdrawal_speed TO countersign_web;
-- end only
