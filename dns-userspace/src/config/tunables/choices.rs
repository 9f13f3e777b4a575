//! Tunables that are one of a few words.

/// The choices of a tunable: an enum whose values have the words of the file.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$value_doc])* $value,)+ }

        impl $name {
            /// The words, in the order of the values.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The value of a word.
            pub fn of(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$value),)+ _ => None }
            }
        }
    };
}

choice! {
    /// How the XDP program is attached.
    XdpMode {
        /// By the driver; without driver support userspace answers alone.
        Native = "native",
        /// By the kernel's generic path, slower, on any interface.
        Generic = "generic",
        /// Not at all: userspace answers alone.
        Off = "off",
    }
}

choice! {
    /// How a reply finds its way back in the kernel.
    XdpReply {
        /// To the MAC address that the query came from.
        Mac = "mac",
        /// As the routing tables say.
        Fib = "fib",
    }
}

choice! {
    /// Whose client subnets (RFC 7871) choose the group.
    ClientSubnet {
        /// Nobody's.
        Off = "off",
        /// Everybody's.
        On = "on",
        /// Those of `edns.client_subnet_trusted`.
        Trusted = "trusted",
    }
}

choice! {
    /// Whether something is done at all.
    Switch {
        /// It is.
        On = "on",
        /// It is not.
        Off = "off",
    }
}

choice! {
    /// What becomes of the XDP program when the daemon stops.
    OnExit {
        /// It stays and goes on answering.
        Keep = "keep",
        /// It is detached.
        Detach = "detach",
    }
}

choice! {
    /// What the kernel does once nobody has vouched for the decisions for `stale.after_ms`.
    StaleAction {
        /// It goes on answering, up to `stale.keep_max_s`.
        Keep = "keep",
        /// It passes queries up, where somebody listens or nobody.
        Up = "up",
    }
}

choice! {
    /// How a line of the log is written.
    LogFormat {
        /// As the journal of systemd reads it where that does, else as text.
        Auto = "auto",
        /// For people.
        Text = "text",
        /// With its priority, and without the time.
        Journal = "journal",
        /// As an object.
        Json = "json",
    }
}

choice! {
    /// What is logged: this and everything graver.
    LogLevel {
        /// Failures.
        Error = "error",
        /// What deserves a look.
        Warn = "warn",
        /// What happens seldom and matters.
        Info = "info",
        /// What happens often.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}
