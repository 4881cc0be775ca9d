//! Mail by a real server: who is told what and when, and that nothing is lost, told twice or given away.
//!
//! The hours of persons are those of the clock of this machine. To let hours pass, what waits is dated back in the
//! database: a notice that is written down does not know how long ago that was.

use bitcoin::Amount;
use harness::{
    AUTOMATIC_MAX_SAT, Bitcoind, Coordinator, ENGINES, Engine, Failure, LONG, Mail, MailServer,
    Outcome, People, Purse, SHORT, ScriptKind, Settings, Store, Treasury, Web, wait_until,
};
use policies::document::{ApproverDraft, PinnedKeyDraft};
use policies::intent::SecretKey;
use serde_json::json;

/// More than is paid without asking.
const LARGE: Amount = Amount::from_sat(AUTOMATIC_MAX_SAT + 1);
/// What the vault holds.
const FUNDS: Amount = Amount::from_sat(50_000_000);
/// How often something is asked for before the round of notices is hurried.
const PATIENCE: u32 = 25;

/// A treasury with funds that sends mail, with dana and erin in `ops`.
fn treasury(engine: Engine, server: &MailServer) -> Result<Treasury, Failure> {
    let node = Bitcoind::start()?;
    let store = Store::start(engine)?;
    let people = People::agree_edited(ScriptKind::Wsh, &node, |draft| {
        draft.approvers.push(ApproverDraft {
            name: "erin".to_owned(),
            person: "erin".to_owned(),
            groups: vec!["ops".to_owned()],
            keys: vec![PinnedKeyDraft::own(
                &SecretKey::from_bytes(&[0x5e; 32]).public(),
            )],
        });
    })?;
    let settings = Settings {
        configuration: server.configuration(),
        ..Settings::default()
    };
    let coordinator = Coordinator::start(&store, &node, &settings)?;
    let treasury = Treasury::assemble(node, store, people, coordinator)?;
    treasury.deposit(FUNDS)?;
    Ok(treasury)
}

/// Says on the page of a person what the person is told.
#[track_caller]
fn sets(web: &Web, fields: &[(&str, &str)]) -> Outcome {
    let saved = web.post("/account/notifications", fields)?;
    if saved.status == 303 {
        return Ok(());
    }
    Err(Failure::new(format!("not saved: {}", saved.text)))
}

/// Asks for a payment that waits for one of `ops`.
fn ask(treasury: &Treasury, id: &str) -> Outcome {
    let number = id.as_bytes().last().copied().unwrap_or_default();
    treasury.withdraw(id, &Purse::stranger(number), LARGE)?;
    Ok(())
}

/// Lets the next look at what waits, and the next try of mail, be now.
fn hurry(treasury: &Treasury) -> Outcome {
    let now = "UPDATE job SET run_at = 0 WHERE kind IN ('notify', 'mail')";
    treasury.store.sql(now).map(drop)
}

/// Waits until so many mails were taken, and gives all.
#[track_caller]
fn mails(treasury: &Treasury, server: &MailServer, count: usize) -> Result<Vec<Mail>, Failure> {
    let mut asked = 0;
    wait_until(&format!("{count} mails"), LONG, || {
        asked += 1;
        if asked % PATIENCE == 0 {
            hurry(treasury)?;
        }
        let mails = server.mails()?;
        Ok((mails.len() >= count).then_some(mails))
    })
}

/// Waits until so many notices are written down and not sent.
#[track_caller]
fn held_back(treasury: &Treasury, count: u64) -> Outcome {
    let mut asked = 0;
    let held = "SELECT COUNT(*) FROM notice WHERE sent_at IS NULL";
    wait_until(&format!("{count} notices to be held back"), LONG, || {
        asked += 1;
        if asked % PATIENCE == 0 {
            hurry(treasury)?;
        }
        Ok((treasury.store.number(held)? == count).then_some(()))
    })
}

