-- What is wrong until somebody or something says that it is over. Rows are never deleted.

CREATE TABLE alarm (
    id {serial},
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    vault {bytes} CHECK (vault IS NULL OR length(vault) = 32),
    detail TEXT NOT NULL,
    raised_at {int} NOT NULL,
    ended_at {int},
    ended_by TEXT,
    ended_why TEXT,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CHECK ((ended_at IS NULL) = (ended_why IS NULL))
){strict};
-- One and the same thing is told once, until it is over.
CREATE UNIQUE INDEX alarm_open ON alarm (kind, subject) WHERE ended_at IS NULL;

-- only postgres:
GRANT SELECT ON alarm
    TO countersign_coordinator, countersign_watchtower, countersign_web, countersign_auditor;
GRANT INSERT ON alarm TO countersign_coordinator, countersign_watchtower;
GRANT UPDATE (detail, ended_at, ended_by, ended_why) ON alarm
    TO countersign_coordinator, countersign_watchtower;
DO $$
BEGIN
    IF current_user <> 'countersign_owner' THEN
        ALTER TABLE alarm OWNER TO countersign_owner;
    END IF;
END $$;
-- end only
