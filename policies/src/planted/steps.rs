//! The steps of a withdrawal's way, as places at which a program can be made to kill itself: before and
//! after what each step makes durable.
//!
//! Only with the feature `planted`, and then only in a process whose environment names a file that orders
//! it. Without the feature nothing is read and nothing is left: [`Marks`] has no size, its methods no code.

/// Declares the steps, and the list of all of them, which so cannot forget one.
macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A step of a withdrawal's way from request to news. Orders name them `S1` to `S16`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Step {
            $($(#[$doc])* $name,)*
        }

        impl Step {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

steps! {
    /// S1: a request is taken in. Coordinator.
    Request,
    /// S2: from now on its amount is promised. Coordinator, within S1's transaction.
    Promise,
    /// S3: the coins of an attempt are reserved. Coordinator, within S5's transaction.
    Reserve,
    /// S4: the attempt is built and reviewed. Coordinator, within S5's transaction.
    Build,
    /// S5: the attempt is issued: its transfer can leave. Coordinator.
    Issue,
    /// S6: an approval is taken in. Coordinator.
    Approve,
    /// S7: the journal remembers what is about to be signed. Signer.
    Journal,
    /// S8: signatures and receipt are taken in. Coordinator.
    Signature,
    /// S9: the final transaction is stored. Coordinator.
    Finalize,
    /// S10: it is handed over together with the state `broadcasting` (M5). Coordinator.
    HandOver,
    /// S11: it is sent to the node. Watchtower.
    Send,
    /// S12: the node's answer is stored. Watchtower.
    Sent,
    /// S13: the mempool shows it. Watchtower.
    Seen,
    /// S14: a block confirms it. Watchtower.
    Confirm,
    /// S15: it is settled, and what it held is released. Coordinator.
    Settle,
    /// S16: the news of it is numbered for those who read events. Watchtower.
    Number,
}

/// On which side of what becomes durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing of it is durable.
    Before,
    /// It is durable, and nobody has been told.
    After,
}

impl Moment {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Before, Self::After];

    const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// How an order names a point.
pub fn point(step: Step, moment: Moment) -> String {
    let place = Step::ALL.iter().position(|known| *known == step);
    format!("S{}.{}", place.map_or(0, |place| place + 1), moment.name())
}

/// How an order names every write to a database.
pub fn any_write(moment: Moment) -> String {
    format!("write.{}", moment.name())
}

/// The steps that one transaction of a database makes durable.
#[cfg(feature = "planted")]
#[derive(Debug)]
pub struct Marks(Vec<Step>);

/// The steps that one transaction of a database makes durable: in this build nobody asks.
#[cfg(not(feature = "planted"))]
#[derive(Debug)]
pub struct Marks;

#[cfg(feature = "planted")]
impl Marks {
    /// None of them.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Notes that a step is among them.
    pub fn add(&mut self, step: Step) {
        self.0.push(step);
    }

    /// Whether there is any.
    pub fn is_any(&self) -> bool {
        !self.0.is_empty()
    }

    /// They are about to be durable, or are.
    pub fn reach(&self, moment: Moment) {
        killing::pass(&any_write(moment));
        for step in &self.0 {
            reach(*step, moment);
        }
    }
}

#[cfg(not(feature = "planted"))]
impl Marks {
    /// None of them.
    pub const fn none() -> Self {
        Self
    }

    /// Nothing is noted in this build.
    #[inline]
    pub const fn add(&mut self, _step: Step) {}

    /// There is none in this build.
    #[inline]
    pub const fn is_any(&self) -> bool {
        false
    }

    /// Nothing happens in this build.
    #[inline]
    pub const fn reach(&self, _moment: Moment) {}
}

/// A step is about to be done, or done.
#[cfg(feature = "planted")]
pub fn reach(step: Step, moment: Moment) {
    killing::pass(&point(step, moment));
}

/// Nothing happens in this build.
#[cfg(not(feature = "planted"))]
#[inline]
pub const fn reach(_step: Step, _moment: Moment) {}

/// The one impure part of this crate, in builds for tests alone.
#[cfg(feature = "planted")]
pub(super) mod killing {
    use std::fs::{self, File};
    use std::io::{self, Write as _};
    use std::path::{Path, PathBuf};
    use std::process::{self, Command, Stdio};
    use std::sync::{LazyLock, Mutex, PoisonError};

    /// Names the file with the order: a point, which time it is passed, and by which process if not by any.
    const ORDER: &str = "COUNTERSIGN_KILL";

    static FILE: LazyLock<Option<PathBuf>> = LazyLock::new(|| setting(ORDER).map(PathBuf::from));
    /// The order that was last met, and how often its point was passed since.
    static PASSED: Mutex<(String, u64)> = Mutex::new((String::new(), 0));

    #[expect(
        clippy::disallowed_methods,
        reason = "the one reader of what is planted in a process of a test"
    )]
    pub(in crate::planted) fn setting(name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// Dies if that was ordered: without unwinding, without flushing anything.
    pub(super) fn pass(point: &str) {
        let Some(file) = FILE.as_ref() else { return };
        let Ok(order) = fs::read_to_string(file) else {
            return;
        };
        let mut words = order.split_whitespace();
        if words.next() != Some(point) {
            return;
        }
        let which = words.next().and_then(|word| word.parse().ok()).unwrap_or(1);
        let by = words.next().and_then(|word| word.parse().ok());
        if by.is_some_and(|by: u32| by != process::id()) {
            return;
        }
        {
            let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
            if passed.0 != order {
                *passed = (order.clone(), 0);
            }
            passed.1 = passed.1.saturating_add(1);
            if passed.1 < which {
                return;
            }
        }
        // Whoever cannot prove it does not die: the order was carried out by another process.
        if prove(file, point).is_ok() {
            die();
        }
    }

    /// Turns the order into its proof: what was reached, and by whom.
    fn prove(file: &Path, point: &str) -> io::Result<()> {
        let proof = file.with_extension("proof");
        fs::rename(file, &proof)?;
        let mut proof = File::create(proof)?;
        writeln!(proof, "{point} {}", process::id())?;
        proof.sync_all()
    }

    /// SIGKILL needs a hand from outside where unsafe code is forbidden.
    fn die() {
        let mut command = Command::new("sh");
        command
            .args(["-c", "kill -s KILL $PPID"])
            .stdin(Stdio::null());
        drop(command.status());
        loop {
            std::thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_numbered_from_one_to_sixteen() {
        assert_eq!(Step::ALL.len(), 16);
        assert_eq!(point(Step::Request, Moment::Before), "S1.before");
        assert_eq!(point(Step::Journal, Moment::After), "S7.after");
        assert_eq!(point(Step::Number, Moment::After), "S16.after");
    }
}
