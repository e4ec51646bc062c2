//! Machines on one bridge: each a network namespace with one interface, and what can go wrong between them.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The interface that each machine has.
const INTERFACE: &str = "eth0";
/// Where the bridge drops what it is told to drop.
const TABLE: &str = "bridge lab";

/// A bridge in a namespace of its own, with one more namespace a machine: 10.77.0.1 and upwards.
pub struct Bridge {
    name: String,
    machines: usize,
}

/// Who does not hear whom.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// Nothing passes either way.
    Full,
    /// What the one side says is lost; it hears everything.
    OneWay,
}

/// Runs `ip`; whether it could be done.
pub fn ip(arguments: &[&str]) -> bool {
    let status = Command::new("ip").args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn is_installed(program: &str) -> bool {
    let asked = Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// Says, past the test's own capture, that this test was not run, and why.
fn not_run(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a scenario of the laboratory");
    let line = format!("NOT RUN: {test}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

impl Bridge {
    /// `None`, and a line that says so, where this machine does not allow it.
    pub fn new(machines: usize) -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (std::process::id() % 1_000_000, MADE.fetch_add(1, Ordering::Relaxed));
        if let Some(missing) = ["nft", "tc"].into_iter().find(|program| !is_installed(program)) {
            not_run(&format!("`{missing}` is not installed"));
            return None;
        }
        let bridge = Self { name: format!("fx{process}-{number}-"), machines };
        if !ip(&["netns", "add", &bridge.switch()]) {
            not_run("network namespaces need root and the `ip` command");
            return None;
        }
        bridge.inside(&bridge.switch(), &["link", "add", "br0", "type", "bridge"]);
        bridge.inside(&bridge.switch(), &["link", "set", "br0", "up"]);
        for machine in 0..machines {
            bridge.plug_in(machine);
        }
        Some(bridge)
    }

    fn switch(&self) -> String {
        format!("{}s", self.name)
    }

    /// The namespace of a machine.
    pub fn namespace(&self, machine: usize) -> String {
        format!("{}{machine}", self.name)
    }

    fn port(machine: usize) -> String {
        format!("p{machine}")
    }

    /// A machine's first address.
    pub fn address(machine: usize) -> String {
        format!("10.77.0.{}", machine + 1)
    }

    fn inside(&self, namespace: &str, arguments: &[&str]) {
        let all = [&["-n", namespace], arguments].concat();
        assert!(ip(&all), "ip {}", all.join(" "));
    }

    /// Runs `ip` inside a machine.
    pub fn ip_in(&self, machine: usize, arguments: &[&str]) {
        self.inside(&self.namespace(machine), arguments);
    }

    fn plug_in(&self, machine: usize) {
        let (namespace, port, switch) = (self.namespace(machine), Self::port(machine), self.switch());
        assert!(ip(&["netns", "add", &namespace]));
        let pair = ["type", "veth", "peer", "name", &port, "netns", &switch];
        self.ip_in(machine, &[&["link", "add", INTERFACE][..], &pair].concat());
        self.inside(&switch, &["link", "set", &port, "master", "br0"]);
        self.inside(&switch, &["link", "set", &port, "up"]);
        self.ip_in(machine, &["addr", "add", &format!("{}/24", Self::address(machine)), "dev", INTERFACE]);
        self.ip_in(machine, &["link", "set", INTERFACE, "up"]);
        self.ip_in(machine, &["link", "set", "lo", "up"]);
    }

    /// Replaces every rule of the bridge at once.
    fn rules(&self, rules: &str) {
        let mut nft = Command::new("ip")
            .args(["netns", "exec", &self.switch(), "nft", "-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let chain = "type filter hook forward priority 0; policy accept;";
        let script = format!(
            "table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n chain forward {{\n {chain}\n{rules}\n }}\n}}\n"
        );
        nft.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(nft.wait().unwrap().success(), "nft: {script}");
    }

    /// Loses so many of a hundred IP packets, drawn at random, on every way.
    pub fn lose(&self, percent: u32) {
        self.rules(&format!("ether type ip numgen random mod 100 < {percent} drop"));
    }

    /// Parts every machine from every other.
    #[allow(dead_code, reason = "benches/feet.rs parts nobody")]
    pub fn silence(&self) {
        self.rules("drop");
    }

    /// Parts these machines from all others.
    pub fn cut(&self, machines: &[usize], cut: Cut) {
        let ports = |wanted: &dyn Fn(&usize) -> bool| {
            let names: Vec<_> =
                (0..self.machines).filter(wanted).map(|it| format!("\"{}\"", Self::port(it))).collect();
            names.join(", ")
        };
        let (one, rest) = (ports(&|it| machines.contains(it)), ports(&|it| !machines.contains(it)));
        let there = format!("iifname {{ {one} }} oifname {{ {rest} }} drop");
        let back = format!("iifname {{ {rest} }} oifname {{ {one} }} drop");
        self.rules(&match cut {
            Cut::Full => format!("{there}\n{back}"),
            Cut::OneWay => there,
        });
    }

    /// Nothing is dropped any more.
    pub fn heal(&self) {
        self.rules("");
    }

    /// Lets a machine say so much a second and no more, such as `64kbit`.
    pub fn narrow(&self, machine: usize, rate: &str) {
        // Room for one frame, and for what 0.4 s of it can carry; the rest is lost.
        let shape = ["root", "tbf", "rate", rate, "burst", "1600", "latency", "400ms"];
        let namespace = self.namespace(machine);
        let status = Command::new("tc")
            .args(["-n", &namespace, "qdisc", "replace", "dev", INTERFACE])
            .args(shape)
            .status();
        assert!(status.unwrap().success(), "tc {}", shape.join(" "));
    }

    /// Sets the largest packet that a machine sends and takes.
    pub fn shorten(&self, machine: usize, mtu: u32) {
        self.ip_in(machine, &["link", "set", INTERFACE, "mtu", &mtu.to_string()]);
        self.inside(&self.switch(), &["link", "set", &Self::port(machine), "mtu", &mtu.to_string()]);
    }

    /// Gives a machine another address and takes away the one that it had.
    pub fn move_to(&self, machine: usize, address: &str) {
        self.ip_in(machine, &["addr", "flush", "dev", INTERFACE, "scope", "global"]);
        self.ip_in(machine, &["addr", "add", &format!("{address}/24"), "dev", INTERFACE]);
    }

    /// Pulls a machine's cable, at its own end or at the bridge's, and puts it back.
    pub fn flap(&self, machine: usize, end: End, down: std::time::Duration) {
        let (namespace, interface) = match end {
            End::Machine => (self.namespace(machine), INTERFACE.to_owned()),
            End::Bridge => (self.switch(), Self::port(machine)),
        };
        self.inside(&namespace, &["link", "set", &interface, "down"]);
        // How long the cable is out is the scenario itself; nothing is waited for.
        std::thread::sleep(down);
        self.inside(&namespace, &["link", "set", &interface, "up"]);
    }
}

/// Which end of a cable.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// The machine's interface goes down, and its routes with it.
    Machine,
    /// The bridge's port goes down: the machine sees no carrier.
    Bridge,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        for machine in 0..self.machines {
            ip(&["netns", "del", &self.namespace(machine)]);
        }
        ip(&["netns", "del", &self.switch()]);
    }
}
