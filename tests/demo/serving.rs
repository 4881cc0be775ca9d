//! After the story: everything keeps running, for whoever wants to try it.

use std::fs;
use std::time::Duration;

use harness::{Failure, Outcome, Treasury};

use crate::stage::Stage;

/// How often a block is mined while people try things.
const BLOCK_EVERY: Duration = Duration::from_secs(5);

/// Prints what to try and mines blocks until Ctrl-C.
pub(crate) fn until_interrupted(stage: &Stage, treasury: &Treasury) -> Outcome {
    let settings = settings(treasury)?;
    stage.text(&format!(
        "\nEverything keeps running; a block comes every {} s. In another terminal:\n\n    \
         source {settings}\n    \
         countersign-coordinator status\n    \
         countersign-coordinator balance\n    \
         countersign-coordinator withdrawal list\n    \
         countersign-coordinator ledger --entries\n    \
         countersign-coordinator event list --limit 20\n    \
         countersign-coordinator address new --reference mine\n    \
         countersign-coordinator policy show $POLICY\n    \
         countersign-signer --home $ALICE journal show\n\n\
         Ctrl-C ends it and leaves nothing behind.",
        BLOCK_EVERY.as_secs()
    ));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut node_is_there = true;
    while node_is_there {
        let interrupted =
            runtime.block_on(async { tokio::time::timeout(BLOCK_EVERY, interrupt()).await });
        match interrupted {
            Ok(signal) => return signal,
            // The terminal's Ctrl-C reaches the node too; then there is nothing left to mine on.
            Err(_) => node_is_there = treasury.node.mine(1).is_ok(),
        }
    }
    Ok(())
}

async fn interrupt() -> Outcome {
    Ok(tokio::signal::ctrl_c().await?)
}

/// Writes what a shell needs to speak to this world, and says where.
fn settings(treasury: &Treasury) -> Result<String, Failure> {
    let coordinator = &treasury.coordinator;
    let file = coordinator.token_file().with_file_name("shell");
    let policy = coordinator.token_file().with_file_name("policy.toml");
    fs::write(&policy, &treasury.people.policy.bytes)?;
    let programs = coordinator
        .program()
        .path()
        .parent()
        .ok_or_else(|| Failure::new("the programs are in no folder"))?;
    fs::write(
        &file,
        format!(
            "export PATH=\"{}:$PATH\"\nexport COUNTERSIGN_URL={}\n\
             export COUNTERSIGN_TOKEN_FILE={}\nexport POLICY={}\nexport ALICE={}\n",
            programs.display(),
            coordinator.url(),
            coordinator.token_file().display(),
            policy.display(),
            treasury.people.alice.home().display(),
        ),
    )?;
    Ok(file.display().to_string())
}
