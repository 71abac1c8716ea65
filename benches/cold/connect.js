const { ManagedIdentityCredential } = require("@azure/identity");
const { Client } = require("pg");

async function main() {
  const credential = new ManagedIdentityCredential();
  const { token } = await credential.getToken("https://ossrdbms-aad.database.windows.net/.default");
  const settings = Object.fromEntries(
    process.env.AZURE_POSTGRESQL_CONNECTIONSTRING.split(" ").map((pair) => pair.split("=")),
  );
  const client = new Client({
    // The name leads to Azure, and the address to this machine.
    host: process.env.PGHOSTADDR,
    ssl: { servername: settings.host },
    port: Number(settings.port),
    database: settings.dbname,
    user: settings.user,
    password: token,
  });
  await client.connect();
  const { rows } = await client.query("SELECT current_user");
  console.log(rows[0].current_user);
  await client.end();
}

main();
