# Tries the installed package, inside the system that has nothing else; `clean-root.sh` says how it comes here.
#
# usage: try.sh without-tray | with-tray
tray=$1
hash=dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c
magnet="magnet:?xt=urn:btih:$hash&dn=Big+Buck+Bunny"
url=http://127.0.0.1:8090

fail() {
  echo "FAILED: $*"
  exit 1
}
# Waits until a command succeeds, half a minute at most.
await() {
  what=$1
  shift
  tries=0
  until "$@" > /tmp/await.log 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { cat /tmp/await.log; fail "$what"; }
    sleep 0.1
  done
  echo "ok: $what"
}

ip link set lo up
desktop-file-validate /usr/share/applications/freshet.desktop
appstreamcli validate --no-net /usr/share/metainfo/org.freshet.app.metainfo.xml
for program in freshet freshetd; do
  $program --version | grep -E "^$program [0-9]+\.[0-9]+\.[0-9]+" || fail "$program tells no version"
  $program --help | grep -q '^Usage:' || fail "$program --help"
  [ -s "/usr/share/man/man1/$program.1.gz" ] || [ ! -d /usr/share/man/man1 ] || fail "$program has no manual"
done
[ -f /usr/share/freshet/pages/index.html ] || fail "no pages"

# From here on as a person would.
runtime=/tmp/runtime
rm -rf "$runtime"
install -d -m 0700 -o tester "$runtime"
as_tester() {
  runuser -u tester -- env HOME=/home/tester XDG_RUNTIME_DIR="$runtime" DISPLAY=:7 GDK_BACKEND=x11 "$@"
}
for type in x-scheme-handler/magnet application/x-bittorrent; do
  found=$(as_tester xdg-mime query default "$type")
  [ "$found" = freshet.desktop ] || fail "$type is opened by '$found'"
  echo "ok: $type is opened by $found"
done

# systemd says nothing against a unit that it understands, and whose program is there.
said=$(as_tester systemd-analyze verify --user --man=no /usr/lib/systemd/user/freshetd.service 2>&1) || fail "$said"
[ -z "$said" ] || fail "$said"
echo "ok: systemd takes the unit"

rm -rf /home/tester/.local /tmp/.X7-lock /tmp/.X11-unix
Xvfb :7 -screen 0 1280x800x24 -nolisten tcp > /tmp/xvfb.log 2>&1 &
screen=$!
await "a screen" [ -S /tmp/.X11-unix/X7 ]
# The system looks up who opens such links, and starts it as its desktop entry says.
as_tester dbus-run-session -- sh -c "gio open '$magnet'; while pgrep -x freshet; do sleep 0.2; done" > /tmp/session.log 2>&1 &
session=$!

await "the window is on the screen" as_tester xdotool search --onlyvisible --class freshet
list() {
  as_tester curl -fsS -H 'Content-Type: application/json' -d '{"action":"list"}' "$url/torrents" | grep -q "$hash"
}
await "the torrent of the link is in the library" list

told() {
  grep -rqs "no tray: the appindicator library cannot be opened" /home/tester/.local/share/freshet /tmp/session.log
}
case $tray in
  without-tray)
    ! ldconfig -p | grep -q appindicator || fail "the tray's library is here, so this tries nothing"
    await "the program says that there is no tray, and goes on" told
    ;;
  with-tray)
    ldconfig -p | grep -q appindicator || fail "the tray's library is not here, so this tries nothing"
    ! told || fail "the tray's library is here and was not found"
    echo "ok: the tray's library is found"
    ;;
esac

as_tester curl -fsS -X POST "$url/shutdown" > /dev/null || true
ended() { ! pgrep -x freshet; }
await "the program ends when it is asked to" ended
wait $session || true
kill $screen
wait $screen || true
