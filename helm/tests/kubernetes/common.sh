# shellcheck shell=bash disable=SC2034 # used by those who source it
# Sourced by every script here: where things are, and two small helpers.
#
#   ROOT  what `fetch` made (about 1 GB); never inside a git tree
#   NAME  one cluster's name: its network namespaces, cgroups and run folder carry it,
#         so two clusters with different names can run side by side
#   NODES 1 (default) to 9; read by `up`
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=${ROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/keyweir-kubernetes}
NAME=${NAME:-k8s}
[[ $NAME =~ ^[a-z][a-z0-9]{0,7}$ ]] || { echo "NAME: up to 8 letters and digits" >&2; exit 1; }
RUN=$ROOT/run/$NAME
BIN=$ROOT/bin
DEB=$ROOT/deb

K8S=v1.20.2                    # what the Debian source package below holds, under whatever name
SERVICES=10.96.0.0/16          # ClusterIPs
DNS_IP=10.96.0.10
PODS=10.244                    # node i gives its pods $PODS.i.0/24
LAN=10.250.0                   # node i is $LAN.i, the client host $LAN.250

say() { printf '%s\n' "$*" >&2; }
die() { say "$0: $*"; exit 1; }
now() { date +%s; }

# Debian's libraries for iptables, conntrack and runc were unpacked, not installed.
unpacked_env() {
  local gnu
  for gnu in "$DEB"/usr/lib/*-linux-gnu*; do
    export LD_LIBRARY_PATH=$gnu XTABLES_LIBDIR=$gnu/xtables
  done
  export PATH=$BIN:$DEB/usr/bin:$DEB/usr/sbin:$PATH
}

# Runs a command inside a node's (or the client's) network namespace.
in_net() { local who=$1; shift; nsenter --net="/run/netns/$NAME-$who" "$@"; }
