# shellcheck shell=bash disable=SC2154 # $dir, $name, $…_port come from the node's file
# Nodes that are processes of this machine, from the installed rabbitmq-server or from a
# tree of another Debian suite (rabbitmq-debian.sh). The installed server does not need
# root: the script runs the server directly, instead of the distribution's wrapper, which
# requires root or the user rabbitmq.

local_places() {
	echo "/usr/lib/rabbitmq/bin" \
		"/opt/homebrew/opt/rabbitmq/sbin /usr/local/opt/rabbitmq/sbin" \
		"/home/linuxbrew/.linuxbrew/opt/rabbitmq/sbin /opt/rabbitmq/sbin"
}

# local_find sets bin, the folder of a server of the wanted release, and root, the tree
# that contains it, which is empty for the installed server.
local_find() {
	root=""
	for bin in $(local_places); do
		if local_has; then
			return 0
		fi
	done
	root="$(debian_tree)" bin=/usr/lib/rabbitmq/bin
	local_has
}

# local_has reports whether $root$bin contains a server of the wanted release. It checks
# the name of a folder, since rabbitmqctl takes a second.
local_has() {
	[ -x "$root$bin/rabbitmq-server" ] || return 1
	local rabbit
	for rabbit in "$root$bin"/../plugins/rabbit-[0-9]* "$root$bin"/../lib/*/plugins/rabbit-[0-9]*; do
		if [ -e "$rabbit" ] && [[ "${rabbit##*/rabbit-}." == "${wanted:+$wanted.}"* ]]; then
			return 0
		fi
	done
	return 1
}

local_found() {
	local root bin
	local_find
}

# local_create gives each node its own epmd port, so that epmd can be stopped with the node.
# The nodes of a cluster share one.
local_create() {
	local root bin home # the path of the node's folder inside the tree
	home="$(cd "$1" && pwd)"
	local_find
	if [ -n "$root" ]; then
		home=/mnt
	elif ! command -v epmd >/dev/null; then
		fail "rabbitmq-server is installed, but epmd (of Erlang) is not in PATH"
	fi
	mkdir -p "$1/log"
	cp "$here/rabbitmq-local.erl" "$1/local.erl"
	if [ ! -f "$1/.erlang.cookie" ]; then
		printf 'warren%s%s' "$RANDOM" "$RANDOM" >"$1/.erlang.cookie"
		chmod 400 "$1/.erlang.cookie"
	fi
	plugins "$1" >"$1/enabled_plugins"
	cat >"$1/rabbitmq.conf" <<-'END'
		log.file.level = warning
		disk_free_limit.absolute = 50MB
		vm_memory_high_watermark.absolute = 1GB
	END
	if [ -n "${clustered:-}" ]; then
		echo 'cluster_partition_handling = pause_minority' >>"$1/rabbitmq.conf"
	fi
	if [ -d "$1/tls" ]; then
		tls_conf "127.0.0.1:$tls_port" "$home/tls" >>"$1/rabbitmq.conf"
	fi
	printf '%s=%q\n' root "$root" bin "$bin" home "$home"
	echo "dist_port=$(free_port)"
	echo "epmd_port=${cluster_epmd:-$(free_port)}"
}

# local_surroundings sets within, the command prefix for the commands of RabbitMQ and Erlang.
# rabbitmq-server puts RABBITMQ_BOOT_MODULE between -s and boot.
local_surroundings() {
	local loopback="-kernel inet_dist_use_interface {127,0,0,1}"
	within=(
		env
		HOME="$home"
		ERL_CRASH_DUMP="$home/log/erl_crash.dump"
		ERL_EPMD_ADDRESS=127.0.0.1
		ERL_EPMD_PORT="$epmd_port"
		RABBITMQ_CONF_ENV_FILE=/dev/null
		RABBITMQ_NODENAME="$name@localhost"
		RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
		RABBITMQ_NODE_PORT="$amqp_port"
		RABBITMQ_DIST_PORT="$dist_port"
		RABBITMQ_MNESIA_BASE="$home/data"
		RABBITMQ_LOG_BASE="$home/log"
		RABBITMQ_CONFIG_FILE="$home/rabbitmq.conf"
		RABBITMQ_ENABLED_PLUGINS_FILE="$home/enabled_plugins"
		RABBITMQ_PID_FILE="$home/pid"
		RABBITMQ_BOOT_MODULE='erlang date -eval file:eval(os:getenv("WARREN_BOOT")) -s rabbit'
		WARREN_BOOT="$home/local.erl"
		WARREN_READY="$home/ready"
		RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-warren $name $loopback"
		RABBITMQ_CTL_ERL_ARGS="$loopback"
	)
	if [ -n "$root" ]; then
		within=(unshare --mount sh -c "$debian_enter" "$root" "$dir" "${within[@]}")
	fi
}

