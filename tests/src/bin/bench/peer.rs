//! The servers that are compared: how each is started at its fastest, and what it uses.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::cable::{Cable, DEVICE_IF, SERVER};

/// A server that can be started on the device's end.
pub struct Peer {
    /// What its column is called.
    pub name: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Whether it answers DNS too.
    pub dns: bool,
    /// Which part of the exchanges it is asked for: 1 of this many.
    pub slowness: usize,
}

/// First and last address for clients: enough for all in flight.
const POOL: [&str; 2] = ["192.168.2.100", "192.168.2.163"];

impl Peer {
    /// Our responder, from this binary.
    pub fn usbnet(program: PathBuf) -> Self {
        let line = format!(
            "responder --interface {DEVICE_IF} --address {SERVER}/24 --host {first} --pool {first}-{last} --name phone",
            first = POOL[0],
            last = POOL[1]
        );
        Self { name: "usbnet", program, arguments: words(&line), dns: true, slowness: 1 }
    }

    /// dnsmasq: no probing, no lease file, no log, one process that stays in the foreground, and neither router
    /// nor DNS server announced, as with ours.
    pub fn dnsmasq() -> Option<Self> {
        let line = format!(
            "--keep-in-foreground --conf-file=/dev/null --user=nobody --pid-file --log-facility=/dev/null --quiet-dhcp \
             --no-ping --leasefile-ro --dhcp-authoritative --dhcp-option=3 --dhcp-option=6 --no-hosts --no-resolv \
             --interface={DEVICE_IF} --bind-interfaces --dhcp-range={},{},1h --domain=usbnet --local=/usbnet/ \
             --host-record=phone,phone.usbnet,{SERVER}",
            POOL[0], POOL[1]
        );
        Some(Self {
            name: "dnsmasq",
            program: find("dnsmasq")?,
            arguments: words(&line),
            dns: true,
            slowness: 1,
        })
    }

    /// busybox's `udhcpd` with the configuration at `file`, which this writes. It probes new clients for a
    /// millisecond, its least. It closes a packet socket after each reply, for which the kernel takes milliseconds.
    pub fn udhcpd(file: &str) -> Option<Self> {
        let program = find("busybox")?;
        let text = format!(
            "interface {DEVICE_IF}\nstart {}\nend {}\nmax_leases 64\nlease_file {file}.leases\noption lease 3600\n",
            POOL[0], POOL[1]
        );
        fs::write(file, text).and_then(|()| fs::write(format!("{file}.leases"), "")).ok()?;
        Some(Self {
            name: "udhcpd",
            program,
            arguments: words(&format!("udhcpd -f -a 1 {file}")),
            dns: false,
            slowness: 100,
        })
    }

    /// The bench's own echo (see [`crate::echo`]).
    pub fn echo() -> Option<Self> {
        let program = std::env::current_exe().ok()?;
        Some(Self { name: "echo", program, arguments: words("--echo"), dns: true, slowness: 1 })
    }

    /// Size of the program's file, in octets.
    pub fn size(&self) -> io::Result<u64> {
        fs::metadata(&self.program).map(|data| data.len())
    }

    /// Starts the server.
    pub fn start(&self, cable: &Cable) -> io::Result<Running> {
        let mut command = cable.on_device(&self.program.to_string_lossy());
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null());
        // A reason not to start must be seen, that it started need not be; udhcpd writes a line for every packet.
        command.env("USBNET_LOG", "warn");
        if self.name == "udhcpd" {
            command.stderr(Stdio::null());
        }
        command.spawn().map(|child| Running { child })
    }
}

/// Splits a command line at blanks.
fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// Where a program is, also for those whose PATH lacks the administrator's directories.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"]);
    folders.map(|folder| PathBuf::from(folder).join(program)).find(|file| file.is_file())
}

/// A server that runs; ended when dropped.
pub struct Running {
    child: Child,
}

/// Private memory, in KiB (`smaps_rollup`, see the kernel's `Documentation/filesystems/proc.rst`).
#[derive(Clone, Copy)]
pub struct Memory {
    /// `Private_Clean` + `Private_Dirty`: what ending the process would free.
    pub private: u64,
    /// `Anonymous`: without the pages of files, which can be read again and which other processes of the same program
    /// share. What our responder adds to the daemon that started it.
    pub anonymous: u64,
}

impl Running {
    /// Processor time of all its threads since its start, with what the kernel did on its behalf: for each packet
    /// it sends over a veth that includes delivering it to the other end.
    pub fn cpu(&self) -> io::Result<Duration> {
        let mut total = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            let on_cpu = text.split(' ').next().and_then(|first| first.parse::<u64>().ok());
            total += on_cpu.ok_or(io::ErrorKind::InvalidData)?;
        }
        Ok(Duration::from_nanos(total))
    }

    /// Datagrams that were dropped in its namespace because a socket's buffer was full: the last column of
    /// `/proc/net/udp`.
    pub fn dropped(&self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/net/udp", self.child.id()))?;
        let drops =
            text.lines().skip(1).filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok());
        Ok(drops.sum())
    }

    /// What memory only this process uses.
    pub fn memory(&self) -> io::Result<Memory> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').trim().strip_suffix(" kB")?.parse::<u64>().ok()
        };
        let clean = field("Private_Clean").ok_or(io::ErrorKind::InvalidData)?;
        let dirty = field("Private_Dirty").ok_or(io::ErrorKind::InvalidData)?;
        let anonymous = field("Anonymous").ok_or(io::ErrorKind::InvalidData)?;
        Ok(Memory { private: clean + dirty, anonymous })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
