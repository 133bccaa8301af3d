//! Measures our responder beside dnsmasq, udhcpd and a bare echo, and prints one table of one run.
//!
//! Run by `scripts/bench`. Nothing here passes or fails by a figure.

mod cable;
mod dhcp;
mod dns;
mod echo;
mod load;
mod peer;
mod table;

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cable::Cable;
use load::{Load, Outcome};
use peer::{Peer, Running};
use table::{Line, median};

/// Requests in flight.
const IN_FLIGHT: usize = 16;

/// How much is measured.
struct Amount {
    rounds: usize,
    starts: usize,
    exchanges: usize,
    answers: usize,
}

const FULL: Amount = Amount { rounds: 7, starts: 15, exchanges: 20_000, answers: 60_000 };
const QUICK: Amount = Amount { rounds: 3, starts: 5, exchanges: 4_000, answers: 12_000 };

/// Why the bench could not measure.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("usage: bench USBNET-BINARY [--quick]")]
    Usage,
    #[error("cannot make a network namespace: {source}; run as root")]
    Namespace { source: nix::Error },
    #[error("ip {arguments} failed")]
    Ip { arguments: String },
    #[error("{0} is not installed; run scripts/setup")]
    NoPeer(&'static str),
    #[error("{peer}: {source}")]
    Peer { peer: &'static str, source: Box<Failure> },
    #[error("no reply for three seconds, after {done} requests")]
    Silent { done: usize },
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    System(#[from] nix::Error),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--echo"] => echo::serve(),
        [usbnet] => bench(usbnet, &FULL),
        [usbnet, "--quick"] => bench(usbnet, &QUICK),
        _ => Err(Failure::Usage),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn bench(usbnet: &str, amount: &Amount) -> Result<(), Failure> {
    let udhcpd_file = std::env::temp_dir().join(format!("usbnet-bench-udhcpd-{}", std::process::id()));
    let udhcpd_file = udhcpd_file.display().to_string();
    let peers = [
        Peer::usbnet(usbnet.into()),
        Peer::dnsmasq().ok_or(Failure::NoPeer("dnsmasq"))?,
        Peer::udhcpd(&udhcpd_file).ok_or(Failure::NoPeer("busybox"))?,
        Peer::echo().ok_or(Failure::NoPeer("this program"))?,
    ];
    let cable = Cable::new()?;
    cable::pin(0);
    let mut samples: Vec<Samples> = peers.iter().map(|_| Samples::default()).collect();
    // In turns, so that whatever else the machine does hits all of them alike.
    for _ in 0..amount.starts {
        for (peer, samples) in peers.iter().zip(&mut samples) {
            samples.measure_start(peer, &cable).map_err(|failure| within(peer, failure))?;
        }
    }
    for _ in 0..amount.rounds {
        for (peer, samples) in peers.iter().zip(&mut samples) {
            samples.measure_load(peer, &cable, amount).map_err(|failure| within(peer, failure))?;
        }
    }
    let _ = std::fs::remove_file(format!("{udhcpd_file}.leases"));
    let _ = std::fs::remove_file(udhcpd_file);
    print(&peers, samples, amount);
    Ok(())
}

fn within(peer: &Peer, failure: Failure) -> Failure {
    Failure::Peer { peer: peer.name, source: Box::new(failure) }
}

/// Every figure of one server, once for each round.
#[derive(Default)]
struct Samples {
    start_ms: Vec<f64>,
    exchanges_per_s: Vec<f64>,
    exchange_cpu_us: Vec<f64>,
    exchange_p50_us: Vec<f64>,
    exchange_alone_us: Vec<f64>,
    answers_per_s: Vec<f64>,
    answer_cpu_us: Vec<f64>,
    answer_p50_us: Vec<f64>,
    private_kib: Vec<f64>,
    anonymous_kib: Vec<f64>,
    stalls: u32,
    /// Datagrams that the kernel dropped for want of room in the server's socket buffers.
    dropped: u64,
}

impl Samples {
    /// From the fork to the first offer.
    fn measure_start(&mut self, peer: &Peer, cable: &Cable) -> Result<(), Failure> {
        let socket = load::open(dhcp::CLIENT_PORT)?;
        let begun = Instant::now();
        let _running = peer.start(cable)?;
        let answered = load::first_reply(&mut dhcp::Clients::new(1), &socket, dhcp::SERVERS)?;
        self.start_ms.push((answered - begun).as_secs_f64() * 1e3);
        Ok(())
    }

    /// DHCP, then DNS, then memory, of one fresh process.
    fn measure_load(&mut self, peer: &Peer, cable: &Cable, amount: &Amount) -> Result<(), Failure> {
        let running = peer.start(cable)?;
        let socket = load::open(dhcp::CLIENT_PORT)?;
        load::first_reply(&mut dhcp::Clients::new(1), &socket, dhcp::SERVERS)?;
        let run = |clients, total| {
            loaded(&running, &mut dhcp::Clients::new(clients), total, |load, total| {
                load::run(load, &socket, dhcp::SERVERS, clients, total)
            })
        };
        let exchanges = amount.exchanges / peer.slowness;
        run(IN_FLIGHT, exchanges / 10)?;
        let (alone, _) = run(1, exchanges / 10)?;
        let (outcome, cpu_us) = run(IN_FLIGHT, exchanges)?;
        self.exchanges_per_s.push(per_second(exchanges, outcome.elapsed));
        self.exchange_cpu_us.push(cpu_us);
        self.exchange_p50_us.push(outcome.p50.as_secs_f64() * 1e6);
        self.exchange_alone_us.push(alone.p50.as_secs_f64() * 1e6);
        self.stalls += outcome.stalls + alone.stalls;
        if peer.dns {
            let socket = load::open(0)?;
            let run = |total| {
                loaded(&running, &mut dns::Askers::new(IN_FLIGHT), total, |load, total| {
                    load::run(load, &socket, dns::SERVERS, IN_FLIGHT, total)
                })
            };
            run(amount.answers / 10)?;
            let (outcome, cpu_us) = run(amount.answers)?;
            self.answers_per_s.push(per_second(amount.answers, outcome.elapsed));
            self.answer_cpu_us.push(cpu_us);
            self.answer_p50_us.push(outcome.p50.as_secs_f64() * 1e6);
            self.stalls += outcome.stalls;
        }
        self.dropped += running.dropped()?;
        let memory = running.memory()?;
        self.private_kib.push(as_f64(memory.private));
        self.anonymous_kib.push(as_f64(memory.anonymous));
        Ok(())
    }
}

/// Runs a load, and says how much processor time the server used for each request, in microseconds.
fn loaded<L: Load>(
    server: &Running,
    load: &mut L,
    total: usize,
    run: impl FnOnce(&mut L, usize) -> Result<Outcome, Failure>,
) -> Result<(Outcome, f64), Failure> {
    let before = server.cpu()?;
    let outcome = run(load, total)?;
    let used = server.cpu()?.saturating_sub(before);
    Ok((outcome, used.as_secs_f64() * 1e6 / total as f64))
}

fn per_second(total: usize, elapsed: Duration) -> f64 {
    total as f64 / elapsed.as_secs_f64()
}

/// Exact up to 2⁵³, far beyond any size here.
fn as_f64(value: u64) -> f64 {
    value as f64
}

fn print(peers: &[Peer], samples: Vec<Samples>, amount: &Amount) {
    let columns: Vec<&str> = peers.iter().map(|peer| peer.name).collect();
    let line = |label, unit, digits, target, pick: &dyn Fn(&Samples) -> &Vec<f64>| Line {
        label,
        unit,
        digits,
        target,
        figures: samples.iter().map(|samples| median(pick(samples).clone())).collect(),
    };
    let counted = |label, pick: &dyn Fn(&Samples) -> f64| Line {
        label,
        unit: "count",
        digits: 0,
        target: "",
        figures: samples.iter().map(|samples| Some(pick(samples))).collect(),
    };
    let sizes = peers.iter().map(|peer| peer.size().ok().map(|size| as_f64(size) / 1024.0)).collect();
    let lines = [
        line("DHCP exchanges, 16 in flight", "1/s", 0, "", &|s| &s.exchanges_per_s),
        line("CPU per DHCP exchange", "us", 2, "0.40", &|s| &s.exchange_cpu_us),
        line("DHCP p50, 16 in flight", "us", 0, "", &|s| &s.exchange_p50_us),
        line("DHCP p50, 1 in flight", "us", 0, "", &|s| &s.exchange_alone_us),
        line("DNS answers, 16 in flight", "1/s", 0, "", &|s| &s.answers_per_s),
        line("CPU per DNS answer", "us", 2, "1.00, stretch 0.90", &|s| &s.answer_cpu_us),
        line("DNS p50, 16 in flight", "us", 0, "", &|s| &s.answer_p50_us),
        line("private memory, started alone", "KiB", 0, "0.25", &|s| &s.private_kib),
        line("of which anonymous", "KiB", 0, "", &|s| &s.anonymous_kib),
        line("start to first offer", "ms", 2, "1.00", &|s| &s.start_ms),
        counted("silences of half a second, all rounds", &|s| f64::from(s.stalls)),
        counted("datagrams dropped by the kernel", &|s| as_f64(s.dropped)),
        Line { label: "size of the program", unit: "KiB", digits: 0, target: "2048 KiB", figures: sizes },
    ];
    println!(
        "An exchange is DISCOVER, OFFER, REQUEST, ACK. Medians of {} rounds ({} starts), {} exchanges and {} answers in each.",
        amount.rounds, amount.starts, amount.exchanges, amount.answers
    );
    println!(
        "CPU is the server process's own time with the kernel's work on its behalf; over a veth that includes"
    );
    println!(
        "delivering what it sends. \"echo\" only receives and sends: the least that any server costs here.\n"
    );
    table::print(&columns, &lines);
    println!(
        "\nEach server is started alone here, so the pages of its own program's file count as private. As the daemon's"
    );
    println!("child the responder shares them with the daemon; that case is not part of this table.");
}
