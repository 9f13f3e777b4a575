//! `veerctl shadow`: by its exit status zones are moved.

mod capture;
mod feeder;
mod lines;
mod live;

use std::{
    io::{self, IsTerminal as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use serde_json::json;
use tokio::{
    select,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{Cli, Error, PATIENCE, put, replay::draw};
use crate::{
    control::render::{self, Paint},
    model::Name,
    queries::TailRequest,
    shadow::{Kind, Tally, compare, upstream},
};
use capture::Capture;
use feeder::{Fed, Feeder, Pace, Passed, Questions};
use lines::Lines;
use live::Live;

/// Exit status where nothing could be compared.
const COULD_NOT: u8 = 2;

/// Questions that the other server is asked at a time.
const AT_A_TIME: usize = 64;

/// How often a terminal shows how far it is.
const FRAME: Duration = Duration::from_millis(120);

/// The port that DNS has (RFC 1035 section 4.2).
const PORT: u16 = 53;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The server that veer's answers are held against: an address, or one with a port.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    upstream: SocketAddr,
    /// What is asked, in place of queries that veer gets, as `veerctl tail` has them: a file, or -
    /// for standard input, with a name, a type and, if need be, the resolver's address a line.
    #[arg(long, value_name = "FILE")]
    questions: Option<PathBuf>,
    /// What is asked, in place of these: queries as they come to the other server, where this
    /// is its host.
    #[arg(long, conflicts_with = "questions")]
    capture: bool,
    /// The resolver of questions that name none; by default this host.
    #[arg(long, value_name = "ADDR", default_value_t = Ipv4Addr::LOCALHOST.into())]
    from: IpAddr,
    /// Tell the other server the resolver's network, an IPv4 /24 or IPv6 /56 (RFC 7871).
    #[arg(long)]
    ecs: bool,
    /// Only names in this zone, whether or not veer has it; may be given several times. By
    /// default names in any zone of veer's.
    #[arg(long, value_name = "NAME", value_parser = zone)]
    zone: Vec<Name>,
    /// Differences of this kind do not count; may be given several times.
    #[arg(long, value_name = "KIND")]
    ignore: Vec<Kind>,
    /// So many questions, and no more.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// For so long, e.g. 90s, 10m, 2h.
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// Questions a second that the other server is asked, at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse::<SocketAddr>();
    let address = with_port.or_else(|_| text.parse().map(|ip: IpAddr| (ip, PORT).into()));
    match address {
        Ok(address) if address.port() != 0 && !address.ip().is_unspecified() => Ok(address),
        _ => Err(
            "valid: an address, or one with a port, e.g. 192.0.2.53, [2001:db8::53]:5353"
                .to_owned(),
        ),
    }
}

fn zone(text: &str) -> Result<Name, String> {
    Name::bytes_from_str(text).map_err(|error| format!("{error}; valid: a domain name"))
}

/// Compares until there is enough, no more to compare, or Ctrl-C.
pub(super) fn run(cli: &Cli, args: &Args, paint: Paint) -> Result<ExitCode, Error> {
    let could_not = |reason: &str| {
        for line in reason.lines() {
            eprintln!("veerctl: {line}");
        }
        Ok(ExitCode::from(COULD_NOT))
    };
    let questions = match questions(cli, args) {
        Ok(questions) => questions,
        Err(reason) => return could_not(&reason),
    };
    let client = match cli.connect(PATIENCE) {
        Ok(client) => client,
        Err(error) => return could_not(&error.to_string()),
    };
    let passed = Arc::new(Passed::default());
    let (sender, fed) = mpsc::channel(AT_A_TIME);
    let feeder = Feeder {
        questions,
        socket: cli.socket_path(),
        client,
        zones: args.zone.clone(),
        ecs: args.ecs,
        count: args.count,
        pace: Pace::new(args.rate),
        passed: Arc::clone(&passed),
        sender,
    };
    feeder.start()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut tally = Tally::new(args.ignore.clone());
    let ended = runtime.block_on(follow(cli.json, args, fed, &mut tally));
    let failed = match ended {
        Ok(ended) => ended.err(),
        Err(error) => return Err(error.into()),
    };
    let summary = tally.summary(args.upstream, passed.left_out());
    let text = if cli.json {
        format!("{}\n", json!({ "summary": &summary }))
    } else {
        render::shadow(&summary, paint)
    };
    put(&text)?;
    match failed {
        Some(reason) => could_not(&reason),
        None if summary.compared == 0 => could_not("nothing was compared"),
        None if summary.differs() => Ok(ExitCode::FAILURE),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Where questions come from.
fn questions(cli: &Cli, args: &Args) -> Result<Box<dyn Questions>, String> {
    Ok(match &args.questions {
        None if args.capture => Box::new(Capture::of(args.upstream)?),
        None => {
            let client = cli.connect(PATIENCE);
            let tail = client.and_then(|client| client.tail(TailRequest::default()));
            Box::new(Live {
                tail: tail.map_err(|error| error.to_string())?,
                wants_outside: !args.zone.is_empty(),
            })
        }
        Some(file) if file == Path::new("-") => Box::new(Lines::of_stdin(args.from)),
        Some(file) => Box::new(Lines::of_file(file, args.from)?),
    })
}

/// Asks the other server what is fed and compares, until there is no more, enough, or
/// nobody to ask, which is the inner error.
async fn follow(
    is_json: bool,
    args: &Args,
    mut fed: mpsc::Receiver<Fed>,
    tally: &mut Tally,
) -> io::Result<Result<(), String>> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let progress = Progress::of(args.upstream);
    let mut enough = std::pin::pin!(sleep(args.time.unwrap_or_default()));
    let mut exchanges = JoinSet::new();
    let mut has_more = true;
    while has_more || !exchanges.is_empty() {
        select! {
            _ = interrupted.recv() => break,
            () = &mut enough, if args.time.is_some() => break,
            _ = frames.tick() => progress.show(tally),
            Some(exchanged) = exchanges.join_next() => {
                let (fed, asked): (Box<feeder::Asked>, upstream::Asked) =
                    exchanged.map_err(io::Error::other)?;
                let feeder::Asked { question, zone, ours, steering, .. } = *fed;
                let differences = compare(&question, &ours, &asked.side, steering.as_ref());
                for found in tally.take(&question, &zone, &asked, differences) {
                    if is_json {
                        put(&format!("{}\n", serde_json::to_string(&found)?))?;
                    }
                }
            }
            next = fed.recv(), if has_more && exchanges.len() < AT_A_TIME => match next {
                Some(Fed::Asked(asked)) => {
                    let query = asked.query.clone();
                    let upstream = args.upstream;
                    exchanges.spawn(async move { (asked, upstream::ask(upstream, query).await) });
                }
                Some(Fed::Failed(reason)) => return Ok(Err(reason)),
                None => has_more = false,
            },
        }
    }
    Ok(Ok(()))
}

/// How far it is, on a terminal.
struct Progress(Option<SocketAddr>);

impl Progress {
    fn of(upstream: SocketAddr) -> Self {
        Self(io::stderr().is_terminal().then_some(upstream))
    }

    fn show(&self, tally: &Tally) {
        let Some(upstream) = self.0 else { return };
        let (compared, differing) = tally.so_far();
        let no_answer = tally.no_answer();
        draw(&format!(
            "{upstream}: {compared} compared, {differing} differ, {no_answer} without a reply"
        ));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.0.is_some() {
            draw("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_server_is_an_address_and_maybe_a_port() {
        for (text, expected) in [
            ("192.0.2.53", "192.0.2.53:53"),
            ("192.0.2.53:5353", "192.0.2.53:5353"),
            ("2001:db8::53", "[2001:db8::53]:53"),
            ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), expected);
        }
        for text in [
            "",
            "ns1.example",
            "192.0.2.53:0",
            "0.0.0.0",
            "[::]:53",
            "::1:x",
        ] {
            assert!(address(text).unwrap_err().starts_with("valid: "), "{text}");
        }
    }
}
