-- The same rule, looked at once for each statement and at its end, in place of once for each entry and at the commit: every posting is one statement.

DROP TRIGGER entries_balanced ON entries;
CREATE FUNCTION entries_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  wrong record;
BEGIN
  SELECT e.transfer_id, count(*) AS parts, sum(e.msat) AS total INTO wrong FROM entries e
    WHERE e.transfer_id IN (SELECT transfer_id FROM added) GROUP BY e.transfer_id HAVING sum(e.msat) <> 0 OR count(*) < 2 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'transfer %: % entries with a sum of % msat', wrong.transfer_id, wrong.parts, wrong.total
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER entries_balanced AFTER INSERT ON entries REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION entries_balanced();
