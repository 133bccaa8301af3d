//! Opening everything that a responder needs, as root, before it gives that up.
//!
//! Every socket is bound to the interface, so that the kernel hands over nothing else; the index
//! of the interface goes into each datagram's control message and is checked again on receipt.

use super::{ResponderError, Settings, holder};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, SockaddrIn, bind,
    getsockopt, listen, recv, setsockopt, socket, sockopt,
};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// What is open.
#[derive(Debug)]
pub(super) struct Sockets {
    /// Index of the interface.
    pub index: u32,
    /// UDP port 67.
    pub dhcp: Option<OwnedFd>,
    /// Sends to hardware addresses, receives nothing; none where the kernel has no packet sockets.
    pub packet: Option<OwnedFd>,
    /// UDP and TCP port 53 of the device's address.
    pub dns: Option<(OwnedFd, OwnedFd)>,
    /// Tells when something happens to an interface.
    pub links: OwnedFd,
}

const DHCP_PORT: u16 = 67;
const DNS_PORT: u16 = 53;
/// `RTMGRP_LINK` (rtnetlink(7)).
const LINK_GROUP: u32 = 1;
const FLAGS: SockFlag = SockFlag::SOCK_CLOEXEC.union(SockFlag::SOCK_NONBLOCK);

impl Sockets {
    pub fn open(settings: &Settings) -> Result<Self, ResponderError> {
        let opener = Opener { settings };
        let index = nix::net::if_::if_nametoindex(settings.interface.as_str())
            .map_err(|_| ResponderError::NoInterface(settings.interface.clone()))?;
        opener.warn_without_address();
        Ok(Self {
            index,
            dhcp: settings.dhcp.then(|| opener.dhcp()).transpose()?,
            packet: if settings.dhcp { opener.packet() } else { None },
            dns: settings.dns.then(|| opener.dns()).transpose()?,
            links: opener.links().map_err(|errno| opener.failed("listening for link changes", errno))?,
        })
    }
}

/// Whether the interface a socket is bound to has gone, asked without privileges and paths.
/// Takes what the link socket has to say out of it first, whatever that is.
pub(super) fn interface_gone(links: &OwnedFd, bound: &OwnedFd) -> bool {
    // One byte is enough: the rest of each message is discarded. Lost messages (ENOBUFS) are no
    // loss, because the question is asked anew each time.
    let flags = MsgFlags::MSG_DONTWAIT;
    while matches!(recv(links.as_raw_fd(), &mut [0], flags), Ok(_) | Err(Errno::ENOBUFS | Errno::EINTR)) {}
    matches!(getsockopt(bound, sockopt::BindToDevice), Err(Errno::ENODEV))
}

struct Opener<'a> {
    settings: &'a Settings,
}

