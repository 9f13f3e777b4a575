//! The file of secrets for server cookies. What stands in it is told nobody:
//! findings name its lines, never their content.

use std::{io, path::Path};

use dns_common::cookie::Secret;

use super::{
    diagnostic::Diagnostics,
    files::{self, Missing},
};

/// The tunable that names the file.
pub(super) const FILE_KEY: &str = "cookie.secret_file";

/// Hexadecimal digits of a secret of 128 bits.
const DIGITS: usize = 32;

/// What a line must be, for messages.
const VALID: &str = "32 hexadecimal digits, one or two lines of them, # comments";

/// The secret that makes cookies, and the one whose cookies are accepted as
/// well: the same where there is only one.
pub type Secrets = [Secret; 2];

/// A secret that nobody else has, twice. The error is that of getrandom(2).
pub fn random() -> io::Result<Secrets> {
    let mut octets = [0; DIGITS / 2];
    // SAFETY: the pointer and the length are those of `octets`.
    let filled = unsafe { libc::getrandom(octets.as_mut_ptr().cast(), octets.len(), 0) };
    if usize::try_from(filled) != Ok(octets.len()) {
        return Err(io::Error::last_os_error());
    }
    Ok([secret(octets); 2])
}

/// Reads the secrets in `path`; `None` when it is missing or anything was wrong,
/// which goes to `found`.
pub(super) fn read(path: &Path, missing: &Missing, found: &mut Diagnostics) -> Option<Secrets> {
    files::check_owner_only(path, FILE_KEY, found);
    let text = files::text(path, missing, found)?;
    let (mut secrets, mut wrong) = (Vec::new(), false);
    for (number, line) in (1..).zip(text.lines()) {
        let meant = line.split('#').next().unwrap_or_default().trim();
        if meant.is_empty() {
            continue;
        }
        let fault = match parse(meant) {
            None => format!("is not a secret; valid: {VALID}"),
            Some(_) if secrets.len() == 2 => format!("is a third secret; valid: {VALID}"),
            Some(secret) => {
                secrets.push(secret);
                continue;
            }
        };
        found.push(path, number, FILE_KEY, fault);
        wrong = true;
    }
    let Some(first) = secrets.first() else {
        if !wrong {
            found.push(
                path,
                0,
                FILE_KEY,
                format!("holds no secret; valid: {VALID}"),
            );
        }
        return None;
    };
    Some([*first, *secrets.last().unwrap_or(first)])
}

/// The secret that `text` says.
fn parse(text: &str) -> Option<Secret> {
    if text.len() != DIGITS || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let number = u128::from_str_radix(text, 16).ok()?;
    Some(secret(number.to_be_bytes()))
}

/// The secret of these octets, in their order.
fn secret(octets: [u8; DIGITS / 2]) -> Secret {
    let number = u128::from_le_bytes(octets);
    Secret(number as u64, (number >> 64) as u64)
}

#[cfg(test)]
mod tests;
