-- Versions of a vault's policy after the first, their keysets, and which signers are gone.

-- The keysets of each vault, the oldest first. `keychain` is the first keyset with the same descriptor:
-- addresses, indexes and coins belong to it, so that no version uses an index of a descriptor again.
CREATE TABLE vault_keyset (
    vault {bytes} NOT NULL REFERENCES vault (id),
    keyset {bytes} NOT NULL,
    keychain {bytes} NOT NULL,
    number {int} NOT NULL CHECK (number >= 1),
    since {int} NOT NULL,
    PRIMARY KEY (vault, keyset),
    UNIQUE (vault, number),
    FOREIGN KEY (vault, keychain) REFERENCES vault_keyset (vault, keyset)
){strict};

INSERT INTO vault_keyset (vault, keyset, keychain, number, since)
    SELECT id, keyset, keyset, 1, created_at FROM vault;

-- Documents that follow a version, as their authors hand them in. `approved_at`: when enough persons had
-- signed; the delay runs from there.
CREATE TABLE proposal (
    id {bytes} PRIMARY KEY,
    vault {bytes} NOT NULL REFERENCES vault (id),
    previous {bytes} NOT NULL REFERENCES policy (id),
    version {int} NOT NULL CHECK (version >= 2),
    document {bytes} NOT NULL,
    proposed_at {int} NOT NULL,
    proposed_by TEXT NOT NULL,
    approved_at {int} CHECK (approved_at >= proposed_at),
    adopted_at {int} CHECK (adopted_at >= approved_at),
    adopted_by TEXT,
    CHECK ((adopted_at IS NULL) = (adopted_by IS NULL)),
    CHECK (adopted_at IS NULL OR approved_at IS NOT NULL)
){strict};

-- One successor each.
CREATE UNIQUE INDEX proposal_adopted ON proposal (previous) WHERE adopted_at IS NOT NULL;

CREATE INDEX proposal_by_vault ON proposal (vault, version);

-- The signatures under them that count.
CREATE TABLE proposal_approval (
    proposal {bytes} NOT NULL REFERENCES proposal (id),
    approving_key {bytes} NOT NULL,
    expires {int} NOT NULL,
    approver TEXT NOT NULL,
    signature {bytes} NOT NULL,
    received_at {int} NOT NULL,
    PRIMARY KEY (proposal, approving_key, expires)
){strict};

-- Which signers are gone, and how. A mark ends when the signer is present again, or replaced.
CREATE TABLE signer_mark (
    vault {bytes} NOT NULL REFERENCES vault (id),
    signer TEXT NOT NULL,
    number {int} NOT NULL CHECK (number >= 1),
    mark TEXT NOT NULL CHECK (mark IN ('lost', 'stolen', 'away', 'leaving')),
    reason TEXT NOT NULL,
    marked_at {int} NOT NULL,
    marked_by TEXT NOT NULL,
    ended_at {int} CHECK (ended_at >= marked_at),
    ended_by TEXT,
    PRIMARY KEY (vault, signer, number),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
){strict};

CREATE UNIQUE INDEX signer_mark_open ON signer_mark (vault, signer) WHERE ended_at IS NULL;

-- only postgres:
GRANT SELECT ON vault_keyset, proposal, proposal_approval, signer_mark
    TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT INSERT ON vault_keyset, proposal, proposal_approval, signer_mark TO countersign_coordinator;
GRANT UPDATE (approved_at, adopted_at, adopted_by) ON proposal TO countersign_coordinator;
GRANT UPDATE (ended_at, ended_by) ON signer_mark TO countersign_coordinator;
-- end only
