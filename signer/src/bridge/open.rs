//! The asks that are open at once: each under a path of its own that nobody can guess, each answered once.
//!
//! Whoever forges what a browser sends can open asks as pages of a paired origin do; only the browser that paired shows
//! that it looks at one. Invariant: an ask that this browser looks at keeps its place whatever anybody else opens; the
//! others make room for one another, each origin's for its own, so that nobody is kept from opening one.

use super::origin::Origin;
use super::progress::Progress;
use crate::keystore::{NoEntropy, fresh};
use bitcoin::hex::DisplayHex as _;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The most asks of one origin that the browser that paired was not seen to look at.
const MAX_UNSEEN: usize = 64;
/// The most asks of one origin that it looked at, open or answered.
const MAX_SEEN: usize = 32;
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
    /// Where its answer is, where that takes a while.
    pub(super) progress: Progress,
}

/// One ask.
pub(super) struct Ask {
    /// What it shows.
    pub(super) sheet: Sheet,
    state: Mutex<State>,
    begun: Instant,
    /// Later ones have higher numbers.
    number: u64,
    shown: Mutex<Option<Instant>>,
    /// Whether the browser that paired looks at it.
    seen: AtomicBool,
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
    /// Nothing was, or a device is at it already; where it is, in words.
    Nothing(String),
}

/// All asks.
#[derive(Default)]
pub(super) struct Asks(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// By their secret.
    by_secret: BTreeMap<String, Arc<Ask>>,
    opened: u64,
}

impl Asks {
    /// Opens one and gives its secret.
    pub(super) fn open(
        &self,
        sheet: Sheet,
        judge: Judge,
        now: Instant,
    ) -> Result<String, NoEntropy> {
        let secret = fresh::<32>()?.as_slice().to_lower_hex_string();
        let mut kept = self.kept();
        kept.opened = kept.opened.saturating_add(1);
        kept.by_secret.retain(|_, ask| !ask.is_old(now));
        kept.make_room(&sheet.from, false, MAX_UNSEEN);
        let ask = Ask {
            sheet,
            state: Mutex::new(State::Open(judge)),
            begun: now,
            number: kept.opened,
            shown: Mutex::new(None),
            seen: AtomicBool::new(false),
        };
        kept.by_secret.insert(secret.clone(), Arc::new(ask));
        Ok(secret)
    }

    /// The ask of a secret, while it lasts.
    pub(super) fn find(&self, secret: &str, now: Instant) -> Option<Arc<Ask>> {
        let kept = self.kept();
        let ask = kept.by_secret.get(secret);
        ask.filter(|ask| !ask.is_old(now)).cloned()
    }

    /// Keeps an ask that the browser that paired looks at, also where it had just made room.
    pub(super) fn keep(&self, secret: &str, ask: &Arc<Ask>) {
        let mut kept = self.kept();
        if ask.seen.load(Ordering::SeqCst) {
            return;
        }
        kept.make_room(&ask.sheet.from, true, MAX_SEEN);
        ask.seen.store(true, Ordering::SeqCst);
        kept.by_secret.insert(secret.to_owned(), Arc::clone(ask));
    }

    /// Stops whatever devices are at, and whatever they would begin.
    pub(super) fn end(&self) {
        for ask in self.kept().by_secret.values() {
            ask.sheet.progress.end();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Makes room for one more of an origin's asks: of those answered first, then of the oldest; last of those that a
    /// device is at, which nobody could stop any more.
    fn make_room(&mut self, from: &Origin, seen: bool, most: usize) {
        let of_these =
            |ask: &Ask| ask.sheet.from == *from && ask.seen.load(Ordering::SeqCst) == seen;
        let found = self.by_secret.iter().filter(|(_, ask)| of_these(ask));
        let mut found: Vec<(bool, bool, u64, String)> = found
            .map(|(secret, ask)| {
                let (open, works) = (ask.over().is_none(), ask.works());
                (works, open, ask.number, secret.clone())
            })
            .collect();
        found.sort_unstable();
        let beyond = found.len().saturating_add(1).saturating_sub(most);
        for (_, _, _, secret) in found.iter().take(beyond) {
            self.by_secret.remove(secret);
        }
    }
}

impl Ask {
    fn is_old(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun) >= PATIENCE && !self.works()
    }

    /// Whether a device is at it just now.
    fn works(&self) -> bool {
        self.sheet.progress.said().is_some()
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
    /// What comes while a device is at it is no answer to what becomes of that.
    pub(super) fn answer(&self, body: &[u8], now: Instant) -> Pressed {
        if let Some(said) = self.sheet.progress.said() {
            return Pressed::Nothing(said);
        }
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
mod tests;
