# container.sh ROOT MOUNTS COMMAND... runs a command as a container engine would: with
# ROOT as its own root, read-only, MOUNTS/state, MOUNTS/config and MOUNTS/audit mounted,
# and as the image's user. To be started in new mount and pid namespaces.
root=$1 mounts=$2
shift 2
mkdir -p "$root/proc" "$root/dev" "$root/audit" "$root/etc/auditship"
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount --bind "$mounts/state" "$root/var/lib/auditship"
for name in config:etc/auditship audit:audit; do
	mount --bind "$mounts/${name%%:*}" "$root/${name#*:}"
	mount -o remount,bind,ro "$root/${name#*:}"
done
exec setpriv --no-new-privs chroot --userspec=65532:65532 --groups= "$root" "$@"
