# Restores a snapshot with stock restic: critical paths first, then the rest.
# Starts a job that outlives the connection and answers "started".
#
# Parameters: restic, snapshot, target, critical (a pattern, any number),
# include (a pattern, any number; none means everything), option (a restic -o
# option, any number), verify (yes where restic cannot
# count by itself), and the secrets: repository, password, key_id, key_secret,
# key_token. The secrets go into the environment of restic alone.
#
# The job's log mixes restic's own lines with ours, which begin with "@".
#
# The job's folder names two processes, each with the time it began, so that
# another one of the same number is not taken for it: pid, the job itself (or
# this script, as long as it starts the job), and tool, its restic.

# What the image exports under these names would be exported again.
unset name raw value restic snapshot target verify
unset repository password key_id key_secret key_token
set --
options= includes=
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
  value=$(printf '%b.' "$raw"); value=${value%.}
  case $name in
    restic) restic=$value ;;
    snapshot) snapshot=$value ;;
    target) target=$value ;;
    critical) set -- "$@" "$value" ;;
    include) includes="$includes$value
" ;;
    option) options="$options-o
$value
" ;;
    verify) verify=$value ;;
    repository) repository=$value ;;
    password) password=$value ;;
    key_id) key_id=$value ;;
    key_secret) key_secret=$value ;;
    key_token) key_token=$value ;;
  esac
done
[ "$name" = . ] || exit 74
umask 077
job=${HOME:-/root}/.dumont/jobs/restore
mkdir -p "$job" || exit 73
began() { cut -d' ' -f22 "/proc/$1/stat" 2>/dev/null; }
# The answer to an earlier start may have been lost on the way.
tries=0
until (set -C; echo "$$ $(began $$)" >"$job/pid") 2>/dev/null; do
  read -r pid since <"$job/pid" 2>/dev/null || continue
  [ "$(began "$pid")" = "$since" ] && { echo started; exit 0; }
  rm -f "$job/pid"
  tries=$((tries + 1)); [ $tries -lt 20 ] || exit 73
done
probe=$target/.dumont-$$
if ! { mkdir -p "$target" && touch "$probe" && rm -f "$probe"; } 2>/dev/null; then
  rm -f "$job/pid"
  echo "the target cannot be written" >&2
  exit 77
fi
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
  tool=$!
  echo "$tool $(began $tool)" >"$job/tool"
  # Versions that do not report progress are measured from outside.
  if [ -n "$verify" ]; then
    while sleep 0.2 2>/dev/null || sleep 1; do
      io=$(sed -n 's/^wchar: /@io /p' "/proc/$tool/io" 2>/dev/null)
      [ -n "$io" ] || break
      echo "$io"
    done &
    meter=$!
  fi
  wait $tool
  code=$?
  rm -f "$job/tool"
  # Not a word of this part after its end.
  [ -n "$verify" ] && { kill $meter; wait $meter; } 2>/dev/null
  return $code
}
critical() {
  for path in "$@"; do shift; set -- "$@" --include "$path"; done
  restore "$@"
}
rest() {
  if [ -n "$includes" ]; then
    set --
    for path in $includes; do set -- "$@" --include "$path"; done
    restore "$@"
    return
  fi
  for path in "$@"; do shift; set -- "$@" --exclude "$path"; done
  restore "$@"
}
(
  trap '' HUP
  # Options are split at the ends of lines and are no patterns of files.
  IFS='
'
  set -f
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
  rm -rf "$cache"
  echo $code >"$job/status.new" && mv "$job/status.new" "$job/status"
) </dev/null >>"$job/log" 2>&1 &
echo "$! $(began $!)" >"$job/pid.new" && mv "$job/pid.new" "$job/pid"
echo started
