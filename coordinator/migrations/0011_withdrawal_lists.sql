-- Withdrawals are listed newest first, of one vault and of all, a page at a time.

CREATE INDEX withdrawal_by_age ON withdrawal (vault, submitted_at, requester, id);

CREATE INDEX withdrawal_by_age_anywhere ON withdrawal (submitted_at, vault, requester, id);
