//! `status`: first whether all is well, then what needs a look and what to do, then the figures.

use policies::UnixTime;
use serde_json::Value;
use watchtower::alarm::AlarmKind;
use watchtower::store::node::{MAIN, Trouble};

use super::CliError;
use super::answer::{count, list, moment, names, number, text};
use super::api::Api;
use super::layout::{Lines, item};
use super::output::Output;
use crate::service::health::node_in_words;

/// Seconds after which nobody seems to look at the node any more: a watchtower says every ten how it is.
const UNWATCHED: u64 = 60;

/// Something that needs a look, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
struct Concern {
    what: String,
    to_do: String,
}

pub(super) fn run(api: &Api, out: &Output) -> Result<(), CliError> {
    let status = api.get("/status")?;
    out.told(&status, || told(&status))
}

fn told(status: &Value) -> String {
    let concerns = concerns(status);
    let mut said = match concerns.as_slice() {
        [] => "All is well.\n".to_owned(),
        [_] => "1 thing needs a look:\n".to_owned(),
        many => format!("{} things need a look:\n", many.len()),
    };
    for concern in &concerns {
        said += &item(&format!("{} To do: {}.", concern.what, concern.to_do));
    }
    said + "\n" + &figures(status)
}

fn figures(status: &Value) -> String {
    let fees: Vec<String> = list(status, "fees")
        .iter()
        .map(|fee| {
            format!(
                "{} in {} blocks",
                text(fee, "feerate_sat_vb"),
                number(fee, "target")
            )
        })
        .collect();
    let age = number(status, "fees_age_s");
    let fees = match (fees.is_empty(), text(status, "fees_gap")) {
        (true, "fees_stale") => format!("too old to count, of {age} s ago"),
        (true, _) => "no estimate; give `batch create` a --feerate".to_owned(),
        (false, _) if age.is_empty() => format!("sat/vB: {}", fees.join(", ")),
        (false, _) => format!("sat/vB: {}; of {age} s ago", fees.join(", ")),
    };
    let mut lines = Lines::default()
        .with("network", text(status, "network"))
        .with("height", number(status, "height"))
        .with("tip", text(status, "tip"));
    for node in list(status, "nodes") {
        let height = number(node, "height");
        let checked = moment(node, "checked_at");
        lines = lines.with(
            "node",
            format!(
                "{}, at height {height}, looked at {checked}",
                node_in_words(text(node, "node"))
            ),
        );
    }
    lines
        .with("fees", fees)
        .with("events", number(status, "event_number"))
        .with("last event", text(status, "event_hash"))
        .with("database", text(status, "database"))
        .with("version", text(status, "version"))
        .with("now", moment(status, "now"))
        .text()
}

fn concerns(status: &Value) -> Vec<Concern> {
    let now = seconds(status, "now");
    let nodes = list(status, "nodes");
    let mut found = Vec::new();
    let start = "start `countersign-watchtower run`, or the coordinator with --with-watchtower";
    let progress = status
        .get("progress")
        .filter(|progress| !progress.is_null());
    if let Some(progress) = progress {
        let (done, of) = (number(progress, "done"), number(progress, "of"));
        let what = format!("The watchtower is catching up with its node: {done} of {of} blocks.");
        found.push(concern(
            &what,
            "wait; nothing after those blocks is known yet",
        ));
    } else if nodes.is_empty() {
        found.push(concern("No watchtower has seen the chain yet.", start));
    } else if status.get("height").is_none_or(Value::is_null) {
        let wait = "wait, or mend what is said of the node";
        found.push(concern("The watchtower has not read the chain yet.", wait));
    }
    for node in nodes {
        found.extend(of_node(node, now, start, progress.is_some()));
    }
    let of_nodes = [AlarmKind::NodeTrouble, AlarmKind::WitnessTrouble].map(AlarmKind::code);
    let told = |alarm: &&Value| !of_nodes.contains(&text(alarm, "alarm"));
    found.extend(list(status, "alarms").iter().filter(told).map(of_alarm));
    found.extend(list(status, "stops").iter().map(of_stop));
    let open = list(status, "alarms");
    let is_held = |stuck: &&Value| {
        let mut held = open
            .iter()
            .filter(|alarm| text(alarm, "alarm") == AlarmKind::BumpHeld.code());
        held.any(|alarm| text(alarm, "subject") == text(stuck, "txid"))
    };
    let stuck = list(status, "stuck").iter();
    found.extend(stuck.filter(|stuck| !is_held(stuck)).map(of_stuck));
    found.extend(list(status, "jobs").iter().map(of_job));
    found.extend(list(status, "journals").iter().map(of_journal));
    found
}

