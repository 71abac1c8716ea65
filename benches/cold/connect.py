import os

import psycopg
from azure.identity import ManagedIdentityCredential

token = ManagedIdentityCredential().get_token("https://ossrdbms-aad.database.windows.net/.default")
with psycopg.connect(
    os.environ["AZURE_POSTGRESQL_CONNECTIONSTRING"],
    password=token.token,
    sslmode="verify-full",
    sslrootcert=os.environ["SSL_CERT_FILE"],
) as connection:
    print(connection.execute("SELECT current_user").fetchone()[0])
