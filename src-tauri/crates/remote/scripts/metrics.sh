# How busy is this machine? Parameter: target, where the workspace is.
# Answers in lines "name values"; changes nothing.
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
  value=$(printf '%b.' "$raw"); value=${value%.}
  case $name in
    target) target=$value ;;
  esac
done
[ "$name" = . ] || exit 74
if command -v nvidia-smi >/dev/null 2>&1; then
  q=name,utilization.gpu,memory.used,memory.total,temperature.gpu,fan.speed,power.draw,power.limit
  nvidia-smi --query-gpu=$q --format=csv,noheader,nounits 2>/dev/null | sed 's/^/gpu /'
fi
sed -n 's/^MemTotal: *\([0-9]*\) kB$/memory_kb \1/p; s/^MemAvailable: *\([0-9]*\) kB$/available_kb \1/p' \
  /proc/meminfo 2>/dev/null
sed -n 's/^cpu  */cpu /p' /proc/stat 2>/dev/null
dir=${target:-/}
while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
df -Pk "$dir" 2>/dev/null | { read -r _; read -r _ size used _; echo "disk_kb $size $used"; }
while IFS=': ' read -r name down _ _ _ _ _ _ _ up _; do
  case $name in lo|*'|'*|Inter*|face) continue ;; esac
  echo "net $down $up"
done </proc/net/dev 2>/dev/null
