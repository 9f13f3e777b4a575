//! Waiting until nobody in the kernel reads what was replaced.

use std::io;

/// Returns when every XDP program run that had begun before the call has ended.
///
/// XDP runs are RCU read-side critical sections; `MEMBARRIER_CMD_GLOBAL` is a
/// `synchronize_rcu` where more than one CPU is online (membarrier(2)), and with
/// one nothing runs beside the caller: such runs are not preempted.
///
/// # Errors
/// The kernel refuses the command, as those booted with `nohz_full=` do.
pub fn wait_for_kernel_readers() -> io::Result<()> {
    const NO_FLAGS: libc::c_int = 0;
    // SAFETY: the call takes two integers and touches no memory of ours.
    let failed =
        unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_GLOBAL, NO_FLAGS) };
    if failed == 0 {
        Ok(())
    } else {
        let error = io::Error::last_os_error();
        Err(io::Error::new(
            error.kind(),
            format!("membarrier(MEMBARRIER_CMD_GLOBAL): {error}"),
        ))
    }
}
