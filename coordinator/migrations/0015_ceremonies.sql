-- Ceremonies: several persons in several places set up a vault, or one takes a signer's seat in a vault that is there.
-- Nothing in them counts by itself: what comes of one is a document that goes the way of every other.

-- `vault`: the one in which seats are filled anew; none where a vault is to be. `previous`: its version when it began.
CREATE TABLE vault_ceremony (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    vault {bytes} REFERENCES vault (id),
    previous {bytes} REFERENCES policy (id),
    created_at {int} NOT NULL,
    created_by TEXT NOT NULL,
    draft {bytes},
    draft_id {bytes} CHECK (length(draft_id) = 32),
    drafted_at {int},
    drafted_by TEXT,
    despite_devices {int} NOT NULL CHECK (despite_devices IN (0, 1)),
    ended_at {int} CHECK (ended_at >= created_at),
    ended_by TEXT,
    outcome TEXT CHECK (outcome IN ('added', 'proposed', 'abandoned')),
    CHECK ((vault IS NULL) = (previous IS NULL)),
    CHECK ((draft IS NULL) = (draft_id IS NULL)),
    CHECK ((draft IS NULL) = (drafted_at IS NULL)),
    CHECK ((draft IS NULL) = (drafted_by IS NULL)),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CHECK (outcome IS NULL OR outcome = 'abandoned' OR draft IS NOT NULL)
){strict};

-- Of a vault one is open at a time.
CREATE UNIQUE INDEX vault_ceremony_open ON vault_ceremony (vault) WHERE ended_at IS NULL;

-- A seat: a signer of the policy that is to be. `keeps`: its key stays, and its person confirms all the same.
-- `link` is the SHA-256 of the secret in the invitation that is open, `sitting` that of the one that was used.
-- `compared` and `ready` are the ids of the document that the person confirmed: of another one they say nothing.
CREATE TABLE vault_seat (
    ceremony TEXT NOT NULL REFERENCES vault_ceremony (id),
    name TEXT NOT NULL,
    number {int} NOT NULL CHECK (number >= 1),
    person TEXT NOT NULL,
    keeps {int} NOT NULL CHECK (keeps IN (0, 1)),
    link {bytes} UNIQUE,
    link_until {int},
    sitting {bytes} UNIQUE,
    sitting_until {int},
    sat_at {int},
    record TEXT,
    xpub {bytes},
    journal TEXT,
    filled_at {int},
    filled_by TEXT,
    compared {bytes} CHECK (length(compared) = 32),
    compared_with TEXT,
    compared_at {int},
    ready {bytes} CHECK (length(ready) = 32),
    ready_at {int},
    PRIMARY KEY (ceremony, name),
    UNIQUE (ceremony, number),
    UNIQUE (ceremony, xpub),
    UNIQUE (ceremony, journal),
    CHECK ((link IS NULL) = (link_until IS NULL)),
    CHECK ((sitting IS NULL) = (sitting_until IS NULL)),
    CHECK ((sitting IS NULL) = (sat_at IS NULL)),
    CHECK ((record IS NULL) = (xpub IS NULL)),
    CHECK ((record IS NULL) = (journal IS NULL)),
    CHECK ((record IS NULL) = (filled_at IS NULL)),
    CHECK ((record IS NULL) = (filled_by IS NULL)),
    CHECK ((compared IS NULL) = (compared_with IS NULL)),
    CHECK ((compared IS NULL) = (compared_at IS NULL)),
    CHECK ((ready IS NULL) = (ready_at IS NULL))
){strict};

-- only postgres:
GRANT SELECT ON vault_ceremony TO countersign_coordinator, countersign_auditor;
GRANT SELECT ON vault_seat TO countersign_coordinator;
GRANT SELECT (ceremony, name, number, person, keeps, link_until, sitting_until, sat_at, record, xpub, journal, filled_at,
    filled_by, compared, compared_with, compared_at, ready, ready_at) ON vault_seat TO countersign_auditor;
GRANT INSERT ON vault_ceremony, vault_seat TO countersign_coordinator;
GRANT UPDATE (draft, draft_id, drafted_at, drafted_by, despite_devices, ended_at, ended_by, outcome)
    ON vault_ceremony TO countersign_coordinator;
GRANT UPDATE (link, link_until, sitting, sitting_until, sat_at, record, xpub, journal, filled_at, filled_by,
    compared, compared_with, compared_at, ready, ready_at) ON vault_seat TO countersign_coordinator;
-- end only
