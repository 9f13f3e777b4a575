//! Capabilities that a program's file gives to whoever runs it (capabilities(7)).

use std::{ffi::CString, os::unix::ffi::OsStrExt as _, path::Path};

/// The permitted ones of the file at `path` if they are effective at once; none where it
/// says nothing.
pub(super) fn permitted(path: &Path) -> u64 {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
        return 0;
    };
    let mut value = [0u8; 24];
    // SAFETY: both names are C strings, and no more octets are written than there are.
    let len = unsafe {
        libc::getxattr(
            path.as_ptr(),
            c"security.capability".as_ptr(),
            value.as_mut_ptr().cast(),
            value.len(),
        )
    };
    value.get(..len.try_into().unwrap_or(0)).map_or(0, read)
}

/// Reads `struct vfs_cap_data`, little-endian: version and flag, then the lower halves of
/// both sets and the upper ones.
fn read(value: &[u8]) -> u64 {
    const EFFECTIVE: u32 = 1;
    const VERSION: u32 = 0xff00_0000;
    /// The oldest with 64 bits; its successor ends with whose root is meant.
    const VERSION_2: u32 = 0x0200_0000;
    let word = |at: usize| -> Option<u32> {
        let octets = value.get(at..at + 4)?;
        octets.try_into().ok().map(u32::from_le_bytes)
    };
    let read = || {
        let magic = word(0)?;
        let known = magic & VERSION >= VERSION_2 && magic & EFFECTIVE != 0;
        let permitted = u64::from(word(4)?) | u64::from(word(12)?) << 32;
        Some(if known { permitted } else { 0 })
    };
    read().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_setcap_writes() {
        // cap_net_bind_service,cap_net_admin,cap_perfmon,cap_bpf=ep
        let words = [0x0200_0001u32, 1 << 10 | 1 << 12, 0, 1 << 6 | 1 << 7, 0];
        let value: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(read(&value), 1 << 10 | 1 << 12 | 1 << 38 | 1 << 39);
        let mut permitted_only = value.clone();
        permitted_only[0] = 0;
        assert_eq!(read(&permitted_only), 0);
        assert_eq!(read(&value[..12]), 0);
        assert_eq!(read(&[]), 0);
    }
}
