# Receives a file. Parameters: path, mode, packed (gzip, if it is). The content
# follows on standard input; the answer is the SHA-256 of what stands on disk
# afterwards.
unset packed
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
  value=$(printf '%b.' "$raw"); value=${value%.}
  case $name in
    path) path=$value ;;
    mode) mode=$value ;;
    packed) packed=$value ;;
  esac
done
[ "$name" = . ] || exit 74
umask 077
receive() { if [ "$packed" = gzip ]; then gunzip -c; else cat; fi; }
case $path in '~/'*) path=${HOME:-/root}/${path#'~/'} ;; esac
mkdir -p "${path%/*}/" || exit 73
receive >"$path.new" && chmod "$mode" "$path.new" && mv "$path.new" "$path" ||
  { rm -f "$path.new"; exit 73; }
if command -v sha256sum >/dev/null 2>&1; then sum=$(sha256sum <"$path")
elif command -v openssl >/dev/null 2>&1; then sum=$(openssl dgst -sha256 -r <"$path")
else sum=$(python3 -c 'import hashlib,sys;print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())' <"$path")
fi
echo "sha256 ${sum%% *}"