/// Writes down a notice of a kind with a title in SQL.
fn notice(treasury: &Treasury, person: &str, kind: &str, title: &str) -> Outcome {
    let now = harness::now().as_secs();
    let number = treasury.store.number("SELECT COUNT(*) FROM notice")?;
    let insert = format!(
        "INSERT INTO notice (person, key, kind, title, words, href, at)
         VALUES ('{person}', 'test/{number}', '{kind}', {title}, '', '/health', {now})"
    );
    treasury.store.sql(&insert).map(drop)
}

/// What holds for every mail of this program.
#[track_caller]
fn is_a_letter_to(mail: &Mail, address: &str) {
    assert_eq!(mail.recipients, [address]);
    assert_eq!(mail.sender, "countersign@treasury.example");
    assert_eq!(mail.header("to"), Some(address));
    let from = "Countersign <countersign@treasury.example>";
    assert_eq!(mail.header("from"), Some(from));
    assert_eq!(mail.header("auto-submitted"), Some("auto-generated"));
    assert!(mail.header("date").is_some() && mail.header("message-id").is_some());
    let kind = mail.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/plain"), "{kind}");
    assert_eq!((mail.parts, mail.encrypted), (1, true));
    assert_eq!(mail.user, "countersign");
    for (name, _) in &mail.headers {
        assert!(
            !matches!(name.as_str(), "bcc" | "cc" | "x-evil"),
            "{mail:?}"
        );
    }
}

/// On each engine:
/// 1. dana says on her page that she is told by mail what waits for her.
/// 2. A payment is asked for that needs her. A mail arrives: encrypted, from who signed in, to her alone, in plain
///    text, and says which payment waits.
/// 3. Every link of it opens a page, for dana and for nobody. Nothing is changed by opening it: no approval, no
///    state, no event.
/// 4. A title with line breaks and headers in it is one subject, and nobody else gets it.
#[test]
fn a_mail_says_what_waits_and_its_links_open_pages_and_approve_nothing() -> Outcome {
    for engine in ENGINES {
        let server = MailServer::start()?;
        let mut treasury = treasury(engine, &server)?;
        let dana = treasury.visitor("dana", "approver")?;
        sets(
            &dana,
            &[("mail", "dana@treasury.example"), ("kind", "waits")],
        )?;
        ask(&treasury, "w-1")?;
        let taken = mails(&treasury, &server, 1)?;
        let mail = &taken[0];
        is_a_letter_to(mail, "dana@treasury.example");
        let subject = mail.header("subject").unwrap_or_default();
        assert!(
            subject.starts_with("Countersign: ") && subject.contains("w-1"),
            "{subject}"
        );
        assert!(
            mail.text
                .contains("This link opens a page. It approves nothing.")
        );

        let before = state(&treasury)?;
        let origin = treasury.coordinator.pages();
        let links: Vec<&str> = mail
            .text
            .split_whitespace()
            .filter(|word| word.starts_with("http"))
            .collect();
        assert_eq!(links.len(), 2, "{}", mail.text);
        assert!(links[0].ends_with("/withdrawals/exchange/w-1"), "{links:?}");
        for link in links {
            let path = link.strip_prefix(&origin).unwrap_or_default();
            let opened = dana.get(path)?;
            assert_eq!(opened.status, 200, "{link}");
            let closed = Web::nobody(&treasury).get(path)?;
            let to = closed.header("location").unwrap_or_default();
            assert!(
                closed.status == 303 && to.starts_with("/sign-in"),
                "{closed:?}"
            );
        }
        assert_eq!(state(&treasury)?, before, "a link changes nothing");

        let broken = match engine {
            Engine::Sqlite => "char(13, 10)",
            Engine::Postgres => "chr(13) || chr(10)",
        };
        let title =
            format!("'pay' || {broken} || 'Bcc: x@evil.example' || {broken} || 'X-Evil: 1'");
        notice(&treasury, "dana", "alarm", &title)?;
        let taken = mails(&treasury, &server, 2)?;
        is_a_letter_to(&taken[1], "dana@treasury.example");
        let subject = taken[1].header("subject").unwrap_or_default();
        assert!(
            subject.contains("pay⟨U+000D⟩⟨U+000A⟩Bcc: x@evil.example"),
            "{subject}"
        );
        treasury.must_be_well()?;
    }
    Ok(())
}

