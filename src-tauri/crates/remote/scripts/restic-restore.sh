# Restores a snapshot with stock restic: critical paths first, then the rest.
# Starts a job that outlives the connection and answers "started".
#
# Parameters: restic, snapshot, target, critical (a pattern, any number),
# option (a restic -o option, any number), verify (yes where restic cannot
# count by itself), and the secrets: repository, password, key_id, key_secret,
# key_token. The secrets go into the environment of restic alone.
#
# The job's log mixes restic's own lines with ours, which begin with "@".
set --
options=
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
  value=$(printf '%b.' "$raw"); value=${value%.}
  case $name in
    restic) restic=$value ;;
    snapshot) snapshot=$value ;;
    target) target=$value ;;
    critical) set -- "$@" "$value" ;;
    option) options="$options -o $value" ;;
    verify) verify=$value ;;
    repository) repository=$value ;;
    password) password=$value ;;
    key_id) key_id=$value ;;
    key_secret) key_secret=$value ;;
    key_token) key_token=$value ;;
  esac
done
umask 077
job=${HOME:-/root}/.dumont/jobs/restore
mkdir -p "$job" || exit 73
# The answer to an earlier start may have been lost on the way.
[ -e "$job/pid" ] && [ ! -e "$job/status" ] && kill -0 "$(cat "$job/pid")" 2>/dev/null && { echo started; exit 0; }
mkdir -p "$target" 2>/dev/null && [ -w "$target" ] || { echo "target is read-only" >&2; exit 77; }
rm -f "$job/status"
: >"$job/log"
cache=$job/cache
[ -w /dev/shm ] && cache=/dev/shm/dumont-cache

restore() {
  RESTIC_REPOSITORY=$repository RESTIC_PASSWORD=$password \
  AWS_ACCESS_KEY_ID=$key_id AWS_SECRET_ACCESS_KEY=$key_secret AWS_SESSION_TOKEN=$key_token \
  RESTIC_CACHE_DIR=$cache RESTIC_PROGRESS_FPS=5 \
    "$restic" restore "$snapshot" --target "$target" --json --no-lock $options \
    ${verify:+--verify} "$@" &
  pid=$!
  echo $pid >"$job/pid"
  # Versions that do not report progress are measured from outside.
  [ -n "$verify" ] && while sleep 0.2 2>/dev/null || sleep 1; do
    sed -n 's/^wchar: /@io /p' "/proc/$pid/io" 2>/dev/null || break
  done &
  wait $pid
}
critical() {
  for path in "$@"; do shift; set -- "$@" --include "$path"; done
  restore "$@"
}
rest() {
  for path in "$@"; do shift; set -- "$@" --exclude "$path"; done
  restore "$@"
}
(
  trap '' HUP
  code=0
  if [ $# -gt 0 ]; then
    echo '@phase critical'
    critical "$@"; code=$?
    echo "@done critical $code"
  fi
  if [ $code -eq 0 ]; then
    echo '@phase rest'
    rest "$@"; code=$?
    echo "@done rest $code"
  fi
  rm -rf "$cache" "$job/pid"
  echo $code >"$job/status.new" && mv "$job/status.new" "$job/status"
) </dev/null >>"$job/log" 2>&1 &
echo started
