#!/usr/bin/env bash
# A run on a Cloud TPU VM, a single host or a slice of a pod; call it from your own machine.
#
#   launch/tpu_pod.sh create NAME ZONE --accelerator-type=v4-32 --version=tpu-ubuntu2204-base [--spot]
#   launch/tpu_pod.sh run    NAME ZONE --config=configs/ba_moco.py:imagenet --workdir=/mnt/DIR
#   launch/tpu_pod.sh logs   NAME ZONE      follows the output of the first host
#   launch/tpu_pod.sh stop   NAME ZONE      saves and ends the run; `run` again resumes it
#   launch/tpu_pod.sh delete NAME ZONE
#
# `create` passes further flags to gcloud. `run` copies the repository to ~/ssl_jax_run on every host,
# installs it and starts the run, which outlives the connection. For details see docs/clusters.md.
set -euo pipefail

usage="usage: launch/tpu_pod.sh create|run|logs|stop|delete NAME ZONE [flags of gcloud create or ssl_jax.main]"

die() {
    echo "error: $*" >&2
    exit 1
}

case ${1:-} in -h | --help) echo "$usage" && exit ;; esac
[[ $# -ge 3 && $2 != -* && $3 != -* ]] || die "$usage"
command -v gcloud >/dev/null || die "gcloud is required: https://cloud.google.com/sdk/docs/install"
action=$1 name=$2 zone=$3
shift 3

tpu() { # COMMAND [ARGUMENT ...]
    gcloud compute tpus tpu-vm "$@" --zone="$zone"
}

on_hosts() { # WORKER COMMAND
    tpu ssh "$name" --worker="$1" --command="$2"
}

# The Python of the VM images may be too old: uv installs a newer one.
install=$(
    cat <<'END'
set -e
mkdir -p ssl_jax_run; cd ssl_jax_run
if kill -0 "$(cat pid 2>/dev/null)" 2>/dev/null; then
    echo "error: a run is in progress here; stop it first" >&2; exit 1
fi
rm -rf repository; mkdir repository; tar -xzf ../ssl_jax_run.tar.gz -C repository
python3 -m pip install --quiet --user uv
[ -d env ] || python3 -m uv venv --quiet --python 3.12 env
python3 -m uv pip install --quiet --python env/bin/python --editable repository "jax[tpu]"
END
)
start=$(
    cat <<'END'
cd ssl_jax_run/repository || exit 1
SSL_JAX_DISTRIBUTED=1 nohup ../env/bin/python -m ssl_jax.main "$@" </dev/null >../log 2>&1 &
echo $! >../pid
END
)

run() {
    case " $*" in *" --workdir=/"*) ;; *) die "--workdir=/DIR is required, a folder that all hosts have mounted" ;; esac
    [[ -f launch/tpu_pod.sh ]] || die "$PWD is not the root of the repository; start from the root"
    archive=$(mktemp)
    trap 'rm -f "$archive"' EXIT
    tar -czf "$archive" --exclude=__pycache__ pyproject.toml README.md LICENSE ssl_jax configs
    tpu scp "$archive" "$name:ssl_jax_run.tar.gz" --worker=all
    on_hosts all "$install"
    on_hosts all "set -- $(printf '%q ' "$@")"$'\n'"$start"
    echo "started; launch/tpu_pod.sh logs $name $zone"
}

case $action in
create) tpu create "$name" "$@" ;;
run) run "$@" ;;
logs) on_hosts 0 "tail -n 100 -F ssl_jax_run/log" ;;
stop) on_hosts all "kill -s TERM \$(cat ssl_jax_run/pid)" ;;
delete) tpu delete "$name" ;;
*) die "$usage" ;;
esac
