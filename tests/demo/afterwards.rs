//! Everything stays up for the reader to try.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bitcoin::Amount;
use harness::{Failure, Outcome, Purse, Treasury};

use crate::page::{Page, btc};

/// How often a block is found while the demo serves and anything waits for one.
const BLOCK_INTERVAL: Duration = Duration::from_secs(10);
/// How many blocks are found once the mempool is empty: what was in the last one settles, whatever the policy says.
const BLOCKS_AFTER: u32 = 6;
/// A withdrawal that the reader may bring in; it needs Dana.
const AMOUNT: Amount = Amount::from_sat(8_000_000);

/// Says what to try, and finds blocks until Ctrl-C.
pub(crate) fn serve(page: &mut Page, treasury: &mut Treasury) -> Outcome {
    page.step("Your turn: everything keeps running until Ctrl-C")?;
    let folder = tempfile::Builder::new()
        .prefix("countersign-demo-")
        .tempdir()?;
    lay_out(treasury, folder.path())?;
    tell(page, folder.path())?;
    // Signers refuse heights that no chain of blocks of ten minutes can have by now.
    let mut to_find = BLOCKS_AFTER;
    while !page.is_interrupted() {
        page.wait(BLOCK_INTERVAL);
        if page.is_interrupted() {
            break;
        }
        let lived = treasury
            .must_be_well()
            .and_then(|()| find_blocks(treasury, &mut to_find));
        if let Err(failure) = lived
            && !page.is_interrupted()
        {
            return Err(failure);
        }
    }
    Ok(())
}

/// Finds a block where the mempool waits for one, or where some are to follow on it.
fn find_blocks(treasury: &Treasury, to_find: &mut u32) -> Outcome {
    if !treasury.node.mempool()?.is_empty() {
        *to_find = BLOCKS_AFTER;
    }
    let Some(left) = to_find.checked_sub(1) else {
        return Ok(());
    };
    *to_find = left;
    treasury.node.mine(1)?;
    Ok(())
}

/// What the commands need: a policy, a request, and a file that tells the shell where things are.
fn lay_out(treasury: &Treasury, folder: &Path) -> Outcome {
    fs::write(folder.join("policy.toml"), &treasury.people.policy.bytes)?;
    let intent = treasury.intent("w-7", &Purse::stranger(7), AMOUNT)?;
    let request = treasury.signed_bytes(&intent.encode());
    fs::write(folder.join("request.json"), request.to_string())?;
    let program = treasury.coordinator.program().path();
    let programs = program
        .parent()
        .ok_or_else(|| Failure::new("the programs are in no folder"))?;
    let shell = format!(
        "export PATH=\"{}:$PATH\"\nexport COUNTERSIGN_URL={}\nexport COUNTERSIGN_TOKEN_FILE={}\n\
         export DEMO={}\nexport ALICE={}\nexport DANA={}\n",
        programs.display(),
        treasury.coordinator.url(),
        treasury.coordinator.token_file().display(),
        folder.display(),
        treasury.people.alice.home().display(),
        treasury.people.dana.home().display(),
    );
    fs::write(folder.join("shell"), shell)?;
    Ok(())
}

fn tell(page: &Page, folder: &Path) -> Outcome {
    let commands = |commands: &[&str]| {
        commands
            .iter()
            .try_for_each(|command| page.row(&format!("  {command}")))
    };
    page.say("In another terminal, first tell the shell where everything is:")?;
    commands(&[&format!("source {}", folder.join("shell").display())])?;
    page.say("Look around:")?;
    commands(&[
        "countersign-coordinator status",
        "countersign-coordinator withdrawal list",
        "countersign-coordinator event list --after 80",
        "countersign-signer journal show --home $ALICE",
        "countersign-signer policy show $DEMO/policy.toml",
    ])?;
    page.say(&format!(
        "Bring in a signed request for {}, and approve it as Dana:",
        btc(AMOUNT)
    ))?;
    commands(&[
        "countersign-coordinator withdrawal submit $DEMO/request.json",
        "countersign-signer approve $DEMO/request.json --home $DANA \\",
        "  --passphrase-file $DANA/../passphrase > $DEMO/approval.json",
        "countersign-coordinator approval submit $DEMO/approval.json",
    ])?;
    page.say(
        "Batch it, and put what it shows after \"Attempt\" in place of TXID. The machine signs by itself; sign as Alice:",
    )?;
    commands(&[
        "countersign-coordinator batch create",
        "countersign-coordinator attempt psbt TXID -o $DEMO/transfer.psbt",
        "countersign-signer sign $DEMO/transfer.psbt -o $DEMO/signed.psbt \\",
        "  --home $ALICE --passphrase-file $ALICE/../passphrase",
        "countersign-coordinator attempt submit TXID $DEMO/signed.psbt",
    ])?;
    page.say(
        "A block is found every ten seconds while anything waits for one; watch it settle, and check the books:",
    )?;
    commands(&[
        "countersign-coordinator withdrawal show exchange w-7",
        "countersign-coordinator reconcile",
    ])
}
