//! The rig: two namespaces, one veth pair, one core for the server's side and
//! one for the load generator.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use core_affinity::CoreId;
use xtask::{
    lab::{
        Lab, Namespace, Process,
        veth::{self, End},
    },
    setup::Tool,
};

/// The load generator's address.
pub(crate) const CLIENT_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 53, 0, 1);
/// Where every server answers, at port 53.
pub(crate) const SERVER_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 53, 0, 2);
const PREFIX: u8 = 24;
const CLIENT_INTERFACE: &str = "load0";
const SERVER_INTERFACE: &str = "serve0";
/// The load generator's core.
pub(crate) const CLIENT_CPU: usize = 0;
/// The core of the server and of its receiving.
pub(crate) const SERVER_CPU: usize = 1;

/// Keeps this thread to the server's core, and leaves the other one to the load.
pub(crate) fn keep_to_server() -> Result<()> {
    if !core_affinity::set_for_current(CoreId { id: SERVER_CPU }) {
        bail!("cannot run on CPU {SERVER_CPU}");
    }
    Ok(())
}

/// Where every server is measured.
#[derive(Debug)]
pub(crate) struct Rig {
    lab: Lab,
    client: Namespace,
    server: Namespace,
    server_threads: Vec<u32>,
    _awake: Option<File>,
}

impl Rig {
    /// Sets it up; fails on a machine with one processor.
    pub(crate) fn new() -> Result<Self> {
        let cpus = thread::available_parallelism().context("count the processors")?;
        if cpus.get() <= SERVER_CPU {
            bail!("this benchmark needs two processors: one for the server, one for the load");
        }
        let lab = Lab::new()?;
        let client = lab.namespace("client")?;
        let server = lab.namespace("server")?;
        let mut rig = Self {
            lab,
            client,
            server,
            server_threads: Vec::new(),
            _awake: keep_awake()?,
        };
        veth::join(rig.client(), rig.server())?;
        for (end, address) in [
            (rig.client(), CLIENT_ADDRESS),
            (rig.server(), SERVER_ADDRESS),
        ] {
            let address = IpAddr::V4(address);
            end.namespace.add_address(end.interface, address, PREFIX)?;
        }
        rig.receive_on_cores()?;
        Ok(rig)
    }

    /// Gives each side's receiving to its own core.
    ///
    /// Else the server's core would work for the client: what `XDP_TX` sends is
    /// received on the core it was sent from.
    fn receive_on_cores(&mut self) -> Result<()> {
        self.server_threads = receive_on_cpu(self.server(), SERVER_CPU)?;
        // Here it comes before the load generator, as an interrupt would: else
        // answers are lost in the veth's ring while the generator sends.
        let mut threads = receive_on_cpu(self.client(), CLIENT_CPU)?.into_iter();
        threads.try_for_each(|thread| prefer(thread, Priority::Answers))
    }

    /// The lab it stands in.
    pub(crate) fn lab(&self) -> &Lab {
        &self.lab
    }

    /// The load generator's end.
    pub(crate) fn client(&self) -> End<'_> {
        End {
            namespace: &self.client,
            interface: CLIENT_INTERFACE,
        }
    }

    /// The server's end.
    pub(crate) fn server(&self) -> End<'_> {
        End {
            namespace: &self.server,
            interface: SERVER_INTERFACE,
        }
    }

    /// Takes off what Knot's programs leave attached to either end.
    pub(crate) fn strip(&self) -> Result<()> {
        for end in [self.client(), self.server()] {
            let args = ["link", "set", "dev", end.interface, "xdp", "off"];
            end.namespace.ip(&args)?;
        }
        Ok(())
    }

    /// Processor time that the server's receiving has taken so far: its XDP
    /// program, and the network stack for what that passes up.
    pub(crate) fn server_cpu(&self) -> Result<Duration> {
        let threads = self.server_threads.iter();
        threads.map(|thread| thread_cpu(*thread)).sum()
    }

    /// Has the server's receiving wait `time` for more frames after those it took, as
    /// network cards delay their interrupts; else it is woken for every single one.
    pub(crate) fn moderate_server(&self, time: Duration) -> Result<()> {
        // One empty poll, and the next frame wakes it at once.
        let polls = ("napi_defer_hard_irqs", 1);
        let wait = ("gro_flush_timeout", time.as_nanos());
        for (attribute, value) in [polls, wait] {
            veth::set_attribute(self.server(), attribute, value)?;
        }
        Ok(())
    }

    /// Has the server's receiving come before all processes, as a network card's
    /// interrupts do.
    pub(crate) fn prefer_server(&self) -> Result<()> {
        let mut threads = self.server_threads.iter();
        threads.try_for_each(|thread| prefer(*thread, Priority::Load))
    }

    /// Has the server's receiving share the core with processes, as a kernel's
    /// `ksoftirqd` does under load: it wakes at once, but cannot starve them.
    pub(crate) fn share_server(&self) -> Result<()> {
        let mut threads = self.server_threads.iter();
        threads.try_for_each(|thread| share(*thread))
    }

    /// Starts `command` on the server's side and core.
    pub(crate) fn serve(&self, command: &Command) -> Result<Process> {
        let mut taskset = self.server.command("taskset");
        taskset.args(["-c", &SERVER_CPU.to_string()]);
        taskset.arg(command.get_program()).args(command.get_args());
        self.lab.spawn(taskset)
    }
}

