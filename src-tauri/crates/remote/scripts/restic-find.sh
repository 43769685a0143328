# Where is restic, which versions, and what do they hash to? Parameter: sha256 of
# the one that onstart may be fetching right now, if any: it is waited for where
# the image has none, but not for long.
unset wanted
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
  value=$(printf '%b.' "$raw"); value=${value%.}
  case $name in
    sha256) wanted=$value ;;
  esac
done
[ "$name" = . ] || exit 74
own=${HOME:-/root}/.dumont/restic
image=$(command -v restic)
n=0
while [ -n "$wanted" ] && [ -z "$image" ] && [ ! -e "$own" ] && [ -e "$own.new" ] && [ $n -lt 15 ]; do
  n=$((n + 1)); sleep 0.1 2>/dev/null || { sleep 1; n=$((n + 9)); }
done
hash() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum
  elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r
  else python3 -c 'import hashlib,sys;print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
  fi | cut -c1-64
}
tell() {
  [ -n "$1" ] && [ -x "$1" ] || return 0
  echo "path $1"
  echo "version $("$1" version 2>/dev/null | cut -d' ' -f2)"
  echo "sha256 $(hash <"$1")"
}
tell "$image"
[ "$own" = "$image" ] || tell "$own"