/// All that an opened page must leave as it was.
fn state(treasury: &Treasury) -> Result<(String, String, u64), Failure> {
    let events = treasury.store.number("SELECT COUNT(*) FROM event")?;
    Ok((
        treasury.census()?,
        treasury.withdrawal_state("w-1")?,
        events,
    ))
}

/// 1. An intent whose reference breaks a line is refused before it is stored, and nobody is told of it.
/// 2. An address that breaks a line is refused beside its field, by page, API and command line.
#[test]
fn no_reference_and_no_address_breaks_a_line_of_a_mail() -> Outcome {
    let server = MailServer::start()?;
    let treasury = treasury(Engine::Sqlite, &server)?;
    let dana = treasury.visitor("dana", "approver")?;
    sets(
        &dana,
        &[("mail", "dana@treasury.example"), ("kind", "waits")],
    )?;
    let intent = treasury.intent("w-1", &Purse::stranger(1), LARGE)?;
    let text = String::from_utf8(intent.encode())?;
    let reference = "\"reference\":\"\"";
    assert!(text.contains(reference), "{text}");
    let broken = text.replace(reference, "\"reference\":\"x\\r\\nBcc: x@evil.example\"");
    let refused = treasury.submit_body(&treasury.signed_bytes(broken.as_bytes()))?;
    assert!((400..500).contains(&refused.status), "{refused:?}");

    for address in [
        "dana@treasury.example\r\nBcc: x@evil.example",
        "dana@treasury.example, x@evil.example",
        "dana@treasury.example\nX-Evil: 1",
        "Dana <dana@treasury.example>",
    ] {
        let saved = dana.post("/account/notifications", &[("mail", address)])?;
        assert_eq!(saved.status, 422, "{address:?}");
        assert!(saved.text.contains("mail-wrong"), "{address:?}");
        let wish = json!({ "mail": address, "kinds": ["waits"] });
        treasury
            .operator()
            .put("/people/dana/notifications", &wish)?
            .refused(400, "malformed")?;
        treasury
            .command_line(&["notification", "set", "dana", "--mail", address])?
            .refused("malformed")?;
    }
    let held = treasury.store.number("SELECT COUNT(*) FROM notice")?;
    assert_eq!(held, 0);
    Ok(())
}

/// 1. It is a quiet hour of dana's. What waits for her is written down and held back; what is urgent comes at once.
/// 2. The quiet hours are over: what was held back comes.
/// 3. She takes one mail a day. Two payments wait and nothing comes, until the hour of the digest, when both come in
///    one mail.
#[test]
fn quiet_hours_hold_mail_back_and_a_digest_is_one_mail() -> Outcome {
    let server = MailServer::start()?;
    let mut treasury = treasury(Engine::Sqlite, &server)?;
    let dana = treasury.visitor("dana", "approver")?;
    let hour = harness::now().as_secs() / 3_600 % 24;
    let [before, after] = [(hour + 23) % 24, (hour + 2) % 24].map(|hour| hour.to_string());
    let address = ("mail", "dana@treasury.example");
    let quiet = [("quiet_from", before.as_str()), ("quiet_until", &after)];
    sets(
        &dana,
        &[&[address, ("kind", "waits"), ("kind", "alarm")], &quiet[..]].concat(),
    )?;
    ask(&treasury, "w-1")?;
    held_back(&treasury, 1)?;
    notice(&treasury, "dana", "alarm", "'Something is wrong'")?;
    let taken = mails(&treasury, &server, 1)?;
    let subject = |mail: &Mail| mail.header("subject").unwrap_or_default().to_owned();
    assert_eq!(subject(&taken[0]), "Countersign: Something is wrong");
    held_back(&treasury, 1)?;

    let a_day = "UPDATE notice SET at = at - 86400 WHERE sent_at IS NULL";
    treasury.store.sql(a_day)?;
    let taken = mails(&treasury, &server, 2)?;
    assert!(subject(&taken[1]).contains("w-1"), "{}", subject(&taken[1]));

    sets(&dana, &[address, ("kind", "waits"), ("digest", &after)])?;
    ask(&treasury, "w-2")?;
    ask(&treasury, "w-3")?;
    held_back(&treasury, 2)?;
    assert_eq!(server.mails()?.len(), 2, "both wait for their hour");
    treasury.store.sql(a_day)?;
    let taken = mails(&treasury, &server, 3)?;
    let digest = &taken[2];
    assert_eq!(subject(digest), "Countersign: 2 of 2 things wait for you");
    is_a_letter_to(digest, "dana@treasury.example");
    for id in ["w-2", "w-3"] {
        let link = format!("/withdrawals/exchange/{id}\n");
        assert_eq!(digest.text.matches(&link).count(), 1, "{}", digest.text);
    }
    held_back(&treasury, 0)?;
    assert_eq!(server.mails()?.len(), 3);
    treasury.must_be_well()
}

