# Tells a job something. Parameter: job. What follows on standard input goes
# into the job's own.
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
  value=$(printf '%b.' "$raw"); value=${value%.}
  case $name in
    job) job=$value ;;
  esac
done
[ "$name" = . ] || exit 74
# All of it, or nothing is told: half a line would spoil the next one.
unset said
said=$(cat; echo .)
case $said in *'
.') ;; *) exit 74 ;; esac
input=${HOME:-/root}/.dumont/jobs/$job/input
# Opening makes a file where the pipe went away meanwhile; nothing is written
# into that.
[ -p "$input" ] && exec 3<>"$input"
[ -p /proc/self/fd/3 ] || { rm -f "$input"; echo "the job takes no input" >&2; exit 66; }
# Ends at once if the job has.
exec 4>/proc/self/fd/3 3<&-
trap '' PIPE
printf '%s' "${said%.}" >&4 2>/dev/null || { echo "the job has ended" >&2; exit 66; }
echo told
