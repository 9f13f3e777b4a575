//! A namespace with an agent in it, a web server, and those who ask.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use socket2::{Domain, Socket, Type};
use veer::agent::report::{self, Freshness, Report};
use xtask::{
    lab::{HttpServer, Lab, Namespace, Process, http::Response},
    root,
};

use super::support::{PATIENCE, eventually};

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Between two readings.
pub(crate) const INTERVAL_MS: u64 = 200;

pub(crate) const FRESH: Freshness = Freshness {
    age_max: Duration::from_secs(5),
    ahead_max: Duration::from_secs(1),
};

/// Where the agent listens.
pub(crate) const AGENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9853);

/// Where the web server does.
const WEB: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Who asks, where nobody else is meant; all of 127/8 is the host itself.
pub(crate) const PROBE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// All of it, gone when it is dropped.
pub(crate) struct Scene {
    // Before the lab, whose end they would outlive.
    agent: Option<Process>,
    web: Option<Arc<HttpServer>>,
    pub(crate) namespace: Namespace,
    pub(crate) lab: Lab,
}

impl Scene {
    /// Without agent and web server.
    pub(crate) fn new() -> Self {
        assert!(
            root::is_root(),
            "end-to-end tests need root: run `cargo xtask test`"
        );
        let lab = Lab::new().expect("a lab");
        let namespace = lab.namespace("web").expect("a namespace");
        let token = lab.dir().join("token");
        fs::write(&token, format!("{TOKEN}\n")).expect("a token");
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).expect("chmod");
        Self {
            agent: None,
            web: None,
            namespace,
            lab,
        }
    }

    /// What the web server's page of figures is from now on.
    pub(crate) fn respond(&mut self, status: u16, body: &str) {
        self.respond_with(Response {
            status,
            ..Response::ok(body)
        });
    }

    /// From now on it takes this long.
    pub(crate) fn respond_slowly(&mut self, delay: Duration) {
        self.respond_with(Response {
            delay,
            ..Response::ok("")
        });
    }

    fn respond_with(&mut self, response: Response) {
        if let Some(web) = &self.web {
            web.respond(response);
        } else {
            let web = HttpServer::start(&self.namespace, WEB, response);
            self.web = Some(Arc::new(web.expect("it listens")));
        }
    }

    /// From now on it is nginx, with these figures.
    pub(crate) fn serve(&mut self, requests: u64, connections: u64) {
        self.respond(200, &stub_status(requests, connections));
    }

    /// From now on its page is `page` of the milliseconds since, until what is
    /// returned is dropped.
    pub(crate) fn change(&mut self, page: impl Fn(u64) -> String + Send + 'static) -> Changing {
        self.respond(200, &page(0));
        let web = Arc::clone(self.web.as_ref().expect("a web server"));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let start = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    let ms = start.elapsed().as_millis() as u64;
                    web.respond(Response::ok(page(ms)));
                    thread::sleep(Duration::from_millis(2));
                }
            }
        });
        Changing {
            stop,
            thread: Some(thread),
        }
    }

    /// Starts an agent beside nginx.
    pub(crate) fn start(&mut self, more: &str) {
        let nginx = "[stub_status]\nurl = \"http://127.0.0.1:8080/nginx_status\"\n";
        self.start_with(&format!("{more}{nginx}"));
    }

    /// Starts an agent, and waits until it listens.
    pub(crate) fn start_with(&mut self, tables: &str) {
        self.start_file(&format!("{}{tables}", least()));
    }

    /// As [`Scene::start_with`], of a whole file.
    pub(crate) fn start_file(&mut self, text: &str) {
        self.agent = Some(self.spawn(text));
        eventually("the agent listens", || {
            let agent = self.agent.as_mut().expect("an agent");
            let ended = agent.ended().expect("a child");
            assert!(ended.is_none(), "{}", agent.stderr());
            self.connect(PROBE).ok()
        });
    }

    fn spawn(&self, text: &str) -> Process {
        let file = self.lab.dir().join("agent.toml");
        fs::write(&file, text).expect("a file");
        let mut command = self.namespace.command(env!("CARGO_BIN_EXE_veerd"));
        command.arg("agent").arg("--config").arg(file);
        self.lab.spawn(command).expect("it starts")
    }

    /// Its exit status and what it said, of an agent that must not start.
    pub(crate) fn refused(&self, text: &str) -> (Option<i32>, String) {
        let mut agent = self.spawn(text);
        let status = agent.wait(PATIENCE).expect("it ends");
        (status.code(), agent.stderr())
    }

    /// Stops the agent as an operator does; its exit status.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let mut agent = self.agent.take().expect("an agent");
        agent.signal(libc::SIGTERM).expect("a signal");
        agent.wait(PATIENCE).expect("it ends").code()
    }

    /// What the agent has logged.
    pub(crate) fn log(&self) -> String {
        self.agent.as_ref().expect("an agent").stderr()
    }

    /// A connection to the agent.
    pub(crate) fn connect(&self, from: Ipv4Addr) -> io::Result<TcpStream> {
        self.open(from, AGENT)
    }

    fn open(&self, from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
        let connected = self.namespace.run(|| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind(&SocketAddr::from((from, 0)).into())?;
            socket.set_read_timeout(Some(PATIENCE))?;
            socket.connect(&to.into())?;
            Ok(socket.into())
        });
        connected.expect("setns")
    }

    /// Connections to the web server that send nothing.
    pub(crate) fn hold(&self, count: usize) -> Vec<TcpStream> {
        let connections = (0..count).map(|_| self.open(PROBE, WEB).expect("it connects"));
        connections.collect()
    }

    /// Sends `request`; all that comes back until the agent closes.
    pub(crate) fn exchange(&self, from: Ipv4Addr, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect(from).expect("it connects");
        // It may be refused before it is all sent.
        let _ = stream.write_all(request);
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response);
        response
    }

    /// Asks for a report with `token`: status, head and body.
    pub(crate) fn get(&self, token: Option<&str>) -> (u16, String, Vec<u8>) {
        self.get_from(PROBE, token)
    }

    /// As [`Scene::get`], from another address.
    pub(crate) fn get_from(&self, from: Ipv4Addr, token: Option<&str>) -> (u16, String, Vec<u8>) {
        let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!(
            "GET /v1/report HTTP/1.1\r\nHost: agent\r\n{}\r\n",
            authorization.unwrap_or_default()
        );
        split(&self.exchange(from, request.as_bytes()))
    }

    /// The report, which must be one.
    #[track_caller]
    pub(crate) fn report(&self) -> Report {
        let (status, head, body) = self.get(Some(TOKEN));
        assert_eq!(status, 200, "{head}");
        match report::parse(&body, SystemTime::now(), FRESH) {
            Ok(report) => report,
            Err(refusal) => panic!("{refusal}: {}", String::from_utf8_lossy(&body)),
        }
    }
}

/// A page that changes.
pub(crate) struct Changing {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("dropped once");
        thread.join().expect("it does not panic");
    }
}

/// The least of an agent's file.
pub(crate) fn least() -> String {
    format!("listen = [\"{AGENT}\"]\ntoken_file = \"token\"\ninterval_ms = {INTERVAL_MS}\n")
}

/// The page of an nginx.
pub(crate) fn stub_status(requests: u64, connections: u64) -> String {
    format!(
        "Active connections: {connections} \nserver accepts handled requests\n 1 1 {requests} \n\
         Reading: 0 Writing: 1 Waiting: 0 \n"
    )
}

/// Status, head and body of a response.
#[track_caller]
pub(crate) fn split(response: &[u8]) -> (u16, String, Vec<u8>) {
    let end = response.windows(4).position(|part| part == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no head: {}", String::from_utf8_lossy(response)));
    let head = String::from_utf8(response[..end].to_vec()).expect("text");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (
        status.expect("a status"),
        head,
        response[end + 4..].to_vec(),
    )
}