/// 1. An operator says by the command line that dana is reminded after four hours and erin told after six; the log
///    tells that, and no address.
/// 2. A payment waits. dana is told, and erin is not. Four hours pass: dana is reminded.
/// 3. Three more pass: erin is told that dana has not acted, and it is told once.
/// 4. dana approves. Nothing waits any more, and nobody is told anything.
#[test]
fn what_still_waits_is_reminded_of_and_told_to_the_next_of_the_group() -> Outcome {
    let server = MailServer::start()?;
    let mut treasury = treasury(Engine::Sqlite, &server)?;
    treasury.visitor("dana", "approver")?;
    treasury.visitor("erin", "approver")?;
    let set = ["notification", "set"];
    let dana = ["dana", "--mail", "dana@treasury.example", "--tell", "waits"];
    let hours = ["--remind", "4", "--escalate", "6"];
    treasury
        .command_line(&[&set[..], &dana, &hours].concat())?
        .done()?;
    let erin = ["erin", "--mail", "erin@treasury.example", "--tell", "alarm"];
    treasury.command_line(&[&set[..], &erin].concat())?.done()?;
    let shown = treasury
        .command_line(&["notification", "show", "dana"])?
        .json()?;
    assert_eq!(shown["settings"]["remind_hours"], 4);
    assert_eq!(shown["settings"]["kinds"], json!(["waits"]));

    let intent = treasury.withdraw("w-1", &Purse::stranger(1), LARGE)?;
    let taken = mails(&treasury, &server, 1)?;
    is_a_letter_to(&taken[0], "dana@treasury.example");
    let pass = |hours: u32| {
        let back = hours * 3_600;
        treasury.store.sql(&format!(
            "UPDATE notice_wait SET reminded_at = reminded_at - {back}, told_at = told_at - {back}"
        ))
    };
    pass(4)?;
    let taken = mails(&treasury, &server, 2)?;
    is_a_letter_to(&taken[1], "dana@treasury.example");
    assert!(
        taken[1].text.starts_with("Still open: "),
        "{}",
        taken[1].text
    );
    pass(3)?;
    let taken = mails(&treasury, &server, 3)?;
    is_a_letter_to(&taken[2], "erin@treasury.example");
    assert!(
        taken[2].text.starts_with("dana has not acted: "),
        "{}",
        taken[2].text
    );
    assert!(taken[2].text.contains("/withdrawals/exchange/w-1\n"));

    treasury.approve(&[&intent])?;
    let open = "SELECT COUNT(*) FROM notice_wait WHERE gone_at IS NULL";
    wait_until("nothing to wait on dana any more", LONG, || {
        hurry(&treasury)?;
        Ok((treasury.store.number(open)? == 0).then_some(()))
    })?;
    held_back(&treasury, 0)?;
    assert_eq!(server.mails()?.len(), 3, "each is told once");
    let events = treasury.events()?;
    let told = events
        .iter()
        .filter(|event| event["kind"] == "person.notifications-set");
    assert_eq!(told.count(), 2);
    assert!(!json!(events).to_string().contains("@treasury.example"));
    treasury.must_be_well()
}

