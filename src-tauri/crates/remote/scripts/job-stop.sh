# Ends a job. Parameter: job. Answers "stopped" when nothing of it runs.
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
  value=$(printf '%b.' "$raw"); value=${value%.}
  case $name in
    job) job=$value ;;
  esac
done
[ "$name" = . ] || exit 74
dir=${HOME:-/root}/.dumont/jobs/$job
# A file names a process and the time it began; is it that one still?
runs() {
  read -r pid since <"$1" 2>/dev/null &&
    [ "$(cut -d' ' -f22 "/proc/$pid/stat" 2>/dev/null)" = "$since" ]
}
n=0 signal=TERM
# Its tool is ended; the job itself then writes its status.
while runs "$dir/pid" || runs "$dir/tool"; do
  runs "$dir/tool" && kill -$signal "$pid" 2>/dev/null
  n=$((n + 1))
  [ $n -lt 50 ] || signal=KILL
  [ $n -lt 100 ] || exit 75
  sleep 0.1 2>/dev/null || sleep 1
done
echo stopped
