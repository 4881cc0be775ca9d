-- Sums of the books by day read the days that are asked for, and never all of them.

CREATE INDEX ledger_entry_by_time ON ledger_entry (entered_at);
