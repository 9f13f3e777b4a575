//! Whose failure is it: the target's, or this host's own?
//!
//! A host without free descriptors, memory, ports or routes learns nothing
//! about its targets; taking its own failures for theirs would drain every
//! site at once.

use std::{error::Error, io};

use crate::measurement::sample::Reason;

/// Why a probe did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The target, or the way to it, failed.
    Target(Reason),
    /// This host could not probe: the call and the error.
    Local(String),
}

/// Errors that are about this host whenever they occur.
const LOCAL: [i32; 5] = [
    libc::EMFILE,
    libc::ENFILE,
    libc::ENOBUFS,
    libc::ENOMEM,
    libc::ENETDOWN,
];

/// Errors that are about this host when the system call itself returns them.
/// Once packets are out, the same numbers are what ICMP errors from routers
/// and firewalls on the way are turned into (net unreachable, administratively
/// prohibited), and then the target can't be reached.
const LOCAL_WHEN_CALLED: [i32; 5] = [
    libc::EADDRNOTAVAIL,
    libc::EADDRINUSE,
    libc::EACCES,
    libc::EPERM,
    libc::ENETUNREACH,
];

impl Failure {
    /// What `error` of the system call `call` says, before any packet is out.
    pub(super) fn of_call(call: &'static str, error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(number) if LOCAL_WHEN_CALLED.contains(&number) => {
                Self::Local(format!("{call}: {error}"))
            }
            _ => Self::of_exchange(call, error),
        }
    }

    /// What `error`, met while exchanging packets with the target during
    /// `call`, says; looks through wrapping errors for the system's own.
    pub(super) fn of_exchange(call: &'static str, error: &(dyn Error + 'static)) -> Self {
        let number = chain(error)
            .filter_map(|error| error.downcast_ref::<io::Error>())
            .find_map(io::Error::raw_os_error);
        match number {
            Some(number) if LOCAL.contains(&number) => {
                Self::Local(format!("{call}: {}", words(error)))
            }
            Some(libc::ECONNREFUSED) => Self::Target(Reason::Refused),
            _ => Self::Target(Reason::Network {
                call,
                error: words(error),
            }),
        }
    }
}

/// `error` and the errors it wraps, outermost first.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Every message of the chain, outermost first.
fn words(error: &(dyn Error + 'static)) -> String {
    let words: Vec<String> = chain(error).map(ToString::to_string).collect();
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_local(failure: &Failure) -> bool {
        matches!(failure, Failure::Local(_))
    }

    #[test]
    fn running_out_of_something_is_local_at_any_time() {
        for number in LOCAL {
            let error = io::Error::from_raw_os_error(number);
            assert!(is_local(&Failure::of_call("socket", &error)), "{error}");
            assert!(is_local(&Failure::of_exchange("read", &error)), "{error}");
        }
    }

    #[test]
    fn no_route_no_port_and_no_permission_are_local_only_from_the_call_itself() {
        for number in LOCAL_WHEN_CALLED {
            let error = io::Error::from_raw_os_error(number);
            assert!(is_local(&Failure::of_call("connect", &error)), "{error}");
            let reported_by_icmp = Failure::of_exchange("connect", &error);
            assert!(!is_local(&reported_by_icmp), "{error}");
        }
    }

    #[test]
    fn what_the_peer_does_is_the_targets_failure() {
        for number in [libc::ECONNRESET, libc::EHOSTUNREACH, libc::ETIMEDOUT] {
            let error = io::Error::from_raw_os_error(number);
            assert!(!is_local(&Failure::of_call("connect", &error)), "{error}");
        }
        let refused = io::Error::from_raw_os_error(libc::ECONNREFUSED);
        assert_eq!(
            Failure::of_call("connect", &refused),
            Failure::Target(Reason::Refused)
        );
    }

    #[test]
    fn a_wrapped_system_error_is_found() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] io::Error);
        let outer = Outer(io::Error::from_raw_os_error(libc::ENOBUFS));
        assert_eq!(
            Failure::of_exchange("send", &outer),
            Failure::Local("send: outer: No buffer space available (os error 105)".to_owned())
        );
    }
}
