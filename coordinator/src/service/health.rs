//! How everything is doing, and what to do where it is not well: [`super::status`] with alarms in words.
//!
//! Invariant: whatever stops money from moving has an alarm here, and every alarm says what to do.

use bitcoin::Network;
use policies::UnixTime;
use policies::words::count;
use watchtower::alarm::AlarmKind;
use watchtower::store::chain;
use watchtower::store::node::{MAIN, Trouble};

use super::alarms::AlarmView;
use super::scans::ProgressView;
use super::status::{JobView, NodeView, StatusView, show_status};
use super::{Actor, Service, ServiceError};

/// Seconds after which the watchtower should have looked at a node again.
const UNSEEN: u64 = 600;
/// Seconds without a block that are worth a look: one wait in a thousand is longer.
const NO_BLOCK: u64 = 2 * 3_600;

/// Something that is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Whether money does not move because of it, or may be in danger.
    pub grave: bool,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub todo: String,
    /// Where to look.
    pub href: Option<String>,
    /// The number by which somebody ends it, where somebody does.
    pub ends: Option<u64>,
}

/// How everything is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The state of all parts.
    pub status: StatusView,
    /// What the tip says that its time is.
    pub tip_time: Option<UnixTime>,
    /// What is not well, the grave first.
    pub alarms: Vec<Alarm>,
}

/// How everything is doing, in the vaults that the actor sees.
///
/// # Errors
/// On a database failure.
pub async fn show_health(service: &Service, actor: &Actor) -> Result<Health, ServiceError> {
    let status = show_status(service, actor).await?;
    let mut tx = service.database().begin_read().await?;
    let tip_time = chain::tip_time(&mut tx).await?;
    // Blocks of a regression test come when they are asked for.
    let blocks_come = service.network() != Network::Regtest;
    let mut alarms = alarms(&status, tip_time.filter(|_| blocks_come));
    alarms.sort_by_key(|alarm| !alarm.grave);
    Ok(Health {
        status,
        tip_time,
        alarms,
    })
}

/// What is not well.
fn alarms(status: &StatusView, tip_time: Option<UnixTime>) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    let grave = |what: String, todo: &str| Alarm {
        grave: true,
        what,
        todo: todo.to_owned(),
        href: None,
        ends: None,
    };
    let lesser = |what: String, todo: &str| Alarm {
        grave: false,
        ..grave(what, todo)
    };
    for stop in &status.stops {
        alarms.push(Alarm {
            href: Some(format!("/vaults/{}/stops", stop.vault)),
            ..grave(
                format!("A vault is stopped: {}", stop.reason),
                "Find out whether the reason is over; then a quorum releases the stop.",
            )
        });
    }
    let of_nodes = [AlarmKind::NodeTrouble, AlarmKind::WitnessTrouble].map(AlarmKind::code);
    let others = |alarm: &&AlarmView| !of_nodes.contains(&alarm.alarm.as_str());
    alarms.extend(status.alarms.iter().filter(others).map(of_alarm));
    if status.nodes.is_empty() {
        alarms.push(grave(
            "No node was seen yet.".to_owned(),
            "Start the watchtower with the node of this network.",
        ));
    }
    if let Some(ProgressView { done, of }) = status.progress {
        alarms.push(lesser(
            format!("The watchtower is catching up with its node: {done} of {of} blocks."),
            "Wait: nothing after those blocks is known yet.",
        ));
    }
    let catching_up = status.progress.is_some();
    for node in &status.nodes {
        let quiet = catching_up && node.trouble.is_none();
        alarms.extend(of_node(node, status.now).filter(|_| !quiet));
    }
    let waited = tip_time.map(|at| status.now.secs_since(at));
    if let Some(waited) = waited.filter(|waited| *waited >= NO_BLOCK) {
        alarms.push(lesser(
            format!("The last block is {} minutes old.", waited / 60),
            "Compare with another node: some blocks take long, and a node that is cut off sees none.",
        ));
    }
    let is_told = |kind: AlarmKind, subject: Option<&str>| {
        let mut open = status.alarms.iter();
        open.any(|one| one.alarm == kind.code() && subject.is_none_or(|of| one.subject == of))
    };
    if is_told(AlarmKind::FeesUnknown, None) {
        // It says so itself, and of which vault.
    } else if status.fees_gap.as_deref() == Some("fees_stale") {
        let minutes = status.fees_age_s.unwrap_or_default() / 60;
        alarms.push(grave(
            format!("The node's fee estimates are {minutes} minutes old, and do not count."),
            "See that the watchtower runs and its node answers; until then batches are held.",
        ));
    } else if status.fees.is_empty() {
        alarms.push(lesser(
            "The node has no fee estimate.".to_owned(),
            "Wait until it has seen enough blocks, or give batches a feerate of your own.",
        ));
    }
    for one in &status.stuck {
        let held = one.code.is_some();
        if held && is_told(AlarmKind::BumpHeld, Some(&one.txid.to_string())) {
            continue;
        }
        alarms.push(Alarm {
            grave: held,
            what: format!("The attempt {} is stuck: {}.", one.txid, one.says),
            todo: sentence(&one.to_do),
            href: Some(format!("/vaults/{}/queue", one.vault)),
            ends: None,
        });
    }
    for journal in &status.journals {
        alarms.push(grave(
            format!(
                "A receipt of the journal of {} was refused: {}",
                journal.signer, journal.reason
            ),
            &journal.hint,
        ));
    }
    alarms.extend(status.jobs.iter().map(of_job));
    alarms
}

