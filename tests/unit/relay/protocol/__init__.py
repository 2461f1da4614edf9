"""The relay's protocol as a model: the real relay, in a world that hypothesis plays with.

What runs is production code, from `infirmary_relay.loop` down to the statements of `infirmary_relay.sources`. Only what
is outside the process is a model: `postgres` with `session` (advisory locks, rows, open transactions, notifications),
`mongo` with `mongo_language` (leases, documents), `broker` (channels, a log, confirms), `stream_broker` with
`stream_links` (nodes and publishers, at the level of frames) and `steps` (who goes on when, and where it is frozen or
killed). `machine` says what may happen and what is promised, `on_postgres` and `on_mongo` what belongs to one database,
`over_streams` what belongs to the stream protocol.
"""
