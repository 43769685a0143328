# Installs restic with the image's package manager. No parameters. Ends with 69
# where there is no manager we know, 75 where it did not install.
while IFS=' ' read -r name raw; do
  [ "$name" = . ] && break
done
[ "$name" = . ] || exit 74
has() { command -v "$1" >/dev/null 2>&1; }
export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -qq -y --no-install-recommends install restic; }
if has apt-get; then apt || { apt-get -qq update && apt; }
elif has apk; then apk add --quiet --no-cache restic
elif has dnf; then dnf -q -y install restic
elif has microdnf; then microdnf -y install restic
elif has zypper; then zypper -q -n install restic
elif has pacman; then pacman -Sy --noconfirm restic
else exit 69
fi </dev/null >/dev/null 2>&1
command -v restic >/dev/null 2>&1 || exit 75
echo installed
