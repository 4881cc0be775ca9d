//! The date on a machine without a clock to be trusted: given on the command line, or asked for.
//!
//! Invariant: in a home that is marked so, no verb judges by the system's clock; and a date that seems ahead of the
//! true one is confirmed by a person, whatever else is not asked.

use super::Context;
use crate::clock::{self, Clock, Today};
use crate::dating::{Dated, FAR, dated, span};
use crate::failure::{Class, Failure, Reason};
use crate::journal_file::JournalFile;
use crate::pin::Pinned;
use policies::psbt::read_strict;
use policies::review::Review;
use policies::{Intent, Policy, UnixTime};

/// The codes of what is refused for the date.
const FOR_THE_DATE: [&str; 7] = [
    "POLICY_EXPIRED",
    "INTENT_EXPIRED",
    "INTENT_BEFORE_BIRTH",
    "INTENT_FROM_THE_FUTURE",
    "APPROVAL_EXPIRED",
    "DENIED",
    "VERSION_NOT_RIPE",
];

impl Context {
    /// The moment by which everything is judged.
    pub(super) fn now(&mut self) -> Result<UnixTime, Failure> {
        Ok(self.clock()?.now())
    }

    /// What tells the time here: the system, or a person where its clock is not to be trusted.
    pub(super) fn clock(&mut self) -> Result<Clock, Failure> {
        if let Some(clock) = self.clock {
            return Ok(clock);
        }
        let clock = match self.common.today {
            Some(today) => Clock::given(today, true),
            None if self.has_no_clock() => Clock::given(self.ask_today()?, false),
            None => Clock::System,
        };
        if let Clock::Given { today, .. } = &clock {
            self.check(today.at())?;
        }
        self.clock = Some(clock);
        Ok(clock)
    }

    fn has_no_clock(&self) -> bool {
        self.no_clock || self.home().is_ok_and(|home| home.has_no_clock())
    }

    /// Takes the system's clock for none, also before the home is marked so.
    pub(super) fn have_no_clock(&mut self) {
        self.no_clock = true;
    }

    fn ask_today(&mut self) -> Result<Today, Failure> {
        let question = "What is the date and time, in UTC?";
        let hint =
            "give --today \"2026-11-27 10:00\", in UTC: this home is marked as one without a clock";
        loop {
            match self.terminal.ask(question, hint)?.parse() {
                Ok(today) => return Ok(today),
                Err(clock::TodayError) => self
                    .terminal
                    .talk("Write it as 2026-11-27 10:00, in UTC, not in the time of this place."),
            }
        }
    }

    /// Compares a date that was given with what is known here.
    fn check(&mut self, given: UnixTime) -> Result<(), Failure> {
        let mut newest = None;
        let pinned = self
            .home()
            .ok()
            .and_then(|home| Some((Pinned::load(&home).ok()?, home)));
        if let Some((pinned, home)) = pinned {
            not_before(pinned.policy(), given)?;
            let journal = pinned
                .journal()
                .and_then(|owner| JournalFile::read(&home.journal_file(), owner).ok());
            let last = journal.map(|journal| journal.history().last());
            newest = last.map(|last| last.max(pinned.policy().head.time));
            // Within a minute it is the same moment, as people write it.
            let minute = given.saturating_add(60);
            if let Some(last) = last.filter(|last| *last > minute) {
                self.terminal.talk(&format!(
                    "The date given, {given}, lies before\nthe journal's last entry. {last} is taken, which was then."
                ));
            }
        }
        let system = clock::now();
        if given.secs_since(system) > FAR {
            let question = format!(
                "{given} is {} after this machine's clock.\nIs it the date today, in UTC?",
                span(system, given)
            );
            return self.terminal.insist(&question);
        }
        // A machine whose clock is ahead proves nothing of a date that is.
        let newest = newest.filter(|_| self.has_no_clock());
        if let Some(newest) = newest.filter(|newest| given.secs_since(*newest) > FAR) {
            let question = format!(
                "{given} is {} after the newest\nthat the journal and the policy know of. Is it the date today, in UTC?",
                span(newest, given)
            );
            self.terminal.insist(&question)?;
        }
        Ok(())
    }

