//! The asks that are open at once: each under a path of its own that nobody can guess, each answered once.

use super::error::BridgeError;
use super::origin::Origin;
use crate::keystore::fresh;
use bitcoin::hex::DisplayHex as _;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most asks that are kept, open or answered.
const MAX_ASKS: usize = 64;
/// How long an ask waits for its person.
const PATIENCE: Duration = Duration::from_mins(15);

/// How long its page must have been there before an answer counts. The page's script waits a little longer before its
/// button can be pressed; this holds without it.
const LOOK: Duration = Duration::from_millis(700);

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

/// What an ask shows, and for whom.
pub(super) struct Sheet {
    /// What it is for.
    pub(super) what: &'static str,
    /// Whose pages ask.
    pub(super) from: Origin,
    /// Its page.
    pub(super) html: String,
    /// The page to go back to.
    pub(super) back: Option<String>,
}

/// One ask.
pub(super) struct Ask {
    /// What it shows.
    pub(super) sheet: Sheet,
    state: Mutex<State>,
    begun: Instant,
    shown: Mutex<Option<Instant>>,
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
        sheet: Sheet,
        judge: Judge,
        now: Instant,
    ) -> Result<String, BridgeError> {
        let secret = fresh::<32>()?.as_slice().to_lower_hex_string();
        let ask = Ask {
            sheet,
            state: Mutex::new(State::Open(judge)),
            begun: now,
            shown: Mutex::new(None),
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

    /// Its page, which is looked at from now on.
    pub(super) fn show(&self, now: Instant) -> &str {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        &self.sheet.html
    }

    fn was_looked_at(&self, now: Instant) -> bool {
        let shown = *self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.is_some_and(|shown| now.saturating_duration_since(shown) >= LOOK)
    }

    /// Takes an answer that came now; two at once wait for each other, and the first good one holds.
    pub(super) fn answer(&self, body: &[u8], now: Instant) -> Pressed {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let judged = match &mut *state {
            State::Over(answered) => return Pressed::Before(answered.clone()),
            State::Open(_) if !self.was_looked_at(now) => {
                let words = "Nothing was signed: that was too soon after the page came up. Read it, then press again.";
                return Pressed::Again(words.to_owned());
            }
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
        let sheet = Sheet {
            what: "approve",
            from: "https://treasury.example".parse().expect("an origin"),
            html: "the page".to_owned(),
            back: None,
        };
        asks.open(sheet, judge(), now)
    }

    #[test]
    fn the_first_good_answer_holds_and_a_wrong_one_may_be_given_again() {
        let (asks, now) = (Asks::default(), Instant::now());
        let secret = opened(&asks, now).expect("opens");
        assert_eq!(secret.len(), 64);
        let ask = asks.find(&secret, now).expect("is open");
        assert_eq!(ask.show(now), "the page");
        let later = now + LOOK;
        assert!(matches!(ask.answer(b"bad", later), Pressed::Again(_)));
        assert_eq!(ask.over(), None);
        assert!(matches!(ask.answer(b"good", later), Pressed::Now(_)));
        assert!(matches!(ask.answer(b"good", later), Pressed::Before(_)));
        assert!(matches!(ask.decline(), Pressed::Before(answered) if answered.words == "Signed."));
    }

    #[test]
    fn an_answer_counts_only_once_the_page_was_there_for_a_while_and_declining_needs_no_wait() {
        let (asks, begun) = (Asks::default(), Instant::now());
        let ask = |asks: &Asks| {
            let secret = opened(asks, begun).expect("opens");
            asks.find(&secret, begun).expect("is open")
        };
        let too_soon =
            |pressed| matches!(pressed, Pressed::Again(words) if words.contains("too soon"));
        let first = ask(&asks);
        let late = begun + Duration::from_mins(1);
        assert!(too_soon(first.answer(b"good", late)), "nobody saw it");
        first.show(late);
        let almost = late + Duration::from_millis(699);
        assert!(too_soon(first.answer(b"good", almost)));
        // Whoever loads it again begins anew.
        first.show(almost);
        assert!(too_soon(first.answer(b"good", late + LOOK)));
        let good = first.answer(b"good", almost + LOOK);
        assert!(matches!(good, Pressed::Now(_)));
        let second = ask(&asks);
        second.show(begun);
        assert!(matches!(second.decline(), Pressed::Now(_)));
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
