-- The height up to which blocks are history of a wallet that moves in: fixed as it begins, for whatever is watched for it
-- later too.

ALTER TABLE moving_in ADD COLUMN history_until {int} CHECK (history_until >= 0);
