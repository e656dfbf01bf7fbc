#!/bin/sh
# Installs the package into a system that has nothing else, and tries it there. Runs as root, in namespaces of its own for
# mounts and processes: nothing that is mounted or started here outlives it.
#
# usage: clean-root.sh BASE WORK PACKAGE SOURCES TRY
#   BASE     what debootstrap made; stays as it is
#   WORK     an empty folder for what changes
#   SOURCES  where packages come from
#   TRY      the script that runs inside
set -eu
base=$1 work=$2 package=$3 sources=$4 try=$5
root=$work/root
archives=$(dirname "$base")/archives

mkdir -p "$work/upper" "$work/overlay" "$root" "$archives/partial"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/overlay" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
chmod 1777 "$root/tmp"
mount --bind "$archives" "$root/var/cache/apt/archives"
cp "$package" "$root/tmp/freshet.deb"
cp "$try" "$root/tmp/try.sh"
cp "$sources" "$root/etc/apt/sources.list"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# What is installed starts no services.
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"

inside() {
  chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive ${http_proxy:+"http_proxy=$http_proxy"} "$@"
}
install() {
  inside apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" > "$work/apt.log" 2>&1 || {
    tail -n 40 "$work/apt.log"
    exit 1
  }
}
# Without a network, but for the loopback: nothing that the program does may need more.
try() {
  unshare --net chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 sh -eu /tmp/try.sh "$@"
}

inside apt-get -qq update
echo "== the package alone, with what it depends on"
install /tmp/freshet.deb
inside dpkg --status freshet | grep -E '^(Status|Version|Depends):'
install xvfb xdotool dbus curl iproute2 xdg-utils libglib2.0-bin desktop-file-utils appstream systemd
inside useradd --create-home tester
try without-tray

echo "== with what it recommends"
recommended=$(inside dpkg-query -W -f='${Recommends}' freshet | tr ',' '\n' | sed 's/|.*//; s/(.*//')
install $recommended
try with-tray
