# What every tool here shares; sourced, never run.
# Progress goes to stderr, so that a tool's stdout is its result alone.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/noncustodial-lightning
state=${XDG_STATE_HOME:-$HOME/.local/state}/noncustodial-lightning
# shellcheck disable=SC2034  # for those who source this
readonly root cache state

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$(basename "$0"): $*"
  exit 1
}

# now: a point in time, for differences only.
now() { date +%s.%N; }

since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'; }

# step TEXT COMMAND...: say what begins, run it, say how long it took. The command's output goes to stderr. A line every
# 30 s shows that a quiet one is alive. Call it plainly: after `if` or before `||` bash would switch off -e in COMMAND.
step() {
  local text=$1 from ticker status
  shift
  say "==> $text"
  from=$(now)
  (
    while sleep 30 2>/dev/null; do say "    still at it after $(since "$from") s"; done
  ) >/dev/null 9>&- &
  ticker=$!
  set +e
  (
    set -e
    "$@"
  ) >&2
  status=$?
  kill "$ticker"
  wait "$ticker" 2>/dev/null
  set -e
  if ((status)); then die "failed (exit $status) after $(since "$from") s: $text"; fi
  say "    done in $(since "$from") s"
}

# quietly COMMAND...: keep the output to ourselves unless the command fails, then show all of it.
quietly() {
  local log status
  log=$(mktemp)
  set +e
  (
    set -e
    "$@"
  ) >"$log" 2>&1
  status=$?
  set -e
  if ((status)); then cat "$log" >&2; fi
  rm -f "$log"
  return "$status"
}

# programs_in LANGUAGE: of the files that git lists, those whose first line is #! and ends in it. A template of one is
# none yet.
programs_in() { git grep -nE "^#!.*$1\$" -- ':!*.j2' | sed -n 's/:1:.*//p'; }

# hash_of FILE|TEXT...: a short name for a set of inputs.
hash_of() {
  local input
  for input in "$@"; do
    if [[ -f $input ]]; then cat "$input"; else printf '%s\n' "$input"; fi
  done | sha256sum | cut -c 1-12
}

# alone NAME: from here on one process at a time, of those that call it by that name. Who has waited finds the work
# done.
alone() {
  mkdir -p "$cache"
  exec 9>"$cache/$1.lock"
  flock 9
}
