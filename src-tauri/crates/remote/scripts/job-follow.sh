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
[ "$name" = . ] || exit 74
dir=${HOME:-/root}/.dumont/jobs/$job
[ -e "$dir/log" ] || { echo 'missing'; exit 66; }
# The job was killed if its process is gone and it left no status.
killed() {
  read -r pid since <"$dir/pid" 2>/dev/null &&
    [ "$(cut -d' ' -f22 "/proc/$pid/stat" 2>/dev/null)" != "$since" ]
}
gone= quiet=0
while :; do
  # The status is read first: what was logged before it is then surely sent.
  status=; [ -e "$dir/status" ] && status=$(cat "$dir/status")
  size=$(wc -c <"$dir/log")
  size=$((size))
  if [ $size -gt "$offset" ]; then
    echo "data $((size - offset))" || exit
    tail -c +$((offset + 1)) "$dir/log" | head -c $((size - offset))
    offset=$size quiet=0
  fi
  [ -n "$status" ] && { echo "status $status"; exit 0; }
  [ -n "$gone" ] && { echo 'status 137'; exit 0; }
  # It may have left one since we looked.
  killed && { gone=yes; continue; }
  sleep 0.2 2>/dev/null || sleep 1
  # Writing is how we notice that nobody listens any more.
  quiet=$((quiet + 1))
  [ $((quiet % 10)) -ne 0 ] || echo 'data 0' || exit
done
