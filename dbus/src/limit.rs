//! How many calls may be under way. Each is a task that waits, for the daemon, the bus or polkit, and callers that want no
//! reply are held back by nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::failure::Failure;

/// Of all callers together.
const IN_ALL: usize = 256;
/// Of one connection to the bus, or of one user where polkit is asked.
const OF_ONE: usize = 32;

/// The calls that are under way, by who called.
#[derive(Debug, Default)]
pub struct Calls(Mutex<HashMap<String, usize>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Call {
    calls: Arc<Calls>,
    who: String,
}

impl Calls {
    /// A call begins.
    ///
    /// # Errors
    /// There are too many already.
    pub fn begin(self: &Arc<Self>, who: &str) -> Result<Call, Failure> {
        let mut calls = self.lock();
        let own = calls.get(who).copied().unwrap_or_default();
        if own >= OF_ONE {
            return Err(Failure::too_many(&format!("{who} has {own} calls under way")));
        }
        let all: usize = calls.values().sum();
        if all >= IN_ALL {
            return Err(Failure::too_many(&format!("all clients together have {all} calls under way")));
        }
        calls.insert(who.to_owned(), own + 1);
        Ok(Call { calls: Arc::clone(self), who: who.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut calls = self.calls.lock();
        if let Some(own) = calls.get_mut(&self.who) {
            *own -= 1;
            if *own == 0 {
                calls.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many calls as may be, of at most so many for each sender.
    fn begin(calls: &Arc<Calls>, senders: usize, each: usize) -> Vec<Call> {
        let names = (0..senders).flat_map(|sender| (0..each).map(move |_| format!(":1.{sender}")));
        names.filter_map(|sender| calls.begin(&sender).ok()).collect()
    }

    #[test]
    fn calls_are_bounded_for_each_sender_and_for_all() {
        let table = [
            ("one sender", 1, 31, 31, Ok(())),
            ("one sender, and the last that it may", 1, 32, 32, Err(":1.0 has 32 calls")),
            ("one sender that goes on", 1, 1000, 32, Err(":1.0 has 32 calls")),
            ("many senders", 85, 3, 255, Ok(())),
            ("many senders, and the last that they may", 128, 2, 256, Err("all clients together have 256")),
            ("many senders that go on", 1000, 31, 256, Err("all clients together have 256")),
        ];
        for (name, senders, each, under_way, next) in table {
            let calls = Arc::new(Calls::default());
            let begun = begin(&calls, senders, each);
            assert_eq!(begun.len(), under_way, "{name}");
            match (calls.begin(":1.0"), next) {
                (Ok(_), Ok(())) => {}
                (Err(failure), Err(part)) => assert!(failure.to_string().contains(part), "{name}: {failure}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
            drop(begun);
            assert!(calls.lock().is_empty(), "{name}: nothing is kept of who has called");
            assert!(calls.begin(":1.0").is_ok(), "{name}: those that have ended do not count");
        }
    }
}
