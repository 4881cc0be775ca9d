//! What an operator meets first: files and folders that are not there, a second link, an invitation that is taken back,
//! and webhooks that are asked for nothing.

use std::fs;

use harness::{Engine, Failure, Outcome, Program, Said, ScriptKind, Treasury, items};
use serde_json::Value;

/// A coordinator's command line with the first operator's token, in words.
fn said(treasury: &Treasury, arguments: &[&str]) -> Result<Said, Failure> {
    let token = treasury.coordinator.token_file();
    let access = ["--url", treasury.coordinator.url(), "--token-file"];
    let token = token.to_string_lossy();
    let program = treasury.coordinator.program();
    program.run(&[arguments, &access[..], &[&token]].concat())
}

/// Fails unless it ended with this status, code and hint.
#[track_caller]
fn is_told(said: Said, exit: i32, code: &str, hint: &str) -> Outcome {
    let said = said.ended_with(exit)?;
    let words: Vec<&str> = said.stderr.split_whitespace().collect();
    let words = words.join(" ");
    let named = format!("({code}): ");
    for part in [named.as_str(), hint] {
        if !words.contains(part) {
            return Err(Failure::new(format!("no {part} in {words}")));
        }
    }
    Ok(())
}

/// 1. `init` names a configuration that is none, a folder that is missing for the token and one for the database; each
///    ends with 2, and leaves nothing behind.
/// 2. A second `init` with another token's file asks for `--again`, and with it says that the first link is void.
/// 3. What is no token is refused before anybody is asked.
#[test]
fn a_first_operator_is_told_what_is_missing_and_which_link_is_good() -> Outcome {
    let program = Program::find("countersign-coordinator")?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let init = |config: &str, token: &str, more: &[&str]| {
        let begin = ["init", "--config", config, "--operator-token", token];
        program.run(&[&begin[..], more].concat())
    };
    let (good, wrong) = (path("good.toml"), path("wrong.toml"));
    let database = format!("sqlite://{}", path("c.db"));
    fs::write(
        &good,
        format!("database = \"{database}\"\nnetwork = \"regtest\"\n"),
    )?;
    fs::write(
        &wrong,
        "database = \"sqlite:///c.db\"\nnetwrk = \"regtest\"\n",
    )?;
    let fields = "`countersign-coordinator config example` shows every field";
    is_told(init(&wrong, &path("op"), &[])?, 2, "configuration", fields)?;
    let folders = "make the folder first";
    is_told(init(&good, &path("no/op"), &[])?, 2, "no_folder", folders)?;
    let nowhere = format!("sqlite://{}", path("no/c.db"));
    let elsewhere = ["--database", &nowhere];
    is_told(
        init(&good, &path("op"), &elsewhere)?,
        2,
        "no_folder",
        folders,
    )?;
    assert!(!folder.path().join("op").exists() && !folder.path().join("no").exists());

    let link = |made: &Value| made["invitation"].as_str().unwrap_or_default().to_owned();
    let first = init(&good, &path("op"), &["--json"])?.done()?.json()?;
    assert_eq!(first["former_link_is_void"], false);
    is_told(
        init(&good, &path("op-2"), &[])?,
        2,
        "invited_already",
        "`init --again`",
    )?;
    assert!(!folder.path().join("op-2").exists());
    let again = init(&good, &path("op-2"), &["--again", "--json"])?;
    let again = again.done()?.json()?;
    assert_eq!(again["former_link_is_void"], true);
    assert_ne!(link(&first), link(&again));
    let third = init(&good, &path("op-3"), &["--again"])?.done()?;
    assert!(
        third.text().contains("opens nothing any more"),
        "{}",
        third.text()
    );

    for text in ["", "secret\n"] {
        fs::write(path("token"), text)?;
        let asked = ["balance", "--url", "http://127.0.0.1:1", "--token-file"];
        let asked = program.run(&[&asked[..], &[&path("token")]].concat())?;
        is_told(asked, 2, "token_file", "`token create` makes another")?;
    }
    Ok(())
}

/// 1. Somebody is invited; the list shows the invitation, and does not say that nobody is here.
/// 2. `person revoke` takes it back: its link opens nothing, and a second time there is nobody of that name.
/// 3. A webhook for a kind that no event has is refused with the families there are.
#[test]
fn an_invitation_is_taken_back_by_command_and_a_kind_of_no_event_is_refused() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let link = said(
        &treasury,
        &["person", "invite", "erin", "--role", "approver"],
    )?;
    let link = link.done()?.text().trim().to_owned();
    let secret = link.rsplit('/').next().unwrap_or_default();
    let page = format!("{}/invitations/{secret}", treasury.coordinator.pages());
    let opens = || ureq::get(&page).call().map(drop);
    opens()?;
    let people = said(&treasury, &["person", "list"])?.done()?;
    let shown = people.text();
    assert!(
        shown.contains("erin") && !shown.contains("Nobody"),
        "{shown}"
    );
    let back = said(&treasury, &["person", "revoke", "erin"])?.done()?;
    assert!(
        back.text().contains("Took back the invitation of erin"),
        "{}",
        back.text()
    );
    assert!(
        matches!(opens(), Err(ureq::Error::StatusCode(404))),
        "its link opens nothing"
    );
    let left = treasury.operator().get("/people")?.done()?;
    let names = items(&left["invitations"])?.iter();
    assert!(names.map(|one| &one["person"]).all(|name| name != "erin"));
    let nobody = said(&treasury, &["person", "revoke", "erin"])?;
    nobody.refused("unknown_person")?;
    let none = said(&treasury, &["person", "revoke", "erin", "--invitation"])?;
    none.refused("not_invited")?;

    let folder = tempfile::tempdir()?;
    let url = folder.path().join("url");
    fs::write(&url, "https://hooks.example/x\n")?;
    let url = url.to_string_lossy();
    let add = ["webhook", "add", "books", "--url-file", &url];
    let unknown = said(&treasury, &[&add[..], &["--kind", "nonsense."]].concat())?;
    let unknown = unknown.refused("unknown_event_kind")?;
    assert!(unknown.stderr.contains("withdrawal."), "{}", unknown.stderr);
    said(&treasury, &[&add[..], &["--kind", "deposit."]].concat())?.done()?;
    Ok(())
}
