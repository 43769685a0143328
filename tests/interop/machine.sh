# The first process of a test machine. Its mounts and processes are nobody
# else's: LAB, an empty folder, becomes a file system in memory that lies over
# the real one, so that whatever happens here leaves no trace.
set -e
# Still the outer /proc: this is our number out there.
read -r pid _ </proc/self/stat
mount -t tmpfs -o mode=700 machine "$LAB"
mkdir "$LAB/upper" "$LAB/work" "$LAB/root"
mount -t overlay -o "lowerdir=/,upperdir=$LAB/upper,workdir=$LAB/work" overlay "$LAB/root"
cd "$LAB/root"
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t proc proc proc
mount -t tmpfs -o mode=700 home root
mount -t tmpfs -o mode=1777 tmp tmp
mount -t tmpfs -o mode=755 run run
mkdir run/sshd
rm -f etc/ssh/ssh_host_*
# What is to run on this machine makes sure of it by this file.
: >.machine
# Ready is said from inside: whoever enters before would find the real root.
# Orphans come here to be buried, as with any init. All ends with our input.
exec chroot . /bin/dash -c '
  echo "ready $0"
  exec 3<&0 >/dev/null 2>&1
  cat <&3 &
  wait $!
' "$pid"
