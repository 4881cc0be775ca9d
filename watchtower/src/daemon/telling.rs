//! Hands each alarm to the owner's command until it takes it.
//!
//! Invariant: an alarm counts as told only once the command ended well; it may be told twice, and never not at all.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::clock;
use crate::store::alarms::AlarmRow;
use crate::store::database::{Database, DatabaseError};
use crate::store::own;

/// How long the command may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is looked whether it ended, and whether there is a new alarm.
const LOOK: Duration = Duration::from_millis(200);
/// The longest pause after a command that did not take an alarm.
const LONGEST: Duration = Duration::from_mins(5);

/// Runs until it is dropped. Without a command it does nothing.
pub(super) async fn run(database: &Database, command: Option<&[String]>) {
    let Some((program, arguments)) = command.and_then(<[String]>::split_first) else {
        return std::future::pending().await;
    };
    let mut pause = LOOK;
    loop {
        match tell(database, program, arguments).await {
            Ok(true) => pause = LOOK,
            Ok(false) => {
                pause = LOOK;
                sleep(LOOK).await;
            }
            Err(reason) => {
                tracing::error!(
                    program,
                    reason,
                    "an alarm could not be told, and will be again"
                );
                sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONGEST);
            }
        }
    }
}

/// Tells the oldest alarm that was not told; whether there was one.
async fn tell(database: &Database, program: &str, arguments: &[String]) -> Result<bool, String> {
    let words = |error: DatabaseError| error.to_string();
    let untold = {
        let mut tx = database.begin_read().await.map_err(words)?;
        own::untold(&mut tx).await.map_err(words)?
    };
    let Some(alarm) = untold else {
        return Ok(false);
    };
    hand_over(program, arguments, &said(&alarm)).await?;
    let mut tx = database.begin_write().await.map_err(words)?;
    own::told(&mut tx, alarm.id, clock::now())
        .await
        .map_err(words)?;
    tx.commit().await.map_err(words)?;
    Ok(true)
}

/// An alarm as the command reads it: one line of JSON.
fn said(alarm: &AlarmRow) -> String {
    let said = json!({
        "alarm": alarm.kind.code(),
        "detail": alarm.detail,
        "ended": alarm.ended.is_some(),
        "grave": alarm.kind.is_grave(),
        "id": alarm.id,
        "raised_at": alarm.raised_at.as_secs(),
        "subject": alarm.subject,
        "title": alarm.kind.title(),
        "todo": alarm.kind.hint(),
        "vault": alarm.vault.map(|vault| vault.to_string()),
    });
    format!("{said}\n")
}

/// A command that is killed when nobody waits for it any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait().map(drop)) {
            tracing::debug!(%error, "the alarm's command had ended");
        }
    }
}

async fn hand_over(program: &str, arguments: &[String], said: &str) -> Result<(), String> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("it does not start: {error}"))?;
    let mut running = Running(child);
    if let Some(mut input) = running.0.stdin.take() {
        // One that ends well without reading has taken it all the same.
        if let Err(error) = input.write_all(said.as_bytes()) {
            tracing::debug!(%error, "the alarm's command does not read");
        }
    }
    let begun = Instant::now();
    loop {
        match running.0.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("it ended with {status}")),
            Ok(None) if begun.elapsed() < PATIENCE => sleep(LOOK).await,
            Ok(None) => return Err(format!("it takes more than {} s", PATIENCE.as_secs())),
            Err(error) => return Err(error.to_string()),
        }
    }
}
