//! The texts of the world's zones and services.

/// All of `example.` that is not made by the number.
pub(super) const EXAMPLE: &str = r#"$ORIGIN example.
$TTL 300
@            3600 SOA ns1 hostmaster 1 3600 600 86400 60
@            NS    ns1
@            NS    ns2
@            NS    ns.elsewhere.org.
@            A     192.0.2.1
@            MX    10 mail
@            TXT   "v=spf1 -all"
ns1          A     198.51.100.53
ns1          AAAA  2001:db8::53
ns2          A     198.51.100.54
mail         A     192.0.2.25
mail         AAAA  2001:db8::25
static       A     192.0.2.11
static       AAAA  2001:db8::11
static       TXT   "as it is"
static       60 MX 10 mail
static       MX    20 mx.elsewhere.org.
static       SRV   1 2 53 ns1
static       HINFO "any" "any"
static       NAPTR 100 10 "S" "SIP+D2U" "" _sip._udp.example.
static       CAA   0 issue "ca.example"
static       TYPE65281 \# 3 010203
v4           A     192.0.2.12
v6           AAAA  2001:db8::12
txt          TXT   "one" "two"
ptr          PTR   static
odd\000\.\\name TXT "odd"
UPPER        A     192.0.2.13
alias        CNAME static
far          CNAME alias
farther      CNAME far
lost         CNAME no.such
out          CNAME www.elsewhere.org.
round        CNAME trip
trip         CNAME round
inner        CNAME www.in
tosteered    CNAME www
tocname      CNAME cdn
farsteered   CNAME tosteered
*.wild       A     192.0.2.31
*.wild       AAAA  2001:db8::31
*.wild       TXT   "any"
taken.wild   TXT   "here"
below.ent.wild A   192.0.2.32
*.walias     CNAME static
*.wsteered   CNAME www
*.wns        MX    10 mail
*.*.twice    A     192.0.2.33
leaf.of.ent  A     192.0.2.34
old          DNAME new
old          A     192.0.2.35
x.new        A     192.0.2.36
sub          NS    ns.sub
sub          NS    ns.other
ns.sub       A     192.0.2.54
ns.sub       AAAA  2001:db8::54
deep.sub     A     192.0.2.56
ns.other     A     192.0.2.55
bare         NS    ns.elsewhere.org.
signed       NS    ns1
signed       DS    1 13 2 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
wide         NS    a.wide
wide         NS    b.wide
wide         NS    c.wide
wide         NS    d.wide
a.wide       A     192.0.2.61
b.wide       A     192.0.2.62
c.wide       AAAA  2001:db8::63
d.wide       AAAA  2001:db8::64
in           NS    ns.in
ns.in        A     192.0.2.57
www          HTTPS 1 . alpn=h2 ipv4hint=192.0.2.9 ipv6hint=2001:db8::9
www          TXT   "beside a service"
https        HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.9
_dns.ns1     SVCB  1 ns1 alpn=dot
mix          HTTPS 1 . alpn=h2 ipv4hint=192.0.2.9 ipv6hint=2001:db8::9
mix          TXT   "beside a hand-over"
several      HTTPS 1 . alpn=h2 ipv4hint=192.0.2.9 ipv6hint=2001:db8::9
toseveral    CNAME several
mix          MX    10 mail
ref          TXT   "beside a referral"
toover       CNAME over
tomix        CNAME mix
toref        CNAME ref
belowref     CNAME x.ref
*.wref       CNAME ref
"#;

/// A zone below `example.`.
pub(super) const INNER: &str = r#"$ORIGIN in.example.
$TTL 120
@    SOA   ns hostmaster.example. 2 3600 600 86400 3600
@    NS    ns
ns   A     192.0.2.57
www  A     192.0.2.58
*    TXT   "inner"
"#;

/// A zone beside it.
pub(super) const TEST: &str = r"$ORIGIN test.
@    0 SOA  ns.example. hostmaster.example. 4294967295 1 1 1 0
@    0 NS   ns1.example.
a.b  2147483647 A 192.0.2.81
*.b  5 AAAA 2001:db8::81
over 5 CNAME x.wild.example.
";

/// The services: shapes, families, policies, and what is said of all down.
pub(super) const SERVICES: &str = r#"
[[service]]
name = "www.example."
customer = "acme"
ttl_s = 20
[service.policy]
kind = "failover"
order = ["paris", "tokyo", "lima"]
[service.policy.groups]
isp-b = ["tokyo", "paris", "lima"]
isp-c = ["lima", "tokyo", "paris"]
[service.probe]
kind = "tcp"
port = 80
interval_ms = 1000
timeout_ms = 300
up_after = 2
down_after = 3
[[service.server]]
name = "paris"
addresses = ["203.0.113.10", "2001:db8:1::10"]
[[service.server]]
name = "tokyo"
addresses = ["203.0.113.20", "203.0.113.21", "2001:db8:1::20"]
[[service.server]]
name = "lima"
addresses = ["203.0.113.30"]

