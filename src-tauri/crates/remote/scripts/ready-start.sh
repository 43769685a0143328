# Starts the recipe's own script, which outlives this connection. Parameter:
# length, in bytes; the script follows on standard input. A second start of the
# same run does nothing. Its output goes into the log of the job "ready".
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
  value=$(printf '%b.' "$raw"); value=${value%.}
  case $name in
    length) length=$value ;;
  esac
done
[ "$name" = . ] || exit 74
umask 077
job=${HOME:-/root}/.dumont/jobs/ready
mkdir -p "$job" || exit 73
cat >"$job/script.new" || exit 73
# Half a script, of a connection that broke, is not what the user wrote.
size=$(wc -c <"$job/script.new")
[ $((size)) -eq "$length" ] || { rm -f "$job/script.new"; exit 74; }
[ -e "$job/script" ] && cmp -s "$job/script" "$job/script.new" && { echo started; exit 0; }
rm -f "$job/status"
mv "$job/script.new" "$job/script" || exit 73
shell=sh; command -v bash >/dev/null 2>&1 && shell=bash
(
  trap '' HUP
  cd "${HOME:-/root}" || exit
  umask 022
  $shell "$job/script"
  code=$?
  echo $code >"$job/status.new" && mv "$job/status.new" "$job/status"
) </dev/null >"$job/log" 2>&1 &
echo "$! $(cut -d' ' -f22 /proc/$!/stat 2>/dev/null)" >"$job/pid"
echo started
