#!/bin/sh
# The recipe by hand, as cheap as it gets: no jq, one shell.
set -eu
resource=https://ossrdbms-aad.database.windows.net
answer=$(curl --silent --show-error --fail --header "X-IDENTITY-HEADER: $IDENTITY_HEADER" \
    "$IDENTITY_ENDPOINT?api-version=2019-08-01&resource=$resource")
token=${answer#*\"access_token\":\"}
PGPASSWORD=${token%%\"*} PGSSLROOTCERT=$SSL_CERT_FILE exec psql --no-psqlrc --no-align --tuples-only \
    --command 'SELECT current_user' "$AZURE_POSTGRESQL_CONNECTIONSTRING sslmode=verify-full"