[[service]]
name = "cdn.example."
customer = "acme"
ttl_s = 30
shape = "cname"
all_down = "first"
[service.policy]
kind = "failover"
order = ["s1", "s2"]
[service.policy.groups]
isp-b = ["s2", "s1"]
[service.probe]
kind = "tcp"
port = 81
interval_ms = 1000
timeout_ms = 300
up_after = 2
down_after = 3
[[service.server]]
name = "s1"
addresses = ["203.0.113.41", "2001:db8:1::41"]
[[service.server]]
name = "s2"
addresses = ["203.0.113.42", "2001:db8:1::42", "2001:db8:1::43"]

[[service]]
name = "v4only.example."
customer = "acme"
ttl_s = 0
all_down = "servfail"
[service.policy]
kind = "latency"
tolerance_ms = 5
[service.probe]
kind = "tcp"
port = 82
interval_ms = 1000
timeout_ms = 300
up_after = 2
down_after = 3
[[service.server]]
name = "one"
addresses = ["203.0.113.51"]
[[service.server]]
name = "two"
addresses = ["203.0.113.52"]

[[service]]
name = "several.example."
customer = "acme"
ttl_s = 20
answers = 2
[service.policy]
kind = "failover"
order = ["one", "two", "three", "four"]
[service.policy.groups]
isp-b = ["four", "three", "two", "one"]
[service.probe]
kind = "tcp"
port = 88
[[service.server]]
name = "one"
addresses = ["203.0.113.55", "2001:db8:1::55"]
[[service.server]]
name = "two"
addresses = ["203.0.113.56", "203.0.113.57"]
[[service.server]]
name = "three"
addresses = ["2001:db8:1::58"]
[[service.server]]
name = "four"
addresses = ["203.0.113.59", "2001:db8:1::59"]

[[service]]
name = "v6.in.example."
customer = "acme"
ttl_s = 5
[service.policy]
kind = "latency"
tolerance_ms = 5
[service.probe]
kind = "tcp"
port = 83
interval_ms = 1000
timeout_ms = 300
up_after = 2
down_after = 3
[[service.server]]
name = "six"
addresses = ["2001:db8:1::61"]
[[service.server]]
name = "both"
addresses = ["203.0.113.62", "2001:db8:1::62"]

[[service]]
name = "test."
customer = "test"
ttl_s = 60
[service.policy]
kind = "latency"
tolerance_ms = 5
[service.probe]
kind = "tcp"
port = 84
interval_ms = 1000
timeout_ms = 300
up_after = 2
down_after = 3
[[service.server]]
name = "apex"
addresses = ["203.0.113.71", "2001:db8:1::71"]
[[service.server]]
name = "other"
addresses = ["203.0.113.72", "2001:db8:1::72"]

[[service]]
name = "over.example."
customer = "acme"
ttl_s = 20
[service.policy]
kind = "failover"
order = ["origin", "fast"]
[service.policy.groups]
isp-b = ["fast", "origin"]
[service.probe]
kind = "tcp"
port = 85
[[service.server]]
name = "origin"
addresses = ["203.0.113.81"]
[[service.hand_over]]
name = "fast"
cname = "over.example.cdn.elsewhere.org."
probe_addresses = ["203.0.113.89"]

[[service]]
name = "mix.example."
customer = "acme"
ttl_s = 20
shape = "direct"
all_down = "servfail"
[service.policy]
kind = "failover"
order = ["origin", "own", "mirror", "far"]
[service.policy.groups]
isp-b = ["far", "origin", "own"]
isp-c = ["own", "origin", "far"]
[service.probe]
kind = "tcp"
port = 86
[[service.server]]
name = "origin"
addresses = ["203.0.113.91", "2001:db8:1::91"]
[[service.server]]
name = "mirror"
addresses = ["203.0.113.92", "2001:db8:1::92"]
[[service.hand_over]]
name = "own"
cname = "www.example."
probe_addresses = ["2001:db8:1::99"]
[[service.hand_over]]
name = "far"
cname = "a-much-longer-name.of.another.network.elsewhere.org."

[[service]]
name = "ref.example."
customer = "acme"
ttl_s = 20
[service.policy]
kind = "failover"
order = ["origin", "cdn"]
[service.policy.groups]
isp-b = ["cdn", "origin"]
[service.probe]
kind = "tcp"
port = 87
[[service.server]]
name = "origin"
addresses = ["2001:db8:1::a1"]
[[service.hand_over]]
name = "cdn"
ns = [
  { name = "ns.ref.example.", addresses = ["203.0.113.53", "2001:db8:1::53"] },
  { name = "ns.elsewhere.org." },
]
"#;
