//! Programs on the interface already: ours, or in our way.

use super::{Finding, quoted, quoted_path};
use crate::{
    doctor::facts::{Interface, link::Mode, wanted::Wanted},
    kernel::Held,
};

const CHECK: &str = "xdp-program";

/// The name of our program in the kernel.
const OURS: &str = "veer";

pub(super) fn judge(interface: &Interface, wanted: &Wanted) -> Vec<Finding> {
    if interface.programs.is_empty() {
        return vec![Finding::ok(CHECK, "none")];
    }
    let programs = interface.programs.iter();
    programs
        .map(|(mode, held)| program(*mode, held, &interface.link.name, wanted))
        .collect()
}

fn program(mode: Mode, held: &Held, interface: &str, wanted: &Wanted) -> Finding {
    let found = described(mode, held);
    let Some(name) = &held.name else {
        return Finding::note(CHECK, found)
            .means("whose it is only root is told; if it is not veer's, veerd cannot attach");
    };
    if name == OURS
        && held
            .pins
            .iter()
            .any(|pin| pin.starts_with(&wanted.pin_path))
    {
        return Finding::ok(CHECK, format!("veer's own: {found}"));
    }
    // Its links are pinned in its pin path itself.
    let pin = held.pins.iter().find(|pin| {
        let name = pin.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("link-")
    });
    if name == OURS
        && let Some(pin_path) = pin.and_then(|pin| pin.parent())
    {
        return Finding::error(CHECK, format!("that of another veer: {found}"))
            .means("an interface has room for one program; its veerd has another xdp.pin_path")
            .mend(format!(
                "veerctl detach --pin-path {}",
                quoted_path(pin_path)
            ));
    }
    let command = match (held.link, mode) {
        (Some(link), _) => format!("bpftool link detach id {link}"),
        (None, mode) => {
            let mode = match mode {
                Mode::Native => "xdpdrv",
                Mode::Generic => "xdpgeneric",
                Mode::Offloaded => "xdpoffload",
            };
            format!("ip link set dev {} {mode} off", quoted(interface))
        }
    };
    Finding::error(CHECK, found)
        .means(
            "an interface has room for one program, so veerd cannot attach; if it is needed, \
             give veer another interface",
        )
        .mend(command)
}

fn described(mode: Mode, held: &Held) -> String {
    let name = held.name.as_deref().unwrap_or("of unknown name");
    let mode = match mode {
        Mode::Native => "native",
        Mode::Generic => "generic",
        Mode::Offloaded => "offloaded",
    };
    let mut parts = vec![format!("{name}, id {}, {mode}", held.id)];
    parts.extend(held.link.map(|link| format!("link {link}")));
    let pins = held.pins.iter();
    parts.extend(pins.map(|pin| format!("pinned at {}", pin.display())));
    let processes = held.processes.iter();
    parts.extend(processes.map(|(pid, name)| format!("held by {name} ({pid})")));
    parts.join(", ")
}
