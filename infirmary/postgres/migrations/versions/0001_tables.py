"""What a service of the first release has: outbox, reading positions, parked messages, sagas, answers."""

from infirmary.postgres.migration_steps import make

revision = "0001"
down_revision = None

OUTBOX = """
-- The contract with the relay: docs/outbox-contract.md. Every row dies young: vacuum goes by the number of dead rows,
-- not by a share of a table that is mostly empty.
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
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Heartbeats of the relays. Unlogged: after a crash of the server they are void anyhow.
CREATE UNLOGGED TABLE outbox_relay (
    relay_id    uuid PRIMARY KEY,
    backend_pid integer NOT NULL,
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The last sequence given out: of events per subject, of commands and replies per log and saga, the two with a blank
-- between them. Its row lock orders the writers of one subject.
CREATE TABLE outbox_sequence (
    subject text PRIMARY KEY,
    last    bigint NOT NULL
) WITH (fillfactor = 80);
"""

CONSUMER = """
-- How far each log has been read; moved in the transaction of the effects.
CREATE TABLE log_reader (
    log             text PRIMARY KEY,
    first_offset    bigint,
    last_offset     bigint,
    last_message_id uuid
);

-- The last sequence applied per subject: of events under the service that writes them, of commands and replies under
-- the log that brings them.
CREATE TABLE log_sequence (
    source  text NOT NULL,
    subject text NOT NULL,
    last    bigint NOT NULL,
    PRIMARY KEY (source, subject)
) WITH (fillfactor = 80);

-- Messages that could not be applied (error is set) or wait for one before them (error is null). An unreadable one
-- keeps no later one of its subject waiting: nobody knows whether it is a message of that subject at all.
CREATE TABLE parked_message (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel    text NOT NULL,
    source     text,
    subject    text,
    sequence   bigint,
    message_id uuid,
    type       text,
    properties jsonb NOT NULL,
    body       bytea NOT NULL,
    error      text,
    unreadable boolean NOT NULL DEFAULT false,
    attempts   integer NOT NULL DEFAULT 0,
    retry_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    parked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (channel, message_id)
);
CREATE INDEX parked_message_subject ON parked_message (channel, subject, id);
"""

SAGAS = """
-- Sagas that this service orchestrates.
CREATE TABLE saga (
    saga_id        uuid PRIMARY KEY,
    name           text NOT NULL,
    status         text NOT NULL,
    state          jsonb NOT NULL,
    data           jsonb NOT NULL,
    correlation_id text NOT NULL,
    traceparent    text NOT NULL,
    started_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at         timestamptz
);
CREATE INDEX saga_due ON saga (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX saga_parked ON saga (saga_id) WHERE status = 'parked';

-- Every transition, in order.
CREATE TABLE saga_history (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    saga_id  uuid NOT NULL REFERENCES saga,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    happened text NOT NULL,
    status   text NOT NULL,
    sent     text NOT NULL
);
CREATE INDEX saga_history_saga ON saga_history (saga_id, id);
"""

PARTICIPANT = """
-- What this service answered to a saga's step, so that every further attempt gets the same answer.
CREATE TABLE saga_outcome (
    saga_id     uuid NOT NULL,
    step        text NOT NULL,
    outcome     text NOT NULL,
    reason      text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (saga_id, step)
);
"""

HTTP = """
-- The first answer to a request with an Idempotency-Key; scope is method and path.
CREATE TABLE idempotency_key (
    scope        text NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    status       integer,
    location     text,
    body         bytea,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_key_created_at ON idempotency_key (created_at);
"""


def upgrade() -> None:
    """Makes the tables; one that a service has no use for stays empty and costs nothing.

    Databases made before the library had migrations have them all, made by their services' own first migrations.
    """
    for statements in (OUTBOX, CONSUMER, SAGAS, PARTICIPANT, HTTP):
        make(statements)
