"""The relay's protocol as a model: the real relay, in a world that hypothesis plays with.

What runs is production code, from `infirmary_relay.loop` down to the statements of `infirmary_relay.sources`. Only what
is outside the process is a model: `postgres` with `session` (advisory locks, rows, open transactions, notifications),
`mongo` with `mongo_language` (leases, documents), `broker` (channels, a log, confirms) and `steps` (who goes on when,
and where it is frozen or killed). `machine` says what may happen and what is promised on either database, `on_postgres`
and `on_mongo` what belongs to one.
"""
