-- Attempts that are known by the signers' journals or by the chain alone, and how far a rebuilding came.

-- What a journal said of an attempt, or what the chain showed of it: an entry `signed` (docs/formats.md F7).
-- The attempt's own `psbt` is empty where nobody kept that. `source`: the journal's key, or `chain`.
CREATE TABLE attempt_memory (
    txid {bytes} NOT NULL REFERENCES attempt (txid),
    source TEXT NOT NULL,
    signer TEXT NOT NULL,
    entry {bytes} NOT NULL,
    taken_at {int} NOT NULL,
    PRIMARY KEY (txid, source)
){strict};

-- A database that is rebuilt from papers and chain: until it is done, nobody serves it.
CREATE TABLE rebuilding (
    one_row {int} PRIMARY KEY CHECK (one_row = 1),
    sources {bytes} NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('scanning', 'filled', 'done')),
    began_at {int} NOT NULL,
    done_at {int},
    CHECK ((stage = 'done') = (done_at IS NOT NULL))
){strict};

-- only postgres:
GRANT SELECT ON attempt_memory, rebuilding TO countersign_coordinator, countersign_web, countersign_auditor;
GRANT INSERT ON attempt_memory TO countersign_coordinator;
-- A withdrawal that only a journal knew gets its requester's signature when the request comes again.
GRANT UPDATE (request_key, request_signature) ON withdrawal TO countersign_coordinator;
-- end only
