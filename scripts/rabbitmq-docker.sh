# shellcheck shell=bash disable=SC2154 # $wanted comes from scripts/rabbitmq, $name and $…_port come from the node's file
# Nodes in containers, for machines without a rabbitmq-server. The container keeps the
# data, and the node's file contains its name. Its port is published on 127.0.0.1 only.

docker_found() { command -v docker >/dev/null && docker info >/dev/null 2>&1; }

docker_create() {
	echo "image=rabbitmq:${wanted:-4}"
	if [ -d "$1/tls" ]; then
		plugins "$1" >"$1/tls/enabled_plugins"
		tls_conf 5671 /tls >"$1/tls/tls.conf"
	fi
}

# docker_tls sets tls, the arguments of docker run for a node with TLS.
docker_tls() {
	tls=()
	if [ -d "$dir/tls" ]; then
		tls=(
			--publish "127.0.0.1:$tls_port:5671"
			--volume "$dir/tls:/tls:ro"
			--volume "$dir/tls/tls.conf:/etc/rabbitmq/conf.d/20-tls.conf:ro"
			--volume "$dir/tls/enabled_plugins:/etc/rabbitmq/enabled_plugins:ro"
		)
	fi
}

# docker_up sets a fixed hostname, since RabbitMQ stores its data by hostname.
docker_up() {
	if docker container inspect "$name" >/dev/null 2>&1; then
		docker start "$name" >/dev/null || return 1
	else
		docker_tls
		docker run --detach --name "$name" --hostname "$name" ${tls[@]+"${tls[@]}"} \
			--publish "127.0.0.1:$amqp_port:5672" \
			--env RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-rabbit disk_free_limit 50000000" \
			"$image" >/dev/null || return 1
	fi
	local left=60
	until docker_ctl await_startup --timeout 60 >/dev/null 2>&1; do
		left=$((left - 1))
		if [ "$left" = 0 ] || ! docker_running; then
			docker logs --tail 20 "$name" >&2
			return 1
		fi
		sleep 1
	done
}

docker_running() {
	[ "$(docker container inspect --format '{{.State.Running}}' "$name" 2>/dev/null)" = true ]
}

docker_stop() {
	if docker_running; then
		docker stop --time 30 "$name" >/dev/null
	fi
}

docker_kill() {
	if docker_running; then
		docker kill "$name" >/dev/null
	fi
}

docker_ctl() { docker exec --user rabbitmq "$name" rabbitmqctl --quiet "$@"; }

docker_eval() { docker_ctl eval "$1"; }

docker_import() {
	docker cp "$1" "$name:/tmp/definitions.json" >/dev/null 2>&1 &&
		docker_ctl import_definitions /tmp/definitions.json
}

docker_remove() { docker rm --force --volumes "$name" >/dev/null 2>&1 || true; }
