-- The limits of an account hold for all that may come to it together. Who asks for room waits for who asked before for the same account. Each adds
-- up in one statement, because what is booked between two would be in neither.

-- Whether an account may ask for so much more by a new invoice: with what it has, and with what its open invoices ask for. NULL: it has no limit.
CREATE FUNCTION invoices_room(payee bigint, amount bigint, most bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  held numeric;
BEGIN
  IF most IS NULL THEN
    RETURN true;
  END IF;
  PERFORM FROM users WHERE id = payee FOR NO KEY UPDATE;
  SELECT coalesce((SELECT sum(b.msat) FROM ledger_accounts a JOIN balances b ON b.account_id = a.id WHERE a.user_id = payee), 0)
    + coalesce((SELECT sum(amount_msat) FROM invoices WHERE user_id = payee AND state = 'open' AND expires_at > now()), 0) INTO held;
  IF held + amount > most THEN
    RAISE EXCEPTION 'account % would have up to % msat', payee, held + amount USING ERRCODE = 'check_violation', CONSTRAINT = 'invoices_room';
  END IF;
  RETURN true;
END $$;

-- Whether an account may be paid so much by another one: by one payment, and with what it has and what others are paying it at this moment.
CREATE FUNCTION payee_room(payee bigint, amount bigint, hub_receive bigint, hub_balance bigint, unlimited bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  most_receive bigint;
  most_balance bigint;
  held numeric;
BEGIN
  SELECT coalesce(max_receive_msat, hub_receive), coalesce(max_balance_msat, hub_balance) INTO most_receive, most_balance FROM users WHERE id = payee;
  IF most_balance < unlimited THEN
    PERFORM FROM users WHERE id = payee FOR NO KEY UPDATE;
    SELECT coalesce((SELECT sum(b.msat) FROM ledger_accounts a JOIN balances b ON b.account_id = a.id WHERE a.user_id = payee), 0)
      + coalesce((SELECT sum(p.amount_msat) FROM payments p JOIN invoices i ON i.payment_hash = p.payment_hash
        WHERE p.state = 'pending' AND p.kind = 'internal' AND i.user_id = payee), 0) INTO held;
  END IF;
  IF amount > most_receive OR held + amount > most_balance THEN
    RAISE EXCEPTION 'account % may not be paid % msat', payee, amount USING ERRCODE = 'check_violation', CONSTRAINT = 'payee_room';
  END IF;
  RETURN true;
END $$;
