# Reads a job's log from an offset until the job ends, then tells its status.
# Parameters: job, offset (bytes read before). Log bytes come framed as
# "data LENGTH" and that many bytes; the last line is "status CODE".
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
  value=$(printf '%b.' "$raw"); value=${value%.}
  case $name in
    job) job=$value ;;
    offset) offset=$value ;;
  esac
done
dir=${HOME:-/root}/.dumont/jobs/$job
[ -e "$dir/log" ] || { echo 'missing'; exit 66; }
while :; do
  # The status is read first: what was logged before it is then surely sent.
  status=; [ -e "$dir/status" ] && status=$(cat "$dir/status")
  size=$(wc -c <"$dir/log")
  size=$((size))
  if [ $size -gt "$offset" ]; then
    echo "data $((size - offset))"
    tail -c +$((offset + 1)) "$dir/log" | head -c $((size - offset))
    offset=$size
  fi
  [ -n "$status" ] && { echo "status $status"; exit 0; }
  sleep 0.2 2>/dev/null || sleep 1
done
