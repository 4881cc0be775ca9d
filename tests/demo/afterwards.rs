//! Everything stays up for the reader to try.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bitcoin::Amount;
use harness::{Failure, Outcome, Purse, Treasury};

use crate::page::{Page, btc};

/// How often a block is found while the demo serves.
const BLOCK_INTERVAL: Duration = Duration::from_secs(10);
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
    while !page.is_interrupted() {
        page.wait(BLOCK_INTERVAL);
        if page.is_interrupted() {
            break;
        }
        let lived = treasury.must_be_well().and_then(|()| treasury.node.mine(1));
        if let Err(failure) = lived
            && !page.is_interrupted()
        {
            return Err(failure);
        }
    }
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
    page.say("A block is found every ten seconds; watch it settle, and check the books:")?;
    commands(&[
        "countersign-coordinator withdrawal show exchange w-7",
        "countersign-coordinator reconcile",
    ])
}
