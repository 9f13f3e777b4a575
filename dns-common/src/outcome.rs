//! Every fate of a packet that enters the XDP program.

/// What happened to one packet, and why. The number is the index of its
/// counter; with a new outcome the tables' ABI version goes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Answered in the kernel: the frame went back as the reply, with records.
    Answered = 0,
    /// Answered: the name, or the type at it, does not exist.
    AnsweredNegative = 1,
    /// Answered: with a delegation.
    AnsweredReferral = 2,
    /// Answered: with TC, since the records do not fit.
    AnsweredTruncated = 3,
    /// Answered: with an RCODE other than NOERROR and NXDOMAIN, BADVERS among them.
    AnsweredError = 4,
    /// Answered: with TC, since the rate is too high.
    AnsweredSlip = 5,
    /// Answered: with BADCOOKIE, since the rate is too high.
    AnsweredBadCookie = 6,

    /// Passed up: neither IPv4 nor IPv6, or more than two VLAN tags.
    UpNotIp = 7,
    /// Passed up: not UDP.
    UpNotUdp = 8,
    /// Passed up: not for one of our service addresses, or to many on the link.
    UpOtherAddress = 9,
    /// Passed up: not for our port.
    UpOtherPort = 10,
    /// Passed up: an IPv4 fragment.
    UpFragment = 11,
    /// Passed up: IPv4 options.
    UpIpv4Options = 12,
    /// Passed up: an IPv6 extension header (fragments are among them).
    UpIpv6Extension = 13,
    /// Passed up: lengths of frame, IP, UDP and DNS do not fit each other.
    UpLength = 14,
    /// Passed up: a response, not a query.
    UpResponse = 15,
    /// Passed up: an opcode other than QUERY, or TC set.
    UpOpcode = 16,
    /// Passed up: not exactly one question.
    UpQuestionCount = 17,
    /// Passed up: answer or authority records in a query.
    UpRecords = 18,
    /// Passed up: additional records other than one OPT record.
    UpAdditional = 19,
    /// Passed up: no well-formed name of 255 octets or less, or octets after the question.
    UpQuestion = 20,
    /// Passed up: an OPT record that is malformed, or has more options than are read.
    UpOpt = 21,
    /// Passed up: a malformed COOKIE option.
    UpCookie = 22,
    /// Passed up: a CLIENT-SUBNET option that is malformed or of another family.
    UpSubnet = 23,
    /// Passed up: NSID is asked for, and configured.
    UpNsid = 24,
    /// Passed up: a TCP connection's keepalive is asked for; in userspace only.
    UpKeepalive = 25,
    /// Passed up: a class other than IN.
    UpClass = 26,
    /// Passed up: a type that no record has, other than ANY.
    UpType = 27,
    /// Passed up: a name outside our zones.
    UpUnknownName = 28,
    /// Passed up: a name of ours without a precomputed answer of that type.
    UpNoAnswer = 29,
    /// Passed up: no candidate is fit, and the service says to fail.
    UpNoCandidate = 30,
    /// Passed up: the reply would be longer than a frame.
    UpTooLong = 31,
    /// Passed up: the frame could not be resized.
    UpNoRoom = 32,
    /// Passed up: nothing has been published yet.
    UpNotReady = 33,
    /// Passed up: sent from where no reply may go: a group, this host, nowhere.
    UpSource = 34,
    /// Passed up: an IPv4 header whose checksum is wrong, or UDP over IPv6 without one.
    UpChecksum = 35,
    /// Passed up: no route back by the interface it came from, or no neighbour known on it.
    UpRoute = 36,
    /// Passed up: a query to us, but nobody has vouched for the decisions for too long.
    UpStale = 37,
    /// Passed up: it would be answered, were this no dry run.
    UpDryRun = 38,

    /// Dropped: over the rate of its resolver.
    DropRate = 39,
    /// Dropped: a name outside our zones, over the rate at which those may go up.
    DropUnknownName = 40,
    /// Dropped: a check that cannot fail failed after the frame was resized;
    /// a changed packet must not go up.
    DropBroken = 41,
}

/// The end of a packet's way in `outcome`, which is made here: the compiler would
/// set it ahead of every check, where each costs an instruction of every packet.
#[inline(always)]
pub fn stop<T>(outcome: Outcome) -> Result<T, Outcome> {
    #[cfg(target_arch = "bpf")]
    {
        let mut number = outcome as u64;
        // SAFETY: no instruction at all.
        unsafe {
            core::arch::asm!("", inout("r0") number, options(nomem, nostack));
        }
        // SAFETY: it is the number of an outcome, as before.
        Err(unsafe { core::mem::transmute::<u8, Outcome>(number as u8) })
    }
    #[cfg(not(target_arch = "bpf"))]
    Err(outcome)
}

/// What may be missing.
pub trait OrStop<T> {
    /// What is there, or the [`stop`] in `outcome`.
    fn or_stop(self, outcome: Outcome) -> Result<T, Outcome>;
}

impl<T> OrStop<T> for Option<T> {
    #[inline(always)]
    fn or_stop(self, outcome: Outcome) -> Result<T, Outcome> {
        match self {
            Some(value) => Ok(value),
            None => stop(outcome),
        }
    }
}

