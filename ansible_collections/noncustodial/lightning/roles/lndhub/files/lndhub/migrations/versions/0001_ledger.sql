-- The ledger and what it is about. All amounts are msat. The rules are kept here, by constraint, whatever the service does.

CREATE TABLE users (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  login text NOT NULL CONSTRAINT users_login_once UNIQUE CONSTRAINT users_login_form CHECK (login ~ '^[A-Za-z0-9._@-]{3,64}$'),
  password_hash text NOT NULL,
  deactivated boolean NOT NULL DEFAULT false,
  -- Tokens of an older epoch are refused: a new password or a deactivation raises it.
  epoch integer NOT NULL DEFAULT 0,
  -- NULL: the hub's own limit.
  max_receive_msat bigint CHECK (max_receive_msat >= 0),
  max_send_msat bigint CHECK (max_send_msat >= 0),
  max_balance_msat bigint CHECK (max_balance_msat >= 0),
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Only hashes are kept. A used one stays until it lapses, so that a second use is seen as theft and ends the whole family.
CREATE TABLE refresh_tokens (
  hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
  user_id bigint NOT NULL REFERENCES users,
  family uuid NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

-- --- the ledger

-- available, reserved: what the hub owes a user; both can never be negative.
-- lightning: the other side of what came in and went out over the node; fees: what went to routing nodes; internal: passes from user to user, is 0.
CREATE TABLE ledger_accounts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('available', 'reserved', 'lightning', 'fees', 'internal')),
  user_id bigint REFERENCES users,
  CONSTRAINT ledger_accounts_once UNIQUE NULLS NOT DISTINCT (user_id, kind),
  CONSTRAINT ledger_accounts_owner CHECK ((kind IN ('available', 'reserved')) = (user_id IS NOT NULL))
);
INSERT INTO ledger_accounts (kind) VALUES ('lightning'), ('fees'), ('internal');

-- Only users' accounts have one; the others would be one row that everybody waits for.
CREATE TABLE balances (
  account_id bigint PRIMARY KEY REFERENCES ledger_accounts,
  msat bigint NOT NULL DEFAULT 0 CONSTRAINT balances_not_negative CHECK (msat >= 0)
) WITH (fillfactor = 50);

CREATE TABLE transfers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('deposit', 'reserve', 'payment', 'release', 'internal_out', 'internal_in')),
  -- reserve:ID and end:ID of a payment, incoming:HASH of an invoice: each happens once.
  key text NOT NULL CONSTRAINT transfers_key_once UNIQUE,
  booked_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE entries (
  transfer_id bigint NOT NULL REFERENCES transfers,
  account_id bigint NOT NULL REFERENCES ledger_accounts,
  msat bigint NOT NULL CONSTRAINT entries_range CHECK (msat <> 0 AND abs(msat) <= 4200000000000000000),
  PRIMARY KEY (transfer_id, account_id)
);
CREATE INDEX entries_account ON entries (account_id, transfer_id);

-- --- what the ledger is about

CREATE TABLE invoices (
  payment_hash bytea PRIMARY KEY CHECK (octet_length(payment_hash) = 32),
  user_id bigint NOT NULL REFERENCES users,
  preimage bytea NOT NULL CHECK (sha256(preimage) = payment_hash),
  payment_request text NOT NULL,
  -- 0: the payer chooses.
  amount_msat bigint NOT NULL CHECK (amount_msat BETWEEN 0 AND 2100000000000000000),
  memo text NOT NULL,
  description_hash text NOT NULL,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'settled', 'canceled')),
  received_msat bigint CHECK (received_msat BETWEEN 1 AND 2100000000000000000),
  -- Paid by another user of this hub, so that lnd has it as canceled.
  internal boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  settled_at timestamptz,
  number bigint GENERATED ALWAYS AS IDENTITY,
  CONSTRAINT invoices_settled CHECK ((state = 'settled') = (received_msat IS NOT NULL) AND (state = 'settled') = (settled_at IS NOT NULL))
);
CREATE INDEX invoices_of_user ON invoices (user_id, number);
CREATE INDEX invoices_open ON invoices (expires_at) WHERE state = 'open';

CREATE TABLE payments (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users,
  payment_hash bytea NOT NULL CHECK (octet_length(payment_hash) = 32),
  kind text NOT NULL CHECK (kind IN ('bolt11', 'keysend', 'internal')),
  payment_request text NOT NULL,
  destination text NOT NULL,
  amount_msat bigint NOT NULL CHECK (amount_msat BETWEEN 1 AND 2100000000000000000),
  fee_limit_msat bigint NOT NULL CHECK (fee_limit_msat BETWEEN 0 AND 2100000000000000000),
  memo text NOT NULL,
  description_hash text NOT NULL,
  custom_records text NOT NULL DEFAULT '{}',
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'settled', 'failed')),
  fee_msat bigint CONSTRAINT payments_fee_within_limit CHECK (fee_msat BETWEEN 0 AND fee_limit_msat),
  preimage bytea,
  failure text,
  -- lnd refuses to take this payment from then on, because the macaroon that it comes with says so.
  send_before timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  CONSTRAINT payments_end CHECK ((state = 'pending') = (ended_at IS NULL)),
  CONSTRAINT payments_fee CHECK ((state = 'settled') = (fee_msat IS NOT NULL)),
  CONSTRAINT payments_send_before CHECK ((kind = 'internal') = (send_before IS NULL))
);
-- An invoice is paid once, whoever asks for it, and by one user at a time.
CREATE UNIQUE INDEX payments_one_live ON payments (payment_hash) WHERE state <> 'failed';
CREATE INDEX payments_pending ON payments (id) WHERE state = 'pending';
CREATE INDEX payments_of_user ON payments (user_id, id);

