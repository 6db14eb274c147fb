-- Why a person has ended what is unexplained, in place of lnd; as payments.said.

ALTER TABLE unexplained
  ADD said text CONSTRAINT unexplained_said CHECK (said IS NULL OR (state <> 'pending' AND length(said) BETWEEN 1 AND 1000));
