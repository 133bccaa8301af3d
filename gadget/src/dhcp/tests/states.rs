//! Every message in every client state: a table of conversations.

use super::Heard::{Ack, Dropped as Drop, Nak, Nothing, Offer};
use super::*;

const PXE: &[u8] = &[0, 1, 2, 3, 4, 5, 6, 7];
const NOWHERE: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
const FOREIGN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);

/// Name, and what is said at which second with what reaction. Without a pool.
type Row = (&'static str, Vec<(u64, Packet, Heard)>);

fn run(rows: Vec<Row>, settings: &Settings) {
    for (name, talk) in rows {
        let mut server = Server::new(settings.clone());
        for (turn, (now, packet, expected)) in talk.into_iter().enumerate() {
            assert_eq!(hear(&mut server, now, packet), expected, "{name}, turn {turn}");
        }
    }
}

fn bound() -> (u64, Packet, Heard) {
    (0, select(HOST), Ack(HOST))
}

#[test]
fn discover_and_selecting() {
    run(
        vec![
            ("first contact", vec![(0, discover(), Offer(HOST)), (0, select(HOST), Ack(HOST))]),
            ("remembers a foreign address", vec![(0, discover().requested(FOREIGN), Offer(HOST))]),
            ("asks for the device's address", vec![(0, discover().requested(SERVER), Offer(HOST))]),
            ("rapid commit", vec![(0, discover().option(80, &[]), Ack(HOST)), (9, renew(HOST), Ack(HOST))]),
            ("chooses another server", vec![(0, reboot(HOST).server(ip(9)), Drop(Dropped::OtherServer))]),
            ("wants more than was offered", vec![(0, select(ip(13)), Nak)]),
            ("selects the device's address", vec![(0, select(SERVER), Nak)]),
            ("selects by ciaddr, as some do", vec![(0, renew(HOST).server(SERVER), Ack(HOST))]),
            ("names no address", vec![(0, Packet::new(REQUEST).server(SERVER), Drop(Dropped::NoAddress))]),
            (
                "an offer to one does not cost the other its lease",
                vec![bound(), (1, discover().mac(OTHER_MAC), Offer(HOST)), (2, renew(HOST), Ack(HOST))],
            ),
            (
                "the next system on the host gets the address at once",
                vec![
                    bound(),
                    (1, discover().id(PXE), Offer(HOST)),
                    (1, select(HOST).id(PXE), Ack(HOST)),
                    (2, discover().mac(OTHER_MAC), Offer(HOST)),
                    (2, select(HOST).mac(OTHER_MAC), Ack(HOST)),
                ],
            ),
        ],
        &settings(),
    );
}

#[test]
fn init_reboot() {
    run(
        vec![
            ("its own address", vec![bound(), (5, reboot(HOST), Ack(HOST))]),
            ("its own, long expired", vec![bound(), (99_999, reboot(HOST), Ack(HOST))]),
            ("a lease that only the client remembers", vec![(0, reboot(HOST), Ack(HOST))]),
            ("another system's lease", vec![bound(), (5, reboot(HOST).mac(OTHER_MAC), Ack(HOST))]),
            ("another network", vec![(0, reboot(FOREIGN), Nak)]),
            ("another address of this network", vec![bound(), (5, reboot(ip(13)), Nak)]),
            ("the device's address", vec![(0, reboot(SERVER), Nak)]),
            ("the network's address", vec![(0, reboot(ip(0)), Nak)]),
            ("the broadcast address", vec![(0, reboot(ip(31)), Nak)]),
        ],
        &settings(),
    );
}

#[test]
fn renewing_and_rebinding() {
    run(
        vec![
            (
                "its own address",
                vec![bound(), (1800, renew(HOST), Ack(HOST)), (5000, renew(HOST), Ack(HOST))],
            ),
            ("its own, just expired", vec![bound(), (3601, renew(HOST), Ack(HOST))]),
            ("a lease that only the client remembers", vec![(0, renew(HOST), Ack(HOST))]),
            ("another network", vec![(0, renew(FOREIGN), Nak)]),
            ("the device's address", vec![(0, renew(SERVER), Nak)]),
            ("somebody newer has it", vec![bound(), (5, renew(HOST).mac(OTHER_MAC), Nak)]),
            ("somebody newer had it", vec![bound(), (3600, renew(HOST).mac(OTHER_MAC), Ack(HOST))]),
            ("the same interface by another name", vec![bound(), (5, renew(HOST).id(PXE), Ack(HOST))]),
            (
                "through another server",
                vec![bound(), (5, renew(HOST).server(ip(9)), Drop(Dropped::OtherServer))],
            ),
        ],
        &settings(),
    );
}

#[test]
fn decline() {
    let decline = |address| Packet::new(DECLINE).requested(address).server(SERVER);
    run(
        vec![
            (
                "the only address rests for ten seconds",
                vec![
                    bound(),
                    (100, decline(HOST), Nothing),
                    (109, discover(), Drop(Dropped::Exhausted)),
                    (109, reboot(HOST), Nak),
                    (110, discover(), Offer(HOST)),
                    (110, select(HOST), Ack(HOST)),
                ],
            ),
            ("not its own", vec![bound(), (1, decline(HOST).mac(OTHER_MAC), Drop(Dropped::NotHeld))]),
            ("never granted", vec![(1, decline(HOST), Drop(Dropped::NotHeld))]),
            ("twice", vec![bound(), (1, decline(HOST), Nothing), (2, decline(HOST), Drop(Dropped::NotHeld))]),
            ("no address", vec![bound(), (1, Packet::new(DECLINE).server(SERVER), Drop(Dropped::NoAddress))]),
            (
                "another server's",
                vec![
                    bound(),
                    (1, Packet::new(DECLINE).requested(HOST).server(ip(9)), Drop(Dropped::OtherServer)),
                ],
            ),
        ],
        &settings(),
    );
}

#[test]
fn release() {
    let release = |address| Packet::new(RELEASE).ciaddr(address).server(SERVER);
    run(
        vec![
            ("and back", vec![bound(), (1, release(HOST), Nothing), (2, discover(), Offer(HOST))]),
            (
                "frees it for others",
                vec![bound(), (1, release(HOST), Nothing), (2, renew(HOST).mac(OTHER_MAC), Ack(HOST))],
            ),
            ("not its own", vec![bound(), (1, release(HOST).mac(OTHER_MAC), Drop(Dropped::NotHeld))]),
            ("never granted", vec![(1, release(HOST), Drop(Dropped::NotHeld))]),
            ("no address", vec![bound(), (1, release(NOWHERE), Drop(Dropped::NoAddress))]),
        ],
        &settings(),
    );
}

#[test]
fn inform() {
    let inform = |address| Packet::new(INFORM).ciaddr(address);
    run(
        vec![
            ("address set by hand", vec![(0, inform(ip(20)), Ack(NOWHERE))]),
            (
                "takes no lease",
                vec![(0, inform(HOST), Ack(NOWHERE)), (1, renew(HOST).mac(OTHER_MAC), Ack(HOST))],
            ),
            ("no address", vec![(0, inform(NOWHERE), Drop(Dropped::NoAddress))]),
            ("another network", vec![(0, inform(FOREIGN), Drop(Dropped::WrongNetwork))]),
            ("the device's address", vec![(0, inform(SERVER), Drop(Dropped::WrongNetwork))]),
        ],
        &settings(),
    );
}

#[test]
fn pool() {
    let decline = |address| Packet::new(DECLINE).requested(address).server(SERVER);
    let second = |packet: Packet| packet.mac(OTHER_MAC);
    run(
        vec![
            (
                "offers are kept apart",
                vec![
                    (0, discover(), Offer(HOST)),
                    (0, second(discover()), Offer(ip(16))),
                    (1, discover(), Offer(HOST)),
                    (1, select(HOST), Ack(HOST)),
                    (1, second(select(ip(16))), Ack(ip(16))),
                ],
            ),
            ("an offer lapses", vec![(0, discover(), Offer(HOST)), (60, second(discover()), Offer(HOST))]),
            (
                "an offer is given up for another server's",
                vec![
                    (0, discover(), Offer(HOST)),
                    (1, reboot(HOST).server(ip(9)), Drop(Dropped::OtherServer)),
                    (1, second(discover()), Offer(HOST)),
                ],
            ),
            (
                "a wish is granted where it can be",
                vec![
                    (0, discover().requested(ip(18)), Offer(ip(18))),
                    (0, select(ip(18)), Ack(ip(18))),
                    (1, second(discover().requested(ip(18))), Offer(HOST)),
                    (1, second(discover().requested(ip(25))), Offer(HOST)),
                ],
            ),
            (
                "another's lease",
                vec![bound(), (1, second(select(HOST)), Nak), (1, second(reboot(HOST)), Nak)],
            ),
            (
                "a declined address comes last",
                vec![
                    bound(),
                    (1, decline(HOST), Nothing),
                    (2, discover(), Offer(ip(16))),
                    (2, select(ip(16)), Ack(ip(16))),
                    (20, second(discover()), Offer(ip(17))),
                    (601, second(select(HOST)), Ack(HOST)),
                ],
            ),
            (
                "the same client gets the same address",
                vec![
                    bound(),
                    (0, second(select(ip(17))), Ack(ip(17))),
                    (99_999, second(discover()), Offer(ip(17))),
                    (99_999, discover(), Offer(HOST)),
                ],
            ),
            (
                "two clients on one interface",
                vec![
                    bound(),
                    (1, discover().id(PXE), Offer(ip(16))),
                    (1, select(ip(16)).id(PXE), Ack(ip(16))),
                ],
            ),
            (
                "an identifier that repeats the hardware address says nothing new",
                vec![bound(), (1, discover().id(&[1, 2, 0x1a, 0x4b, 0, 0, 0x0e]), Offer(HOST))],
            ),
            (
                "an identifier outlives its interface",
                vec![
                    (0, select(ip(17)).id(PXE), Ack(ip(17))),
                    (1, second(discover().id(PXE)), Offer(ip(17))),
                ],
            ),
        ],
        &pooled(16, 18),
    );
}
