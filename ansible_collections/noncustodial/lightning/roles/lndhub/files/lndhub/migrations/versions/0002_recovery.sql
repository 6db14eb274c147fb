-- A ledger may be restored from a backup. What lnd has recorded since then is found and booked; see recovery.py.

ALTER TABLE progress
  -- How far lnd's own lists of payments and of invoices have been compared with the ledger.
  ADD payment_index bigint NOT NULL DEFAULT 0,
  ADD add_index bigint NOT NULL DEFAULT 0,
  -- Of the marks that say in lnd's records whose they are. It is in every backup, and never changes.
  ADD mark_key bytea NOT NULL DEFAULT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) CHECK (octet_length(mark_key) = 32),
  -- While a restored ledger is being reconciled.
  ADD closed boolean NOT NULL DEFAULT false;

-- Written from what lnd says, because the ledger that had it is lost.
ALTER TABLE payments ADD recovered boolean NOT NULL DEFAULT false;

-- unexplained: the other side of what this hub moved over the node, of nobody that the ledger could name.
ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_kind_check;
ALTER TABLE ledger_accounts ADD CONSTRAINT ledger_accounts_kind_check
  CHECK (kind IN ('available', 'reserved', 'lightning', 'fees', 'internal', 'unexplained'));
INSERT INTO ledger_accounts (id, kind) OVERRIDING SYSTEM VALUE VALUES (0, 'unexplained');

-- unexplained:HASH of a payment, assigned:HASH of either: each happens once. An unexplained deposit has the key of any other, incoming:HASH.
ALTER TABLE transfers DROP CONSTRAINT transfers_kind_check;
ALTER TABLE transfers ADD CONSTRAINT transfers_kind_check
  CHECK (kind IN ('deposit', 'reserve', 'payment', 'release', 'internal_out', 'internal_in', 'unexplained', 'assigned'));

CREATE TABLE unexplained (
  payment_hash bytea PRIMARY KEY CHECK (octet_length(payment_hash) = 32),
  -- payment, deposit: over the node; internal: an invoice that one user has paid to another, nobody knows who.
  kind text NOT NULL CHECK (kind IN ('payment', 'deposit', 'internal')),
  -- The number that the mark names, which this ledger may not have; of internal ones the payee.
  user_id bigint,
  amount_msat bigint NOT NULL CHECK (amount_msat BETWEEN 0 AND 2100000000000000000),
  fee_msat bigint NOT NULL DEFAULT 0 CHECK (fee_msat BETWEEN 0 AND 2100000000000000000),
  reason text NOT NULL,
  -- pending: lnd does not know its end, or nothing is to be booked before it is assigned; failed: nothing has moved.
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'booked', 'failed')),
  seen_at timestamptz NOT NULL DEFAULT now(),
  acknowledged_at timestamptz,
  assigned_to bigint REFERENCES users,
  CONSTRAINT unexplained_assigned CHECK (assigned_to IS NULL OR (state = 'booked' AND acknowledged_at IS NOT NULL))
);
CREATE TRIGGER unexplained_never BEFORE DELETE ON unexplained FOR EACH ROW EXECUTE FUNCTION never();
CREATE TRIGGER unexplained_never_all BEFORE TRUNCATE ON unexplained FOR EACH STATEMENT EXECUTE FUNCTION never();

CREATE FUNCTION unexplained_booked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.state = 'booked' AND NEW.kind <> 'internal' AND NOT EXISTS (SELECT FROM transfers
        WHERE key = CASE NEW.kind WHEN 'deposit' THEN 'incoming:' ELSE 'unexplained:' END || encode(NEW.payment_hash, 'hex')))
      OR (NEW.assigned_to IS NOT NULL AND NOT EXISTS (SELECT FROM transfers WHERE key = 'assigned:' || encode(NEW.payment_hash, 'hex'))) THEN
    RAISE EXCEPTION 'what is unexplained is % and not booked', NEW.state USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER unexplained_booked AFTER INSERT OR UPDATE ON unexplained
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION unexplained_booked();

-- Whether users may spend.
CREATE FUNCTION ledger_open() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT NOT EXISTS (SELECT FROM progress WHERE closed)
    AND NOT EXISTS (SELECT FROM unexplained WHERE acknowledged_at IS NULL AND state <> 'failed')
$$;

-- Nothing is reserved in a closed ledger, whatever process asks; and what has left unexplained is not paid again, and not booked to who asks next.
CREATE FUNCTION payments_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT NEW.recovered AND NOT ledger_open() THEN
    RAISE EXCEPTION 'the ledger is closed' USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_open';
  END IF;
  IF EXISTS (SELECT FROM unexplained WHERE payment_hash = NEW.payment_hash AND state <> 'failed') THEN
    RAISE EXCEPTION 'this hash is unexplained' USING ERRCODE = 'unique_violation', CONSTRAINT = 'payments_one_live';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_open BEFORE INSERT ON payments FOR EACH ROW EXECUTE FUNCTION payments_open();
