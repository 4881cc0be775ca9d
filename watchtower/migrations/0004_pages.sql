-- What lists of people's pages are read by: newest first, from a place on.

-- What is in no block yet is newest of all.
CREATE INDEX coin_newest ON coin (vault, (COALESCE(block_height, 4294967295)), txid, vout);

CREATE INDEX watched_script_newest ON watched_script (vault, watched_at, derivation_index, script);

CREATE INDEX event_by_object_id ON event (object_id);
