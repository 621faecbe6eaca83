# shellcheck shell=bash disable=SC2154 # $wanted comes from scripts/rabbitmq
# Releases of RabbitMQ other than the installed one, each in a tree of the Debian suite
# that contains it. It needs root, and apt-get to install debootstrap. A tree is created
# once (about a minute, 300 MB), and any number of nodes can use it.

debian_suite() {
	case "$wanted" in
	4.0) echo trixie ;;
	4.3) echo sid ;;
	*) return 1 ;;
	esac
}

debian_tree() { echo "${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/warren/rabbitmq-$wanted"; }

# debian_enter runs a command in the tree $0, with the folder $1 as /mnt. It must run in
# its own mount namespace (unshare), so that its mounts end with the command.
# shellcheck disable=SC2016,SC2034 # expanded by the shell that runs it, from another file
debian_enter='mount --bind "$1" "$0/mnt" && mount --bind /dev "$0/dev" &&
	mount -t proc proc "$0/proc" && shift && exec chroot "$0" "$@"'

# debian_install creates the tree under a temporary name, so that no process uses an
# incomplete tree. A second process waits for the first.
debian_install() {
	local tree suite
	tree="$(debian_tree)"
	suite="$(debian_suite)" || return 1
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
	mkdir -p "${tree%/*}"
	(
		flock 9
		[ ! -e "$tree" ] || exit 0
		rm -rf --one-file-system "$tree.part"
		debian_bootstrap "$suite" "$tree.part" || exit 1
		mv "$tree.part" "$tree"
	) 9>"$tree.lock"
}

# debian_bootstrap installs suite $1 into the folder $2. Its mounts end with it. The tree
# needs an entry for localhost, since RabbitMQ 4.3 hangs without one.
debian_bootstrap() {
	echo "scripts/rabbitmq: RabbitMQ $wanted from Debian $1 into $2" >&2
	if ! command -v debootstrap >/dev/null; then
		apt-get update -q >&2
		DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends debootstrap >&2
	fi
	if ! unshare --mount debootstrap --variant=minbase --include=rabbitmq-server "$1" "$2" >"$2.log"; then
		tail -n 20 "$2.log" >&2
		return 1
	fi
	echo '127.0.0.1 localhost' >"$2/etc/hosts"
	rm -f "$2.log" "$2"/var/cache/apt/archives/*.deb
	# shellcheck disable=SC2034 # local_has reads them
	local root="$2" bin=/usr/lib/rabbitmq/bin
	local_has || fail "Debian $1 contains $(ls "$2/usr/lib/rabbitmq/lib"), want RabbitMQ $wanted"
}
