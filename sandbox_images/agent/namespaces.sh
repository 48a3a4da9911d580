#!/bin/sh
# Build a small read-only root around the agent and become it: pid 1 of namespaces that unshare(1) has just made.
# Arguments: an empty folder to mount on, the agent's folder, the Python to run it with, and then every file and
# folder of the machine that programs may see, none of which they can write.
set -eu
umask 022
root=$1 agent=$2 python=$3
shift 3

mount -t tmpfs -o mode=755,size=1m,nr_inodes=1k,nosuid,nodev skeleton "$root"
cd "$root"
mkdir -p agent box dev etc old proc tmp

show() { # $1 of the machine at $2 in here, read-only
    mount --bind "$1" "$2"
    mount -o remount,bind,ro,nosuid,nodev "$2"
}
show "$agent" agent
for path in "$@"; do
    mkdir -p ".${path%/*}"
    if [ -L "$path" ]; then
        ln -s "$(readlink "$path")" ".$path"
    elif [ -d "$path" ]; then
        mkdir -p ".$path"
        show "$path" ".$path"
    else
        : > ".$path"
        show "$path" ".$path"
    fi
done

# hidepid: a program sees its own processes only, not the agent's.
mount -t proc -o nosuid,nodev,noexec,hidepid=invisible proc proc
# No System V objects, which nobody could remove between two programs but their makers.
echo 0 > proc/sys/kernel/shmmni
echo 0 > proc/sys/kernel/msgmni
echo 0 0 0 0 > proc/sys/kernel/sem

mount -t tmpfs -o mode=755,size=64k,nosuid dev dev
for device in null zero full random urandom; do
    : > "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mkdir dev/shm
mount -t tmpfs -o mode=1777,size=16m,nr_inodes=1k,nosuid,nodev,noexec shm dev/shm
mount -o remount,ro,nosuid dev
mount -t tmpfs -o mode=1777,size=64m,nr_inodes=8k,nosuid,nodev,noexec tmp tmp
mount -t tmpfs -o mode=755,size=256m,nr_inodes=16k,nosuid,nodev box box

pivot_root . old
umount -l old
rmdir old
mount -o remount,ro,nosuid,nodev /

exec env -i LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin setpriv --no-new-privs --inh-caps=-all \
    --bounding-set=-all,+setuid,+setgid,+kill,+dac_override,+fowner "$python" -I -S /agent/__main__.py