local_within() {
	local_surroundings
	"${within[@]}" "$@"
}

# local_up starts the server and waits until it says that it is ready, by a file. A port that
# answers could be another program's, and rabbitmqctl would take a second to ask.
local_up() {
	local server
	local_surroundings
	rm -f "$dir/ready"
	"${within[@]}" nohup "$bin/rabbitmq-server" </dev/null >>"$dir/log/out" 2>&1 &
	server=$!
	echo "$server" >"$dir/server"
	until [ -e "$dir/ready" ]; do
		if ! kill -0 "$server" 2>/dev/null; then
			tail -n 20 "$dir/log/out" >&2
			return 1
		fi
		sleep 0.1
	done
	local_running
}

# local_pid prints the broker's process id. It finds the broker by one of its arguments, not
# by the pid file, which is written late and may be stale.
local_pid() {
	local pid args
	while read -r pid args; do
		case "$args" in
		*" -warren $name "*)
			echo "$pid"
			return 0
			;;
		esac
	done < <(ps -A -ww -o pid=,args=)
	return 1
}

local_running() { local_pid >/dev/null; }

# local_launching reports whether the server's script is running, even if the broker is not
# running yet.
local_launching() {
	local server
	server="$(cat "$dir/server" 2>/dev/null)" &&
		ps -ww -o args= -p "$server" 2>/dev/null | grep -qF "$bin/rabbitmq-server"
}

# local_end sends signal $1 to the broker and waits up to $2 seconds for its end.
local_end() {
	local pid left=$(($2 * 10))
	until pid="$(local_pid)"; do
		local_launching || return 0
		[ "$left" -gt 0 ] || return 1
		left=$((left - 1))
		sleep 0.1
	done
	kill "-$1" "$pid" 2>/dev/null || true
	while local_running; do
		[ "$left" -gt 0 ] || return 1
		left=$((left - 1))
		sleep 0.1
	done
}

# local_stop shuts down the broker by SIGTERM, as RabbitMQ documents, since rabbitmqctl
# cannot reach every node.
local_stop() {
	local_end TERM 30 || local_kill
	local_stop_epmd
}

local_kill() { local_end KILL 10; }

# local_stop_epmd stops the node's epmd, unless another node of a cluster uses it. epmd
# refuses until it has noticed that the node has ended.
local_stop_epmd() {
	local left=50 names
	while names="$(local_within epmd -names 2>/dev/null)"; do
		if grep '^name ' <<<"$names" | grep -qv "^name $name at "; then
			return 0
		fi
		local_within epmd -kill >/dev/null 2>&1 || true
		[ "$left" -gt 0 ] || return 1
		left=$((left - 1))
		sleep 0.1
	done
}

local_ctl() { local_within "$bin/rabbitmqctl" --quiet "$@"; }

# local_eval evaluates the expression by erl_call, which starts no Erlang VM.
local_eval() {
	local caller=/usr/lib/erlang/bin/erl_call result
	if [ ! -x "$root$caller" ]; then
		local_ctl eval "$1"
		return
	fi
	result="$(local_within "$caller" -n "$name@localhost" -e <<<"$1")" || return 1
	case "$result" in
	"{ok, "*) result="${result#"{ok, "}" && printf '%s\n' "${result%\}}" ;;
	*) printf '%s\n' "$result" >&2 && return 1 ;;
	esac
}

local_import() {
	cp "$1" "$dir/definitions.json"
	local_ctl import_definitions "$home/definitions.json"
}

# local_remove kills the node, since its data are deleted too.
local_remove() {
	local_kill
	local_stop_epmd
}

# local_join makes the node a member of the cluster of the node named $1.
local_join() {
	local_ctl stop_app && local_ctl join_cluster "$1@localhost" && local_ctl start_app
}
