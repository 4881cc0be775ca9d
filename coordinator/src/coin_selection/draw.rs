//! Randomness that is a value: the same seed draws the same numbers, on every machine.

use bitcoin::hashes::{Hash as _, HashEngine as _, sha256};

/// Draws numbers from SHA-256(label length ‖ label ‖ seed ‖ counter), the counter rising from 0.
#[derive(Debug, Clone)]
pub struct Draw {
    label: &'static str,
    seed: [u8; 32],
    counter: u64,
}

impl Draw {
    /// Begins a draw; draws of different labels are independent of one another.
    pub const fn new(label: &'static str, seed: [u8; 32]) -> Self {
        Self {
            label,
            seed,
            counter: 0,
        }
    }

    /// Puts `items` into an order that every seed makes equally likely (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.up_to(last);
            items.swap(last, other);
        }
    }

    /// Draws a number from 0 to `last`, both included, each equally likely.
    fn up_to(&mut self, last: usize) -> usize {
        let Some(count) = u64::try_from(last)
            .ok()
            .and_then(|last| last.checked_add(1))
        else {
            return 0;
        };
        // Numbers above the last whole multiple of `count` would favour the small ones.
        let Some(surplus) = u64::MAX.checked_rem(count) else {
            return 0;
        };
        loop {
            let number = self.next();
            if number < u64::MAX.saturating_sub(surplus) {
                return number
                    .checked_rem(count)
                    .and_then(|number| usize::try_from(number).ok())
                    .unwrap_or(0);
            }
        }
    }

    fn next(&mut self) -> u64 {
        let mut engine = sha256::Hash::engine();
        engine.input(&[u8::try_from(self.label.len()).unwrap_or(u8::MAX)]);
        engine.input(self.label.as_bytes());
        engine.input(&self.seed);
        engine.input(&self.counter.to_le_bytes());
        self.counter = self.counter.wrapping_add(1);
        let digest = sha256::Hash::from_engine(engine).to_byte_array();
        let (head, _) = digest.split_first_chunk().expect("32 bytes hold 8");
        u64::from_le_bytes(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::Draw;

    #[test]
    fn same_seed_gives_the_same_order_and_another_seed_another() {
        let order = |seed: u8| {
            let mut items: Vec<u32> = (0..50).collect();
            Draw::new("test", [seed; 32]).shuffle(&mut items);
            items
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        let mut sorted = order(1);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn every_position_is_reached_about_equally_often() {
        let mut first = [0_u32; 4];
        for seed in 0..200_u8 {
            let mut items = [0_usize, 1, 2, 3];
            Draw::new("test", [seed; 32]).shuffle(&mut items);
            let [winner, ..] = items;
            first[winner] += 1;
        }
        assert!(
            first.iter().all(|count| (25..=80).contains(count)),
            "{first:?}"
        );
    }
}
