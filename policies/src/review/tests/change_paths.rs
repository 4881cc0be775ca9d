//! Change by paths that look like ours (A3), over every key of the descriptor and of every kind.

use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint};
use bitcoin::psbt::Output;
use bitcoin::{Amount, ScriptBuf, TapTweakHash};
use miniscript::Descriptor;

use super::super::world::{Attempt, CHANGE_INDEX, World};
use crate::descriptor::{ScriptKind, samples};
use crate::ids::Keychain;

/// The place of the change in the honest attempt.
const CHANGE: usize = 3;

/// Paths to which others moved the change of hardware wallets, from the master key on: `48h/1h/0h/2h/1/8`
/// is true here.
///
/// The ten of the list that Coldcard's tests attack, for our account: far beyond the last index and just
/// beyond it; a hardened branch, a hardened index, both without the coin type's mark; another purpose,
/// coin and account; another branch, far and near.
const PATHS: [&str; 10] = [
    "48h/1h/0h/2h/1/40000",
    "48h/1h/0h/2h/1/1001",
    "48h/1h/0h/2h/1h/8",
    "48h/1h/0h/2h/1/8h",
    "48h/1/0h/2h/1/8h",
    "45h/1h/0h/2h/1/8",
    "48h/2h/0h/2h/1/8",
    "48h/1h/1h/2h/1/8",
    "48h/1h/0h/2h/3000/8",
    "48h/1h/0h/2h/3/8",
];

fn path(text: &str) -> DerivationPath {
    text.parse().expect("a path")
}

/// The honest attempt with its change's keys at another path, in the fields alone.
fn with_paths(world: &World, moved: &DerivationPath) -> Attempt {
    let mut attempt = world.attempt();
    let output = &mut attempt.psbt.outputs[CHANGE];
    for (_, path) in output.bip32_derivation.values_mut() {
        *path = moved.clone();
    }
    for (_, (_, path)) in output.tap_key_origins.values_mut() {
        *path = moved.clone();
    }
    attempt
}

#[test]
fn change_whose_fields_name_any_of_ten_attacked_paths_is_refused() {
    for world in World::both() {
        for attacked in PATHS {
            let codes = world.refusals(&with_paths(&world, &path(attacked)));
            assert_eq!(codes, ["OUTPUT_FIELD"], "{attacked}");
        }
        let honest = path(&format!("48h/1h/0h/2h/1/{CHANGE_INDEX}"));
        let attempt = with_paths(&world, &honest);
        let kept: Vec<_> = world.attempt().psbt.outputs[CHANGE]
            .bip32_derivation
            .values()
            .map(|(_, path)| path.clone())
            .collect();
        assert!(kept.iter().all(|path| *path == honest), "{kept:?}");
        // The key of nobody has a path of its own, which the honest one is not.
        let expected: &[&str] = match world.policy.descriptor.kind() {
            ScriptKind::Tr => &["OUTPUT_FIELD"],
            ScriptKind::Wsh | ScriptKind::Wpkh => &[],
        };
        assert_eq!(world.refusals(&attempt), expected);
    }
}

/// The script and fields that really lie at a path, made of the same people's master keys.
fn really_at(world: &World, attacked: &str) -> (ScriptBuf, Output) {
    let secp = samples::secp();
    let steps = path(attacked);
    let mut output = Output::default();
    let keys = samples::NAMES.map(|name| {
        let master = samples::xpriv(name, bitcoin::Network::Regtest);
        let key = master.derive_priv(&secp, &steps).expect("derives");
        let public = key.to_priv().public_key(&secp);
        let origin: (Fingerprint, DerivationPath) = (master.fingerprint(&secp), steps.clone());
        if world.policy.descriptor.kind() == ScriptKind::Wsh {
            output.bip32_derivation.insert(public.inner, origin);
        } else {
            let (x_only, _) = public.inner.x_only_public_key();
            output.tap_key_origins.insert(x_only, (Vec::new(), origin));
        }
        public
    });
    let [a, b, m, r] = keys;
    if world.policy.descriptor.kind() == ScriptKind::Wsh {
        let text = format!("wsh(or_d(multi(2,{a},{b},{m}),and_v(v:pkh({r}),older(12960))))");
        let descriptor: Descriptor<bitcoin::PublicKey> = text.parse().expect("a descriptor");
        output.witness_script = Some(descriptor.explicit_script().expect("a witness script"));
        (descriptor.script_pubkey(), output)
    } else {
        // A taproot output of the first key alone: what a wallet would call its own change.
        let (internal, _) = a.inner.x_only_public_key();
        output.tap_internal_key = Some(internal);
        let tweak = TapTweakHash::from_key_and_tweak(internal, None).to_scalar();
        let (tweaked, _) = internal.add_tweak(&secp, &tweak).expect("tweaks");
        let key = bitcoin::key::TweakedPublicKey::dangerous_assume_tweaked(tweaked);
        (ScriptBuf::new_p2tr_tweaked(key), output)
    }
}

#[test]
fn change_that_really_lies_at_any_of_ten_attacked_paths_is_refused() {
    for world in World::both() {
        for attacked in PATHS {
            let (script, fields) = really_at(&world, attacked);
            let last = path(attacked).into_iter().next_back().copied();
            // A label cannot be hardened: the index without the mark is the nearest that a liar can say.
            let index = match last.expect("a path has steps") {
                ChildNumber::Normal { index } | ChildNumber::Hardened { index } => index,
            };
            // The first two are the vault's own scripts, only too far out.
            let is_wsh = world.policy.descriptor.kind() == ScriptKind::Wsh;
            let is_own = is_wsh && PATHS[..2].contains(&attacked);
            let mut attempt = world.attempt();
            attempt.output(CHANGE).script_pubkey = script;
            attempt.psbt.outputs[CHANGE] = fields;
            for label in [index, CHANGE_INDEX] {
                let change = (world.policy.id, label);
                attempt.manifest.changes.insert(3, change);
                let codes = world.refusals(&attempt);
                let expected: &[&str] = match (is_own && label == index, label > 1_000) {
                    (true, _) => &["CHANGE_INDEX_TOO_FAR"],
                    (false, true) => &["CHANGE_NOT_OURS", "CHANGE_INDEX_TOO_FAR"],
                    (false, false) => &["CHANGE_NOT_OURS"],
                };
                assert_eq!(codes, expected, "{attacked} called {label}");
            }
        }
    }
}

#[test]
fn change_at_the_last_index_that_may_be_is_ours_and_the_next_is_not() {
    for world in World::both() {
        for (index, codes) in [(1_000, &[][..]), (1_001, &["CHANGE_INDEX_TOO_FAR"])] {
            let mut plan = world.plan();
            plan.change = Some((index, Amount::from_sat(35_990_000)));
            let attempt = world.build(&plan);
            let own = world
                .policy
                .descriptor
                .script_pubkey(Keychain::Internal, index);
            assert_eq!(attempt.psbt.unsigned_tx.output[CHANGE].script_pubkey, own);
            assert_eq!(world.refusals(&attempt), codes);
        }
    }
}
