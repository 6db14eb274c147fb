-- A channel carries a limited number of HTLCs at once, which all users share. Each payment under way holds as many as it may have parts.

ALTER TABLE payments ADD htlcs integer NOT NULL DEFAULT 1 CONSTRAINT payments_htlcs CHECK (htlcs >= 1);

-- How many HTLCs a new payment may have: at most so many as are wanted, and as are left to the account and to the hub. Whoever asks waits for the
-- commit of whoever asked before, so that what is found is exact with any number of processes.
CREATE FUNCTION payments_room(payer bigint, wanted integer, of_account integer, of_hub integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  by_account bigint;
  by_hub bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(6845202);
  SELECT coalesce(sum(htlcs) FILTER (WHERE user_id = payer), 0), coalesce(sum(htlcs), 0) INTO by_account, by_hub
    FROM payments WHERE state = 'pending' AND kind <> 'internal';
  IF by_account >= of_account THEN
    RAISE EXCEPTION 'the payments of account % that are under way hold % HTLCs', payer, by_account
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_room_of_account';
  END IF;
  IF by_hub >= of_hub THEN
    RAISE EXCEPTION 'all payments that are under way hold % HTLCs', by_hub USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_room_of_hub';
  END IF;
  RETURN least(wanted, of_account - by_account, of_hub - by_hub);
END $$;
