//! How many may do a thing at once: of one who asks, and of all together.
//!
//! Invariant: whoever leaves makes room, however it ends; what is kept is bounded by who is inside.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A gate that lets so many in. Cheap to clone; clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    of_one: usize,
    in_all: usize,
    inside: Arc<Mutex<HashMap<String, usize>>>,
}

/// Leave to be inside, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Gate,
    who: String,
}

/// Why nobody is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The one who asks is inside often enough.
    OfOne,
    /// All together are.
    InAll,
}

impl Gate {
    /// A gate for so many of one, and so many in all.
    pub(crate) fn new(of_one: usize, in_all: usize) -> Self {
        Self {
            of_one,
            in_all,
            inside: Arc::default(),
        }
    }

    /// Lets somebody in, at once or not at all.
    pub(crate) fn enter(&self, who: &str) -> Result<Pass, Full> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let own = inside.get(who).copied().unwrap_or(0);
        if own >= self.of_one {
            return Err(Full::OfOne);
        }
        if inside.values().sum::<usize>() >= self.in_all {
            return Err(Full::InAll);
        }
        inside.insert(who.to_owned(), own.saturating_add(1));
        Ok(Pass {
            gate: self.clone(),
            who: who.to_owned(),
        })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inside = (self.gate.inside.lock()).unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = inside.get_mut(&self.who) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                inside.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_let_in_so_often_all_so_often_and_whoever_leaves_makes_room() {
        let gate = Gate::new(2, 3);
        let first = gate.enter("dana").expect("is let in");
        let second = gate.enter("dana").expect("is let in");
        assert_eq!(gate.enter("dana").map(drop), Err(Full::OfOne));
        let third = gate.enter("erin").expect("is let in");
        assert_eq!(gate.enter("erin").map(drop), Err(Full::InAll));
        drop(first);
        let again = gate.enter("erin").expect("there is room");
        for pass in [second, third, again] {
            drop(pass);
        }
        assert_eq!(gate.inside.lock().expect("is sound").len(), 0);
    }
}
