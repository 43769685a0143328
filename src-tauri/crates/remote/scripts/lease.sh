# A winner's lease: for how long it may live without a word from us, and what
# happens then. Parameters: seconds, then (stop, destroy or never). Answers
# "renewed", or "no switch" where no dead-man's switch runs.
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
  value=$(printf '%b.' "$raw"); value=${value%.}
  case $name in
    seconds) seconds=$value ;;
    then) then=$value ;;
  esac
done
[ "$name" = . ] || exit 74
home=${HOME:-/root}/.dumont
case $then in
  destroy) what=DELETE ;;
  stop) what=PUT ;;
  *) what=never ;;
esac
now=$(cut -d. -f1 /proc/uptime)
umask 077
echo "$((now + seconds)) $what $seconds" >"$home/lease.new" && mv "$home/lease.new" "$home/lease" || exit 73
[ -r "$home/deadman" ] && kill -0 "$(cat "$home/deadman")" 2>/dev/null && echo renewed || echo 'no switch'
