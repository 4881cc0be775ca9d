//! Who may open which page and send which form: each cell of the table is asked for.

use std::collections::BTreeSet;

use coordinator::configuration::{CoordinatorConfig, EXAMPLE};
use coordinator::service::Service;
use coordinator::ui::{Entry, Public, entries};
use harness::showcase::{Showcase, Size};
use harness::{Engine, Failure, Outcome, Web};
use tokio::runtime::Runtime;
use watchtower::store::database::Database;

use super::cells::CELLS;

/// Every route of the pages, as the program has them.
pub(super) fn table() -> Result<Vec<Entry>, Failure> {
    let runtime = Runtime::new()?;
    let folder = tempfile::tempdir()?;
    let database = runtime.block_on(Database::open_sqlite(&folder.path().join("empty.db")))?;
    let settings = CoordinatorConfig::parse(EXAMPLE)?;
    let service = Service::new(database, settings.network, settings.batch_settings());
    Ok(entries(service, Public::of_listener(settings.listen)))
}

/// The roles of persons, by their letters in the table.
const ROLES: [(char, &str); 4] = [
    ('o', "operator"),
    ('p', "approver"),
    ('r', "requester"),
    ('a', "auditor"),
];

fn asked(visitor: &Web, entry: &Entry, path: &str) -> Result<u16, Failure> {
    let seen = if entry.method == "GET" {
        visitor.get(path)?
    } else {
        visitor.post(path, &[])?
    };
    if seen.status >= 500 {
        let told = seen.text;
        return Err(Failure::new(format!("{} {path}: {told}", entry.method)));
    }
    Ok(seen.status)
}

/// 1. The table here has each route of the program, and no other.
/// 2. Each role opens each page and sends each form, empty: whoever may is not refused for who they are,
///    whoever may not is, and whoever is not signed in is sent to sign in.
/// 3. Somebody of another vault is told that there is nothing at each address of this one.
#[test]
fn each_role_opens_and_sends_exactly_what_it_may() -> Outcome {
    let table = table()?;
    let of_program: BTreeSet<(String, &str)> = table
        .iter()
        .map(|entry| (entry.method.to_string(), entry.path))
        .collect();
    let here: BTreeSet<(String, &str)> = CELLS
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), *path))
        .collect();
    let missing: Vec<String> = of_program
        .difference(&here)
        .map(|(method, path)| format!("(\"{method}\", \"{path}\", \"\"),"))
        .collect();
    assert!(
        missing.is_empty(),
        "not in the table:\n{}",
        missing.join("\n")
    );
    let gone: Vec<_> = here.difference(&of_program).collect();
    assert!(gone.is_empty(), "not in the program: {gone:?}");

    let mut showcase = Showcase::begin(Engine::Sqlite)?;
    let traces = showcase.live_through(Size::SMALL)?;
    let treasury = &showcase.treasury;
    let nobody = Web::nobody(treasury);
    let other = "99".repeat(32);
    let mut cells = 0;
    let mut wrong = Vec::new();
    for entry in &table {
        let (_, _, roles) = CELLS
            .iter()
            .find(|(method, path, _)| entry.method == *method && entry.path == *path)
            .ok_or_else(|| Failure::new(entry.path))?;
        if *roles == "*" || entry.path == "/live" {
            continue;
        }
        let path = showcase.path_of(&traces, entry)?;
        for (letter, role) in ROLES {
            // A session of its own: some forms end it.
            let visitor = treasury.visitor(&format!("some-{role}"), role)?;
            let status = asked(&visitor, entry, &path)?;
            let refused = status == 403 || status == 401;
            cells += 1;
            if refused == roles.contains(letter) {
                wrong.push(format!(
                    "{} {} as {role}: {status}",
                    entry.method, entry.path
                ));
            }
        }
        let status = asked(&nobody, entry, &path)?;
        cells += 1;
        if !matches!(
            (entry.method.as_str(), status),
            ("GET", 303) | ("POST", 401 | 403)
        ) {
            wrong.push(format!(
                "{} {} as nobody: {status}",
                entry.method, entry.path
            ));
        }
        if ["{vault}", "{txid}", "{batch}"]
            .iter()
            .any(|part| entry.path.contains(part))
        {
            let secret = treasury.session_of("stranger", "operator", Some(&other))?;
            let stranger = Web::with_session(treasury, &secret)?;
            let status = asked(&stranger, entry, &path)?;
            cells += 1;
            if !matches!(status, 400 | 403 | 404) {
                wrong.push(format!(
                    "{} {} of another vault: {status}",
                    entry.method, entry.path
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {cells} cells:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(cells > 400, "only {cells} cells were asked for");
    Ok(())
}
