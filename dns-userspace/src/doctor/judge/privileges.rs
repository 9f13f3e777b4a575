//! What `veerd` may do: capabilities, locked memory, the file system of pins.

use std::path::Path;

use super::{Finding, kernel::version, quoted, quoted_path};
use crate::{
    config::tunables::XdpMode,
    doctor::facts::{Facts, host::Privileges},
    kernel::BPFFS,
};

const NET_BIND_SERVICE: u64 = 1 << 10;
const NET_ADMIN: u64 = 1 << 12;
const SYS_ADMIN: u64 = 1 << 21;
const PERFMON: u64 = 1 << 38;
const BPF: u64 = 1 << 39;

/// Those that are asked for here, as setcap(8) has them.
const NAMES: [(u64, &str); 4] = [
    (NET_BIND_SERVICE, "cap_net_bind_service"),
    (NET_ADMIN, "cap_net_admin"),
    (PERFMON, "cap_perfmon"),
    (BPF, "cap_bpf"),
];

/// The first port that anybody may bind.
const UNPRIVILEGED_PORT: u16 = 1024;

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let in_kernel = facts.wanted.mode != XdpMode::Off;
    let mut found = vec![capabilities(facts, in_kernel)];
    if in_kernel {
        found.push(memlock(facts));
        found.push(bpffs(&facts.privileges, &facts.wanted.pin_path));
    }
    found
}

fn capabilities(facts: &Facts, in_kernel: bool) -> Finding {
    const CHECK: &str = "capabilities";
    let privileges = &facts.privileges;
    let Some(process) = privileges.process else {
        return Finding::note(CHECK, "unknown: /proc/self/status cannot be read");
    };
    let mut needed = 0;
    if facts.wanted.port < UNPRIVILEGED_PORT {
        needed |= NET_BIND_SERVICE;
    }
    if in_kernel {
        needed |= NET_ADMIN | PERFMON | BPF;
    }
    let mut had = process | privileges.file;
    if had & SYS_ADMIN != 0 {
        had |= PERFMON | BPF;
    }
    let missing = needed & !had;
    if missing == 0 {
        return Finding::ok(CHECK, "all that veerd needs");
    }
    let names = |set: u64| {
        let names = NAMES.iter().filter(|(bit, _)| set & bit != 0);
        names.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
    };
    let found = format!("missing: {}", names(missing).to_uppercase());
    let finding = Finding::error(CHECK, found).means(
        "a veerd that this user starts cannot do its work: start it as root, or give its file \
         what it needs",
    );
    match &privileges.veerd {
        None => finding,
        Some(veerd) => {
            // With those of a file it runs with these alone.
            let all = names(needed | privileges.file);
            finding.mend(format!("setcap {all}=ep {}", quoted(veerd)))
        }
    }
}

fn memlock(facts: &Facts) -> Finding {
    const CHECK: &str = "memlock";
    /// The first kernel that counts the memory of maps by cgroup.
    const BY_CGROUP: (u32, u32) = (5, 11);
    let limit = match facts.privileges.memlock {
        None => "no limit".to_owned(),
        Some(octets) => format!("{} KiB", octets >> 10),
    };
    match version(&facts.host.release) {
        Some(version) if version >= BY_CGROUP => {
            let found = format!("{limit}, which this kernel does not count tables by");
            Finding::ok(CHECK, found)
        }
        _ if facts.privileges.memlock.is_none() => Finding::ok(CHECK, limit),
        _ => Finding::error(CHECK, limit)
            .means(
                "before Linux 5.11 tables are memory that is locked, and are refused beyond the \
                 limit; a service of systemd has LimitMEMLOCK=infinity, a shell:",
            )
            .mend("prlimit --pid $$ --memlock=unlimited"),
    }
}

fn bpffs(privileges: &Privileges, pin_path: &Path) -> Finding {
    const CHECK: &str = "bpffs";
    if privileges.pins_on_bpffs {
        return Finding::ok(CHECK, format!("at {}", pin_path.display()));
    }
    let found = format!("{} is on no BPF file system", pin_path.display());
    let means = "tables and program are pinned there, to outlive the daemon";
    if !pin_path.starts_with(BPFFS) {
        let path = quoted_path(pin_path);
        return Finding::error(CHECK, found)
            .means(means)
            .mend(format!("mkdir -p {path} && mount -t bpf bpf {path}"));
    }
    let command = format!("mount -t bpf bpf {BPFFS}");
    let had = privileges.process.unwrap_or(0) | privileges.file;
    if had & SYS_ADMIN == 0 {
        let means = format!("{means}, and to mount it veerd would need CAP_SYS_ADMIN");
        return Finding::error(CHECK, found).means(means).mend(command);
    }
    let means = format!("{means}; veerd mounts it when it starts");
    Finding::note(CHECK, found).means(means).mend(command)
}
