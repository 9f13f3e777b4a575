//! Every fate of a packet that enters the XDP program.

/// What happened to one packet, and why. The number is the index of its
/// counter, so new outcomes are added at the end of their kind and the tables'
/// ABI version goes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Answered in the kernel: the frame went back as the reply.
    Answered = 0,

    /// Passed up: neither IPv4 nor IPv6, or more than two VLAN tags.
    UpNotIp = 1,
    /// Passed up: not UDP.
    UpNotUdp = 2,
    /// Passed up: not for one of our service addresses, or to many on the link.
    UpOtherAddress = 3,
    /// Passed up: not for our port.
    UpOtherPort = 4,
    /// Passed up: an IPv4 fragment.
    UpFragment = 5,
    /// Passed up: IPv4 options.
    UpIpv4Options = 6,
    /// Passed up: an IPv6 extension header (fragments are among them).
    UpIpv6Extension = 7,
    /// Passed up: lengths of frame, IP, UDP and DNS do not fit each other.
    UpLength = 8,
    /// Passed up: a response, not a query.
    UpResponse = 9,
    /// Passed up: an opcode other than QUERY, or TC set.
    UpOpcode = 10,
    /// Passed up: not exactly one question.
    UpQuestionCount = 11,
    /// Passed up: answer or authority records in a query.
    UpRecords = 12,
    /// Passed up: additional records, EDNS among them.
    UpAdditional = 13,
    /// Passed up: no name of 255 octets or less, or octets after the question.
    UpQuestion = 14,
    /// Passed up: a class other than IN.
    UpClass = 15,
    /// Passed up: a type other than A and AAAA.
    UpType = 16,
    /// Passed up: a name that is not in the table.
    UpUnknownName = 17,
    /// Passed up: the name is known, but has no precomputed answer of that type.
    UpNoAnswer = 18,
    /// Passed up: no candidate is fit, and the service says to fail.
    UpNoCandidate = 19,
    /// Passed up: the reply would be longer than 512 octets.
    UpTooLong = 20,
    /// Passed up: the frame could not be resized.
    UpNoRoom = 21,
    /// Passed up: nothing has been published yet.
    UpNotReady = 22,
    /// Passed up: sent from where no reply may go: a group, this host, nowhere.
    UpSource = 23,
    /// Passed up: an IPv4 header whose checksum is wrong, or UDP over IPv6 without one.
    UpChecksum = 24,
    /// Dropped: a check that cannot fail failed after the frame was resized;
    /// a changed packet must not go up.
    DropBroken = 25,
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
    pub const ALL: [Self; 26] = [
        Self::Answered,
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
        Self::DropBroken,
    ];

    /// What is done with the frame.
    #[inline(always)]
    pub const fn action(self) -> Action {
        match self {
            Self::Answered => Action::Reply,
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
            | Self::UpClass
            | Self::UpType
            | Self::UpUnknownName
            | Self::UpNoAnswer
            | Self::UpNoCandidate
            | Self::UpTooLong
            | Self::UpNoRoom
            | Self::UpNotReady
            | Self::UpSource
            | Self::UpChecksum => Action::Up,
            Self::DropBroken => Action::Drop,
        }
    }

    /// The name statistics use: lower case, words joined by `_`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
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
            Self::DropBroken => "drop_broken",
        }
    }
}
