#!/usr/bin/env bash
# Runs a study through a real Slurm of one node, kills one task, lets one reach its time limit, and compares the digests
# with those of local runs.
#
#   Tests/slurm/run.sh [PROGRAM]     needs root, slurm-wlm and munge (Debian), and takes about three minutes
#
# Everything lies in a temporary folder; both daemons and munge are this script's own and listen on loopback alone.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "${1:-$here/../../.build/release/milenas-lab}")
folder=$(mktemp -d /tmp/milenas-slurm-XXXXXX)
began=$SECONDS
say() { echo "[$((SECONDS - began)) s] $*"; }
fail() {
  say "FAILED: $*"
  tail -n 20 "$folder"/log/*.log "$folder/$runs"/*/logs/* 2>/dev/null || true
  exit 1
}
finish() {
  # What hangs would outlive its job.
  [ -z "${hanging:-}" ] || kill -9 $hanging 2> /dev/null || true
  scancel --quiet --name=study-tiny 2> /dev/null || true
  for name in node controller munge; do
    [ -f "$folder/run/$name.pid" ] && kill "$(cat "$folder/run/$name.pid")" 2>/dev/null || true
  done
  sleep 1
  rm -rf "$folder"
}
trap finish EXIT

# munge and Slurm insist on folders that nobody else can write.
umask 022
chmod 755 "$folder"
# A space, which sbatch takes for the end of a word.
runs='my runs'
mkdir -p "$folder"/{run,log,state,spool,"$runs"}
head -c 128 /dev/urandom > "$folder/munge.key"
chmod 400 "$folder/munge.key"
munged --key-file="$folder/munge.key" --socket="$folder/run/munge.socket" \
  --pid-file="$folder/run/munge.pid" --log-file="$folder/log/munge.log" \
  --seed-file="$folder/run/munge.seed" --num-threads=1
port=$((20000 + RANDOM % 20000))
cpus=$(nproc)
[ "$cpus" -ge 2 ] || fail "two tasks at once need two cores"
sed -e "s|@FOLDER@|$folder|g" -e "s|@HOST@|$(hostname -s)|" -e "s|@CPUS@|$cpus|" \
  -e "s|@CONTROL_PORT@|$port|" -e "s|@NODE_PORT@|$((port + 1))|" \
  "$here/one_node.conf" > "$folder/slurm.conf"
export SLURM_CONF=$folder/slurm.conf
slurmctld
slurmd -N localhost
for _ in $(seq 50); do
  sinfo -h -o %T 2>/dev/null | grep -qx idle && break
  sleep 0.2
done
sinfo -h -o %T | grep -qx idle || fail "the node is not idle"
say "Slurm $(sinfo --version | cut -d' ' -f2) runs on one node with $cpus cores"

cat > "$folder/tiny.yaml" <<'STUDY'
name: tiny
seeds: [0, 1]
search:
  data: fashion-mini
  train-images: 64
  batch: 8
  channels: 2
  cells: 2
  nodes: 2
  epochs: 20
settings:
  bilevel: { method: darts-1st }
  mixed: { method: milenas-1st }
STUDY
cd "$folder"
"$program" study submit tiny.yaml --runs-dir "$runs" --threads-per-worker 1 --array-parallelism 2 --time 1 --warning 10
say "submitted"

worker() { pgrep -f "milenas-lab search .*$1 .*--runs-dir $folder" || true; }
has_checkpoint() { ls "$folder/$runs/tiny/$1/checkpoints/"step-*.safetensors > /dev/null 2>&1; }
await() {
  for _ in $(seq "$2"); do
    eval "$1" && return
    sleep 0.2
  done
  fail "waited in vain for: $1"
}

# One task seems to hang until its time limit: it is stopped, and goes on when Slurm's warning has come.
await '[ -n "$(worker bilevel-s0)" ] && has_checkpoint bilevel-s0' 200
hanging=$(worker bilevel-s0)
kill -STOP $hanging
say "bilevel-s0 hangs in the midst of its work"
# Another is killed.
await '[ -n "$(worker bilevel-s1)" ] && has_checkpoint bilevel-s1' 200
kill -9 $(worker bilevel-s1)
say "bilevel-s1 was killed with signal 9"
await 'grep -q "ending the task after its step" "$runs"/tiny/logs/slurm-*_0.out' 500
kill -CONT $hanging
await 'grep -q "queued again, for the 1. time" "$runs"/tiny/logs/slurm-*_0.out' 100
queued=$SECONDS
say "bilevel-s0 reached its limit, wrote a checkpoint and is queued again"
await '"$program" study status tiny --runs-dir "$runs" --format csv | grep -q "^bilevel-s0,queued"' 100
"$program" study status tiny --runs-dir "$runs"
# Slurm lets a task that was queued again wait for two minutes; an administrator need not.
job=$(cat "$runs/tiny/slurm-jobs.txt")
# Said again and again: said while the task still ends, it is forgotten.
await 'scontrol update JobId=${job}_0 StartTime=now 2> /dev/null;
  [ "$("$program" study status tiny --runs-dir "$runs" --format csv | grep -c ",done,")" = 4 ]' 600
say "all four are done; the requeue took $((SECONDS - queued)) s"
grep -q "its worker was ended by signal 9" "$runs"/tiny/logs/slurm-*_1.out || fail "no word of the killed worker"

"$program" study collect tiny --runs-dir "$runs" || fail "the records are not whole"
"$program" study run tiny.yaml --runs-dir "$runs" --name local > /dev/null 2> local.log || fail "the local runs: $(cat local.log)"
digests() {
  "$program" study collect "$1" --runs-dir "$runs" --format csv 2> /dev/null | tr -d '\r' | awk -F, 'NR > 1 { print $1, $NF }'
}
diff <(digests tiny) <(digests local) || fail "the digests differ"
say "the digests of all four are those of local runs"
