#!/usr/bin/env bash
# Programs through the proxy, through PgBouncer (session pooling), and without either: all with TLS to one server.
#
#     benches/proxy.sh [PROGRAM]
#
# PROGRAM is a release build of postgres-entra; without it, one is made. Takes six minutes on two cores, which should
# have nothing else to do; ROUNDS and SECONDS_EACH change that. Needs PostgreSQL's server programs, pgbench, pgbouncer
# and openssl.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-5}

[ $# = 1 ] || cargo build --release --features cli --bin postgres-entra
program=$(realpath "${1:-target/release/postgres-entra}")
bindir=$(pg_config --bindir)
# Neither PostgreSQL nor PgBouncer runs as root.
user=$(id -un) as_user=()
[ "$user" != root ] || user=postgres as_user=(setpriv --reuid=postgres --regid=postgres --clear-groups)

folder=$(mktemp -d)
port=54329
# The variables of each way to the server, and of its owner's.
direct=(PGHOST=127.0.0.1 PGPORT=$port PGUSER=app PGPASSWORD=app PGDATABASE=bench PGSSLMODE=verify-full
    PGSSLROOTCERT="$folder/ca.pem")
bouncer=(PGHOST="$folder/bouncer" PGPORT=6432 PGUSER=app PGDATABASE=bench)
proxy=(PGHOST="$folder/proxy" PGPORT=5432 PGUSER=app PGDATABASE=bench)
owner=(PGHOST="$folder/server" PGPORT=$port PGUSER=postgres PGDATABASE=postgres)
# Usage: by WAY COMMAND ...
by() { local -n variables=$1 && env "${variables[@]}" "${@:2}"; }
sql() { by "$1" psql -XAtqc "$2"; }

start_server() {
    local key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
    openssl req -x509 "${key[@]}" -keyout ca.key -out ca.pem -subj "/CN=benchmark"
    openssl req "${key[@]}" -keyout server.key -out server.csr -subj "/CN=127.0.0.1"
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem \
        -extfile <(echo "subjectAltName=IP:127.0.0.1")
    printf 'local all all trust\nhostssl all all 127.0.0.1/32 password\n' >hba.conf
    mkdir server bouncer
    chown "$user" server bouncer server.key
    "${as_user[@]}" "$bindir/initdb" -D server -U postgres -A trust --no-sync
    "${as_user[@]}" "$bindir/postgres" -D server -k "$folder/server" -p $port -c listen_addresses=127.0.0.1 \
        -c hba_file="$folder/hba.conf" -c ssl=on -c ssl_cert_file="$folder/server.pem" \
        -c ssl_key_file="$folder/server.key" -c max_connections=1100 -c shared_buffers=256MB -c fsync=off &
    server_pid=$!
    until sql owner "CREATE DATABASE bench"; do sleep 0.2; done
    owner+=(PGDATABASE=bench)
    by owner pgbench -i -q -s 10
    sql owner "CREATE ROLE app LOGIN PASSWORD 'app'; CREATE TABLE lines (line text);
               GRANT ALL ON ALL TABLES IN SCHEMA public TO app"
}

start_bouncer() {
    cat >bouncer.ini <<INI
[databases]
bench = host=127.0.0.1 port=$port user=app password=app
[pgbouncer]
unix_socket_dir = $folder/bouncer
auth_type = any
pool_mode = session
default_pool_size = 1050
max_client_conn = 1050
server_tls_sslmode = verify-full
server_tls_ca_file = $folder/ca.pem
ignore_startup_parameters = extra_float_digits
INI
    "${as_user[@]}" pgbouncer -q bouncer.ini &
    bouncer_pid=$!
    until sql bouncer "SELECT 1"; do sleep 0.1; done
}

start_proxy() {
    env "${direct[@]}" "$program" proxy --socket proxy --max-sessions 1050 &
    proxy_pid=$!
    until sql proxy "SELECT 1"; do sleep 0.1; done
}

stop() { kill "$1" && wait "$1" || true; }

calc() { awk "BEGIN { printf \"$1\", $2 }"; }
# Appends what a command prints to a file of its name and the way's, for each way in turn.
in_turn() {
    local name=$1 way
    for way in direct bouncer proxy; do "${@:2}" $way >>"$name.$way"; done
}
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
# A line of the table: the medians of each way. Usage: row TEXT NAME
row() { printf '%-36s %10s %10s %10s\n' "$1" "$(median "$2.direct")" "$(median "$2.bouncer")" "$(median "$2.proxy")" >&3; }

transactions() {
    by "$2" pgbench -n -S -M prepared -c "$1" -j $(($1 < 2 ? 1 : 2)) -T "$seconds" | awk '/^tps/ { print int($3) }'
}
login() { by "$1" pgbench -n -S -C -t 200 | awk '/^average connection time/ { print $5 }'; }
# How long a command takes, in seconds.
duration() {
    local began=$EPOCHREALTIME
    by "${@: -1}" "${@:1:$#-1}" >/dev/null
    calc '%.2f\n' "$EPOCHREALTIME - $began"
}
copy_out() { duration psql -qc "COPY (SELECT repeat('x', 999) FROM generate_series(1, 1000000)) TO STDOUT" "$1"; }
copy_in() {
    awk -v line="$(printf 'x%.0s' {1..999})" 'BEGIN { for (i = 0; i < 1000000; i++) print line }' |
        duration psql -qc "COPY lines FROM STDIN WHERE false" "$1"
}

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
# KiB for each of 1,000 sessions that do nothing. Usage: idle WAY PID
idle() {
    local before sleepers open="SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"
    until [ "$(sql owner "$open")" -lt 10 ]; do sleep 0.2; done
    before=$(resident "$2")
    local -n variables=$1
    env "${variables[@]}" pgbench -n -f idle.sql -c 1000 -T 600 >/dev/null &
    sleepers=$!
    until [ "$(sql owner "$open")" -ge 1000 ]; do sleep 0.2; done
    calc '%.1f' "($(resident "$2") - $before) / 1000"
    stop $sleepers
}

cd "$folder"
chmod 755 .
ulimit -n 4096
# Figures go to 3, everything else to a file that is shown if something fails.
exec 3>&1 >log 2>&1
trap 'status=$?; set +e; jobs -p | xargs -r kill -INT; wait; [ $status = 0 ] || cat log >&3; rm -rf "$folder"' EXIT

# PgBouncer gives a program a session at its first statement.
printf 'SELECT 1;\n\\sleep 600 s\n' >idle.sql
start_server
start_bouncer
printf 'memory of an idle session: PgBouncer %s KiB' "$(idle bouncer $bouncer_pid)" >&3
stop $bouncer_pid
start_proxy
printf ', proxy %s KiB\n\n' "$(idle proxy $proxy_pid)" >&3
stop $proxy_pid
start_bouncer
start_proxy
# PgBouncer keeps the sessions that it has, and the proxy opens one for each program.
by bouncer pgbench -n -S -c 50 -t 10

printf '%-36s %10s %10s %10s\n' "medians of $rounds rounds" direct PgBouncer proxy >&3
for clients in 1 4 16 50; do
    for ((round = 0; round < rounds; round++)); do in_turn tps$clients transactions $clients; done
    row "transactions/s, clients: $clients" tps$clients
done
for ((round = 0; round < rounds; round++)); do
    in_turn out copy_out
    in_turn in copy_in
    in_turn login login
done
row "COPY of 1 GB out, s" out
row "COPY of 1 GB in, s" in
row "a connection (PgBouncer has it), ms" login

echo >&3
for clients in 1 4 16 50; do
    paste tps$clients.bouncer tps$clients.proxy | awk '{ printf "%.2f\n", $2 / $1 }' >ratio
    echo "proxy / PgBouncer, clients: $clients: $(median ratio), in rounds: $(tr '\n' ' ' <ratio)" >&3
done
calc 'added to a query: PgBouncer %.1f µs, proxy %.1f µs\n' \
    "1e6 / $(median tps1.bouncer) - 1e6 / $(median tps1.direct), 1e6 / $(median tps1.proxy) - 1e6 / $(median tps1.direct)" >&3
