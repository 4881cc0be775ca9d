//! The asks that are open at once: each under a path of its own that nobody can guess, each answered once.

use super::error::BridgeError;
use crate::keystore::fresh;
use bitcoin::hex::DisplayHex as _;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most asks that are kept, open or answered.
const MAX_ASKS: usize = 64;
/// How long an ask waits for its person.
const PATIENCE: Duration = Duration::from_mins(15);

/// How an ask was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    /// In words for the person.
    pub(super) words: String,
    /// Whether that is what the person wished.
    pub(super) good: bool,
}

/// What signs and hands in: `Err` says why the answer does not count and may be given again.
pub(super) type Judge = Box<dyn FnMut(&[u8]) -> Result<Answered, String> + Send>;

/// One ask.
pub(super) struct Ask {
    /// What it is for.
    pub(super) what: &'static str,
    /// Its page.
    pub(super) html: String,
    /// The page to go back to.
    pub(super) back: Option<String>,
    state: Mutex<State>,
    begun: Instant,
}

enum State {
    Open(Judge),
    Over(Answered),
}

/// What a press of a button came to.
pub(super) enum Pressed {
    /// It was the first answer that counts.
    Now(Answered),
    /// It was answered before.
    Before(Answered),
    /// It does not count.
    Again(String),
}

/// All asks, by their secret.
#[derive(Default)]
pub(super) struct Asks(Mutex<BTreeMap<String, Arc<Ask>>>);

impl Asks {
    /// Opens one and gives its secret.
    pub(super) fn open(
        &self,
        what: &'static str,
        html: String,
        back: Option<String>,
        judge: Judge,
        now: Instant,
    ) -> Result<String, BridgeError> {
        let secret = fresh::<32>()?.as_slice().to_lower_hex_string();
        let ask = Ask {
            what,
            html,
            back,
            state: Mutex::new(State::Open(judge)),
            begun: now,
        };
        let mut asks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asks.retain(|_, ask| !ask.is_old(now));
        if asks.len() >= MAX_ASKS {
            // What was answered makes room; what is open never does, or a page could close it.
            asks.retain(|_, ask| ask.over().is_none());
        }
        if asks.len() >= MAX_ASKS {
            return Err(BridgeError::TooManyAsks { most: MAX_ASKS });
        }
        asks.insert(secret.clone(), Arc::new(ask));
        Ok(secret)
    }

    /// The ask of a secret, while it lasts.
    pub(super) fn find(&self, secret: &str, now: Instant) -> Option<Arc<Ask>> {
        let asks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asks.get(secret).filter(|ask| !ask.is_old(now)).cloned()
    }
}

impl Ask {
    fn is_old(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun) >= PATIENCE
    }

    /// How it was answered; none while it is open or being answered.
    pub(super) fn over(&self) -> Option<Answered> {
        match &*self.state.try_lock().ok()? {
            State::Over(answered) => Some(answered.clone()),
            State::Open(_) => None,
        }
    }

    /// Takes an answer; two at once wait for each other, and the first good one holds.
    pub(super) fn answer(&self, body: &[u8]) -> Pressed {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let judged = match &mut *state {
            State::Over(answered) => return Pressed::Before(answered.clone()),
            State::Open(judge) => judge(body),
        };
        match judged {
            Ok(answered) => {
                *state = State::Over(answered.clone());
                Pressed::Now(answered)
            }
            Err(words) => Pressed::Again(words),
        }
    }

    /// Ends it without a signature.
    pub(super) fn decline(&self) -> Pressed {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Over(answered) = &*state {
            return Pressed::Before(answered.clone());
        }
        let answered = Answered {
            words: "Nothing was signed. You may close this page.".to_owned(),
            good: true,
        };
        *state = State::Over(answered.clone());
        Pressed::Now(answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge() -> Judge {
        Box::new(|body| match body {
            b"good" => Ok(Answered {
                words: "Signed.".to_owned(),
                good: true,
            }),
            _ => Err("It is wrong.".to_owned()),
        })
    }

    fn opened(asks: &Asks, now: Instant) -> Result<String, BridgeError> {
        asks.open("approve", String::new(), None, judge(), now)
    }

    #[test]
    fn the_first_good_answer_holds_and_a_wrong_one_may_be_given_again() {
        let (asks, now) = (Asks::default(), Instant::now());
        let secret = opened(&asks, now).expect("opens");
        assert_eq!(secret.len(), 64);
        let ask = asks.find(&secret, now).expect("is open");
        assert!(matches!(ask.answer(b"bad"), Pressed::Again(_)));
        assert_eq!(ask.over(), None);
        assert!(matches!(ask.answer(b"good"), Pressed::Now(_)));
        assert!(matches!(ask.answer(b"good"), Pressed::Before(_)));
        assert!(matches!(ask.decline(), Pressed::Before(answered) if answered.words == "Signed."));
    }

    #[test]
    fn asks_end_with_patience_and_open_ones_are_never_pushed_out() {
        let (asks, now) = (Asks::default(), Instant::now());
        let first = opened(&asks, now).expect("opens");
        for _ in 1..MAX_ASKS {
            opened(&asks, now).expect("opens");
        }
        assert!(matches!(
            opened(&asks, now),
            Err(BridgeError::TooManyAsks { .. })
        ));
        asks.find(&first, now).expect("is open").decline();
        opened(&asks, now).expect("what was answered makes room");
        assert!(asks.find(&first, now).is_none());
        let later = now + PATIENCE;
        let again = opened(&asks, later).expect("the old ones are over");
        assert!(asks.find(&again, later).is_some());
        assert!(asks.find(&again, later + PATIENCE).is_none());
    }
}
