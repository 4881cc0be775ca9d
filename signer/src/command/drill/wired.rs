//! `drill --device`: a drill is signed by the device that is plugged in.

use super::{Drill, Drilling, ON_SCREEN, told};
use crate::command::Context;
use crate::command::device::Waiting;
use crate::device::{DeviceError, Owner, Wanted, ask, tool_to_sign};
use crate::drilling::{DrillError, answer};
use crate::failure::Failure;
use policies::proof::Proof;

impl Drill {
    /// Has the device sign the drill that was made here, and gives it.
    pub(super) fn sign_on_device(
        &self,
        context: &mut Context,
        drilling: &Drilling,
        proof: &Proof<'_>,
        wanted: &Wanted,
    ) -> Result<(), Failure> {
        let owner = Owner::of(&drilling.home)?;
        let tool = tool_to_sign(owner.key.kind(), owner.purpose())?;
        let wire = self.wire.wire(owner.policy.network);
        let waiting = Waiting::new(&self.wire)?;
        let (key, silent) = (Some(owner.key.fingerprint()), waiting.silent());
        wire.with(tool, wanted, key, None, &silent, |device| {
            context
                .terminal
                .talk(&format!("{}\n{ON_SCREEN}", told(proof)));
            if !self.yes {
                let question = "Have the device sign it, to prove the key?";
                context.terminal.confirm(question)?;
            }
            let kind = owner.key.kind();
            let what = format!("Look at the device ({kind}), compare, and sign there");
            let psbt = proof.psbt().serialize();
            let signed = waiting.told(context, &what, |watch| {
                ask(device, &psbt, proof.txid(), &owner, watch)
            })?;
            let answered = answer(proof, &drilling.account, &[signed]).map_err(not_signed)?;
            self.give_answered(context, drilling, proof, &answered)
        })
    }
}

/// A device that gives a transaction back as it was has refused in silence.
fn not_signed(error: DrillError) -> Failure {
    if let DrillError::ProvesNobody { others: 0, refused } = &error
        && refused.is_empty()
    {
        return DeviceError::NotSigned.into();
    }
    error.into()
}