/// What a packet's fate means for the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the frame back out of the interface it came from.
    Reply,
    /// Hand the frame, unchanged, to the kernel's network stack.
    Up,
    /// Drop the frame.
    Drop,
}

impl Outcome {
    /// Every outcome, in counter order.
    pub const ALL: [Self; 42] = [
        Self::Answered,
        Self::AnsweredNegative,
        Self::AnsweredReferral,
        Self::AnsweredTruncated,
        Self::AnsweredError,
        Self::AnsweredSlip,
        Self::AnsweredBadCookie,
        Self::UpNotIp,
        Self::UpNotUdp,
        Self::UpOtherAddress,
        Self::UpOtherPort,
        Self::UpFragment,
        Self::UpIpv4Options,
        Self::UpIpv6Extension,
        Self::UpLength,
        Self::UpResponse,
        Self::UpOpcode,
        Self::UpQuestionCount,
        Self::UpRecords,
        Self::UpAdditional,
        Self::UpQuestion,
        Self::UpOpt,
        Self::UpCookie,
        Self::UpSubnet,
        Self::UpNsid,
        Self::UpKeepalive,
        Self::UpClass,
        Self::UpType,
        Self::UpUnknownName,
        Self::UpNoAnswer,
        Self::UpNoCandidate,
        Self::UpTooLong,
        Self::UpNoRoom,
        Self::UpNotReady,
        Self::UpSource,
        Self::UpChecksum,
        Self::UpRoute,
        Self::UpStale,
        Self::UpDryRun,
        Self::DropRate,
        Self::DropUnknownName,
        Self::DropBroken,
    ];

    /// What is done with the frame.
    #[inline(always)]
    pub const fn action(self) -> Action {
        match self {
            Self::Answered
            | Self::AnsweredNegative
            | Self::AnsweredReferral
            | Self::AnsweredTruncated
            | Self::AnsweredError
            | Self::AnsweredSlip
            | Self::AnsweredBadCookie => Action::Reply,
            Self::UpNotIp
            | Self::UpNotUdp
            | Self::UpOtherAddress
            | Self::UpOtherPort
            | Self::UpFragment
            | Self::UpIpv4Options
            | Self::UpIpv6Extension
            | Self::UpLength
            | Self::UpResponse
            | Self::UpOpcode
            | Self::UpQuestionCount
            | Self::UpRecords
            | Self::UpAdditional
            | Self::UpQuestion
            | Self::UpOpt
            | Self::UpCookie
            | Self::UpSubnet
            | Self::UpNsid
            | Self::UpKeepalive
            | Self::UpClass
            | Self::UpType
            | Self::UpUnknownName
            | Self::UpNoAnswer
            | Self::UpNoCandidate
            | Self::UpTooLong
            | Self::UpNoRoom
            | Self::UpNotReady
            | Self::UpSource
            | Self::UpChecksum
            | Self::UpRoute
            | Self::UpStale
            | Self::UpDryRun => Action::Up,
            Self::DropRate | Self::DropUnknownName | Self::DropBroken => Action::Drop,
        }
    }

    /// The name statistics use: lower case, words joined by `_`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::AnsweredNegative => "answered_negative",
            Self::AnsweredReferral => "answered_referral",
            Self::AnsweredTruncated => "answered_truncated",
            Self::AnsweredError => "answered_error",
            Self::AnsweredSlip => "answered_slip",
            Self::AnsweredBadCookie => "answered_bad_cookie",
            Self::UpNotIp => "up_not_ip",
            Self::UpNotUdp => "up_not_udp",
            Self::UpOtherAddress => "up_other_address",
            Self::UpOtherPort => "up_other_port",
            Self::UpFragment => "up_fragment",
            Self::UpIpv4Options => "up_ipv4_options",
            Self::UpIpv6Extension => "up_ipv6_extension",
            Self::UpLength => "up_length",
            Self::UpResponse => "up_response",
            Self::UpOpcode => "up_opcode",
            Self::UpQuestionCount => "up_question_count",
            Self::UpRecords => "up_records",
            Self::UpAdditional => "up_additional",
            Self::UpQuestion => "up_question",
            Self::UpOpt => "up_opt",
            Self::UpCookie => "up_cookie",
            Self::UpSubnet => "up_subnet",
            Self::UpNsid => "up_nsid",
            Self::UpKeepalive => "up_keepalive",
            Self::UpClass => "up_class",
            Self::UpType => "up_type",
            Self::UpUnknownName => "up_unknown_name",
            Self::UpNoAnswer => "up_no_answer",
            Self::UpNoCandidate => "up_no_candidate",
            Self::UpTooLong => "up_too_long",
            Self::UpNoRoom => "up_no_room",
            Self::UpNotReady => "up_not_ready",
            Self::UpSource => "up_source",
            Self::UpChecksum => "up_checksum",
            Self::UpRoute => "up_route",
            Self::UpStale => "up_stale",
            Self::UpDryRun => "up_dry_run",
            Self::DropRate => "drop_rate",
            Self::DropUnknownName => "drop_unknown_name",
            Self::DropBroken => "drop_broken",
        }
    }
}
