# A Docker engine for what needs one: start_docker uses the one that answers, or else installs Debian's, starts it by hand
# and has it stopped at the end of the script. Sourced by .ci/run.

docker_pid=

start_docker() {
  docker version >/dev/null 2>&1 && return
  if [ "$(id -u)" -ne 0 ]; then
    echo "No Docker engine answers, and only root can start one: start it, then run this again." >&2
    return 1
  fi
  if ! command -v dockerd >/dev/null; then
    if ! command -v apt-get >/dev/null; then
      echo "No Docker engine is installed, and there is no apt-get to install Debian's." >&2
      return 1
    fi
    echo "Installing a Docker engine (docker.io)."
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends docker.io; } >/dev/null || {
      echo "No Docker engine answers, and docker.io could not be installed." >&2
      return 1
    }
  fi
  # Containers talk to this machine alone, over the bridge: no rule of the firewall is needed, nor touched.
  docker_log=$(mktemp)
  dockerd --iptables=false --ip6tables=false >"$docker_log" 2>&1 &
  docker_pid=$!
  trap stop_docker EXIT
  for _ in $(seq 60); do
    docker version >/dev/null 2>&1 && return
    kill -0 "$docker_pid" 2>/dev/null || break
    sleep 1
  done
  echo "The Docker engine does not start on this machine: $(tail -n 1 "$docker_log")" >&2
  return 1
}

stop_docker() {
  [ -z "$docker_pid" ] || { kill "$docker_pid" && wait "$docker_pid"; } 2>/dev/null
  docker_pid=
}