-- How far the settled invoices of lnd have been looked at.
CREATE TABLE progress (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  settle_index bigint NOT NULL DEFAULT 0
);
INSERT INTO progress DEFAULT VALUES;

-- --- the rules

CREATE FUNCTION users_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH made AS (INSERT INTO ledger_accounts (kind, user_id) VALUES ('available', NEW.id), ('reserved', NEW.id) RETURNING id)
  INSERT INTO balances (account_id) SELECT id FROM made;
  RETURN NULL;
END $$;
CREATE TRIGGER users_accounts AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION users_accounts();

-- A balance follows its entries, in the same statement.
CREATE FUNCTION entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE balances SET msat = msat + NEW.msat WHERE account_id = NEW.account_id;
  IF NOT FOUND AND EXISTS (SELECT FROM ledger_accounts WHERE id = NEW.account_id AND user_id IS NOT NULL) THEN
    RAISE EXCEPTION 'account % of a user has no balance', NEW.account_id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER entries_balance AFTER INSERT ON entries FOR EACH ROW EXECUTE FUNCTION entries_balance();

-- And nothing else touches it.
CREATE FUNCTION balances_only_by_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.msat = 0 THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND pg_trigger_depth() > 1 AND NEW.account_id = OLD.account_id THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a balance changes by entries alone' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER balances_only_by_entries BEFORE INSERT OR UPDATE OR DELETE ON balances FOR EACH ROW EXECUTE FUNCTION balances_only_by_entries();

CREATE FUNCTION transfers_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  transfer bigint;
  total numeric;
  parts bigint;
BEGIN
  IF TG_TABLE_NAME = 'transfers' THEN
    transfer := NEW.id;
  ELSE
    transfer := NEW.transfer_id;
  END IF;
  SELECT coalesce(sum(msat), 0), count(*) INTO total, parts FROM entries WHERE transfer_id = transfer;
  IF total <> 0 OR parts < 2 THEN
    RAISE EXCEPTION 'transfer %: % entries with a sum of % msat', transfer, parts, total USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transfers_balanced AFTER INSERT ON transfers
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION transfers_balanced();
CREATE CONSTRAINT TRIGGER entries_balanced AFTER INSERT ON entries
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION transfers_balanced();

-- What is booked stays booked.
CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER transfers_never BEFORE UPDATE OR DELETE ON transfers FOR EACH ROW EXECUTE FUNCTION never();
CREATE TRIGGER entries_never BEFORE UPDATE OR DELETE ON entries FOR EACH ROW EXECUTE FUNCTION never();
CREATE TRIGGER transfers_never_all BEFORE TRUNCATE ON transfers FOR EACH STATEMENT EXECUTE FUNCTION never();
CREATE TRIGGER entries_never_all BEFORE TRUNCATE ON entries FOR EACH STATEMENT EXECUTE FUNCTION never();
CREATE TRIGGER balances_never_all BEFORE TRUNCATE ON balances FOR EACH STATEMENT EXECUTE FUNCTION never();
CREATE TRIGGER payments_never BEFORE DELETE ON payments FOR EACH ROW EXECUTE FUNCTION never();
CREATE TRIGGER payments_never_all BEFORE TRUNCATE ON payments FOR EACH STATEMENT EXECUTE FUNCTION never();
CREATE TRIGGER invoices_never BEFORE DELETE ON invoices FOR EACH ROW EXECUTE FUNCTION never();
CREATE TRIGGER invoices_never_all BEFORE TRUNCATE ON invoices FOR EACH STATEMENT EXECUTE FUNCTION never();
CREATE TRIGGER users_never BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION never();

-- An ended payment does not change, and neither does what it is about.
CREATE FUNCTION payments_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'pending' OR (NEW.user_id, NEW.payment_hash, NEW.kind, NEW.amount_msat, NEW.fee_limit_msat, NEW.send_before)
      IS DISTINCT FROM (OLD.user_id, OLD.payment_hash, OLD.kind, OLD.amount_msat, OLD.fee_limit_msat, OLD.send_before) THEN
    RAISE EXCEPTION 'payment % is % and stays as it is', OLD.id, OLD.state USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_end BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION payments_end();

CREATE FUNCTION invoices_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'settled' OR (NEW.user_id, NEW.payment_hash) IS DISTINCT FROM (OLD.user_id, OLD.payment_hash) THEN
    RAISE EXCEPTION 'an invoice that is settled stays as it is' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER invoices_settled BEFORE UPDATE ON invoices FOR EACH ROW EXECUTE FUNCTION invoices_settled();

-- No state without its transfer.
CREATE FUNCTION payments_booked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM transfers WHERE key = 'reserve:' || NEW.id)
      OR (NEW.state <> 'pending' AND NOT EXISTS (SELECT FROM transfers WHERE key = 'end:' || NEW.id)) THEN
    RAISE EXCEPTION 'payment % is % and not booked', NEW.id, NEW.state USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payments_booked AFTER INSERT OR UPDATE ON payments
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_booked();

CREATE FUNCTION invoices_booked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'settled' AND NOT EXISTS (SELECT FROM transfers WHERE key = 'incoming:' || encode(NEW.payment_hash, 'hex')) THEN
    RAISE EXCEPTION 'invoice is settled and not booked' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER invoices_booked AFTER INSERT OR UPDATE ON invoices
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoices_booked();
