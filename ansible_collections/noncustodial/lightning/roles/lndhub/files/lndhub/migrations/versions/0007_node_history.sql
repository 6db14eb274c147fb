-- lnd's database may be lost and made anew under a living ledger. See node_history.py.

-- The histories of lnd that this ledger has followed, the last of them the present one. What the ledger booked before one began is in another lnd.
CREATE TABLE histories (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  node_id text NOT NULL,
  -- The last invoice and the last payment of before, by number and id.
  after_invoice bigint NOT NULL DEFAULT 0,
  after_payment bigint NOT NULL DEFAULT 0,
  -- What a person has said when it was accepted, and what had been found.
  reason text NOT NULL,
  found text NOT NULL DEFAULT '',
  began_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER histories_never BEFORE UPDATE OR DELETE ON histories FOR EACH ROW EXECUTE FUNCTION never();
CREATE TRIGGER histories_never_all BEFORE TRUNCATE ON histories FOR EACH STATEMENT EXECUTE FUNCTION never();

-- What is looked for in lnd every few seconds.
CREATE INDEX invoices_deposits ON invoices (number) WHERE state = 'settled' AND NOT internal;
CREATE INDEX payments_made ON payments (id) WHERE state = 'settled' AND kind <> 'internal';

-- Why lnd is not the one whose records the ledger follows; NULL while it is.
ALTER TABLE progress ADD lost text;

ALTER TABLE payments
  -- lnd has had it: that it has it no more is no proof that it never did.
  ADD taken boolean NOT NULL DEFAULT false,
  -- Why a person has ended it, in place of lnd.
  ADD said text CONSTRAINT payments_said CHECK (said IS NULL OR (state <> 'pending' AND length(said) BETWEEN 1 AND 1000));

CREATE OR REPLACE FUNCTION ledger_open() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT NOT EXISTS (SELECT FROM progress WHERE closed OR lost IS NOT NULL)
    AND NOT EXISTS (SELECT FROM unexplained WHERE acknowledged_at IS NULL AND state <> 'failed')
$$;

-- What another lnd does not know proves nothing. Between users no lnd is asked for it.
CREATE FUNCTION payments_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'failed' AND OLD.state = 'pending' AND NEW.kind <> 'internal' AND NEW.said IS NULL
      AND EXISTS (SELECT FROM progress WHERE lost IS NOT NULL) THEN
    RAISE EXCEPTION 'payment % is not released: the lnd that had it is lost', OLD.id USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_history';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_history BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION payments_history();
