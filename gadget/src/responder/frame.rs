//! The IPv4 and UDP headers in front of a DHCP reply that goes to a hardware address: a client
//! without an address cannot be asked for one by ARP, so the kernel's UDP cannot reach it.

use std::net::Ipv4Addr;

/// Length of both headers, in bytes.
pub(super) const HEADERS: usize = IP + UDP;
const IP: usize = 20;
const UDP: usize = 8;

/// The headers (RFC 791 §3.1, RFC 768) of `payload` from port 67 of `source` to port 68 of
/// `destination`, checksums included. None if the payload is too long for a datagram.
pub(super) fn headers(source: Ipv4Addr, destination: Ipv4Addr, payload: &[u8]) -> Option<[u8; HEADERS]> {
    let udp_length = u16::try_from(payload.len() + UDP).ok()?.to_be_bytes();
    let total_length = u16::try_from(payload.len() + HEADERS).ok()?.to_be_bytes();
    let mut bytes = [0; HEADERS];
    let (ip, udp) = bytes.split_at_mut(IP);
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&total_length);
    ip[6] = 0x40; // don't fragment: such a datagram needs no identification (RFC 6864 §4.1)
    ip[8] = 64;
    ip[9] = 17;
    ip[12..16].copy_from_slice(&source.octets());
    ip[16..20].copy_from_slice(&destination.octets());
    let checksum = !fold(sum(ip));
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());

    udp[0..2].copy_from_slice(&67_u16.to_be_bytes());
    udp[2..4].copy_from_slice(&68_u16.to_be_bytes());
    udp[4..6].copy_from_slice(&udp_length);
    // The pseudo header is the addresses, the protocol and the length once more.
    let pseudo = sum(&source.octets()) + sum(&destination.octets()) + 17 + sum(&udp_length);
    let checksum = match !fold(pseudo + sum(udp) + sum(payload)) {
        0 => u16::MAX, // zero would mean that there is none
        checksum => checksum,
    };
    udp[6..8].copy_from_slice(&checksum.to_be_bytes());
    Some(bytes)
}

/// Sum of 16-bit words (RFC 1071), an odd byte at the end padded. Fits for any datagram.
fn sum(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<2>();
    let odd = rest.first().map_or(0, |byte| u32::from(*byte) << 8);
    words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum::<u32>() + odd
}

fn fold(sum: u32) -> u16 {
    let once = (sum & 0xffff) + (sum >> 16);
    // The carry of the carry; what is left has 16 bits.
    u16::try_from((once & 0xffff) + (once >> 16)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers_are_what_tcpdump_accepts() {
        let headers =
            headers(Ipv4Addr::new(192, 168, 2, 15), Ipv4Addr::new(192, 168, 2, 14), b"abc").unwrap();
        // Read by `tcpdump -vv`, which found both checksums right.
        let expected = [
            0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0xb5, 0x60, 192, 168, 2, 15, 192, 168, 2, 14, // IPv4
            0, 67, 0, 68, 0, 11, 0xb5, 0x80, // UDP
        ];
        assert_eq!(headers, expected);
    }

    #[test]
    fn a_payload_that_fits_no_datagram_has_no_headers() {
        let (a, b) = (Ipv4Addr::LOCALHOST, Ipv4Addr::BROADCAST);
        assert!(headers(a, b, &vec![0; 65535 - HEADERS]).is_some());
        assert!(headers(a, b, &vec![0; 65536 - HEADERS]).is_none());
    }

    proptest! {
        /// A receiver adds everything up, checksum included, and must get all ones (RFC 1071 §1).
        #[test]
        fn a_receiver_accepts_the_checksums(
            source: [u8; 4], destination: [u8; 4], payload in prop::collection::vec(any::<u8>(), 0..700)
        ) {
            let bytes = headers(source.into(), destination.into(), &payload).unwrap();
            let (ip, udp) = bytes.split_at(IP);
            prop_assert_eq!(fold(sum(ip)), u16::MAX);
            let pseudo = sum(&source) + sum(&destination) + 17 + sum(&udp[4..6]);
            prop_assert_eq!(fold(pseudo + sum(udp) + sum(&payload)), u16::MAX);
            prop_assert_ne!(&udp[6..8], &[0, 0]);
        }
    }
}