impl Opener<'_> {
    fn dhcp(&self) -> Result<OwnedFd, ResponderError> {
        let udp = self.bound(SockType::Datagram, |udp| setsockopt(udp, sockopt::Broadcast, &true))?;
        // Clients without an address are heard only on the unspecified one.
        let at = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, DHCP_PORT);
        let Err(error) = self.bind("udp", &udp, at) else { return Ok(udp) };
        // A server for other interfaces may have the port on all of them and share it (dnsmasq
        // for a hotspot does). The kernel prefers the socket that is bound to the interface.
        let shared = || {
            setsockopt(&udp, sockopt::ReuseAddr, &true)?;
            bind(udp.as_raw_fd(), &SockaddrIn::from(at))
        };
        match error {
            ResponderError::PortInUse { holder, .. } if shared() == Ok(()) => {
                let interface = &self.settings.interface;
                log::warn!(
                    "{interface}: UDP port {DHCP_PORT} is shared with {holder}; make sure that it does not answer on {interface} as well"
                );
                Ok(udp)
            }
            error => Err(error),
        }
    }

    fn dns(&self) -> Result<(OwnedFd, OwnedFd), ResponderError> {
        // On the device's address, not the unspecified one: another server may have port 53 of
        // other addresses, and replies get the right source. The address may come later.
        let at = SocketAddrV4::new(self.settings.address, DNS_PORT);
        let udp = self.bound(SockType::Datagram, |udp| setsockopt(udp, sockopt::IpFreebind, &true))?;
        self.bind("udp", &udp, at)?;
        let tcp = self.bound(SockType::Stream, |tcp| {
            setsockopt(tcp, sockopt::IpFreebind, &true)?;
            // Connections of a responder that was killed linger; two listeners stay impossible.
            setsockopt(tcp, sockopt::ReuseAddr, &true)
        })?;
        self.bind("tcp", &tcp, at)?;
        let backlog = Backlog::new(8).map_err(|errno| self.failed("listening", errno))?;
        listen(&tcp, backlog).map_err(|errno| self.bind_failed("tcp", DNS_PORT, errno))?;
        Ok((udp, tcp))
    }

    fn bound(
        &self,
        kind: SockType,
        options: impl Fn(&OwnedFd) -> nix::Result<()>,
    ) -> Result<OwnedFd, ResponderError> {
        let device = self.settings.interface.clone().into();
        let open = || {
            let fd = socket(AddressFamily::Inet, kind, FLAGS, None)?;
            setsockopt(&fd, sockopt::BindToDevice, &device)?;
            if kind == SockType::Datagram {
                setsockopt(&fd, sockopt::Ipv4PacketInfo, &true)?;
            }
            options(&fd)?;
            Ok(fd)
        };
        open().map_err(|errno| self.failed("opening a socket", errno))
    }

    fn bind(&self, transport: &'static str, fd: &OwnedFd, at: SocketAddrV4) -> Result<(), ResponderError> {
        bind(fd.as_raw_fd(), &SockaddrIn::from(at))
            .map_err(|errno| self.bind_failed(transport, at.port(), errno))
    }

    fn bind_failed(&self, transport: &'static str, port: u16, errno: Errno) -> ResponderError {
        if errno != Errno::EADDRINUSE {
            return self.failed("binding a port below 1024", errno);
        }
        let holder = holder::of_port(Path::new("/proc"), transport, port);
        let interface = self.settings.interface.clone();
        ResponderError::PortInUse { transport, port, interface, holder }
    }

    /// With protocol 0 a packet socket gets no frame: all it is for is sending.
    fn packet(&self) -> Option<OwnedFd> {
        // SAFETY: makes a descriptor or fails.
        let fd = unsafe {
            libc::socket(libc::AF_PACKET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0)
        };
        match Errno::result(fd) {
            // SAFETY: just made, owned by nothing else.
            Ok(fd) => Some(unsafe { std::os::fd::FromRawFd::from_raw_fd(fd) }),
            Err(errno) => {
                let interface = &self.settings.interface;
                log::warn!("{interface}: no packet socket ({errno}): new clients are answered by broadcast");
                None
            }
        }
    }

    fn links(&self) -> nix::Result<OwnedFd> {
        let protocol = SockProtocol::NetlinkRoute;
        let fd = socket(AddressFamily::Netlink, SockType::Raw, FLAGS, protocol)?;
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, LINK_GROUP))?;
        Ok(fd)
    }

    /// Without its address the interface hears broadcasts only: DHCP works, nothing else does.
    fn warn_without_address(&self) {
        let Settings { interface, address, prefix, .. } = self.settings;
        let Ok(mut all) = nix::ifaddrs::getifaddrs() else { return };
        let has = all.any(|found| {
            let v4 = found.address.as_ref().and_then(|a| a.as_sockaddr_in()).map(SockaddrIn::ip);
            found.interface_name == *interface && v4 == Some(*address)
        });
        if !has {
            log::warn!(
                "{interface} does not have the address {address} yet: ip address add {address}/{prefix} dev {interface}"
            );
        }
    }

    fn failed(&self, what: &'static str, source: Errno) -> ResponderError {
        let interface = self.settings.interface.clone();
        match source {
            Errno::EPERM | Errno::EACCES => ResponderError::NotPermitted { what, interface, source },
            Errno::ENODEV => ResponderError::NoInterface(interface),
            _ => ResponderError::Socket { what, interface, source },
        }
    }
}
