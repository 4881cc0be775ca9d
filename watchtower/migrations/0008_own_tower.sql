-- A watchtower in other hands: the policies that it watches without a coordinator, what its owner knows of, and which
-- alarms its command took.

CREATE TABLE watched_policy (
    id {bytes} PRIMARY KEY CHECK (length(id) = 32),
    document {bytes} NOT NULL,
    added_at {int} NOT NULL
){strict};
CREATE TABLE expected_transaction (
    txid {bytes} PRIMARY KEY CHECK (length(txid) = 32),
    expected_at {int} NOT NULL
){strict};
CREATE TABLE alarm_told (
    alarm {int} PRIMARY KEY REFERENCES alarm (id),
    told_at {int} NOT NULL
){strict};

-- only postgres:
GRANT SELECT ON watched_policy, expected_transaction, alarm_told
    TO countersign_coordinator, countersign_watchtower, countersign_web, countersign_auditor;
GRANT INSERT ON watched_policy, expected_transaction, alarm_told TO countersign_watchtower;
DO $$
BEGIN
    IF current_user <> 'countersign_owner' THEN
        ALTER TABLE watched_policy OWNER TO countersign_owner;
        ALTER TABLE expected_transaction OWNER TO countersign_owner;
        ALTER TABLE alarm_told OWNER TO countersign_owner;
    END IF;
END $$;
-- end only
