#!/usr/bin/env bash
# A run under Slurm that goes on, from one time limit or preemption to the next, until it is finished.
#
#   sbatch --nodes=2 --gpus-per-node=8 launch/slurm.sh --config=configs/ba_moco.py:imagenet --workdir=DIR
#
# from the root of the repository; what sbatch is told wins over the lines below. PYTHON=PROGRAM
# chooses the interpreter, by default .venv/bin/python. docs/clusters.md says more.
#
# One process a node that has all its GPUs or, with --ntasks-per-node=8 for 8 GPUs, one a GPU.
#SBATCH --job-name=ssl_jax
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
# Slurm sends SIGTERM to the processes, not to this script, so many seconds before the time limit.
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

usage="usage: sbatch [--nodes=N] [--gpus-per-node=N] launch/slurm.sh --config=FILE[:VARIANT] --workdir=DIR [--config.KEY=VALUE]"

die() {
    echo "error: $*" >&2
    exit 1
}

python=${PYTHON:-.venv/bin/python} workdir=
for argument; do
    case $argument in
    -h | --help) echo "$usage" && exit ;;
    --workdir=?*) workdir=${argument#--workdir=} ;;
    esac
done
[[ -n $workdir ]] || die "--workdir=DIR is needed, a folder that all nodes share; $usage"
[[ -n ${SLURM_JOB_ID:-} ]] || die "this is no Slurm job; $usage"
[[ -f launch/finished.py ]] || die "$PWD is not the root of the repository; call sbatch from there"
command -v "$python" >/dev/null || die "there is no program PYTHON=$python"

# jax gives each process under Slurm the one GPU that has its number on the node, unless told.
gpus=${SLURM_GPUS_ON_NODE:-0} tasks=${SLURM_NTASKS_PER_NODE:-1}
if ((tasks == 1 && gpus > 1)); then
    JAX_LOCAL_DEVICE_IDS=$(seq -s, 0 $((gpus - 1)))
    export JAX_LOCAL_DEVICE_IDS
elif ((gpus && tasks != gpus)); then
    die "--ntasks-per-node=$tasks must be 1 or the number of GPUs on a node, $gpus"
fi

# What scancel has ended is no longer running, and must neither be signalled twice nor come back.
running() {
    [[ $(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T) == RUNNING ]]
}

# srun would make a SIGKILL of a SIGTERM; scancel sends it on to the processes.
interrupted=no
forward() {
    interrupted=yes
    if running; then scancel --signal=TERM "$SLURM_JOB_ID" || true; fi
}
trap forward TERM

# Since Slurm 22.05 srun does not take --cpus-per-task over from sbatch.
SSL_JAX_DISTRIBUTED=1 srun --kill-on-bad-exit=1 \
    ${SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"} \
    "$python" -m ssl_jax.main "$@" &
while true; do
    code=0
    wait $! || code=$?
    [[ $interrupted == yes ]] || break
    interrupted=no
done

((code == 0)) || exit "$code" # a failure would come again
if "$python" launch/finished.py "$workdir"; then exit; fi
running || die "job $SLURM_JOB_ID was ended; the same sbatch command goes on"
echo "not finished: job $SLURM_JOB_ID goes back into the queue"
scontrol requeue "$SLURM_JOB_ID"
