use std::net::SocketAddr;

use domain::base::iana::Rcode;
use tokio::{net::UdpSocket, sync::mpsc, time::sleep};

use super::{
    super::{asking::refresh_after_ms, target::Failure, testing::reply},
    *,
};
use crate::{authority::testing::name, clock::BootClock};

/// An engine, a name, and who is asked for it: what it sends is up to each test.
struct Rig {
    engine: Arc<Engine>,
    target: Arc<Target>,
    upstream: Arc<UdpSocket>,
    queries: mpsc::UnboundedReceiver<(Vec<u8>, SocketAddr)>,
}

impl Rig {
    async fn new() -> Self {
        let upstream = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a socket"));
        let engine = Arc::new(Engine::new(Handle::current(), Arc::new(BootClock)));
        let resolvers = [upstream.local_addr().expect("bound")];
        let target = engine.target(&name("www.cdn.example."), &resolvers);
        let (sender, queries) = mpsc::unbounded_channel();
        let socket = Arc::clone(&upstream);
        tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((len, from)) = socket.recv_from(&mut query).await {
                let _ = sender.send((query[..len].to_vec(), from));
            }
        });
        Self {
            engine,
            target,
            upstream,
            queries,
        }
    }

    fn get(&self, network: &str, may_wait: bool) -> Got {
        let network = Some(network.parse().unwrap());
        self.engine.get(&self.target, Family::V4, network, may_wait)
    }

    /// Waits until this is told.
    async fn until_told(&self, address: &str) {
        let address: IpAddr = address.parse().unwrap();
        for _ in 0..500 {
            if let Got::Told { addresses, .. } = self.get(NETWORK, false)
                && addresses == [address]
            {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("{address} is not told");
    }

    /// The next query, and where it came from.
    async fn query(&mut self) -> (Vec<u8>, SocketAddr) {
        let query = timeout(PATIENCE, self.queries.recv()).await;
        query.expect("a query in time").expect("a query")
    }

    /// Answers the next query with an address for `ttl_s`.
    async fn answer(&mut self, address: &str, ttl_s: u32, scope: u8) {
        let (query, from) = self.query().await;
        let answer = format!("www.cdn.example. {ttl_s} A {address}");
        let reply = reply(&query, Rcode::NOERROR, &answer, "", Some(scope));
        self.upstream.send_to(&reply, from).await.expect("sent");
    }
}

/// How long a query may take that has to come.
const PATIENCE: Duration = Duration::from_secs(20);

const NETWORK: &str = "198.51.100.0/24";

#[track_caller]
fn assert_told(got: &Got, expected: &str, ttls: &[u32]) {
    match got {
        Got::Told {
            addresses, ttl_s, ..
        } => {
            assert_eq!(addresses[..], [expected.parse::<IpAddr>().unwrap()]);
            assert!(ttls.contains(ttl_s), "{ttl_s}");
        }
        Got::Later(_) => panic!("not yet"),
        Got::Nothing => panic!("nothing"),
    }
}

fn later(got: Got) -> Later {
    match got {
        Got::Later(later) => later,
        _ => panic!("it is known already"),
    }
}

#[tokio::test]
async fn one_question_is_asked_once_however_many_wait_for_it() {
    let mut rig = Rig::new().await;
    let waiting: Vec<_> = (0..10).map(|_| later(rig.get(NETWORK, true))).collect();
    rig.answer("192.0.2.1", 20, 24).await;
    for later in waiting {
        later.await;
        assert_told(&rig.get(NETWORK, false), "192.0.2.1", &[20]);
    }
    assert!(rig.queries.try_recv().is_err());
    assert_eq!(rig.engine.counters.asked.load(Relaxed), 1);
    // Another network is another question, unless the answer was for more.
    let waiting = later(rig.get("203.0.113.0/24", true));
    rig.answer("192.0.2.2", 20, 8).await;
    waiting.await;
    assert_told(&rig.get("203.0.113.0/24", false), "192.0.2.2", &[20]);
    assert_told(&rig.get("203.9.9.0/24", true), "192.0.2.2", &[20]);
    assert_told(&rig.get(NETWORK, false), "192.0.2.1", &[20]);
}

#[tokio::test]
async fn who_may_not_wait_asks_nobody() {
    let mut rig = Rig::new().await;
    assert!(matches!(rig.get(NETWORK, false), Got::Nothing));
    sleep(Duration::from_millis(50)).await;
    assert!(rig.queries.try_recv().is_err());
}

#[tokio::test]
async fn what_is_in_use_is_asked_for_again_before_it_runs_out() {
    let mut rig = Rig::new().await;
    later_answer(&mut rig, "192.0.2.1").await;
    assert_told(&rig.get(NETWORK, true), "192.0.2.1", &[2]);
    // Nobody asks at this moment: it is asked for by itself.
    rig.answer("192.0.2.2", 2, 24).await;
    rig.until_told("192.0.2.2").await;
    // Now it is nobody's any more, and let go.
    let asked = rig.engine.counters.asked.load(Relaxed);
    assert_eq!(asked, 2);
}

#[tokio::test]
async fn what_nobody_uses_is_let_go() {
    let mut rig = Rig::new().await;
    let waiting = later(rig.get(NETWORK, true));
    rig.answer("192.0.2.1", 1, 24).await;
    waiting.await;
    sleep(Duration::from_millis(1200)).await;
    assert!(rig.queries.try_recv().is_err(), "asked for again");
    let _waiting = later(rig.get(NETWORK, true));
}

#[tokio::test]
async fn a_name_that_no_service_has_is_not_asked_for_again() {
    let mut rig = Rig::new().await;
    later_answer(&mut rig, "192.0.2.1").await;
    assert_told(&rig.get(NETWORK, true), "192.0.2.1", &[2]);
    rig.target.retire();
    sleep(Duration::from_millis(2200)).await;
    assert!(rig.queries.try_recv().is_err(), "asked for again");
}

#[tokio::test]
async fn what_ran_out_is_told_while_nobody_answers_and_replaced_once_somebody_does() {
    let mut rig = Rig::new().await;
    let waiting = later(rig.get(NETWORK, true));
    rig.answer("192.0.2.1", 1, 24).await;
    waiting.await;
    sleep(Duration::from_millis(1100)).await;
    let waiting = later(rig.get(NETWORK, true));
    let (refusal, from) = rig.query().await;
    // Both rounds.
    let refusal = reply(&refusal, Rcode::REFUSED, "", "", None);
    rig.upstream.send_to(&refusal, from).await.expect("sent");
    let (refusal, from) = rig.query().await;
    let refusal = reply(&refusal, Rcode::REFUSED, "", "", None);
    rig.upstream.send_to(&refusal, from).await.expect("sent");
    waiting.await;
    assert_told(&rig.get(NETWORK, false), "192.0.2.1", &[STALE_TTL_S]);
    // Nobody waits for what has failed, nor is it asked for at once.
    assert_told(&rig.get(NETWORK, true), "192.0.2.1", &[STALE_TTL_S]);
    assert!(rig.queries.try_recv().is_err());
    let network = Some(NETWORK.parse().unwrap());
    let resolved = rig.engine.resolved("cdn", &rig.target, Family::V4, network);
    assert!(
        resolved.left_ms.is_some_and(|left| left < 0),
        "{resolved:?}"
    );
    let error = resolved.error.expect("it failed");
    assert!(error.ends_with(": answered REFUSED"), "{error}");
    assert_eq!(rig.engine.counters.failed.load(Relaxed), 1);
    assert_eq!(rig.engine.counters.stale.load(Relaxed), 2);
    // What was never known is not waited for either, and a failure is no secret for long.
    assert!(matches!(rig.get("203.0.113.0/24", true), Got::Nothing));
    rig.target.note(
        Family::V4,
        Some(Failure {
            at_ms: 0,
            error: String::new(),
        }),
    );
    assert_told(&rig.get(NETWORK, true), "192.0.2.1", &[STALE_TTL_S]);
    rig.answer("192.0.2.2", 20, 24).await;
    rig.until_told("192.0.2.2").await;
    assert!(rig.target.failure(Family::V4).is_none());
}

#[test]
fn it_is_asked_for_again_with_a_tenth_of_the_time_left() {
    for (ttl_s, expected) in [
        (0, None),
        (1, Some(500)),
        (2, Some(1000)),
        (10, Some(9000)),
        (20, Some(18_000)),
        (300, Some(290_000)),
    ] {
        assert_eq!(refresh_after_ms(ttl_s), expected, "{ttl_s}");
    }
}

async fn later_answer(rig: &mut Rig, address: &str) {
    let waiting = later(rig.get(NETWORK, true));
    rig.answer(address, 2, 24).await;
    waiting.await;
}
