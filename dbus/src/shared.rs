//! One answer for all who wait for it.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use async_lock::Mutex;

/// A question that is asked once at a time. Whoever came before it was asked shares the answer; whoever comes while it is
/// being asked waits for the next, since the answer may be older than what that one wants to know.
#[derive(Debug)]
pub struct Shared<T> {
    last: Mutex<Option<T>>,
    /// How often it was asked.
    asked: AtomicU64,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { last: Mutex::new(None), asked: AtomicU64::new(0) }
    }
}

impl<T: Clone> Shared<T> {
    /// The answer; `ask` is begun only where none can be shared.
    pub async fn answer(&self, ask: impl Future<Output = T>) -> T {
        let before = self.asked.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        match &*last {
            Some(answer) if self.asked.load(Ordering::SeqCst) > before => answer.clone(),
            _ => {
                *last = None;
                self.asked.fetch_add(1, Ordering::SeqCst);
                last.insert(ask.await).clone()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;

    use futures_lite::future::{block_on, poll_once, yield_now};

    use super::*;

    #[test]
    fn who_came_before_the_question_shares_its_answer() {
        let (shared, asked) = (Shared::default(), Cell::new(0));
        let ask = || async {
            asked.set(asked.get() + 1);
            let number = asked.get();
            yield_now().await;
            number
        };
        block_on(async {
            let mut first = pin!(shared.answer(ask()));
            assert_eq!(poll_once(&mut first).await, None);
            let mut second = pin!(shared.answer(ask()));
            let mut third = pin!(shared.answer(ask()));
            assert_eq!(poll_once(&mut second).await, None);
            assert_eq!(poll_once(&mut third).await, None);
            assert_eq!(first.await, 1);
            assert_eq!(poll_once(&mut second).await, None, "the answer was under way when it came");
            let mut fourth = pin!(shared.answer(ask()));
            assert_eq!(poll_once(&mut fourth).await, None);
            assert_eq!(second.await, 2);
            assert_eq!(third.await, 2, "it came before the second question");
            assert_eq!(fourth.await, 3, "and this one after it");
        });
    }
}
