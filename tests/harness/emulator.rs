//! A Ledger's emulator that whoever runs the tests has started: the wire to it, which can be cut, and its buttons.
//!
//! It is no part of this project. Where none is given there is nothing to test; where one is given, what it does
//! counts. Both tools look for such an emulator at one address alone: there stands the wire.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::{Failure, LONG, environment, wait_until};

/// Where `hwi` and `bhwi` look for a Ledger's emulator, and nowhere else.
const LOOKED_AT: &str = "127.0.0.1:9999";
/// A device that answers nothing for so long waits for a human.
const SILENCE: Duration = Duration::from_secs(4);
/// Enough for a human to find a button.
const HUMAN: Duration = Duration::from_mins(5);

/// The emulator.
#[derive(Debug)]
pub struct Emulator {
    address: String,
    buttons: Option<Buttons>,
    line: Arc<Line>,
    listening: Option<JoinHandle<()>>,
}

/// What somebody does at the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressing {
    /// Agree to whatever it asks.
    Yes,
    /// Refuse what it asks.
    No,
    /// Leave it waiting.
    Nothing,
}

/// What is on the wire.
#[derive(Debug, Default)]
struct Line {
    cut: AtomicBool,
    ends: Mutex<Vec<TcpStream>>,
    /// When the question was asked that is not answered.
    asked: Mutex<Option<Instant>>,
}

impl Emulator {
    /// The emulator that is given, if one is, with the wire plugged in.
    ///
    /// `COUNTERSIGN_DEVICE_EMULATOR` is its `host:port`; `COUNTERSIGN_DEVICE_EMULATOR_API` that of the interface by
    /// which the buttons of the maker's emulator are pressed. Without the second a human presses them.
    pub fn given() -> Result<Option<Self>, Failure> {
        let Some(address) = environment::emulator()? else {
            return Ok(None);
        };
        if address == LOOKED_AT {
            return Err(Failure::new(format!(
                "start the emulator at another port: at {LOOKED_AT} stands the wire of this test"
            )));
        }
        let mut emulator = Self {
            address,
            buttons: environment::emulator_api()?.map(Buttons),
            line: Arc::default(),
            listening: None,
        };
        emulator.plug_in()?;
        Ok(Some(emulator))
    }

    /// What the commands are given as its address.
    pub const fn address(&self) -> &'static str {
        LOOKED_AT
    }

    /// Joins the wire.
    pub fn plug_in(&mut self) -> Result<(), Failure> {
        let listener = TcpListener::bind(LOOKED_AT)?;
        self.line.cut.store(false, Ordering::SeqCst);
        let (line, address) = (Arc::clone(&self.line), self.address.clone());
        self.listening = Some(thread::spawn(move || line.serve(&listener, &address)));
        Ok(())
    }

    /// Cuts the wire, whatever is on it: whoever calls now finds nobody.
    pub fn cut(&mut self) {
        self.line.cut.store(true, Ordering::SeqCst);
        for end in locked(&self.line.ends).drain(..) {
            drop(end.shutdown(Shutdown::Both));
        }
        // Wakes the listener, which then goes.
        drop(TcpStream::connect(LOOKED_AT));
        if let Some(listening) = self.listening.take() {
            drop(listening.join());
        }
    }

    /// Waits until a human is asked something on the screen.
    pub fn asks(&self) -> Result<(), Failure> {
        wait_until("a question on the screen", LONG, || {
            let asked = *locked(&self.line.asked);
            Ok(asked.filter(|asked| asked.elapsed() >= SILENCE).map(drop))
        })
    }

    /// Does something while somebody is at the screen.
    pub fn with<T>(
        &self,
        pressing: Pressing,
        what: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Some(buttons) = &self.buttons else {
            return by_hand(pressing, what);
        };
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let presser = scope.spawn(|| buttons.press(pressing, &done));
            let made = what();
            done.store(true, Ordering::SeqCst);
            let pressed = presser.join();
            let pressed = pressed.map_err(|_| Failure::new("whoever presses has panicked"))?;
            let made = made?;
            pressed.map(|()| made)
        })
    }

    /// Refuses what a broken call has left on the screen; a human is told to.
    pub fn dismiss(&self) -> Result<(), Failure> {
        let Some(buttons) = &self.buttons else {
            note("at the emulator: refuse what is left on its screen");
            return Ok(());
        };
        wait_until("a screen that asks nothing", LONG, || {
            Ok(buttons.step(Pressing::No)?.then_some(()))
        })
    }
}

