//! A worker or the coordinator is cut off: packets are dropped, and no connection is closed.

use std::process::Command;
use std::time::{Duration, Instant};

use super::{Fleet, group, slow, world};
use crate::server::{Act, Server};
use crate::world::{GOOD, all};

/// A network namespace, connected by a bridge.
struct Net {
    name: String,
    bridge: String,
    address: String,
}

/// Runs `ip`; gives what it says if it fails.
fn ip(words: &str) -> Result<(), String> {
    let ran = Command::new("ip").args(words.split(' ')).output().map_err(|why| why.to_string())?;
    let says = || format!("ip {words}: {}", String::from_utf8_lossy(&ran.stderr).trim());
    if ran.status.success() { Ok(()) } else { Err(says()) }
}

/// A bridge with an address, and namespaces with one end each.
struct Nets {
    bridge: String,
    address: String,
    nets: Vec<Net>,
}

impl Nets {
    fn new(names: &[&str]) -> Result<Self, String> {
        let id = std::process::id() % 50_000;
        let net = format!("10.213.{}", id % 250);
        let (bridge, address) = (format!("rgb{id}"), format!("{net}.1"));
        ip(&format!("link add {bridge} type bridge"))?;
        let mut all = Self { bridge, address, nets: Vec::new() };
        let bridge = all.bridge.clone();
        ip(&format!("addr add {}/24 dev {bridge}", all.address))?;
        ip(&format!("link set {bridge} up"))?;
        for (number, name) in names.iter().enumerate() {
            let (name, address) = (format!("rg{name}{id}"), format!("{net}.{}", number + 2));
            ip(&format!("netns add {name}"))?;
            all.nets.push(Net { name: name.clone(), bridge: bridge.clone(), address });
            let Net { address, .. } = all.nets.last().expect("was added");
            ip(&format!("link add {name} type veth peer name eth0 netns {name}"))?;
            ip(&format!("link set {name} master {bridge} up"))?;
            ip(&format!("-n {name} addr add {address}/24 dev eth0"))?;
            ip(&format!("-n {name} link set eth0 up"))?;
            ip(&format!("-n {name} link set lo up"))?;
        }
        Ok(all)
    }
}

impl Drop for Nets {
    fn drop(&mut self) {
        for net in &self.nets {
            let _ = ip(&format!("netns del {}", net.name));
        }
        let _ = ip(&format!("link del {}", self.bridge));
    }
}

impl Net {
    fn cut(&self) {
        ip(&format!("link set {} nomaster", self.name)).expect("is cut");
    }

    fn connect(&self) {
        ip(&format!("link set {} master {}", self.name, self.bridge)).expect("is connected");
    }

    /// The same program, in this namespace.
    fn within(&self, command: &Command) -> Command {
        let mut within = Command::new("ip");
        within.args(["netns", "exec", &self.name]).arg(command.get_program());
        within.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => within.env(name, value),
                None => within.env_remove(name),
            };
        }
        within.current_dir(command.get_current_dir().expect("has one"));
        within
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that is left out says so")]
fn a_worker_or_coordinator_without_a_network_loses_nothing() {
    if !all() {
        return;
    }
    let nets = match Nets::new(&["w", "c"]) {
        Ok(nets) => nets,
        Err(why) => return println!("SKIPPED: no network namespaces: {why}"),
    };
    let Some(mut fleet) = Fleet::at(&nets.address) else { return };
    let server = Server::start(vec![Act::Make(|number, _| {
        let text = GOOD.replace("Adds.", &format!("Adds, answer {number}."));
        crate::server::files(&[("src/lib.rs", &text)])
    })]);
    let world = world(&fleet, &server, "lease_s = 4\nalone_after_s = 120\ncache = false\n");
    slow(&world, 2);
    let [worker, coordinator] = &nets.nets[..] else { panic!("two were made") };
    let url = fleet.url();
    let args = ["worker", "--server", &url, "--pool", "here", "--slots", "2", "--name", "far"];
    fleet.add("far", worker.within(&world.command(&args)));
    fleet.ready(&world);
    world.run(&["run"]).expect(0);
    // Shorter and longer than the lease; while it waits, fetches, runs or delivers. With
    // REGEN_CUTS, so many longer ones, spread over all of that.
    let mut cuts = vec![(worker, 300, 2), (worker, 2500, 7), (coordinator, 1500, 7)];
    if let Some(many) = std::env::var("REGEN_CUTS").ok().and_then(|many| many.parse().ok()) {
        cuts = (0..many).map(|one: u64| (worker, 6000 * one / many, 7)).collect();
    }
    for (net, after, seconds) in cuts {
        let before = fleet.said("far").matches("slow: pass").count();
        let begun = Instant::now();
        let mut command = if std::ptr::eq(net, coordinator) {
            // The model's server is not there.
            coordinator.within(&world.command(&["check", "--rerun"]))
        } else {
            world.command(&["run", "--force"])
        };
        let mut run = group(&mut command, &fleet.log_of("run"));
        std::thread::sleep(Duration::from_millis(after));
        net.cut();
        std::thread::sleep(Duration::from_secs(seconds));
        net.connect();
        let ended = run.wait().expect("ends").success();
        assert!(ended, "{after} {seconds}: {}{}", fleet.said("run"), fleet.said("far"));
        println!("cut after {after} ms for {seconds} s: {:.1} s", begun.elapsed().as_secs_f64());
        assert!(fleet.said("far").matches("slow: pass").count() > before, "{}", fleet.said("far"));
        world.run(&["check"]).expect(0);
    }
}
