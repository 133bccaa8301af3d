//! Each host's profile against the host's own programs, in name spaces of its own.
//!
//! A check (`checks/HOST`) gets the files where they lie on the host, and has to see the right effect: the address, the
//! untouched default route, the device on the Internet, everything as before afterwards. `mutations.rs` has what a
//! check must reject, so that no check can pass whatever happens. With `USBNET_HOST=NAME` in the environment only this
//! host's are run, while its profile is being written.

mod facts;
mod mutations;
mod place;

use std::{
    env,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use facts::Device;
use place::{Case, check};
use usbnet_host_profiles::{ALL, find};

fn wanted(name: &str) -> bool {
    env::var("USBNET_HOST").map_or(true, |host| host == name)
}

/// How many seconds a check waits for what a mutation keeps from happening.
const MUTATION_WAIT: u32 = 8;

/// Every host, in every shape, for both devices.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for host in ALL {
        for shape in host.shapes() {
            cases.extend(Device::ALL.map(|device| Case::new(host, shape, device)));
        }
    }
    cases
}

/// Runs something for each item, four at a time (most of it is waiting), and says which went wrong, with what.
fn for_each<T: Sync>(items: &[T], run: impl Fn(&T) -> Result<(), String> + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            wrong.extend(run(item).err());
        }
        wrong
    };
    let mut wrong = thread::scope(|scope| {
        let workers = [(); 4].map(|()| scope.spawn(work));
        let said = workers.map(|worker| worker.join().unwrap_or_else(|_| vec!["a check panicked".into()]));
        said.into_iter().flatten().collect::<Vec<_>>()
    });
    wrong.sort();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), items.len(), wrong.join("\n"));
}

#[test]
fn every_profile_does_what_it_says() {
    let cases = cases().into_iter().filter(|case| wanted(case.host())).collect::<Vec<_>>();
    for_each(&cases, |case| check(case, 30).map_err(|said| format!("{case}:\n{said}")));
}

#[test]
fn every_mutation_is_rejected() {
    let table = mutations::TABLE.iter().filter(|(host, ..)| wanted(host)).collect::<Vec<_>>();
    for_each(&table, |(host, shape, device, edit)| {
        let host = find(host).map_err(|error| error.to_string())?;
        let mut case = Case::new(host, *shape, *device);
        case.mutate(edit)?;
        match check(&case, MUTATION_WAIT) {
            // Too slow a machine rejects everything: what is right has to pass in the same time.
            Err(said) if said.contains("never came true") => {
                let control = Case::new(host, *shape, *device);
                check(&control, MUTATION_WAIT)
                    .map_err(|said| format!("{control}: too slow, not rejected:\n{said}"))
            }
            Ok(()) => Err(format!("{case}: not rejected: {edit:?}")),
            Err(said) if said.contains("FAILED") => Ok(()),
            Err(said) => Err(format!("{case}: {edit:?} broke the check itself:\n{said}")),
        }
    });
}

#[test]
fn every_script_is_clean() {
    let folder = tempfile::tempdir().unwrap();
    let mut shellcheck = std::process::Command::new("shellcheck");
    let mut scripts = 0;
    for case in cases() {
        for text in case.scripts() {
            let path = folder.path().join(format!("{case} {scripts}"));
            std::fs::write(&path, text).unwrap();
            shellcheck.arg(path);
            scripts += 1;
        }
    }
    assert!(scripts > 0);
    let said = shellcheck.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
}

#[test]
fn every_profile_has_a_mutation() {
    for host in ALL {
        for shape in host.shapes() {
            let known = mutations::TABLE.iter().any(|(name, of, ..)| *name == host.name && *of == shape);
            assert!(known, "{}, {shape} has no mutation", host.name);
        }
    }
}
