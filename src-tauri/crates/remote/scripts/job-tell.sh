# Tells a job something. Parameter: job. What follows on standard input goes
# into the job's own.
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
  value=$(printf '%b.' "$raw"); value=${value%.}
  case $name in
    job) job=$value ;;
  esac
done
input=${HOME:-/root}/.dumont/jobs/$job/input
[ -p "$input" ] || { echo "the job takes no input" >&2; exit 66; }
cat 1<>"$input"
echo told
