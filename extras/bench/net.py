"""Two network namespaces and the lines between them.

bswarm: tracker and seeders, one address each (10.7.0.N). bclient: the product under test and the measuring client,
a fresh address per run (10.8.A.B), so that no seeder remembers the previous product.
Lines: a veth pair (LAN, unshaped) and a TUN pair joined by `wanem` (WAN: per-seeder delay, rate, loss, queue).
"""
import ctypes, os, signal, subprocess, time
from pathlib import Path

BENCH = Path(os.environ.get("BENCH_DIR", Path.home() / ".cache/freshet-bench"))
WANEM = BENCH / "target/release/wanem"
LINKS = BENCH / "run/links.conf"
SWARM, CLIENT = "bswarm", "bclient"
TRACKER_IP = "10.7.0.250"
_libc = ctypes.CDLL(None, use_errno=True)


def sh(cmd, check=True):
    r = subprocess.run(cmd, shell=True, capture_output=True, text=True)
    if check and r.returncode:
        raise RuntimeError(f"{cmd}: {r.stderr.strip()}")
    return r.stdout


def enter(ns):
    """Moves this process (and its future threads and children) into a network namespace."""
    fd = os.open(f"/run/netns/{ns}", os.O_RDONLY)
    if _libc.setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def six(ip):
    """The IPv6 address that stands beside one of ours: 10.7.0.11 -> fd07::11."""
    _, a, b, c = ip.split(".")
    return f"fd{int(a):02}::{b}:{c}" if b != "0" else f"fd{int(a):02}::{c}"


class Net:
    def __init__(self, six=False):
        self.six = six
        self.wanem = None
        self.preexec = None
        self.client_ip = None
        self.mode = None
        self._n = int(time.time()) % 60000

    def up(self):
        self.down()
        sh('sysctl -qw net.ipv4.tcp_allowed_congestion_control="reno bbr cubic"')
        for ns in (SWARM, CLIENT):
            sh(f"ip netns add {ns}")
            sh(f"ip -n {ns} link set lo up")
            sh(f"ip netns exec {ns} sysctl -qw net.ipv4.tcp_congestion_control=cubic net.ipv4.tcp_no_metrics_save=1 net.ipv6.conf.all.disable_ipv6={0 if self.six else 1} net.ipv6.conf.default.accept_ra=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0")
        sh(f"ip link add vc netns {CLIENT} type veth peer name vs netns {SWARM}")
        for ns, dev in ((CLIENT, "tunc"), (SWARM, "tuns")):
            sh(f"ip -n {ns} tuntap add dev {dev} mode tun")
            sh(f"ip -n {ns} link set {dev} mtu 1500 txqueuelen 1000")

    def down(self):
        self.stop_wanem()
        for ns in (SWARM, CLIENT):
            sh(f"ip netns del {ns}", check=False)

    def stop_wanem(self):
        if self.wanem:
            self.wanem.terminate()
            self.wanem.wait()
            self.wanem = None

    def use(self, mode, links=None, access=None, tracker_rtt=40):
        """mode 'lan' or 'wan'. links: {ip: (rtt_ms, up_kbit, loss_pct)}; access: (down_kbit, up_kbit)."""
        self.stop_wanem()
        self.mode = mode
        # Exactly one device per namespace is up and carries the addresses: some engines bind to the device of their address.
        self.cdev, self.sdev, off = ("tunc", "tuns", ("vc", "vs")) if mode == "wan" else ("vc", "vs", ("tunc", "tuns"))
        for ns, dev, o in ((CLIENT, self.cdev, off[0]), (SWARM, self.sdev, off[1])):
            sh(f"ip -n {ns} addr flush dev {o}; ip -n {ns} link set {o} down; ip -n {ns} link set {dev} up")
        for i in [*range(10, 60), 250]:
            sh(f"ip -n {SWARM} addr replace 10.7.0.{i}/32 dev {self.sdev}")
            if self.six:
                sh(f"ip -n {SWARM} -6 addr replace {six(f'10.7.0.{i}')}/128 dev {self.sdev} nodad")
        if mode == "wan":
            self.write_links(links, access, tracker_rtt)
            self.wanem = subprocess.Popen([str(WANEM), CLIENT, "tunc", SWARM, "tuns", str(LINKS)], stdout=subprocess.PIPE, text=True, preexec_fn=self.preexec)
            assert self.wanem.stdout.readline().strip() == "ready"
        sh(f"ip -n {SWARM} route replace 10.8.0.0/16 dev {self.sdev}")
        if self.six:
            sh(f"ip -n {SWARM} -6 route replace fd08::/16 dev {self.sdev}")
        self.client_ip = None
        self.new_client()

    def write_links(self, links, access, tracker_rtt=40):
        self.links, self.access, self.tracker_rtt = dict(links), access, tracker_rtt
        lines = [f"default 50 20000 20000 0 120", f"{TRACKER_IP} {tracker_rtt} 0 0 0 120"]
        if access:
            lines.append(f"access 0 {access[0]} {access[1]} 0 150")
        for ip, (rtt, up, loss) in links.items():
            lines.append(f"{six(ip) if self.six else ip} {rtt} {up} 20000 {loss} 120")
        LINKS.parent.mkdir(parents=True, exist_ok=True)
        LINKS.write_text("\n".join(lines) + "\n")

    def set_black(self, ips):
        """Silently cuts these seeders off (and restores all others)."""
        self_links = self.links
        keep = {ip: ((r, -1, l) if ip in ips else (r, u, l)) for ip, (r, u, l) in self_links.items()}
        self.write_links(keep, self.access, self.tracker_rtt)
        self.links = self_links
        self.wanem.send_signal(signal.SIGHUP)

    def new_client(self):
        self._n += 1
        if self.client_ip:
            sh(f"ip -n {CLIENT} addr del {self.client_ip}/32 dev {self.cdev}", check=False)
        self.client_ip = f"10.8.{1 + self._n // 250 % 250}.{1 + self._n % 250}"
        sh(f"ip -n {CLIENT} addr add {self.client_ip}/32 dev {self.cdev}")
        sh(f"ip -n {CLIENT} route replace 10.7.0.0/16 dev {self.cdev} src {self.client_ip}")
        # products that look for "the" interface need a default route
        sh(f"ip -n {CLIENT} route replace default dev {self.cdev} src {self.client_ip}")
        if self.six:
            sh(f"ip -n {CLIENT} -6 addr flush dev {self.cdev} scope global; ip -n {CLIENT} -6 addr add {six(self.client_ip)}/128 dev {self.cdev} nodad")
            sh(f"ip -n {CLIENT} -6 route replace default dev {self.cdev} src {six(self.client_ip)}")

    def rx_bytes(self):
        dev = self.cdev
        # called from inside bclient: /proc/net/dev is per network namespace
        for line in open("/proc/thread-self/net/dev"):
            if line.strip().startswith(dev + ":"):
                f = line.split(":")[1].split()
                return int(f[0]), int(f[8])
        return 0, 0