fn of_node(node: &Value, now: UnixTime, start: &str, catching_up: bool) -> Vec<Concern> {
    let name = node_in_words(text(node, "node"));
    let mut found = Vec::new();
    let unwatched = now.secs_since(seconds(node, "checked_at"));
    if unwatched > UNWATCHED && !catching_up {
        let what =
            format!("Nobody has looked at {name} for {unwatched} s: no watchtower is running.");
        found.push(concern(&what, start));
    }
    let trouble = text(node, "trouble");
    if !trouble.is_empty() {
        let what = format!(
            "There is trouble ({trouble}) with {name}: {}.",
            text(node, "detail")
        );
        let to_do = Trouble::from_code(trouble).map_or("see to the node", Trouble::hint);
        let until = match text(node, "node") {
            MAIN => format!("{to_do}; until then no batch is made and no deposit credited"),
            _ => to_do.to_owned(),
        };
        found.push(concern(&what, &until));
    }
    found
}

/// A node in trouble is told of by its node already.
fn of_alarm(alarm: &Value) -> Concern {
    let what = format!(
        "Alarm {}: {}: {}.",
        number(alarm, "id"),
        text(alarm, "title"),
        text(alarm, "detail")
    );
    concern(&what, text(alarm, "todo"))
}

fn of_job(job: &Value) -> Concern {
    let (kind, key) = (text(job, "kind"), text(job, "key"));
    let parked = text(job, "parked");
    if parked.is_empty() {
        let tries = job
            .get("attempts")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        let tries = count(usize::try_from(tries).unwrap_or(usize::MAX), "time");
        let what = format!(
            "The job {kind} of {key} failed {tries}: {}.",
            text(job, "last_error")
        );
        concern(
            &what,
            &format!(
                "wait, it is tried again at {}; then see the log",
                moment(job, "run_at")
            ),
        )
    } else {
        let what = format!("The job {kind} of {key} is parked: {parked}.");
        concern(
            &what,
            "nobody tries it any more: see the log, mend the cause, start the coordinator again",
        )
    }
}

fn of_stop(stop: &Value) -> Concern {
    let what = format!(
        "The vault {} is stopped since {} by {}: {}.",
        text(stop, "vault"),
        moment(stop, "created"),
        names(stop, "by"),
        text(stop, "reason")
    );
    let needed = number(stop, "release_needed");
    let by = match (needed.as_str(), text(stop, "release_group")) {
        ("", _) => {
            return concern(&what, "nobody may release it: change the policy");
        }
        ("1", "") => "1 approver".to_owned(),
        (needed, "") => format!("{needed} approvers"),
        (needed, group) => format!("{needed} of {group}"),
    };
    let stop = text(stop, "stop");
    concern(
        &what,
        &format!(
            "if it is over, have {by} release stop {stop} with `countersign-signer stop release`"
        ),
    )
}

fn of_stuck(stuck: &Value) -> Concern {
    let (txid, says) = (text(stuck, "txid"), text(stuck, "says"));
    concern(
        &format!("The attempt {txid} is stuck: {says}."),
        text(stuck, "to_do"),
    )
}

fn of_journal(refused: &Value) -> Concern {
    let signer = text(refused, "signer");
    let what = format!(
        "A receipt of {signer}'s journal was refused ({}): {}.",
        text(refused, "code"),
        text(refused, "reason")
    );
    concern(&what, text(refused, "hint"))
}

fn concern(what: &str, to_do: &str) -> Concern {
    Concern {
        what: what.to_owned(),
        to_do: to_do.to_owned(),
    }
}