    /// Has a person confirm a moment at which a journal is to be born, where it lies before the machine's own: born too
    /// early it signs again what a journal before it signed.
    pub(super) fn confirm_birth(&mut self, policy: &Policy) -> Result<(), Failure> {
        let Clock::Given { today, .. } = self.clock()? else {
            return Ok(());
        };
        let (given, system) = (today.at(), clock::now());
        if given.saturating_add(policy.limits.clock_skew) >= system {
            return Ok(());
        }
        let question = format!(
            "{given} is {} before this machine's clock.\nA journal born too early may sign twice. \
             Is it the date and time now,\nin UTC?",
            span(given, system)
        );
        self.terminal.insist(&question)
    }

    /// Whether what a refused transfer carries may be remembered by the date at hand: one that lies far after all
    /// requests in it is confirmed first, since the journal's time never runs backwards.
    pub(super) fn may_note(&mut self, transfer: &[u8]) -> Result<bool, Failure> {
        let (Clock::Given { .. }, Ok(psbt)) = (self.clock()?, read_strict(transfer)) else {
            return Ok(true);
        };
        let intents = psbt.manifest().intents.values();
        let read = intents.filter_map(|bytes| Intent::decode(bytes).ok());
        let newest = read.map(|intent| intent.created).max();
        let ends = self.now()?;
        Ok(self.confirm_far(&Dated { newest, ends }).is_ok())
    }

    /// Shows what a transfer says of the time, where that is a person's word.
    pub(super) fn dated(
        &mut self,
        review: &Review,
        policy: &Policy,
    ) -> Result<Option<Dated>, Failure> {
        let clock = self.clock()?;
        match clock {
            Clock::System => Ok(None),
            Clock::Given { .. } => Ok(Some(dated(review, policy, clock.now()))),
        }
    }

    /// Has a person confirm what only they know: that the date is right, and that nothing has ended.
    ///
    /// `yes` is their word beforehand, which counts where they gave the date with it.
    pub(super) fn confirm_date(&mut self, dated: &Dated, yes: bool) -> Result<(), Failure> {
        let Clock::Given {
            on_command_line, ..
        } = self.clock()?
        else {
            return Ok(());
        };
        self.confirm_far(dated)?;
        if yes && on_command_line {
            return Ok(());
        }
        let question = format!("Is it earlier than {} now, in UTC?", dated.ends);
        self.terminal.insist(&question)
    }

    /// Has a person confirm a date that lies far after the newest request in a transfer.
    pub(super) fn confirm_far(&mut self, dated: &Dated) -> Result<(), Failure> {
        let now = self.now()?;
        if !dated.is_far(now) {
            return Ok(());
        }
        let question = format!(
            "The date given is more than 7 days after the newest request.\nIs it {now} now, in UTC?"
        );
        self.terminal.insist(&question)
    }

    /// A failure, with the date that it was judged by where that was a person's word.
    pub(super) fn by_date(&self, failure: Failure) -> Failure {
        let Some(Clock::Given { today, .. }) = &self.clock else {
            return failure;
        };
        let told = |reason: &Reason| {
            let mut reason = reason.clone();
            if FOR_THE_DATE.contains(&reason.code) {
                reason.hint += &format!(
                    "; it was judged by the date given, {}: if that is wrong, run it again with --today",
                    today.at()
                );
            }
            reason
        };
        Failure::of(
            failure.class(),
            failure.reasons().iter().map(told).collect(),
        )
    }
}

/// Refuses a date before a policy's own.
pub(super) fn not_before(policy: &Policy, given: UnixTime) -> Result<(), Failure> {
    let head = policy.head.time;
    if given >= head {
        return Ok(());
    }
    let message = format!("the date given, {given}, lies before the policy's own, {head}");
    Err(
        Failure::because(Class::Refused, "DATE_BEFORE_POLICY", message)
            .hinted("run it again with the date and time of now, in UTC"),
    )
}

/// Refuses a day without its time, where a moment too early would revive what came before.
pub(super) fn expect_time(clock: &Clock) -> Result<(), Failure> {
    match clock {
        Clock::Given { today, .. } if !today.has_time() => {
            let message = "a journal is born at a moment, and a day alone was given";
            Err(Failure::because(Class::Usage, "DATE_WITHOUT_TIME", message)
                .hinted("give the time too, not before the true one: --today \"2026-11-27 10:00\""))
        }
        Clock::System | Clock::Given { .. } => Ok(()),
    }
}
