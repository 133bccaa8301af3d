//! Whose turn it is among those that may only read: the user's who was served longest ago, and of the user's
//! connections the one that was.
//!
//! Whoever comes anew is behind all that wait, so neither many calls nor many connections keep another user waiting.

use std::collections::BTreeMap;

/// With more users than this, those that have no connection are forgotten.
const MAX_USERS: usize = 64;

/// When something was served last, or came; counted, not measured.
pub type Turn = u64;

/// The users' turns; those of the connections are with these.
#[derive(Debug, Default)]
pub struct Turns {
    last: Turn,
    users: BTreeMap<u32, Turn>,
}

impl Turns {
    /// The turn of a new connection; its user's too, if it is the first. `is_here` knows the users of the others.
    pub fn arrive(&mut self, user: u32, is_here: impl Fn(u32) -> bool) -> Turn {
        if self.users.len() >= MAX_USERS {
            self.users.retain(|user, _| is_here(*user));
        }
        self.last += 1;
        self.users.entry(user).or_insert(self.last);
        self.last
    }

    /// The turn of a connection that is served now.
    pub fn serve(&mut self, user: u32) -> Turn {
        self.last += 1;
        self.users.insert(user, self.last);
        self.last
    }

    /// Where a connection with that turn stands; the least is next.
    pub fn place(&self, user: u32, turn: Turn) -> (Turn, Turn) {
        (self.users.get(&user).copied().unwrap_or(turn), turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who is served if all of these always want to be: connections by user, named by their place in the list.
    fn order(users: &[u32], rounds: usize) -> Vec<usize> {
        let mut turns = Turns::default();
        let mut own: Vec<Turn> = users.iter().map(|user| turns.arrive(*user, |_| true)).collect();
        let mut serve = |_| {
            let next = (0..users.len()).min_by_key(|at| turns.place(users[*at], own[*at])).expect("one");
            own[next] = turns.serve(users[next]);
            next
        };
        (0..rounds).map(&mut serve).collect()
    }

    #[test]
    fn users_take_turns_and_so_do_their_connections() {
        // (connections by user, who is served)
        let table: [(&[u32], &[usize]); 4] = [
            (&[7], &[0, 0, 0]),
            (&[7, 7, 7], &[0, 1, 2, 0, 1]),
            (&[7, 7, 7, 8], &[0, 3, 1, 3, 2, 3, 0]),
            (&[9, 7, 8, 7], &[0, 1, 2, 0, 3, 2, 0]),
        ];
        for (users, expected) in table {
            assert_eq!(order(users, expected.len()), expected, "{users:?}");
        }
    }

    /// Neither new connections nor new users come before one that waits.
    #[test]
    fn whoever_comes_anew_is_behind_those_that_wait() {
        let mut turns = Turns::default();
        let waits = turns.arrive(1000, |_| true);
        for user in [2000, 2000, 1, 3000, 999] {
            let new = turns.arrive(user, |user| user == 1000);
            assert!(turns.place(1000, waits) < turns.place(user, new), "{user}");
            turns.serve(user);
        }
    }

    #[test]
    fn users_that_are_gone_are_forgotten() {
        let mut turns = Turns::default();
        let waits = turns.arrive(1000, |_| true);
        for user in 100_000..165_536 {
            let new = turns.arrive(user, |user| user == 1000);
            assert!(turns.place(1000, waits) < turns.place(user, new), "{user}");
            assert!(turns.users.len() <= MAX_USERS, "{} users", turns.users.len());
        }
    }
}
