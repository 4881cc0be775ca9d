//! `countersign-adversary`: runs the campaigns and prints one line of each.
//!
//! `countersign-adversary [--only G1,G2] [--cases N] [--seed N] [--small]`; exit code 1 when anything is
//! not as expected, 2 for a usage error.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use harness::Failure;
use harness::adversaries::{CAMPAIGNS, Campaign, Settings, World};

const USAGE: u8 = 2;
const HELP: &str = "[--only G1,G1b,G2,G2a,G2b,G3,G4,G9,G14] [--cases N] [--seed N] [--small]; `make adversary` runs all in full, for half an hour and more";

fn main() -> ExitCode {
    let (campaigns, settings) = match read(std::env::args().skip(1)) {
        Ok(read) => read,
        Err(message) => {
            say(&format!("countersign-adversary: {message}"));
            return ExitCode::from(USAGE);
        }
    };
    match run(&campaigns, &settings) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            say(&format!("countersign-adversary: {failure:?}"));
            ExitCode::FAILURE
        }
    }
}

fn run(campaigns: &[Campaign], settings: &Settings) -> Result<bool, Failure> {
    // Panics of what is attacked are counted; a million messages of them would hide the count.
    std::panic::set_hook(Box::new(|_| {}));
    say("starting a node");
    let world = World::start()?;
    let mut good = true;
    for campaign in campaigns {
        say(&format!("{}: running, seed {}", campaign.id, settings.seed));
        let start = Instant::now();
        let found = campaign.run(&world, settings)?;
        good &= found.is_good();
        writeln!(io::stdout().lock(), "{}", found.report())?;
        say(&format!("{}: {} s", campaign.id, start.elapsed().as_secs()));
    }
    Ok(good)
}

/// Progress goes to standard error; if nobody reads it, nothing is lost.
fn say(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

fn read(arguments: impl Iterator<Item = String>) -> Result<(Vec<Campaign>, Settings), String> {
    let mut campaigns = CAMPAIGNS.to_vec();
    let mut settings = Settings {
        seed: 1,
        cases: None,
        full: true,
        part: (0, 1),
    };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        if argument == "--help" || argument == "-h" {
            return Err(HELP.to_owned());
        }
        if argument == "--small" {
            settings.full = false;
            continue;
        }
        let value = arguments
            .next()
            .ok_or_else(|| format!("{argument} needs a value"))?;
        // `make` passes settings on as they came: an empty one is none.
        if value.is_empty() {
            continue;
        }
        let number = || value.parse().map_err(|_| format!("{value} is no number"));
        match argument.as_str() {
            "--only" => {
                campaigns = value
                    .split(',')
                    .map(|id| {
                        CAMPAIGNS
                            .iter()
                            .copied()
                            .find(|campaign| campaign.id.eq_ignore_ascii_case(id))
                            .ok_or_else(|| format!("there is no campaign {id}"))
                    })
                    .collect::<Result<_, _>>()?;
            }
            "--cases" => settings.cases = Some(number()?),
            "--seed" => settings.seed = number()?,
            _ => return Err(format!("unknown option {argument}")),
        }
    }
    Ok((campaigns, settings))
}
