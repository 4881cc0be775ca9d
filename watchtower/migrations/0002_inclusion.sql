-- What shows coins in the chain to those who have no node. Rows of blocks that leave the active chain are deleted.

-- The headers of the active chain.
CREATE TABLE block_header (
    hash {bytes} PRIMARY KEY REFERENCES chain_block (hash),
    height {int} NOT NULL UNIQUE CHECK (height >= 0),
    raw {bytes} NOT NULL CHECK (length(raw) = 80)
){strict};

-- Where the transactions of ours stand in their blocks' Merkle trees, the siblings from the leaf up.
CREATE TABLE inclusion_path (
    txid {bytes} PRIMARY KEY REFERENCES chain_transaction (txid),
    block_hash {bytes} NOT NULL REFERENCES block_header (hash),
    position {int} NOT NULL CHECK (position >= 0),
    siblings {bytes} NOT NULL CHECK (length(siblings) % 32 = 0)
){strict};
CREATE INDEX inclusion_path_by_block ON inclusion_path (block_hash);

-- only postgres:
GRANT SELECT ON block_header, inclusion_path
    TO countersign_coordinator, countersign_watchtower, countersign_web, countersign_auditor;
GRANT INSERT, DELETE ON block_header, inclusion_path TO countersign_watchtower;
DO $$
BEGIN
    IF current_user <> 'countersign_owner' THEN
        ALTER TABLE block_header OWNER TO countersign_owner;
        ALTER TABLE inclusion_path OWNER TO countersign_owner;
    END IF;
END $$;
-- end only