/// An alarm that was raised. A node in trouble is told of by its node.
fn of_alarm(alarm: &AlarmView) -> Alarm {
    Alarm {
        grave: alarm.grave,
        what: format!("{}: {}", alarm.title, alarm.detail),
        todo: alarm.todo.clone(),
        href: alarm.href(),
        ends: alarm.ends.is_none().then_some(alarm.id),
    }
}

/// Words as a sentence of their own.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// A node as people are told of it. The one that `[watchtower.node]` names is called main, which tells nobody anything.
pub(crate) fn node_in_words(name: &str) -> String {
    match name {
        "main" => "the watchtower's node".to_owned(),
        other => format!("the witness {other}"),
    }
}

fn of_node(node: &NodeView, now: UnixTime) -> Option<Alarm> {
    if let Some(code) = &node.trouble {
        let hint = Trouble::from_code(code).map_or("look at the watchtower's log", Trouble::hint);
        let words = if node.detail.is_empty() {
            code
        } else {
            &node.detail
        };
        let follows = match node.node.as_str() {
            MAIN => "No deposit is credited and no batch is made.",
            _ => "It is compared with no more until that is over.",
        };
        return Some(Alarm {
            grave: node.node == MAIN,
            what: format!(
                "{}: {words}. {follows}",
                node_in_words(&node.node).replacen('t', "T", 1)
            ),
            todo: hint.to_owned(),
            href: None,
            ends: None,
        });
    }
    let unseen = now.secs_since(node.checked_at);
    (unseen >= UNSEEN).then(|| Alarm {
        grave: node.node == MAIN,
        what: format!(
            "Nobody has looked at {} for {} minutes.",
            node_in_words(&node.node),
            unseen / 60
        ),
        todo: "See that the watchtower runs, and read its log.".to_owned(),
        href: None,
        ends: None,
    })
}

