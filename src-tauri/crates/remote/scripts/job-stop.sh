# Ends a job. Parameter: job. Answers "stopped" when nothing of it runs.
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
  value=$(printf '%b.' "$raw"); value=${value%.}
  case $name in
    job) job=$value ;;
  esac
done
dir=${HOME:-/root}/.dumont/jobs/$job
n=0
while [ -e "$dir/pid" ] && kill "$(cat "$dir/pid")" 2>/dev/null && [ $n -lt 50 ]; do
  n=$((n + 1)); sleep 0.1 2>/dev/null || sleep 1
done
echo stopped
