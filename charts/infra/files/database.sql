-- Makes a service's role and database, unless they are there, and sets the password. Variables: name, password, connections.
-- The administrator owns the database, so that no service can let another one in; its role owns what is in it.
SELECT format('CREATE ROLE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
SELECT format(
    'ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD %L CONNECTION LIMIT %s', :'name', :'password', :'connections'
) \gexec
SELECT format('CREATE DATABASE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"name" TO :"name";
REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;
\connect :"name"
GRANT USAGE, CREATE ON SCHEMA public TO :"name";