/// 1. The server does not take the password, then refuses mail. It is tried again, ever slower; the page of health
///    and dana's own page say so, and the password stands nowhere.
/// 2. The server is away, and the coordinator is killed and started again. Then the server is back: the mail comes,
///    once, and the pages say nothing of it any more.
/// 3. The coordinator is killed again. What comes next is the next mail, and nothing that was there before.
#[test]
fn a_mail_server_that_refuses_or_is_away_costs_no_mail_and_sends_none_twice() -> Outcome {
    let mut server = MailServer::start()?;
    let mut treasury = treasury(Engine::Sqlite, &server)?;
    let dana = treasury.visitor("dana", "approver")?;
    sets(
        &dana,
        &[("mail", "dana@treasury.example"), ("kind", "waits")],
    )?;
    server.takes_the_password(false)?;
    ask(&treasury, "w-1")?;
    let mut asked = 0;
    wait_until("the password to be refused", LONG, || {
        asked += 1;
        if asked == PATIENCE {
            hurry(&treasury)?;
        }
        Ok((!server.tries()?.is_empty()).then_some(()))
    })?;
    wait_until("the refusal to be told", SHORT, || {
        Ok(dana.get("/health")?.text.contains("(535)").then_some(()))
    })?;
    server.answers(Some("550 5.7.1 no mail today"))?;
    server.takes_the_password(true)?;
    // From here on nothing is hurried: the pauses are the coordinator's own.
    let before = server.tries()?.len();
    let tries = wait_until("four more tries", LONG, || {
        let tries = server.tries()?.split_off(before);
        Ok((tries.len() >= 4).then_some(tries))
    })?;
    let pauses: Vec<u64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause| *pause >= 500), "{pauses:?}");
    assert!(pauses[pauses.len() - 1] >= 2 * pauses[0], "{pauses:?}");
    for path in ["/health", "/account/notifications"] {
        wait_until(&format!("{path} to say so"), SHORT, || {
            Ok(dana.get(path)?.text.contains("no mail today").then_some(()))
        })?;
    }
    assert!(server.mails()?.is_empty());

    server.goes_away()?;
    treasury.coordinator.kill()?;
    treasury.coordinator.resume()?;
    let mut asked = 0;
    wait_until("the server to be missed", LONG, || {
        asked += 1;
        if asked % PATIENCE == 0 {
            hurry(&treasury)?;
        }
        let status = treasury.operator().get("/status")?.done()?.to_string();
        Ok((status.contains("\"mail\"") && !status.contains("no mail today")).then_some(()))
    })?;
    server.answers(None)?;
    server.comes_back()?;
    let taken = mails(&treasury, &server, 1)?;
    is_a_letter_to(&taken[0], "dana@treasury.example");
    wait_until("the pages to forget it", SHORT, || {
        let health = dana.get("/health")?.text;
        Ok((!health.contains("The job mail failed")).then_some(()))
    })?;

    treasury.coordinator.kill()?;
    treasury.coordinator.resume()?;
    ask(&treasury, "w-2")?;
    let taken = mails(&treasury, &server, 2)?;
    assert!(
        taken[1]
            .header("subject")
            .unwrap_or_default()
            .contains("w-2")
    );
    held_back(&treasury, 0)?;
    assert_eq!(server.mails()?.len(), 2, "nothing came twice");
    assert_ne!(taken[0].header("message-id"), taken[1].header("message-id"));

    let log = treasury.coordinator.log()?;
    assert!(log.contains("a mail was not sent"), "the log tells that");
    let status = treasury.operator().get("/status")?.done()?.to_string();
    let pages = dana.get("/health")?.text + &dana.get("/account/notifications")?.text;
    for secret in MailServer::secrets() {
        for (place, text) in [("log", &log), ("status", &status), ("pages", &pages)] {
            assert!(!text.contains(&secret), "the {place} tells the password");
        }
    }
    treasury.must_be_well()
}
