//! The code that pairs a page's origin with the bridge: 8 digits, 5 tries, 10 minutes, one use.
//!
//! Invariant: a code that was used, tried too often or is over never counts again; another one takes the place of what
//! came to nothing, at most once in a minute, however often pages try. How long a comparison takes says nothing about
//! the code.

use super::error::BridgeError;
use crate::keystore::{NoEntropy, fresh};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Digits of a code.
const DIGITS: usize = 8;
/// All codes there are.
const CODES: u64 = 100_000_000;
/// How often one may be tried.
const TRIES: u8 = 5;
/// How long one counts.
pub(super) const MINUTES: u64 = 10;

/// How long a code stands at least before another one is drawn.
const PAUSE: Duration = Duration::from_mins(1);

/// A code and what is left of it.
pub struct Pairing {
    code: Zeroizing<String>,
    begun: Instant,
    tries: u8,
    used: bool,
}

impl Pairing {
    /// Draws a code that counts from now.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn begin(now: Instant) -> Result<Self, NoEntropy> {
        // The remainder of 64 bits is even over all codes to less than one in 10^11.
        let drawn = u64::from_be_bytes(*fresh::<8>()?) % CODES;
        Ok(Self::of(&format!("{drawn:0DIGITS$}"), now))
    }

    /// A code of a caller's own.
    pub(super) fn of(code: &str, now: Instant) -> Self {
        Self {
            code: Zeroizing::new(code.to_owned()),
            begun: now,
            tries: TRIES,
            used: false,
        }
    }

    /// The code, as a person types it.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Whether the code is this one: then it is used up.
    ///
    /// # Errors
    /// Why it does not count, or not any more.
    pub fn offer(&mut self, offered: &str, now: Instant) -> Result<(), BridgeError> {
        if self.used {
            return Err(BridgeError::CodeUsed);
        }
        if self.is_over(now) {
            return Err(BridgeError::CodeOver { minutes: MINUTES });
        }
        if self.tries == 0 {
            return Err(BridgeError::CodeTries);
        }
        let typed: Zeroizing<Vec<u8>> =
            Zeroizing::new(offered.bytes().filter(|byte| *byte != b' ').collect());
        if same(&typed, self.code.as_bytes()) {
            self.used = true;
            return Ok(());
        }
        self.tries = self.tries.saturating_sub(1);
        Err(BridgeError::WrongCode { left: self.tries })
    }

    /// Draws another code in the place of one that came to nothing; whether it did.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn renew(&mut self, now: Instant) -> Result<bool, NoEntropy> {
        let came_to_nothing = !self.used && (self.tries == 0 || self.is_over(now));
        let stood = now.saturating_duration_since(self.begun);
        if !came_to_nothing || stood < PAUSE {
            return Ok(false);
        }
        *self = Self::begin(now)?;
        Ok(true)
    }

    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun) >= Duration::from_mins(MINUTES)
    }
}

/// Compares in a time that depends on the lengths alone.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    let differ = one
        .iter()
        .zip(other)
        .fold(0, |differ, (one, other)| differ | (one ^ other));
    std::hint::black_box(differ) == 0 && one.len() == other.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_eight_digits_and_counts_once() {
        let now = Instant::now();
        let mut pairing = Pairing::begin(now).expect("randomness");
        let code = pairing.code().to_owned();
        assert_eq!(code.len(), DIGITS);
        assert!(code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        let spaced = format!("{} {}", &code[..4], &code[4..]);
        pairing.offer(&spaced, now).expect("is the code");
        let again = pairing.offer(&code, now);
        assert!(matches!(again, Err(BridgeError::CodeUsed)));
    }

    #[test]
    fn five_wrong_tries_end_a_code_for_the_right_one_too() {
        let now = Instant::now();
        let mut pairing = Pairing::of("00000000", now);
        for (wrong, expected) in [
            ("00000001", 4),
            ("", 3),
            ("0000000", 2),
            ("000000000", 1),
            ("x", 0),
        ] {
            let refused = pairing.offer(wrong, now);
            assert!(
                matches!(refused, Err(BridgeError::WrongCode { left }) if left == expected),
                "{wrong}"
            );
        }
        assert!(matches!(
            pairing.offer("00000000", now),
            Err(BridgeError::CodeTries)
        ));
    }

    #[test]
    fn a_code_counts_for_ten_minutes() {
        let now = Instant::now();
        let end = now + Duration::from_mins(MINUTES);
        let mut pairing = Pairing::of("12345678", now);
        assert!(matches!(
            pairing.offer("12345678", end),
            Err(BridgeError::CodeOver { .. })
        ));
        let last = now + Duration::from_secs(MINUTES * 60 - 1);
        Pairing::of("12345678", now)
            .offer("12345678", last)
            .expect("still counts");
    }

    #[test]
    fn another_code_is_drawn_once_for_each_that_came_to_nothing_and_at_most_one_a_minute() {
        let begun = Instant::now();
        let tried = |pairing: &mut Pairing, now| {
            for _ in 0..TRIES {
                pairing.offer("", now).expect_err("is wrong");
            }
        };
        let mut pairing = Pairing::of("12345678", begun);
        tried(&mut pairing, begun);
        let mut drawn = Vec::new();
        // A page that uses up every code at once, for three minutes.
        for second in 0..=180 {
            let now = begun + Duration::from_secs(second);
            if pairing.renew(now).expect("randomness") {
                drawn.push(second);
                tried(&mut pairing, now);
            }
        }
        assert_eq!(drawn, [60, 120, 180]);

        let mut pairing = Pairing::of("12345678", begun);
        let last = begun + Duration::from_secs(MINUTES * 60 - 1);
        assert!(!pairing.renew(last).expect("randomness"), "it still counts");
        let over = begun + Duration::from_mins(MINUTES);
        assert!(pairing.renew(over).expect("randomness"));
        assert!(!pairing.renew(over).expect("randomness"), "once");
        let code = pairing.code().to_owned();
        pairing.offer(&code, over).expect("the new one counts");
        let later = over + Duration::from_hours(1);
        assert!(!pairing.renew(later).expect("randomness"), "it was used");
    }
}
