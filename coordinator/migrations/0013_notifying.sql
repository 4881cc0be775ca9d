-- What is told to whom, outside of the pages: by mail to persons, by webhooks to programs.
-- A notice is written once, with the event or the wait that causes it; it is sent at least once.

CREATE TABLE notification_setting (
    person TEXT PRIMARY KEY REFERENCES person (name),
    mail TEXT NOT NULL,
    kinds TEXT NOT NULL,
    offset_minutes {int} NOT NULL CHECK (offset_minutes BETWEEN -720 AND 840),
    quiet_from {int} CHECK (quiet_from BETWEEN 0 AND 23),
    quiet_until {int} CHECK (quiet_until BETWEEN 0 AND 23),
    digest_hour {int} CHECK (digest_hour BETWEEN 0 AND 23),
    remind_hours {int} CHECK (remind_hours BETWEEN 1 AND 336),
    escalate_hours {int} CHECK (escalate_hours BETWEEN 1 AND 336),
    changed_at {int} NOT NULL,
    CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
){strict};

CREATE TABLE notice (
    person TEXT NOT NULL REFERENCES person (name),
    key TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('waits', 'settled', 'failed', 'stop', 'policy', 'alarm')),
    title TEXT NOT NULL,
    words TEXT NOT NULL,
    href TEXT NOT NULL,
    at {int} NOT NULL,
    sent_at {int},
    PRIMARY KEY (person, key)
){strict};

CREATE INDEX notice_unsent ON notice (person, at) WHERE sent_at IS NULL;

-- What waits on a person since the person was told; `gone_at` once it does not any more.
CREATE TABLE notice_wait (
    person TEXT NOT NULL REFERENCES person (name),
    key TEXT NOT NULL,
    told_at {int} NOT NULL,
    reminded_at {int} NOT NULL,
    escalated_at {int},
    gone_at {int},
    PRIMARY KEY (person, key, told_at)
){strict};

CREATE UNIQUE INDEX notice_wait_open ON notice_wait (person, key) WHERE gone_at IS NULL;

-- `secret` signs what is sent. `number` is the last event that was taken, or passed over.
CREATE TABLE webhook (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    shape TEXT NOT NULL CHECK (shape IN ('json', 'slack', 'matrix')),
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    vault {bytes} REFERENCES vault (id),
    kinds TEXT NOT NULL,
    created_at {int} NOT NULL,
    created_by TEXT NOT NULL,
    number {int} NOT NULL,
    paused_at {int},
    paused_why TEXT,
    failing_since {int},
    removed_at {int},
    removed_by TEXT,
    CHECK ((paused_at IS NULL) = (paused_why IS NULL)),
    CHECK ((removed_at IS NULL) = (removed_by IS NULL))
){strict};

-- How the delivery of an event stands; number 0 is the test that an operator sent last.
CREATE TABLE webhook_delivery (
    webhook TEXT NOT NULL REFERENCES webhook (id),
    number {int} NOT NULL,
    kind TEXT NOT NULL,
    tries {int} NOT NULL CHECK (tries >= 1),
    tried_at {int} NOT NULL,
    status {int},
    error TEXT NOT NULL,
    PRIMARY KEY (webhook, number)
){strict};

-- only postgres:
GRANT SELECT ON notification_setting, notice, notice_wait, webhook_delivery TO countersign_coordinator, countersign_auditor;
GRANT SELECT ON webhook TO countersign_coordinator;
GRANT SELECT (id, name, shape, vault, kinds, created_at, created_by, number, paused_at, paused_why, failing_since, removed_at,
    removed_by) ON webhook TO countersign_auditor;
GRANT INSERT ON notification_setting, notice, notice_wait, webhook, webhook_delivery TO countersign_coordinator;
GRANT UPDATE (mail, kinds, offset_minutes, quiet_from, quiet_until, digest_hour, remind_hours, escalate_hours, changed_at)
    ON notification_setting TO countersign_coordinator;
GRANT UPDATE (sent_at) ON notice TO countersign_coordinator;
GRANT UPDATE (reminded_at, escalated_at, gone_at) ON notice_wait TO countersign_coordinator;
GRANT UPDATE (number, paused_at, paused_why, failing_since, removed_at, removed_by) ON webhook TO countersign_coordinator;
GRANT UPDATE (kind, tries, tried_at, status, error) ON webhook_delivery TO countersign_coordinator;
-- end only
