-- Persons who sign in to the pages: who they are, their passkeys, sessions, invitations, roles and absences.
-- Of every secret only the SHA-256 is kept. No row is ever deleted; what is over has a time at which it ended.

CREATE TABLE person (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN ('operator', 'approver', 'requester', 'auditor')),
    vault {bytes} REFERENCES vault (id),
    created_at {int} NOT NULL,
    created_by TEXT NOT NULL,
    ended_at {int},
    ended_by TEXT,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
){strict};

-- Passkeys by which persons sign in. They approve nothing.
CREATE TABLE credential (
    id {bytes} PRIMARY KEY,
    person TEXT NOT NULL REFERENCES person (name),
    public_key TEXT NOT NULL,
    rp_id TEXT NOT NULL,
    synced {int} NOT NULL CHECK (synced IN (0, 1)),
    label TEXT NOT NULL,
    created_at {int} NOT NULL,
    last_used_at {int},
    revoked_at {int}
){strict};

CREATE INDEX credential_by_person ON credential (person);

-- Passkeys for approvals in the page (`tool = "page"` in a policy). They open no session.
CREATE TABLE page_key (
    credential {bytes} PRIMARY KEY,
    person TEXT NOT NULL REFERENCES person (name),
    record TEXT NOT NULL UNIQUE,
    rp_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    synced {int} NOT NULL CHECK (synced IN (0, 1)),
    label TEXT NOT NULL,
    created_at {int} NOT NULL,
    revoked_at {int}
){strict};

CREATE INDEX page_key_by_person ON page_key (person);

-- `needs_second`: the word of a second operator is needed before the link opens anything.
CREATE TABLE invitation (
    sha256 {bytes} PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    person TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('operator', 'approver', 'requester', 'auditor')),
    vault {bytes} REFERENCES vault (id),
    created_at {int} NOT NULL,
    created_by TEXT NOT NULL,
    expires_at {int} NOT NULL CHECK (expires_at > created_at),
    needs_second {int} NOT NULL CHECK (needs_second IN (0, 1)),
    confirmed_at {int},
    confirmed_by TEXT CHECK (confirmed_by <> created_by),
    used_at {int},
    revoked_at {int},
    revoked_by TEXT,
    CHECK ((confirmed_at IS NULL) = (confirmed_by IS NULL)),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
    CHECK (used_at IS NULL OR revoked_at IS NULL),
    CHECK (used_at IS NULL OR needs_second = 0 OR confirmed_at IS NOT NULL)
){strict};

-- One invitation of a name is open at a time.
CREATE UNIQUE INDEX invitation_open ON invitation (person) WHERE used_at IS NULL AND revoked_at IS NULL;

-- Challenges of WebAuthn, each for one use. `subject`: the hash of the invitation that is used.
CREATE TABLE ceremony (
    sha256 {bytes} PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('sign-in', 'join', 'passkey', 'page-key')),
    challenge {bytes} NOT NULL UNIQUE,
    person TEXT,
    subject {bytes},
    created_at {int} NOT NULL,
    expires_at {int} NOT NULL CHECK (expires_at > created_at),
    used_at {int}
){strict};

-- `previous_sha256` is the secret before the last rotation; it counts a little longer, for requests under way.
CREATE TABLE web_session (
    id TEXT PRIMARY KEY,
    sha256 {bytes} NOT NULL UNIQUE,
    previous_sha256 {bytes} UNIQUE,
    person TEXT NOT NULL REFERENCES person (name),
    csrf TEXT NOT NULL,
    created_at {int} NOT NULL,
    rotated_at {int} NOT NULL,
    seen_at {int} NOT NULL,
    expires_at {int} NOT NULL CHECK (expires_at > created_at),
    ended_at {int},
    ended_why TEXT,
    bridge {int} CHECK (bridge BETWEEN 1 AND 65535),
    user_agent TEXT NOT NULL,
    CHECK ((ended_at IS NULL) = (ended_why IS NULL))
){strict};

CREATE INDEX web_session_by_person ON web_session (person, created_at);

-- Four eyes: what one operator proposes, another one decides. `alone`: there was no other one.
CREATE TABLE role_change (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES person (name),
    from_role TEXT NOT NULL CHECK (from_role IN ('operator', 'approver', 'requester', 'auditor')),
    to_role TEXT NOT NULL CHECK (to_role IN ('operator', 'approver', 'requester', 'auditor', 'ended')),
    proposed_at {int} NOT NULL,
    proposed_by TEXT NOT NULL,
    decided_at {int},
    decided_by TEXT CHECK (decided_by <> proposed_by),
    outcome TEXT CHECK (outcome IN ('confirmed', 'rejected', 'withdrawn', 'alone')),
    CHECK (from_role <> to_role),
    CHECK ((decided_at IS NULL) = (outcome IS NULL)),
    CHECK (outcome IS NULL OR (outcome IN ('confirmed', 'rejected')) = (decided_by IS NOT NULL)),
    CHECK (outcome IS NOT NULL OR decided_by IS NULL)
){strict};

-- One change of a person is open at a time.
CREATE UNIQUE INDEX role_change_open ON role_change (person) WHERE decided_at IS NULL;

CREATE TABLE absence (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES person (name),
    from_at {int} NOT NULL,
    until_at {int} NOT NULL CHECK (until_at > from_at),
    reason TEXT NOT NULL,
    said_at {int} NOT NULL,
    said_by TEXT NOT NULL,
    ended_at {int},
    ended_by TEXT,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
){strict};

CREATE INDEX absence_open ON absence (person, from_at) WHERE ended_at IS NULL;

-- How often something was tried in a stretch of time. Keys are few: addresses are put into buckets.
CREATE TABLE throttle (
    key TEXT PRIMARY KEY,
    window_start {int} NOT NULL,
    count {int} NOT NULL CHECK (count >= 0)
){strict};

-- only postgres:
GRANT SELECT ON person, credential, page_key, role_change, absence, throttle
    TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT SELECT ON invitation, ceremony, web_session TO countersign_coordinator, countersign_web;
GRANT SELECT (id, person, role, vault, created_at, created_by, expires_at, needs_second, confirmed_at, confirmed_by, used_at,
    revoked_at, revoked_by) ON invitation TO countersign_auditor;
GRANT SELECT (kind, person, created_at, expires_at, used_at) ON ceremony TO countersign_auditor;
GRANT SELECT (id, person, created_at, rotated_at, seen_at, expires_at, ended_at, ended_why, bridge, user_agent)
    ON web_session TO countersign_auditor;
GRANT INSERT ON person, credential, page_key, invitation, ceremony, web_session, role_change, absence, throttle
    TO countersign_coordinator;
GRANT UPDATE (role, vault, ended_at, ended_by) ON person TO countersign_coordinator;
GRANT UPDATE (label, last_used_at, revoked_at) ON credential TO countersign_coordinator;
GRANT UPDATE (label, revoked_at) ON page_key TO countersign_coordinator;
GRANT UPDATE (confirmed_at, confirmed_by, used_at, revoked_at, revoked_by) ON invitation TO countersign_coordinator;
GRANT UPDATE (used_at) ON ceremony TO countersign_coordinator;
GRANT UPDATE (sha256, previous_sha256, rotated_at, seen_at, ended_at, ended_why, bridge)
    ON web_session TO countersign_coordinator;
GRANT UPDATE (decided_at, decided_by, outcome) ON role_change TO countersign_coordinator;
GRANT UPDATE (ended_at, ended_by) ON absence TO countersign_coordinator;
GRANT UPDATE (window_start, count) ON throttle TO countersign_coordinator;
-- end only
