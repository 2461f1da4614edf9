-- Makes a service's database and its roles, unless they are there, and sets the passwords. Variables: name, password, connections, and
-- the passwords of the processes' roles: api, consumer, relay.
-- The administrator owns the database, so that no service can let another one in; the role of its name owns what is in it, and
-- gives the roles of the processes their rights with each migration.
CREATE TEMPORARY TABLE role AS
SELECT * FROM (VALUES
    (:'name', :'password'), (:'name' || '_api', :'api'), (:'name' || '_consumer', :'consumer'), (:'name' || '_relay', :'relay')
) AS each (name, password);
SELECT format('CREATE ROLE %I', name) FROM role WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
SELECT format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD %L CONNECTION LIMIT %s', name, password, :'connections')
FROM role \gexec
SELECT format('CREATE DATABASE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', :'name', name) FROM role \gexec
-- CREATE is for the schema in which a read model is filled anew, and a rebuild ends sessions of the consumer's.
GRANT CREATE, TEMPORARY ON DATABASE :"name" TO :"name";
SELECT format('GRANT %I TO %I', name, :'name') FROM role WHERE name <> :'name' \gexec
REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;
\connect :"name"
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO :"name";
