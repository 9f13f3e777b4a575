//! Pairs of virtual interfaces, set up so that XDP on one end can answer the other.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail};
use aya::{
    Ebpf,
    programs::{Xdp, XdpMode, links::FdLink},
};

use super::namespace::{Namespace, output};
use crate::{ebpf::Program, setup::Tool};

/// One end of a pair.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Where it is.
    pub namespace: &'a Namespace,
    /// What it is called there, up to 15 characters.
    pub interface: &'a str,
}

/// Joins two ends and takes them up. Checksums are then written by the sender:
/// a veth would else leave them partial, for a device that never comes.
pub fn join(one: End, other: End) -> Result<()> {
    let peer = ["type", "veth", "peer", "name", other.interface];
    let mut args = vec!["link", "add", one.interface];
    args.extend(peer);
    args.extend(["netns", other.namespace.name()]);
    one.namespace.ip(&args)?;
    for End {
        namespace,
        interface,
    } in [one, other]
    {
        let mut ethtool = namespace.enter(Tool::Ethtool.command());
        output(ethtool.args(["-K", interface, "tx", "off"]))?;
        namespace.ip(&["link", "set", interface, "up"])?;
    }
    Ok(())
}

/// Moves the receiving of `interface`, and so its XDP program, to a kernel
/// thread of its own on `cpu`; else it runs on the sender's CPU. The interface
/// must have an XDP program by now, or GRO on. Returns the ids of its threads,
/// one for each queue.
pub fn receive_on_cpu(end: End, cpu: usize) -> Result<Vec<u32>> {
    /// Threads have the interface's name and no namespace's: what another test
    /// starts meanwhile would seem ours.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let interface = end.interface;
    let before = napi_threads(interface)?;
    set_attribute(end, "threaded", 1)?;
    let mut threads = napi_threads(interface)?;
    threads.retain(|pid| !before.contains(pid));
    if threads.is_empty() {
        bail!("{interface}: threaded NAPI started no kernel thread; is there an XDP program?");
    }
    for pid in &threads {
        let mut taskset = Command::new("taskset");
        output(taskset.args(["-cp", &cpu.to_string(), &pid.to_string()]))?;
    }
    Ok(threads)
}

/// Writes a device's attribute in `/sys/class/net`.
pub fn set_attribute(end: End, attribute: &str, value: u128) -> Result<()> {
    let interface = end.interface;
    // The mount is in a namespace of its own and ends with the shell.
    let mut shell = end.namespace.command("unshare");
    shell.args(["--mount", "sh", "-ec"]).arg(format!(
        "mount -t sysfs sysfs /sys; echo {value} > /sys/class/net/{interface}/{attribute}"
    ));
    output(&mut shell)?;
    Ok(())
}

/// Kernel threads named `napi/INTERFACE-ID`, of every namespace.
fn napi_threads(interface: &str) -> Result<Vec<u32>> {
    // The kernel cuts such a name at 15 characters.
    let mut wanted = format!("napi/{interface}-");
    wanted.truncate(15);
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc").context("list /proc")?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // One that has ended since is not meant.
        let comm = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if comm.starts_with(&wanted) {
            pids.push(pid);
        }
    }
    Ok(pids)
}

/// Puts a loaded program on an interface, by its driver, for as long as the
/// link lives.
pub fn attach(program: &mut Xdp, end: End) -> Result<FdLink> {
    let interface = end.interface;
    let attached = end.namespace.run(|| -> Result<FdLink> {
        let id = program.attach(interface, XdpMode::Driver)?;
        // Fails where aya fell back to netlink: that would outlive the lab.
        Ok(FdLink::try_from(program.take_link(id)?)?)
    })?;
    attached.with_context(|| format!("attach to {interface}"))
}

/// The rig's `pass`, attached for as long as this value lives.
#[derive(Debug)]
pub(super) struct Pass(FdLink);

impl Pass {
    pub(super) fn attach(namespace: &Namespace, interface: &str) -> Result<Self> {
        let object = Program::Rig.object()?;
        let load = || -> Result<FdLink> {
            let mut ebpf = Ebpf::load_file(&object)?;
            let program: &mut Xdp = ebpf
                .program_mut("pass")
                .context("the object has no program pass")?
                .try_into()?;
            program.load()?;
            let end = End {
                namespace,
                interface,
            };
            attach(program, end)
        };
        let link = load().with_context(|| format!("attach {}", object.display()))?;
        Ok(Self(link))
    }

    /// Makes the program stay without this process.
    pub(super) fn pin(self, directory: &Path, name: &str) -> Result<()> {
        fs::create_dir_all(directory).with_context(|| format!("mkdir {}", directory.display()))?;
        let path = directory.join(name);
        self.0
            .pin(&path)
            .with_context(|| format!("pin {}", path.display()))?;
        Ok(())
    }
}
