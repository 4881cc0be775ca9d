//! Campaigns: liars by the hundred thousand, against the real signer and the real coordinator.
//!
//! Each campaign prints one line that begins with its id, and is repeated exactly by its seed. Invariant:
//! what is right is decided by [`oracle`], which shares no code with what it judges, and by a real node.

pub mod attempt;
mod chain;
pub mod draw;
mod g1;
mod g14;
#[cfg(feature = "planted")]
mod g15;
mod g1b;
mod g2;
mod g2a;
mod g2b;
#[cfg(feature = "planted")]
mod g3;
mod g4;
mod g9;
pub mod mutation;
mod node;
pub mod oracle;
mod progress;
pub mod raw;
mod signer;
pub mod vault;

use std::fmt::Write as _;

use crate::{Bitcoind, Failure};

use self::vault::{Kind, Vault};

/// How much is tried.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The seed of everything that is chosen.
    pub seed: u64,
    /// Cases of G1 and of G2, sessions of G2b, runs of G3, steps of G4, withdrawals of G9; the other campaigns
    /// are as large as they are.
    pub cases: Option<u64>,
    /// Whether the full figures are run, or those of the gate.
    pub full: bool,
    /// One part of so many of G3, of G4 and of G15, which counts from 0.
    pub part: (usize, usize),
}

/// What a campaign found.
#[derive(Debug)]
pub struct Found {
    /// The line that begins with its id.
    pub line: String,
    /// What is not as expected, for people.
    pub complaints: Vec<String>,
    /// What else a reader should see, a line each.
    pub notes: Vec<String>,
}

/// A campaign.
#[derive(Debug, Clone, Copy)]
pub struct Campaign {
    /// Its id.
    pub id: &'static str,
    run: fn(&World, &Settings) -> Result<Found, Failure>,
}

/// What campaigns share: the vaults and the node that has their coins.
#[derive(Debug)]
pub struct World {
    /// The vaults.
    pub vaults: Vec<Vault>,
    /// The node.
    pub node: Bitcoind,
}

/// Every campaign. G3 and G15 need a build with the feature `planted`.
pub const CAMPAIGNS: &[Campaign] = &[
    Campaign {
        id: "G1",
        run: g1::run,
    },
    Campaign {
        id: "G1b",
        run: |world, settings| Ok(g1b::run(world, settings)),
    },
    Campaign {
        id: "G2",
        run: g2::run,
    },
    Campaign {
        id: "G2a",
        run: |world, _| Ok(g2a::run(world)),
    },
    Campaign {
        id: "G2b",
        run: g2b::run,
    },
    #[cfg(feature = "planted")]
    Campaign {
        id: "G3",
        run: |_, settings| g3::run(settings),
    },
    Campaign {
        id: "G4",
        run: |_, settings| g4::run(settings),
    },
    Campaign {
        id: "G9",
        run: |_, settings| Ok(g9::run(settings)),
    },
    Campaign {
        id: "G14",
        run: |_, settings| Ok(g14::run(settings)),
    },
    #[cfg(feature = "planted")]
    Campaign {
        id: "G15",
        run: g15::run,
    },
];

impl World {
    /// Starts a node and gives every vault its coins.
    pub fn start() -> Result<Self, Failure> {
        Self::of(&Kind::ALL)
    }

    /// The same with some kinds of vaults only.
    pub fn of(kinds: &[Kind]) -> Result<Self, Failure> {
        let node = Bitcoind::start()?;
        let vaults = Vault::all(&node, kinds)?;
        Ok(Self { vaults, node })
    }
}

impl Campaign {
    /// Runs it. Panics of what is attacked are caught and counted, so nobody needs to print them.
    pub fn run(&self, world: &World, settings: &Settings) -> Result<Found, Failure> {
        (self.run)(world, settings)
    }
}

impl Found {
    /// Whether everything was as expected.
    pub fn is_good(&self) -> bool {
        self.complaints.is_empty()
    }

    /// The line, and below it what else there is to see and what is not as expected.
    pub fn report(&self) -> String {
        let mut report = self.line.clone();
        for complaint in self.notes.iter().chain(self.complaints.iter().take(20)) {
            // Writing to a text does not fail.
            if write!(report, "\n    {complaint}").is_err() {
                break;
            }
        }
        report
    }
}
