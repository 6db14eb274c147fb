-- From where a refresh token was used, as a keyed digest of the network: who did not get the answer may ask again from there, for some seconds.

ALTER TABLE refresh_tokens ADD used_from bytea;
