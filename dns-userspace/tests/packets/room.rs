//! A frame in a buffer that cannot grow: a tap device gives each frame a buffer
//! of its own size, rounded up to a cache line.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    mem,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::fs::OpenOptionsExt as _,
    },
    thread,
    time::{Duration, Instant},
};

use aya::programs::XdpMode;

use crate::rig::{Counted, Rig};

const TAP: &str = "tight";

/// Where a frame is looked for.
#[derive(Clone, Copy)]
pub(crate) enum Look {
    /// In the network stack.
    Up,
    /// On the wire, as the reply to the one that was sent.
    Back,
}

/// Sends `frame` into a tap device that runs the program, in a network
/// namespace of its own: what was seen, and what was counted.
pub(crate) fn in_a_tight_buffer(rig: &mut Rig, frame: &[u8], look: Look) -> (Vec<u8>, Counted) {
    // A thread's namespace ends with it, and the device with the namespace.
    thread::scope(|scope| {
        let run = scope.spawn(|| {
            own_namespace()?;
            let mut tap = tap_device()?;
            let stack = packet_socket()?;
            let program = rig.kernel.program().map_err(io::Error::other)?;
            let link = program
                .attach(TAP, XdpMode::Driver)
                .map_err(io::Error::other)?;
            let before = rig.counts();
            tap.write_all(frame)?;
            let seen = match look {
                Look::Up => receive(&stack)?,
                Look::Back => receive_reply(&mut tap, frame)?,
            };
            let counted = rig.counted_since(&before);
            let program = rig.kernel.program().map_err(io::Error::other)?;
            program.detach(link).map_err(io::Error::other)?;
            Ok((seen, counted))
        });
        let ran: io::Result<_> = run.join().expect("the thread ends");
        ran.unwrap_or_else(|error| panic!("tap device: {error}"))
    })
}

fn check(call: &str, result: libc::c_int) -> io::Result<libc::c_int> {
    if result >= 0 {
        return Ok(result);
    }
    Err(last_error(call))
}

fn last_error(call: &str) -> io::Error {
    let error = io::Error::last_os_error();
    io::Error::new(error.kind(), format!("{call}: {error}"))
}

fn own_namespace() -> io::Result<()> {
    // SAFETY: it takes a flag and touches no memory.
    check("unshare(CLONE_NEWNET)", unsafe {
        libc::unshare(libc::CLONE_NEWNET)
    })?;
    Ok(())
}

fn request() -> libc::ifreq {
    // SAFETY: all octets zero are a value of this structure of integers.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (slot, octet) in request.ifr_name.iter_mut().zip(TAP.bytes()) {
        *slot = octet.cast_signed();
    }
    request
}

/// The device, up.
fn tap_device() -> io::Result<File> {
    let tap = OpenOptions::new()
        .read(true)
        .write(true)
        // Blocking writes take another path, with buffers of a page.
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")?;
    let mut interface = request();
    interface.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: the request is a whole `ifreq` that outlives the call.
    check("TUNSETIFF", unsafe {
        libc::ioctl(tap.as_raw_fd(), libc::TUNSETIFF, &raw mut interface)
    })?;
    let socket = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    let mut interface = request();
    interface.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: as above.
    check("SIOCSIFFLAGS", unsafe {
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut interface)
    })?;
    Ok(tap)
}

fn socket(domain: libc::c_int, kind: libc::c_int, protocol: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: it takes integers and touches no memory.
    let fd = check("socket", unsafe {
        libc::socket(domain, kind | libc::SOCK_CLOEXEC, protocol)
    })?;
    // SAFETY: the call returned a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sees every frame that the device hands to the network stack.
fn packet_socket() -> io::Result<OwnedFd> {
    let all = libc::c_int::from((libc::ETH_P_ALL as u16).to_be());
    let socket = socket(libc::AF_PACKET, libc::SOCK_RAW, all)?;
    let patience = libc::timeval {
        tv_sec: 5,
        tv_usec: 0,
    };
    // SAFETY: the option is a whole `timeval` that outlives the call.
    check("SO_RCVTIMEO", unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO,
            (&raw const patience).cast(),
            size_of_val(&patience) as libc::socklen_t,
        )
    })?;
    Ok(socket)
}

/// The next frame that came in; the ones that the kernel itself sends are not
/// looked at.
fn receive(socket: &OwnedFd) -> io::Result<Vec<u8>> {
    loop {
        let mut frame = vec![0; 2048];
        // SAFETY: all octets zero are a value of this structure of integers.
        let mut from: libc::sockaddr_ll = unsafe { mem::zeroed() };
        let mut from_len = size_of_val(&from) as libc::socklen_t;
        // SAFETY: both buffers have the lengths given, and outlive the call.
        let received = unsafe {
            libc::recvfrom(
                socket.as_raw_fd(),
                frame.as_mut_ptr().cast(),
                frame.len(),
                0,
                (&raw mut from).cast(),
                &raw mut from_len,
            )
        };
        let Ok(len) = usize::try_from(received) else {
            return Err(last_error("nothing came up: recvfrom"));
        };
        if from.sll_pkttype != libc::PACKET_OUTGOING {
            frame.truncate(len);
            return Ok(frame);
        }
    }
}

/// The frame that goes back to where `query` came from; the ones that the kernel
/// itself sends are not looked at.
fn receive_reply(tap: &mut File, query: &[u8]) -> io::Result<Vec<u8>> {
    let asker = &query[6..12];
    let patience = Instant::now() + Duration::from_secs(5);
    while Instant::now() < patience {
        let mut frame = vec![0; 2048];
        match tap.read(&mut frame) {
            Ok(len) if frame[..6] == *asker => {
                frame.truncate(len);
                return Ok(frame);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        "no reply came back",
    ))
}
