-- Challenges of WebAuthn are forgotten once they are over; what came of them is told by events.
CREATE INDEX ceremony_by_end ON ceremony (expires_at);

-- How often strangers try is counted in memory: nobody who is not signed in writes for it.
DROP TABLE throttle;

-- only postgres:
GRANT DELETE ON ceremony TO countersign_coordinator;
-- end only
