-- For psql, once, as the owner of the schema, before it is migrated or after: a role for API and worker, which change
-- rows but no table. Its password is taken from the environment.
\getenv password APP_PASSWORD
\if :{?password}
\else
  \warn APP_PASSWORD is not set: nothing is changed.
  \quit
\endif
create role rasterlift_app login password :'password';
alter default privileges grant select, insert, update, delete on tables to rasterlift_app;
grant select, insert, update, delete on all tables in schema public to rasterlift_app;
