//! `status`, `reload` and `detach`.

use std::fmt::Write as _;

use super::{
    human::{age, age_ms, counted},
    overrides,
    paint::{Paint, Tone},
    table::{Cell, Table},
};
use crate::control::status::{Detached, Inventory, LastReload, Reloaded, Status, Xdp, XdpState};

/// The daemon, line by line, seen at `now_unix_ms`.
pub(in crate::control) fn status(status: &Status, now_unix_ms: u64, paint: Paint) -> String {
    let mut table = Table::of_fields();
    table.field(
        "daemon",
        format!(
            "veerd {}, process {}, up {}",
            status.version,
            status.pid,
            age_ms(status.uptime_ms)
        ),
    );
    let config = status.config_dir.display();
    table.field(
        "config",
        format!("{config}, generation {}", status.generation),
    );
    if let Some(to) = status.reverted_to {
        let line = format!("to generation {to}; a reload or a restart takes the files in {config}");
        table.field("reverted", Cell::toned(line, Tone::Caution));
    }
    table.field("holds", inventory(&status.inventory));
    let addresses: Vec<_> = status.addresses.iter().map(ToString::to_string).collect();
    let workers = counted(status.workers, "worker", "workers");
    table.field(
        "answers at",
        format!("{}, port {}, {workers}", addresses.join(" "), status.port),
    );
    table.field("kernel", xdp(&status.xdp));
    table.field("", status.xdp.reason.as_str());
    table.field("pins", status.xdp.pin_path.display().to_string());
    table.field(
        "suspicion",
        match &status.suspicion {
            None => Cell::from("none"),
            Some(reason) => Cell::toned(reason, Tone::Caution),
        },
    );
    for (number, freeze) in status.freezes.iter().enumerate() {
        let name = if number == 0 { "frozen" } else { "" };
        let line = overrides::line(freeze, now_unix_ms);
        table.field(name, Cell::toned(line, Tone::Caution));
    }
    table.field(
        "overrides",
        match status.overrides {
            0 => Cell::from("none"),
            count => Cell::toned(format!("{count}, see veerctl states"), Tone::Caution),
        },
    );
    table.field("last reload", last_reload(status.last_reload.as_ref()));
    let mut text = table.render(paint);
    for error in status.last_reload.iter().flat_map(|reload| &reload.errors) {
        let _ = writeln!(text, "  {error}");
    }
    text
}

fn inventory(inventory: &Inventory) -> String {
    [
        counted(inventory.zones, "zone", "zones"),
        counted(inventory.names, "name", "names"),
        counted(inventory.services, "service", "services"),
        counted(inventory.pools, "pool", "pools"),
        counted(inventory.groups, "group", "groups"),
        counted(inventory.prefixes, "prefix", "prefixes"),
    ]
    .join(", ")
}

fn xdp(xdp: &Xdp) -> Cell {
    let (word, tone) = match xdp.state {
        XdpState::Attached => ("attached", Tone::Good),
        XdpState::Adopted => ("adopted", Tone::Good),
        XdpState::Off => ("off", Tone::Plain),
        XdpState::Unavailable => ("unavailable", Tone::Bad),
        XdpState::Detached => ("detached", Tone::Caution),
    };
    let mut text = word.to_owned();
    if let Some(interface) = &xdp.interface {
        let _ = write!(text, " on {interface}");
    }
    if let Some(mode) = &xdp.mode {
        let _ = write!(text, ", mode {mode}");
    }
    Cell::toned(text, tone)
}

fn last_reload(reload: Option<&LastReload>) -> Cell {
    let Some(reload) = reload else {
        return "none since the start".into();
    };
    let age = age_ms(reload.age_ms);
    if reload.errors.is_empty() {
        return format!("{age} ago, taken").into();
    }
    let errors = counted(reload.errors.len(), "error", "errors");
    Cell::toned(format!("{age} ago, refused: {errors}"), Tone::Bad)
}

/// A configuration that was taken.
pub(in crate::control) fn reloaded(reloaded: &Reloaded) -> String {
    let what = reloaded.reverted_to.map_or_else(
        || "reloaded".to_owned(),
        |to| format!("reverted to generation {to}"),
    );
    let mut text = format!(
        "{what} in {}: generation {}, {}\n",
        age(reloaded.took_ms),
        reloaded.generation,
        inventory(&reloaded.inventory)
    );
    if !reloaded.needs_restart.is_empty() {
        let keys = reloaded.needs_restart.join(", ");
        let _ = writeln!(text, "changed, but read only at a restart: {keys}");
    }
    if reloaded.reverted_to.is_some() {
        text.push_str(
            "the files in the configuration directory are as they were: the next reload or \
             restart takes them\n",
        );
    }
    text
}

/// What detaching found.
pub(in crate::control) fn detached(detached: &Detached) -> String {
    let path = detached.pin_path.display();
    if detached.was_attached {
        format!("detached; the pins at {path} are removed\n")
    } else {
        format!("nothing was attached through {path}\n")
    }
}
