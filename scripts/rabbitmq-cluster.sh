# shellcheck shell=bash disable=SC2154 # $flavour, $name and $epmd_port come from the node's file
# Clusters on this machine. The nodes of the cluster in DIR have the folders DIR/1, DIR/2, ….
# They share an epmd and a cookie. On 3.10 and 4.0, nodes without a majority pause
# (pause_minority), which RabbitMQ recommends for clusters of three.

is_cluster() { [ ! -f "$1/node" ] && [ -f "$1/1/node" ]; }

# each_node runs a function or command of this script with the folder of each node.
each_node() {
	local command="$1" node
	for node in "$2"/[0-9]*/node; do
		[ ! -f "$node" ] || "$command" "${node%/node}"
	done
}

cluster() {
	local folder="$1" size="${2:-3}"
	if is_cluster "$folder"; then
		cluster_up "$folder"
	else
		cluster_create "$folder" "$size" || {
			remove "$folder"
			fail "cannot start a cluster in $folder"
		}
	fi
	cluster_command url "$folder"
}

# cluster_create starts the nodes one after the other, and each joins the first.
cluster_create() {
	local folder="$1" size="$2" i first cookie
	# shellcheck disable=SC2034 # local_create reads them
	local clustered=yes cluster_epmd=""
	[ "$(choose)" = local ] || fail "a cluster needs local nodes, not $(choose || echo none)"
	cookie="warren$RANDOM$RANDOM"
	for i in $(seq "$size"); do
		mkdir -p "$folder/$i"
		printf '%s' "$cookie" >"$folder/$i/.erlang.cookie"
		chmod 400 "$folder/$i/.erlang.cookie"
		(start "$folder/$i") || return 1
		load "$folder/$i"
		if [ "$i" = 1 ]; then
			first="$name"
			# shellcheck disable=SC2034 # local_create reads it
			cluster_epmd="$epmd_port"
		else
			"${flavour}_join" "$first" || return 1
		fi
	done
}

# cluster_up starts the nodes that are not running. A node that was not the last to stop
# waits for the others, so all start at once.
cluster_up() {
	local folder="$1" node starting=() failed=0
	for node in "$folder"/[0-9]*/node; do
		(start "${node%/node}") &
		starting+=($!)
	done
	for node in "${starting[@]}"; do
		wait "$node" || failed=1
	done
	[ "$failed" = 0 ] || fail "a node of the cluster in $folder did not start"
}

cluster_command() {
	local command="$1" folder="$2"
	case "$command" in
	stop | kill | url | tlsurl)
		local node
		for node in "$folder"/[0-9]*/node; do
			node_command "$command" "${node%/node}"
		done
		;;
	start) cluster "$folder" ;;
	restart)
		cluster_command stop "$folder"
		cluster "$folder"
		;;
	remove) remove "$folder" ;;
	*) fail "$command needs the folder of one node: $folder/1, $folder/2, …" ;;
	esac
}
