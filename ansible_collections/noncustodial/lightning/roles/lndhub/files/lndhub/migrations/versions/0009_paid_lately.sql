-- The invoices of a user that were paid last, however old they are (/getuserinvoices).
CREATE INDEX invoices_paid ON invoices (user_id, settled_at) WHERE state = 'settled';