fn seconds(answer: &Value, field: &str) -> UnixTime {
    UnixTime::from_secs(
        answer
            .get(field)
            .and_then(Value::as_u64)
            .unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn well() -> Value {
        json!({
            "version": "0.1.0", "network": "regtest", "database": "SQLite", "height": 7, "tip": "ab".repeat(32),
            "nodes": [{ "node": "main", "chain": "regtest", "height": 7, "trouble": null, "detail": "", "checked_at": 1_000 }],
            "fees": [{ "target": 2, "feerate_sat_vb": "2.5" }], "jobs": [], "journals": [], "stops": [],
            "event_number": 3, "event_hash": "cd".repeat(32), "now": 1_010,
        })
    }

    #[test]
    fn the_first_line_says_that_all_is_well() {
        let said = told(&well());
        assert!(said.starts_with("All is well.\n\n  network"), "{said}");
        assert!(said.contains("sat/vB: 2.5 in 2 blocks"), "{said}");
        let node = "node        the watchtower's node, at height 7, looked at";
        assert!(said.contains(node), "{said}");
    }

    #[test]
    fn everything_that_needs_a_look_has_a_line_and_says_what_to_do() {
        let mut status = well();
        status["now"] = json!(2_000);
        status["nodes"][0]["trouble"] = json!("NODE_BEHIND");
        status["nodes"][0]["detail"] = json!("the node knows 9 headers and has blocks to 4");
        status["jobs"] = json!([
            { "kind": "batch", "key": "v", "run_at": 2_001, "attempts": 3, "parked": null, "last_error": "no feerate" },
            { "kind": "finalize", "key": "t", "run_at": 2_001, "attempts": 9, "parked": "it cannot be", "last_error": "it cannot be" },
        ]);
        status["stops"] = json!([{ "vault": "v", "stop": "5e", "created": 1_000, "by": ["dana"], "reason": "stolen", "release_needed": 2, "release_group": "board" }]);
        status["journals"] = json!([{ "signer": "alice", "code": "journal_stale", "reason": "it is old", "hint": "restore it" }]);
        status["stuck"] = json!([{ "txid": "ab", "says": "it would cost too much", "to_do": "raise the budget" }]);
        let said = told(&status);
        assert!(said.starts_with("7 things need a look:\n"), "{said}");
        let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(flat.matches("To do: ").count(), 7, "{said}");
        for part in [
            "NODE_BEHIND",
            "for 1000 s",
            "failed 3 times",
            "is parked",
            "alice's journal",
            "restore it",
            "ab is stuck: it would cost too much",
        ] {
            assert!(flat.contains(part), "{part}: {said}");
        }
        assert!(
            said.lines().all(|line| line.chars().count() <= 80),
            "{said}"
        );
    }

    #[test]
    fn what_is_held_and_has_an_alarm_is_told_once() {
        let mut status = well();
        status["stuck"] = json!([{ "txid": "ab", "says": "it would cost too much", "to_do": "raise the budget" }]);
        let held = |subject: &str| {
            json!([{ "id": 7, "alarm": AlarmKind::BumpHeld.code(), "subject": subject, "title": "It is held",
                "detail": "it would cost too much", "todo": "raise the budget", "ends": "it confirms" }])
        };
        status["alarms"] = held("ab");
        let said = told(&status);
        assert!(said.starts_with("1 thing needs a look:\n"), "{said}");
        status["alarms"] = held("cd");
        let said = told(&status);
        assert!(said.starts_with("2 things need a look:\n"), "{said}");
    }

    #[test]
    fn a_watchtower_that_catches_up_says_how_far_it_is_and_not_that_nobody_looks() {
        let mut status = well();
        status["now"] = json!(2_000);
        status["progress"] = json!({ "done": 40, "of": 200 });
        let said = told(&status);
        assert!(said.starts_with("1 thing needs a look:\n"), "{said}");
        assert!(said.contains("40 of 200 blocks"), "{said}");
    }

    #[test]
    fn a_coordinator_without_a_watchtower_is_not_well() {
        let mut status = well();
        status["nodes"] = json!([]);
        status["height"] = Value::Null;
        let said = told(&status);
        assert!(said.starts_with("1 thing needs a look:\n"), "{said}");
        assert!(said.contains("--with-watchtower"), "{said}");
    }
}
