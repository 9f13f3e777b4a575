//! Debian packages, installed without a question asked or a service started,
//! now or at the next boot.

use std::{
    collections::HashSet,
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

use crate::{progress, root};

/// Runs its arguments while no package may start its services, also when it is
/// interrupted. An existing policy stays as it is.
const WITHOUT_SERVICES: &str = r#"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
"$@"
"#;

/// Takes the services of its arguments, which are packages, out of what starts
/// at boot: Debian puts there whatever is installed.
const NOT_AT_BOOT: &str = r#"
set -e
files=$(dpkg-query --listfiles "$@")
files_in() { printf '%s\n' "$files" | sed -n "s|^$1/\([^/]*\)\$|\1|p"; }
for file in $(files_in /lib/systemd/system) $(files_in /usr/lib/systemd/system); do
    command -v systemctl > /dev/null || break
    case $file in
        *@*) ;; # One of these starts only if somebody says which.
        *.service | *.socket | *.timer | *.target) systemctl --quiet disable "$file" ;;
    esac
done
for script in $(files_in /etc/init.d); do
    update-rc.d "$script" disable
done
"#;

/// Makes sure that `packages` are installed. `why` completes an error that
/// names what a person has to install.
pub(super) fn install(packages: &[impl AsRef<str>], why: &str) -> Result<()> {
    let packages: Vec<&str> = packages.iter().map(AsRef::as_ref).collect();
    let installed = installed(&packages);
    let missing: Vec<&str> = packages
        .into_iter()
        .filter(|&package| !installed.contains(package))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !has_apt() {
        bail!("{why}; there is no apt-get here, so install what Debian calls: {names}");
    }
    if !root::is_root() {
        bail!("{why}, and only root can install it: sudo apt-get install {names}");
    }

    // Lists that know them may name files that the mirror has replaced since.
    if !are_known(&missing) || apt_install(&missing).is_err() {
        update()?;
        apt_install(&missing).map_err(|error| error.context(why.to_owned()))?;
    }
    keep_from_boot(&missing)
}

/// Brings `packages`, which are installed, to the newest that there are. `why` as for [`install`].
pub(super) fn upgrade(packages: &[&str], why: &str) -> Result<()> {
    if !has_apt() || !root::is_root() {
        bail!(
            "{why}, newer than what is installed: {}",
            packages.join(" ")
        );
    }
    update()?;
    apt_install(packages).map_err(|error| error.context(why.to_owned()))
}

/// Whether apt can be asked for every one of `packages`, as far as its lists go.
pub(super) fn are_known(packages: &[impl AsRef<str>]) -> bool {
    let mut command = Command::new("apt-cache");
    command.args(["show", "--no-all-versions", "--quiet=2"]);
    command.args(packages.iter().map(AsRef::as_ref));
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn installed(packages: &[&str]) -> HashSet<String> {
    // It fails when it knows not all of them, and still lists the others.
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Abbrev}\t${Package}\n"])
        .args(packages)
        .output();
    output.map_or_else(
        |_| HashSet::new(),
        |output| {
            String::from_utf8_lossy(&output.stdout)
                .lines()
                .filter_map(|line| Some(line.strip_prefix("ii \t")?.to_owned()))
                .collect()
        },
    )
}

fn has_apt() -> bool {
    Command::new("apt-get")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn update() -> Result<()> {
    let mut command = Command::new("apt-get");
    command.arg("update");
    progress::run("Updating the package lists", command)
}

/// For packages that were not there before: nobody counts on their services.
fn keep_from_boot(packages: &[&str]) -> Result<()> {
    let mut command = Command::new("sh");
    command.args(["-c", NOT_AT_BOOT, "sh"]).args(packages);
    progress::run("Keeping their services from starting at boot", command)
}

fn apt_install(packages: &[&str]) -> Result<()> {
    let mut command = Command::new("sh");
    command
        .args(["-c", WITHOUT_SERVICES, "sh"])
        .args(["apt-get", "install", "--yes", "--no-install-recommends"])
        .args(["-o", "DPkg::Lock::Timeout=300"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    progress::run(&format!("Installing {}", packages.join(" ")), command)
}