fn of_job(job: &JobView) -> Alarm {
    match &job.parked {
        Some(reason) => Alarm {
            grave: true,
            what: format!("The job {} is not tried any more: {reason}", job.kind),
            todo: "Mend what it says, and start the coordinator again.".to_owned(),
            href: None,
            ends: None,
        },
        None => Alarm {
            grave: false,
            what: format!(
                "The job {} failed {} and is tried again: {}",
                job.kind,
                count(usize::try_from(job.attempts).unwrap_or(usize::MAX), "time"),
                job.last_error.as_deref().unwrap_or("it did not say why")
            ),
            todo: "Nothing, if it ends soon; else mend what it says.".to_owned(),
            href: None,
            ends: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::hashes::Hash as _;

    use super::super::stuck_view::StuckView;
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn well() -> StatusView {
        StatusView {
            version: "1".to_owned(),
            network: "mainnet".to_owned(),
            database: "sqlite".to_owned(),
            height: Some(7),
            tip: None,
            progress: None,
            nodes: vec![NodeView {
                node: "main".to_owned(),
                chain: "main".to_owned(),
                height: 7,
                trouble: None,
                detail: String::new(),
                checked_at: NOW,
            }],
            fees: vec![super::super::status::FeeView {
                target: 6,
                feerate_sat_vb: "2".to_owned(),
            }],
            fees_age_s: Some(0),
            fees_gap: None,
            fees_least_sat_vb: None,
            jobs: Vec::new(),
            journals: Vec::new(),
            alarms: Vec::new(),
            stuck: Vec::new(),
            stops: Vec::new(),
            event_number: 0,
            event_hash: String::new(),
            now: NOW,
        }
    }

    fn whats(status: &StatusView) -> Vec<String> {
        let found = alarms(status, Some(NOW)).into_iter();
        found.map(|alarm| alarm.what).collect()
    }

    #[test]
    fn what_is_well_gives_no_alarm() {
        assert_eq!(alarms(&well(), Some(NOW)), []);
    }

    #[test]
    fn a_node_in_trouble_or_unseen_is_an_alarm_with_what_to_do() {
        let mut status = well();
        status.nodes[0].trouble = Some("NODE_ABSENT".to_owned());
        let [alarm]: [Alarm; 1] = alarms(&status, None).try_into().expect("one");
        assert!(alarm.grave);
        assert_eq!(alarm.todo, Trouble::Absent.hint());
        let begin = "The watchtower's node: ";
        assert!(alarm.what.starts_with(begin), "{}", alarm.what);
        status.nodes[0].trouble = None;
        status.nodes[0].checked_at = NOW.saturating_sub(599);
        assert_eq!(whats(&status), Vec::<String>::new());
        status.nodes[0].checked_at = NOW.saturating_sub(600);
        assert_eq!(
            whats(&status),
            ["Nobody has looked at the watchtower's node for 10 minutes."]
        );
        status.nodes.clear();
        assert_eq!(whats(&status), ["No node was seen yet."]);
    }

    #[test]
    fn books_that_differ_and_a_chain_that_stands_still_are_told() {
        let mut status = well();
        let books = AlarmView {
            id: 3,
            alarm: AlarmKind::BooksDiffer.code().to_owned(),
            subject: "v".to_owned(),
            vault: None,
            grave: true,
            title: AlarmKind::BooksDiffer.title().to_owned(),
            detail: "coin a:0 is missing".to_owned(),
            todo: AlarmKind::BooksDiffer.hint().to_owned(),
            ends: Some("they agree again".to_owned()),
            raised_at: NOW,
            ended_at: None,
            ended_by: None,
            ended_why: None,
        };
        let node = AlarmView {
            alarm: AlarmKind::NodeTrouble.code().to_owned(),
            ..books.clone()
        };
        status.alarms = vec![books, node];
        let found = alarms(&status, Some(NOW.saturating_sub(7_200)));
        let grave: Vec<bool> = found.iter().map(|alarm| alarm.grave).collect();
        assert_eq!(grave, [true, false]);
        assert!(found[0].what.contains("coin a:0 is missing"));
        assert_eq!(found[1].what, "The last block is 120 minutes old.");
        assert_eq!(alarms(&well(), Some(NOW.saturating_sub(7_199))), []);
    }

    fn of_kind(kind: AlarmKind, subject: &str) -> AlarmView {
        AlarmView {
            id: 3,
            alarm: kind.code().to_owned(),
            subject: subject.to_owned(),
            vault: None,
            grave: kind.is_grave(),
            title: kind.title().to_owned(),
            detail: "so it is".to_owned(),
            todo: kind.hint().to_owned(),
            ends: Some("it is over".to_owned()),
            raised_at: NOW,
            ended_at: None,
            ended_by: None,
            ended_why: None,
        }
    }

    #[test]
    fn what_has_an_alarm_of_its_own_is_told_once() {
        let mut status = well();
        let txid = bitcoin::Txid::all_zeros();
        let stuck = |code: Option<&str>| StuckView {
            vault: policies::VaultId::from_bytes([1; 32]),
            batch: crate::session::BatchId::from_bytes([2; 16]),
            txid,
            since_height: 3,
            code: code.map(str::to_owned),
            says: "so it is".to_owned(),
            feerate_sat_vb: None,
            more_sat: 0,
            budget_left_sat: 0,
            to_do: "look".to_owned(),
        };
        status.stuck = vec![stuck(Some("over_budget"))];
        status.fees_gap = Some("fees_stale".to_owned());
        let told = |status: &StatusView| alarms(status, None).len();
        assert_eq!(told(&status), 2);
        status.alarms = vec![
            of_kind(AlarmKind::BumpHeld, &txid.to_string()),
            of_kind(AlarmKind::FeesUnknown, "v"),
        ];
        assert_eq!(told(&status), 2, "{:?}", whats(&status));
        // What is proposed of it is something else, and so is another that is held.
        status.stuck = vec![stuck(None)];
        assert_eq!(told(&status), 3);
        status.stuck = vec![stuck(Some("over_budget"))];
        status.alarms = vec![of_kind(AlarmKind::BumpHeld, "another")];
        assert_eq!(told(&status), 3);
    }

    #[test]
    fn jobs_are_alarms_and_grave_once_nobody_tries_them() {
        let mut status = well();
        status.jobs = [None, Some("the key is gone".to_owned())]
            .map(|parked| JobView {
                kind: "webhook".to_owned(),
                key: "1".to_owned(),
                run_at: NOW,
                attempts: 3,
                parked,
                last_error: Some("time-out".to_owned()),
            })
            .to_vec();
        status.fees.clear();
        let found = alarms(&status, None);
        let grave: Vec<bool> = found.iter().map(|alarm| alarm.grave).collect();
        assert_eq!(grave, [false, false, true]);
        assert!(found.iter().all(|alarm| !alarm.todo.is_empty()));
    }
}
