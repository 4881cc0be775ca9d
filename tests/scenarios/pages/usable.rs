//! Everybody can use every page: axe-core finds nothing serious, at no width does anything stick out.

use std::path::Path;

use harness::showcase::{Page, Showcase, Size};
use harness::{Browser, Engine, Failure, Outcome, Screen, Web};

use super::matrix::table;

/// How many tests share the pages, so that none takes minutes.
const SHARES: usize = 4;

#[test]
fn every_page_can_be_used_by_everybody_first_share() -> Outcome {
    every_page_of_a_share(0)
}

#[test]
fn every_page_can_be_used_by_everybody_second_share() -> Outcome {
    every_page_of_a_share(1)
}

#[test]
fn every_page_can_be_used_by_everybody_third_share() -> Outcome {
    every_page_of_a_share(2)
}

#[test]
fn every_page_can_be_used_by_everybody_fourth_share() -> Outcome {
    every_page_of_a_share(3)
}

/// 1. A treasury with something on every page.
/// 2. Each page of the table opens for an operator, on a desktop in light and on a phone in dark.
/// 3. Nothing is wider than the screen, and axe-core has no serious or critical fault to tell.
fn every_page_of_a_share(share: usize) -> Outcome {
    let mut showcase = Showcase::begin(Engine::Sqlite)?;
    let traces = showcase.live_through(Size::SMALL)?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&folder)?;
    let browser = showcase.treasury.visitor_in_browser("dana", "operator")?;
    let dana = Web::of(&showcase.treasury, &browser)?;
    let pages = showcase.pages(&traces, &table()?, &dana)?;
    let ours = pages.iter().skip(share).step_by(SHARES);
    let mut faults = look_at(&showcase, &browser, ours, &folder)?;
    if share == 0 {
        let nobody = Browser::start()?;
        let pages = showcase.public_pages()?;
        faults.extend(look_at(&showcase, &nobody, pages.iter(), &folder)?);
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    )))
}

/// Opens pages one after another, and tells what is wrong with them.
fn look_at<'a>(
    showcase: &Showcase,
    browser: &Browser,
    pages: impl Iterator<Item = &'a Page>,
    folder: &Path,
) -> Result<Vec<String>, Failure> {
    let mut faults = Vec::new();
    for page in pages {
        browser.open(&showcase.treasury.page(&page.path))?;
        if browser.count("h1")? != 1 {
            faults.push(format!("{} has not one heading of the page", page.route));
        }
        // Each width and each scheme once.
        let [(desktop, light), _, _, (phone, dark)] = Screen::ALL;
        for (name, screen) in [(desktop, light), (phone, dark)] {
            let file = folder.join(format!("{}-{name}.png", page.name()));
            if let Err(failure) = browser.picture(screen, &file) {
                faults.push(format!("{} ({name}): {failure}", page.route));
            }
            for fault in browser.faults()? {
                faults.push(format!("{} ({name}): {fault}", page.route));
            }
        }
    }
    Ok(faults)
}
