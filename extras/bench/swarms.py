"""The swarms of the bench, each with its network: which peers there are, and how their lines are."""
import os, threading, time

import net as N
import swarm as S

# address: (kind, rtt ms, upload kbit/s, loss %)
WAN8 = {
    "10.7.0.11": ("lt", 40, 10000, 0), "10.7.0.12": ("lt", 60, 8000, 0.1), "10.7.0.13": ("lt", 90, 5000, 0), "10.7.0.14": ("lt", 150, 4000, 0),
    "10.7.0.15": ("tr", 50, 8000, 0), "10.7.0.16": ("tr", 120, 3000, 0.1), "10.7.0.17": ("qb", 80, 6000, 0), "10.7.0.18": ("ar", 100, 2000, 0),
}
GOOD5 = {k: WAN8[k] for k in ("10.7.0.11", "10.7.0.12", "10.7.0.13", "10.7.0.15", "10.7.0.17")}
SCENARIOS = {
    # name: (mode, peers, access (down, up) kbit/s)
    "lan": ("lan", {"10.7.0.11": ("lt",), "10.7.0.12": ("lt",), "10.7.0.15": ("tr",), "10.7.0.17": ("qb",)}, None),
    "lan1": ("lan", {"10.7.0.11": ("lt",)}, None),
    "lan2": ("lan", {"10.7.0.11": ("lt",), "10.7.0.12": ("lt",)}, None),
    "wan": ("wan", WAN8, (100000, 20000)),
    "hostile": ("wan", {**GOOD5, "10.7.0.31": ("stall", 40, 20000, 0), "10.7.0.32": ("half", 60, 20000, 0), "10.7.0.33": ("corrupt", 50, 8000, 0),
                        "10.7.0.34": ("slow", 30, 20000, 0), "10.7.0.13": ("lt", 90, 5000, 0), "10.7.0.19": ("lt", 200, 150, 1)}, (100000, 20000)),
    "churn": ("wan", WAN8, (100000, 20000)),
    # the lines of wan, every peer with an IPv6 address alone (without aria2; the magnet names the peers)
    "wan6": ("wan", {**{ip: v for ip, v in WAN8.items() if v[0] != "ar"}, "10.7.0.19": ("lt", 100, 2000, 0)}, (100000, 20000)),
}
SIX = {"wan6"}



class Bench:
    def __init__(self, scenario, torrents):
        self.scenario, self.torrents = scenario, torrents
        self.mode, self.peers, access = SCENARIOS[scenario]
        S.cgroup_init()
        S.sweep()
        self.net = N.Net(six=scenario in SIX)
        self.net.preexec = S.cgroup("net")
        self.net.up()
        self.swarm = S.Swarm(torrents, scenario in SIX)
        links = {ip: v[1:] for ip, v in self.peers.items()} if self.mode == "wan" else None
        self.net.use(self.mode, links, access)
        N.enter(N.CLIENT)
        S.cgroup("cli")()
        try:
            os.nice(-5)
        except OSError:
            pass
        self.swarm.start_tracker()
        time.sleep(0.3)
        for ip, v in self.peers.items():
            self.swarm.start(ip, v[0])
        self.swarm.wait(len(self.peers))
        time.sleep(1)
        self.churn_stop = None

    def close(self):
        self.churn(False)
        self.swarm.stop()
        self.net.down()

    def churn(self, on):
        """Every 6 s another three of the seeders fall silent; a full cycle takes 48 s."""
        if self.churn_stop:
            self.churn_stop.set()
            self.churn_stop = None
            self.net.set_black([])
        if on:
            ev = self.churn_stop = threading.Event()
            ips = list(self.peers)

            def go():
                k = 0
                while not ev.wait(6):
                    self.net.set_black([ips[(k + j) % len(ips)] for j in (0, 3, 6)])
                    k += 1
            threading.Thread(target=go, daemon=True).start()

    def fresh(self, cls):
        self.swarm.forget_clients()
        self.net.new_client()
        return cls(self.net.client_ip, self.swarm.addresses)
