#!/bin/sh
# Run once by the image of PostgreSQL on an empty database: the login of the service, before its roles.
set -eu
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username postgres --dbname suanbu --set=password="$DATABASE_PASSWORD" <<'SQL'
create role suanbu_login login password :'password';
SQL
