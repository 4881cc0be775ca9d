//! `make screenshots`: every page on a desktop and on a phone, in light and in dark, with much in it.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use coordinator::service::{BatchSettings, Service};
use coordinator::ui::{Public, entries};
use harness::showcase::{Dialog, Showcase, Size};
use harness::{Browser, Engine, Failure, Outcome, Screen, Web};
use watchtower::store::database::Database;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let folder = arguments
        .next()
        .map_or_else(|| PathBuf::from("target/screenshots"), PathBuf::from);
    if folder.to_string_lossy().starts_with('-') {
        drop(writeln!(
            io::stderr(),
            "countersign-screenshots [FOLDER [small]]: takes a picture of every page"
        ));
        return ExitCode::FAILURE;
    }
    let size = match arguments.next() {
        Some(_) => Size::SMALL,
        None => Size::LARGE,
    };
    match take(&folder, size) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            drop(writeln!(io::stderr(), "{failure:?}"));
            ExitCode::FAILURE
        }
    }
}

/// Every route of the pages, as the program has them.
fn table() -> Result<Vec<coordinator::ui::Entry>, Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let folder = tempfile::tempdir()?;
    let database = runtime.block_on(Database::open_sqlite(&folder.path().join("empty.db")))?;
    let settings =
        coordinator::configuration::CoordinatorConfig::parse(coordinator::configuration::EXAMPLE)?;
    let batches: BatchSettings = settings.batch_settings();
    let service = Service::new(database, settings.network, batches);
    Ok(entries(service, Public::of_listener(settings.listen)))
}

fn take(folder: &PathBuf, size: Size) -> Outcome {
    fs::create_dir_all(folder)?;
    let say = |words: &str| writeln!(io::stdout(), "{words}");
    say("A treasury lives through a busy week.")?;
    let mut showcase = Showcase::begin(Engine::Sqlite)?;
    let traces = showcase.live_through(size)?;
    let browser = showcase.treasury.visitor_in_browser("dana", "operator")?;
    let dana = Web::of(&showcase.treasury, &browser)?;
    let pages = showcase.pages(&traces, &table()?, &dana)?;
    let public = showcase.public_pages()?;
    let nobody = Browser::start()?;
    let all = pages.iter().map(|page| (&browser, page));
    let all = all.chain(public.iter().map(|page| (&nobody, page)));
    let mut faults = Vec::new();
    for (number, (browser, page)) in all.enumerate() {
        browser.open(&showcase.treasury.page(&page.path))?;
        for (name, screen) in Screen::ALL {
            let file = folder.join(format!("{}-{name}.png", page.name()));
            if let Err(failure) = browser.whole_picture(screen, &file) {
                faults.push(format!("{} ({name}): {failure}", page.route));
            }
        }
        for fault in browser.faults()? {
            faults.push(format!("{}: {fault}", page.route));
        }
        say(&format!(
            "{:>3} of {}  {}",
            number + 1,
            pages.len() + public.len(),
            page.path
        ))?;
    }
    let film = tempfile::tempdir()?;
    let camera = showcase.operator_with_camera(&traces, &film.path().join("film.y4m"))?;
    for dialog in Dialog::ALL {
        dialog.open(&showcase, &traces, &camera)?;
        for (name, screen) in Screen::ALL {
            let file = folder.join(format!("{}-{name}.png", dialog.name));
            if let Err(failure) = camera.picture(screen, &file) {
                faults.push(format!("{} ({name}): {failure}", dialog.name));
            }
        }
        for fault in camera.faults()? {
            faults.push(format!("{}: {fault}", dialog.name));
        }
        say(&format!("          {}", dialog.name))?;
    }
    say(&format!("The pictures are in {}.", folder.display()))?;
    if faults.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    )))
}
