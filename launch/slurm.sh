#!/usr/bin/env bash
# A run under Slurm that resumes after each time limit or preemption until it is finished.
#
#   sbatch --nodes=2 --gpus-per-node=8 launch/slurm.sh --config=configs/ba_moco.py:imagenet --workdir=DIR
#
# Call it from the root of the repository; options of sbatch override the lines below. PYTHON=PROGRAM
# sets the interpreter, by default .venv/bin/python. For details see docs/clusters.md.
#
# Starts one process per node, which uses all its GPUs, or one per GPU with --ntasks-per-node=8 for 8 GPUs.
#SBATCH --job-name=ssl_jax
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
# 120 seconds before the time limit Slurm sends SIGTERM to the processes, not to this script.
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
[[ -n $workdir ]] || die "--workdir=DIR is required, a folder that all nodes share; $usage"
[[ -n ${SLURM_JOB_ID:-} ]] || die "this is not a Slurm job; $usage"
[[ -f launch/finished.py ]] || die "$PWD is not the root of the repository; call sbatch from the root"
command -v "$python" >/dev/null || die "PYTHON=$python: no such program"

# Under Slurm, jax gives each process the one GPU with its local rank, unless told otherwise.
gpus=${SLURM_GPUS_ON_NODE:-0} tasks=${SLURM_NTASKS_PER_NODE:-1}
if ((tasks == 1 && gpus > 1)); then
    JAX_LOCAL_DEVICE_IDS=$(seq -s, 0 $((gpus - 1)))
    export JAX_LOCAL_DEVICE_IDS
elif ((gpus && tasks != gpus)); then
    die "--ntasks-per-node=$tasks must be 1 or the number of GPUs on a node, $gpus"
fi

# A job that scancel has ended is no longer running; it must not be signalled again or requeued.
running() {
    [[ $(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T) == RUNNING ]]
}

# srun would turn a SIGTERM into a SIGKILL; scancel forwards it to the processes.
interrupted=no
forward() {
    interrupted=yes
    if running; then scancel --signal=TERM "$SLURM_JOB_ID" || true; fi
}
trap forward TERM

# Since Slurm 22.05, srun does not inherit --cpus-per-task from sbatch.
SSL_JAX_DISTRIBUTED=1 srun --kill-on-bad-exit=1 \
    ${SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"} \
    "$python" -m ssl_jax.main "$@" &
while true; do
    code=0
    wait $! || code=$?
    [[ $interrupted == yes ]] || break
    interrupted=no
done

# 143: SIGTERM came before there was anything to save. Any other failure would recur.
((code == 0 || code == 143)) || exit "$code"
if "$python" launch/finished.py "$workdir"; then exit; fi
running || die "job $SLURM_JOB_ID was ended; run the same sbatch command again to resume"
echo "not finished: requeueing job $SLURM_JOB_ID"
scontrol requeue "$SLURM_JOB_ID"
