# Keeps a private PostgreSQL cluster for as long as its owner holds the other end of stdin.
# Arguments: the folder of the server programs, the private folder.
# Reads commands, one a line; end of input means that the owner has stopped or died.

# The end of input alone ends this script: the owner may die while it reports to it, and whoever else sends
# a signal would leave the server without anybody who stops it.
trap '' PIPE HUP INT TERM

programs=$1
folder=$2
data=$folder/data
log=$folder/server.log
server=

initialise() {
    "$programs/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C --no-sync \
        >>"$log" 2>&1
}

start() {
    "$programs/postgres" -D "$data" -k "$folder" -p 5432 \
        -c listen_addresses= -c max_connections=300 -c shared_buffers=16MB \
        -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
        -c dynamic_shared_memory_type=mmap >>"$log" 2>&1 </dev/null &
    server=$!
    echo started
}

# The server handles signals once its lock file exists; before that, only SIGKILL is sure to stop it.
stop() {
    turns=0
    while [ ! -e "$data/postmaster.pid" ] && [ $turns -lt 40 ]; do
        sleep 0.05
        turns=$((turns + 1))
    done
    [ -e "$data/postmaster.pid" ] || kill -KILL "$server"
    kill "$1" "$server"
    wait "$server"
}

if initialise; then start; else echo failed; fi

while read -r command; do
    case $command in
        restart) stop -INT; start ;;
    esac
done

[ -n "$server" ] && stop -QUIT
cd / && rm -rf "$folder"