fn by_hand<T>(pressing: Pressing, what: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    note(match pressing {
        Pressing::Yes => "at the emulator: compare, and agree",
        Pressing::No => "at the emulator: REFUSE what it asks",
        Pressing::Nothing => "at the emulator: do nothing",
    });
    what()
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.cut();
    }
}

/// Says on standard error what whoever runs the test is to know.
pub fn note(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    fn serve(self: &Arc<Self>, listener: &TcpListener, address: &str) {
        for caller in listener.incoming() {
            if self.cut.load(Ordering::SeqCst) {
                return;
            }
            let joined = caller.and_then(|caller| {
                let device = TcpStream::connect(address)?;
                Ok((caller, device))
            });
            if let Ok((caller, device)) = joined {
                drop(self.join(&caller, &device));
            }
        }
    }

    fn join(self: &Arc<Self>, caller: &TcpStream, device: &TcpStream) -> std::io::Result<()> {
        locked(&self.ends).extend([caller.try_clone()?, device.try_clone()?]);
        for (from, to, asks) in [(caller, device, true), (device, caller, false)] {
            let (from, to, line) = (from.try_clone()?, to.try_clone()?, Arc::clone(self));
            thread::spawn(move || line.carry(from, to, asks));
        }
        Ok(())
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, asks: bool) {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            *locked(&self.asked) = asks.then(Instant::now);
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        *locked(&self.asked) = None;
        drop(from.shutdown(Shutdown::Both));
        drop(to.shutdown(Shutdown::Both));
    }
}

/// The two buttons of a device that shows one page after the other, by the HTTP interface of its emulator.
#[derive(Debug)]
struct Buttons(String);

#[derive(Debug, Deserialize)]
struct Events {
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    text: String,
}

/// Pages on which nothing is asked.
const IDLE: [&str; 3] = ["is ready", "app info", "quit app"];
/// Pages that go by themselves.
const PASSING: [&str; 7] = [
    "loading transaction",
    "signing transaction",
    "transaction signed",
    "registered",
    "rejected",
    "cancelled",
    "verified",
];
/// What both buttons agree to, at the end of a review or on a warning.
const AGREES: [&str; 8] = [
    "sign transaction",
    "register account",
    "approve",
    "accept",
    "confirm",
    "continue anyway",
    "continue",
    "sign",
];
/// What both buttons refuse.
const REFUSES: [&str; 4] = ["reject", "cancel", "back to safety", "don't sign"];

impl Buttons {
    fn press(&self, pressing: Pressing, done: &AtomicBool) -> Result<(), Failure> {
        wait_until("the end of what is asked", HUMAN, || {
            if done.load(Ordering::SeqCst) {
                return Ok(Some(()));
            }
            self.step(pressing)?;
            Ok(None)
        })
    }

    /// One look at the screen, and one press if it asks; whether it asks nothing.
    fn step(&self, pressing: Pressing) -> Result<bool, Failure> {
        let page = self.page()?;
        if IDLE.iter().any(|idle| page.contains(idle)) {
            return Ok(true);
        }
        if page.is_empty() || PASSING.iter().any(|passing| page.contains(passing)) {
            return Ok(false);
        }
        let wanted: &[&str] = match pressing {
            Pressing::Yes => &AGREES,
            Pressing::No => &REFUSES,
            Pressing::Nothing => return Ok(false),
        };
        let is_it = wanted
            .iter()
            .any(|word| page.trim_end_matches('?') == *word)
            || (pressing == Pressing::No && REFUSES.iter().any(|word| page.starts_with(word)));
        self.button(if is_it { "both" } else { "right" })?;
        Ok(false)
    }

    /// The words on the screen, in lower case.
    fn page(&self) -> Result<String, Failure> {
        let url = format!("http://{}/events?currentscreenonly=true", self.0);
        let answer = ureq::get(url).call()?.body_mut().read_to_string()?;
        let events: Events = serde_json::from_str(&answer)?;
        let words: Vec<String> = events.events.into_iter().map(|event| event.text).collect();
        Ok(words.join(" ").to_lowercase())
    }

    fn button(&self, which: &str) -> Result<(), Failure> {
        let url = format!("http://{}/button/{which}", self.0);
        let press = ureq::post(url).header("content-type", "application/json");
        press.send(r#"{"action":"press-and-release"}"#)?;
        Ok(())
    }
}
