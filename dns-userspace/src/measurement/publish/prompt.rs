//! Prompt: how the publisher comes to run as soon as there is something to store.

use std::io;

/// The shortest slice of processor time the scheduler gives, nanoseconds.
const SLICE_NS: u64 = 100_000;

/// Asks for short slices of processor time, in which the scheduler lets the calling
/// thread run at once where others would first end theirs, of milliseconds. Its share of
/// the processor stays as it is, and it takes no privilege. Kernels before 6.12 take it
/// and do nothing.
pub(super) fn ask_for_short_slices() -> io::Result<()> {
    const CALLING_THREAD: libc::pid_t = 0;
    const NO_FLAGS: libc::c_uint = 0;
    let size = size_of::<libc::sched_attr>() as libc::c_uint;
    // SAFETY: made of integers alone, for which zeros are valid.
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes up to `size` octets, which the structure has, and it
    // lives through the call.
    let failed = unsafe {
        libc::syscall(
            libc::SYS_sched_getattr,
            CALLING_THREAD,
            &raw mut attributes,
            size,
            NO_FLAGS,
        )
    };
    if failed != 0 {
        return Err(called("sched_getattr"));
    }
    if attributes.sched_policy != libc::SCHED_OTHER.cast_unsigned() {
        // Whoever started us chose something better, or something worse.
        return Ok(());
    }
    attributes.sched_runtime = SLICE_NS;
    // SAFETY: the kernel reads as many octets as the structure says it has, and it lives
    // through the call.
    let failed = unsafe {
        libc::syscall(
            libc::SYS_sched_setattr,
            CALLING_THREAD,
            &raw const attributes,
            NO_FLAGS,
        )
    };
    if failed != 0 {
        return Err(called("sched_setattr"));
    }
    Ok(())
}

fn called(call: &str) -> io::Error {
    let error = io::Error::last_os_error();
    io::Error::new(error.kind(), format!("{call}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_keeps_policy_and_priority() {
        // SAFETY: both take numbers and touch no memory.
        let before = || unsafe { (libc::sched_getscheduler(0), libc::getpriority(0, 0)) };
        let expected = before();
        ask_for_short_slices().expect("it takes no privilege");
        assert_eq!(before(), expected);
    }
}
