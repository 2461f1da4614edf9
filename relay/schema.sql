-- The tables of docs/outbox-contract.md, as `python -m relay schema` prints them.

CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    partition  smallint NOT NULL CHECK (partition BETWEEN 0 AND 63),
    message_id uuid NOT NULL,
    target     text NOT NULL,
    type       text NOT NULL,
    subject    text NOT NULL,
    sequence   bigint,
    header     bytea,
    body       bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE UNLOGGED TABLE outbox_relay (
    relay_id    uuid PRIMARY KEY,
    backend_pid integer NOT NULL,
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The logs that this service writes, so that they are there before the first message.
CREATE TABLE outbox_log (
    log text PRIMARY KEY
);
