-- The library's tables as the last release made them before these had migrations of their own: from services' first migrations.

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
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE UNLOGGED TABLE outbox_relay (
    relay_id    uuid PRIMARY KEY,
    backend_pid integer NOT NULL,
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE outbox_sequence (
    subject text PRIMARY KEY,
    last    bigint NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE log_reader (
    log             text PRIMARY KEY,
    first_offset    bigint,
    last_offset     bigint,
    last_message_id uuid
);
CREATE TABLE log_sequence (
    source  text NOT NULL,
    subject text NOT NULL,
    last    bigint NOT NULL,
    PRIMARY KEY (source, subject)
) WITH (fillfactor = 80);
CREATE TABLE inbox (
    message_id  uuid PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX inbox_received_at ON inbox (received_at);
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
CREATE INDEX parked_message_due ON parked_message (channel, retry_at);
CREATE INDEX parked_message_failed_least ON parked_message (channel, attempts, retry_at);

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
CREATE TABLE saga_history (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    saga_id  uuid NOT NULL REFERENCES saga,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    happened text NOT NULL,
    status   text NOT NULL,
    sent     text NOT NULL
);
CREATE INDEX saga_history_saga ON saga_history (saga_id, id);

CREATE TABLE saga_outcome (
    saga_id     uuid NOT NULL,
    step        text NOT NULL,
    outcome     text NOT NULL,
    reason      text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (saga_id, step)
);

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
