//! Hot queries are answered without allocating: whatever the workers need they
//! have after the first few.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use dns_common::{
    cookie::Secret,
    host::{ClientSubnet, Constants},
};
use tokio::time::Instant;
use veer::{
    authority::{
        connections::Options, inherited::Inherited, master_file, respond::Profile, server::Server,
        zones::Zones,
    },
    clock::BootClock,
    flattening::Flattened,
    measurement::{
        compile::{Surroundings, compile},
        director::Director,
    },
    model::{Groups, Plan},
    plane::{Live, Plane},
    tables::{Capacity, ResolverFlags, Tables},
};

/// The system's allocator, and how often any thread has asked it for memory.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator does everything.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: what our caller promises, it promises the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, len) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

const PATIENCE: Duration = Duration::from_secs(5);

const ZONE: &str = "\
$TTL 300
@ SOA ns1 admin 1 7200 3600 1209600 60
@ NS ns1
ns1 A 192.0.2.53
www A 192.0.2.80
";

const CAPACITY: Capacity = Capacity {
    names: 1024,
    groups: 1,
    pools: 1,
    answer_cells: 1024,
    chunks: 1,
    services: 1,
    rate_buckets: 1024,
};

/// With what a daemon has on when nothing is configured.
const CONSTANTS: Constants = Constants {
    payload: 1232,
    client_subnet: ClientSubnet::On as u64,
    cookies: 1,
    rates: 1,
    rate_intervals_ns: [1; 5],
    rate_mask: 1023,
    ..Constants::OFF
};

/// Octets on the wire of `www.example.test.` and `gone.example.test.`
const WWW: &[u8] = b"\x03www\x07example\x04test\x00";
const GONE: &[u8] = b"\x04gone\x07example\x04test\x00";

/// A client cookie, and a client subnet of 24 bits.
const OPTIONS: &[u8] = b"\x00\x0a\x00\x08\x01\x02\x03\x04\x05\x06\x07\x08\
    \x00\x08\x00\x07\x00\x01\x18\x00\xc0\x00\x02";

fn plane() -> Plane {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("example.test.zone");
    fs::write(&file, ZONE).expect("a file");
    let zone = master_file::parse(&file).unwrap_or_else(|found| panic!("{found}"));
    let zones = Zones::new(vec![zone]).expect("one zone");
    let director = Director::new(Plan::new(Vec::new(), Groups::default()), 50, Instant::now());
    let tables = Tables::in_memory(CAPACITY).expect("memory");
    let surroundings = Surroundings {
        addresses: &[ADDRESS],
        port: 53,
        secrets: [Secret(1, 2); 2],
        counters: &[],
    };
    let image = compile(1, &tables, &zones, &director, &surroundings).expect("it fits");
    tables.publish(&image);
    let live = Live {
        generation: tables.generation(1),
        number: 1,
        names: image.names(),
        zones,
        plan: Arc::clone(director.plan()),
        resolver_flags: ResolverFlags::default(),
        flattened: Flattened::default(),
    };
    let live = Arc::new(ArcSwap::from_pointee(live));
    let clock = Arc::new(BootClock);
    Plane::new(Arc::new(tables), live, Profile::default(), CONSTANTS, clock)
}

/// A query in class `class` for the A records of `name`, with EDNS if there are
/// options.
fn query(name: &[u8], class: u8, options: &[u8]) -> Vec<u8> {
    let has_opt = u8::from(!options.is_empty());
    let mut query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00".to_vec();
    query.push(has_opt);
    query.extend_from_slice(name);
    query.extend_from_slice(&[0, 1, 0, class]);
    if has_opt == 1 {
        query.extend_from_slice(&[0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, options.len() as u8]);
        query.extend_from_slice(options);
    }
    query
}

/// What is measured with: a client of each transport that itself allocates nothing.
struct Client {
    udp: UdpSocket,
    tcp: TcpStream,
    reply: Box<[u8]>,
}

impl Client {
    fn new(server: SocketAddr) -> Self {
        let udp = UdpSocket::bind((ADDRESS, 0)).expect("a socket");
        udp.connect(server).expect("an address");
        udp.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let tcp = TcpStream::connect(server).expect("a listener");
        tcp.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self {
            udp,
            tcp,
            reply: vec![0; 65_536].into(),
        }
    }

    /// Sends all `queries` at once, and takes a reply for each.
    fn udp(&mut self, queries: &[Vec<u8>]) {
        for query in queries {
            self.udp.send(query).expect("sent");
        }
        for _ in queries {
            let len = self.udp.recv(&mut self.reply).expect("a reply");
            assert!(len > 12, "a header and a question");
        }
    }

    /// Writes `frames` at once, and reads `replies` of them.
    fn tcp(&mut self, frames: &[u8], replies: usize) {
        self.tcp.write_all(frames).expect("sent");
        for _ in 0..replies {
            let mut len = [0; 2];
            self.tcp.read_exact(&mut len).expect("a length");
            let len = usize::from(u16::from_be_bytes(len));
            let reply = &mut self.reply[..len];
            self.tcp.read_exact(reply).expect("a message");
            assert!(len > 12, "a header and a question");
        }
    }
}

fn framed(queries: &[Vec<u8>]) -> Vec<u8> {
    let frame = |query: &Vec<u8>| [&(query.len() as u16).to_be_bytes()[..], query].concat();
    queries.iter().flat_map(frame).collect()
}

/// Allocations of all threads in `rounds` times `work`.
fn allocations(rounds: usize, mut work: impl FnMut()) -> u64 {
    let before = ALLOCATIONS.load(Relaxed);
    for _ in 0..rounds {
        work();
    }
    ALLOCATIONS.load(Relaxed) - before
}

/// One test: what others do meanwhile would be counted.
#[test]
fn hot_queries_are_answered_without_allocating() {
    const ROUNDS: usize = 200;
    let server = Server::bind(&[ADDRESS], 0, 1, Options::default(), Inherited::default())
        .expect("free ports");
    let address = SocketAddr::new(ADDRESS, server.port());
    let plane = Arc::new(plane());
    let _server = server.start(Arc::clone(&plane) as _).expect("threads");
    let mut client = Client::new(address);

    let hot: Vec<Vec<u8>> = [WWW, GONE]
        .into_iter()
        .flat_map(|name| [query(name, 1, &[]), query(name, 1, OPTIONS)])
        .cycle()
        .take(100)
        .collect();
    let frames = framed(&hot);
    let mut ask = || {
        client.udp(&hot);
        client.tcp(&frames, hot.len());
    };
    allocations(ROUNDS, &mut ask);
    assert_eq!(allocations(ROUNDS, &mut ask), 0);
    let counters = plane.counters();
    let asked = 2 * (ROUNDS * hot.len()) as u64;
    assert_eq!(counters.udp_queries, asked);
    assert_eq!(counters.tcp_queries, asked);
    assert_eq!(counters.fast_answers(), 2 * asked);

    // Class CHAOS is for the authority, which does allocate: that is seen here.
    let slow = [query(WWW, 3, &[])];
    let frames = framed(&slow);
    assert!(allocations(ROUNDS, || client.udp(&slow)) >= ROUNDS as u64);
    assert!(allocations(ROUNDS, || client.tcp(&frames, 1)) >= ROUNDS as u64);
}
