-- The tables of docs/outbox-contract.md, as `infirmary-relay schema` prints them.

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

-- The last sequence that the service gave out: of events for each subject, of commands and replies for each log and
-- subject, the two with a blank between them. Its row lock orders the writers of one subject. The relay only compares it with the logs.
CREATE TABLE outbox_sequence (
    subject text PRIMARY KEY,
    last    bigint NOT NULL
) WITH (fillfactor = 80);

-- The logs that the service writes, so that they are there before its first message.
CREATE TABLE outbox_log (
    log text PRIMARY KEY
);

-- One row: which life of this database this is. The relay marks here that it was set back to an earlier moment, when the
-- logs hold what it has not numbered; who mends that removes the mark and gives a new id. Leave the table away if the
-- service numbers in another way than by outbox_sequence.
CREATE TABLE incarnation (
    one              boolean PRIMARY KEY DEFAULT true CHECK (one),
    id               uuid NOT NULL DEFAULT gen_random_uuid(),
    set_back_since   timestamptz,
    set_back_because text,
    restored_at      timestamptz
);
INSERT INTO incarnation DEFAULT VALUES;
