//! The kernel: its age, and what of BPF is switched on.

use super::Finding;
use crate::doctor::facts::host::Host;

pub(super) fn judge(host: &Host) -> Vec<Finding> {
    let mut found = vec![age(&host.release), btf(host.has_btf), jit(host)];
    found.extend(host.jit_harden.map(harden));
    found.extend(host.stats.map(stats));
    found.push(membarrier(host.has_membarrier));
    found
}

/// Major and minor number of a release, e.g. of `6.1.0-28-amd64`.
pub(super) fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn age(release: &str) -> Finding {
    const CHECK: &str = "kernel";
    let found = format!("Linux {release}");
    match version(release) {
        None => Finding::note(CHECK, format!("{found}: its version is unknown")),
        Some(version) if version < (5, 10) => Finding::error(CHECK, found).means(
            "veer needs 5.10 or newer: install another kernel, or answer from userspace alone \
             with xdp.mode = off",
        ),
        Some(version) if version < (6, 10) => {
            let mut means = "before 6.10 the tables are in arrays instead of an arena: the \
                             program looks everything up, and answers slower"
                .to_owned();
            if version < (6, 3) {
                means.push_str("; before 6.3 drivers do not tell whether they have native XDP");
            }
            Finding::note(CHECK, found).means(means)
        }
        Some(_) => Finding::ok(CHECK, found),
    }
}

fn btf(has_btf: bool) -> Finding {
    const CHECK: &str = "btf";
    if has_btf {
        return Finding::ok(CHECK, "/sys/kernel/btf/vmlinux");
    }
    Finding::error(CHECK, "no /sys/kernel/btf/vmlinux").means(
        "the kernel does not describe its types, which loading the program needs: install one \
         built with CONFIG_DEBUG_INFO_BTF=y, as those of distributions are",
    )
}

fn jit(host: &Host) -> Finding {
    const CHECK: &str = "jit";
    const ON: &str = "sysctl -w net.core.bpf_jit_enable=1";
    let off = |found: &str| {
        let means = "programs are interpreted, and one that calls functions and others, as \
                     veer's does, is refused";
        Finding::error(CHECK, found).means(means).mend(ON)
    };
    match (host.jit, host.is_compiled) {
        (Some(0), _) => off("net.core.bpf_jit_enable = 0"),
        (Some(2), _) => Finding::warn(CHECK, "net.core.bpf_jit_enable = 2")
            .means("the code of every program is written to the kernel's log, for debugging")
            .mend(ON),
        (Some(_), _) => Finding::ok(CHECK, "on"),
        (None, Some(true)) => Finding::ok(CHECK, "on: the programs loaded are compiled"),
        (None, Some(false)) => off("the programs loaded are not compiled"),
        (None, None) => Finding::note(CHECK, "unknown").means(
            "this network namespace does not show net.core.bpf_jit_enable, and no program is \
             to be seen",
        ),
    }
}

fn harden(value: u32) -> Finding {
    const CHECK: &str = "jit-hardening";
    let found = format!("net.core.bpf_jit_harden = {value}");
    if value < 2 {
        return Finding::ok(CHECK, found);
    }
    Finding::warn(CHECK, found)
        .means(
            "numbers are hidden in the code of all programs, root's too, so each query takes \
             more instructions; 1 does so for other users alone",
        )
        .mend("sysctl -w net.core.bpf_jit_harden=1")
}

fn stats(value: u32) -> Finding {
    const CHECK: &str = "bpf-stats";
    let found = format!("kernel.bpf_stats_enabled = {value}");
    if value == 0 {
        return Finding::ok(CHECK, found);
    }
    Finding::warn(CHECK, found)
        .means("every run of every program is timed, so each query costs two readings of a clock")
        .mend("sysctl -w kernel.bpf_stats_enabled=0")
}

fn membarrier(has_membarrier: bool) -> Finding {
    const CHECK: &str = "membarrier";
    if has_membarrier {
        return Finding::ok(CHECK, "MEMBARRIER_CMD_GLOBAL is offered");
    }
    Finding::error(CHECK, "MEMBARRIER_CMD_GLOBAL is not offered")
        .means(
            "nobody can wait until the program has left a table, so veerd does not start with an \
             interface; kernels booted with nohz_full= refuse it: boot anew after this",
        )
        .mend(r#"sed -i 's/nohz_full=[^ "]*//' /etc/default/grub && update-grub"#)
}