/// Has idle processors wait in a loop, for as long as the file is open.
///
/// One that has halted takes tens of microseconds to wake in a virtual machine. A
/// veth's ring of 256 frames overflows meanwhile, whoever is to receive from it, and who
/// sends into it pays for the interrupt. `None` where the kernel has no such thing.
fn keep_awake() -> Result<Option<File>> {
    const FILE: &str = "/dev/cpu_dma_latency";
    const NO_TIME_TO_WAKE: i32 = 0;
    let open = || {
        let mut file = File::options().write(true).open(FILE)?;
        file.write_all(&NO_TIME_TO_WAKE.to_ne_bytes())?;
        Ok::<_, io::Error>(file)
    };
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => file.map(Some).with_context(|| format!("write {FILE}")),
    }
}

/// Holds every thread of a process to the server's core: one may have chosen another.
pub(crate) fn hold(process: u32) -> Result<()> {
    let mut taskset = Command::new("taskset");
    taskset.args(["--all-tasks", "--cpu-list", "--pid"]);
    succeed(taskset.args([SERVER_CPU.to_string(), process.to_string()]))
}

/// Processor time that a thread has taken so far.
pub(crate) fn thread_cpu(thread: u32) -> Result<Duration> {
    let file = format!("/proc/{thread}/schedstat");
    let text = fs::read_to_string(&file).with_context(|| format!("read {file}"))?;
    let nanoseconds = text.split_whitespace().next().map(str::parse);
    let nanoseconds = nanoseconds.and_then(Result::ok);
    nanoseconds
        .map(Duration::from_nanos)
        .with_context(|| format!("{file}: {text}"))
}

/// Real-time priorities of the rig's threads, the higher one later.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Priority {
    /// What sends load, and what receives it.
    Load = 1,
    /// What receives the answers, on the core that sends.
    Answers = 2,
}

/// Has a thread come before all that have no real-time priority; 0 is the
/// calling one.
pub(crate) fn prefer(thread: u32, priority: Priority) -> Result<()> {
    let priority = libc::sched_param {
        sched_priority: priority as libc::c_int,
    };
    // SAFETY: the call takes numbers and reads one that lives through it.
    let failed = unsafe {
        libc::sched_setscheduler(thread.cast_signed(), libc::SCHED_FIFO, &raw const priority)
    };
    if failed != 0 {
        let error = io::Error::last_os_error();
        return Err(error).with_context(|| format!("sched_setscheduler of thread {thread}"));
    }
    Ok(())
}

/// Gives a thread an even share of its core in short turns, so that it is not kept
/// waiting while it takes less than that. Kernels before 6.12 have one length of
/// turns for all.
fn share(thread: u32) -> Result<()> {
    const TURN_NS: u64 = 100_000;
    // As `struct sched_attr` begins; the rest is for real-time policies.
    let attributes = SchedAttributes {
        size: size_of::<SchedAttributes>() as u32,
        policy: libc::SCHED_OTHER.cast_unsigned(),
        flags: 0,
        nice: 0,
        priority: 0,
        runtime: TURN_NS,
        deadline: 0,
        period: 0,
    };
    // SAFETY: the call takes numbers and reads as many octets as `size` says, which
    // live through it.
    let failed =
        unsafe { libc::syscall(libc::SYS_sched_setattr, thread, &raw const attributes, 0) };
    if failed != 0 {
        let error = io::Error::last_os_error();
        return Err(error).with_context(|| format!("sched_setattr of thread {thread}"));
    }
    Ok(())
}

/// The first version of the kernel's `struct sched_attr`, 48 octets.
#[repr(C)]
struct SchedAttributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    /// Of a thread without real-time policy, the length of a turn, nanoseconds.
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// As [`veth::receive_on_cpu`], for an interface whose XDP programs come and go.
fn receive_on_cpu(end: End<'_>, cpu: usize) -> Result<Vec<u32>> {
    // With it a veth receives by NAPI also without a program, and keeps its thread.
    let mut ethtool = end.namespace.enter(Tool::Ethtool.command());
    succeed(ethtool.args(["-K", end.interface, "gro", "on"]))?;
    veth::receive_on_cpu(end, cpu)
}

fn succeed(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let output = command.output().with_context(|| format!("run {program}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{program}: {}: {}", output.status, errors.trim());
    }
    Ok(())
}
