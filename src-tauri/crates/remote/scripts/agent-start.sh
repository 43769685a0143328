# Starts our agent, which outlives this connection. Parameters: target, option
# (may repeat). What follows them on standard input is the agent's own: its
# ticket, which goes through a pipe and onto no disk. The pipe stays open for
# what the agent is told later.
#
# The job's folder names two processes, each with the time it began: pid, the
# job itself (or this script, as long as it starts the job), and tool, the agent.

# What the image exports under these names would be exported again.
unset name raw value target ticket
set --
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
  value=$(printf '%b.' "$raw"); value=${value%.}
  case $name in
    target) target=$value ;;
    option) set -- "$@" "$value" ;;
  esac
done
[ "$name" = . ] || exit 74
# All of it, or nothing is started: half a ticket would be waited on for ever.
ticket=$(cat; echo .)
case $ticket in *'
.') ticket=${ticket%??} ;; *) exit 74 ;; esac
umask 077
home=${HOME:-/root}/.dumont
job=$home/jobs/restore
[ -x "$home/agent" ] || exit 69
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
rm -f "$job/status" "$job/input"
: >"$job/log"
mkfifo "$job/input" || { rm -f "$job/pid"; exit 69; }
# Open before the agent is there: a pipe that nobody has open forgets what is in
# it, and one that is gone would be made anew, as a file.
exec 3<>"$job/input" 4>"$job/input"
(
  trap '' HUP
  ticket=
  exec 4>&-
  # Opened for both ways, the pipe never ends for the agent.
  "$home/agent" "$@" "$target" <&3 3<&- &
  tool=$!
  exec 3<&-
  echo "$tool $(began $tool)" >"$job/tool"
  wait $tool
  code=$?
  rm -f "$job/tool" "$job/input"
  echo $code >"$job/status.new" && mv "$job/status.new" "$job/status"
) </dev/null >>"$job/log" 2>&1 &
echo "$! $(began $!)" >"$job/pid.new" && mv "$job/pid.new" "$job/pid"
# An agent that ended already reads nothing; its status tells.
exec 3<&-
trap '' PIPE
printf '%s\n' "$ticket" >&4 2>/dev/null
echo started
