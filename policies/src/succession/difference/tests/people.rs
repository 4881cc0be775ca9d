//! People, their keys and their devices: who decides, and what one theft takes.

use super::{full_draft, only, parsed};
use crate::descriptor::ScriptKind;
use crate::document::{DeviceDraft, PinnedKeyDraft, Policy, PolicyDraft};
use crate::review::world::secret;
use crate::succession::difference::{Direction, diff};
use crate::succession::samples::{first, next, next_draft};

/// The version after a first one, with devices of two signers: kind and host of each.
fn with_devices(previous: &Policy, devices: [(&str, &str); 2]) -> Policy {
    let mut draft = next_draft(previous);
    for (signer, kind) in draft.signers.iter_mut().zip(["one", "other"]) {
        signer.device = Some(DeviceDraft {
            kind: kind.to_owned(),
        });
    }
    let written = devices.iter().zip(["one", "other"]);
    let text = written.fold(draft.to_toml(), |text, ((kind, host), marked)| {
        let instead = format!("kind = {kind:?}\nhost = {host:?}");
        text.replace(&format!("kind = {marked:?}"), &instead)
    });
    Policy::parse(text.as_bytes()).expect("valid")
}

/// Signers on one host are one theft: a step of rules may say so of hosts that were two, and is then no small thing.
#[test]
fn keys_that_come_onto_one_host_are_named_and_loosen() {
    let previous = first(ScriptKind::Wsh);
    let with = |host: &str, kind: &str| with_devices(&previous, [("ledger", "desk"), (kind, host)]);
    let told = |after: &Policy, before: &Policy| -> Vec<(Direction, String)> {
        let changes = diff(before, after).into_iter();
        changes
            .map(|change| (change.direction, change.about))
            .collect()
    };
    let apart = with("shelf", "ledger");
    let [one, other] = [&previous.signers[0].name, &previous.signers[1].name];
    let host = (Direction::Changed, format!("signer {other}, host"));
    let both = format!("one theft takes the keys of {one} and {other}");
    let together = with("desk", "ledger");
    assert_eq!(
        told(&together, &apart),
        [(Direction::Loosened, both.clone()), host.clone()]
    );
    assert_eq!(
        told(&apart, &together),
        [(Direction::Tightened, both), host]
    );
    assert_eq!(
        told(&with("shelf", "software"), &apart),
        [(Direction::Changed, format!("signer {other}, device"))]
    );
}

const PASSKEY: &str =
    "webauthn-es256:036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";

/// An `own` key counts for the promise and for versions, a `page` key does not: calling one the other is a change of
/// who decides, though no key comes or goes.
#[test]
fn a_page_key_that_is_called_own_is_named_and_loosens() {
    let previous = first(ScriptKind::Wsh);
    let labelled = |tool: &str, domain: &str, port: u16| {
        next(&previous, |draft| {
            let mut key = PinnedKeyDraft::own(&secret("dana").public());
            PASSKEY.clone_into(&mut key.key);
            tool.clone_into(&mut key.tool);
            key.rp_id = Some(domain.to_owned());
            let scheme = if tool == "own" { "http" } else { "https" };
            key.origins = Some(vec![format!("{scheme}://{domain}:{port}")]);
            draft.approvers[0].keys.push(key);
        })
    };
    let page = labelled("page", "treasury.example", 7543);
    let own = labelled("own", "localhost", 7543);
    let changes = diff(&page, &own);
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0].direction, Direction::Loosened);
    assert!(changes[0].about.contains("key webauthn-es256:"));
    let (was, is) = (&changes[0].before, &changes[0].after);
    assert!(was.as_ref().is_some_and(|was| was.starts_with("page")));
    assert!(is.as_ref().is_some_and(|is| is.starts_with("own")));
    assert_eq!(diff(&own, &page)[0].direction, Direction::Tightened);
    // Where it is used is another thing.
    let elsewhere = labelled("own", "localhost", 7544);
    assert_eq!(diff(&own, &elsewhere)[0].direction, Direction::Changed);
}

#[test]
fn people_and_keys_more_loosen_and_fewer_tighten() {
    let frank_in_ops = only(|draft| draft.approvers[2].groups.push("ops".to_owned()));
    assert_eq!(
        frank_in_ops,
        (Direction::Loosened, "approver frank, group ops".to_owned())
    );
    let gina = |draft: &mut PolicyDraft| {
        let mut gina = draft.approvers[1].clone();
        "gina".clone_into(&mut gina.name);
        "gina".clone_into(&mut gina.person);
        gina.keys = vec![PinnedKeyDraft::own(&secret("gina").public())];
        draft.approvers.push(gina);
    };
    let (direction, about) = only(gina);
    assert_eq!(
        (direction, about.as_str()),
        (Direction::Loosened, "approver gina")
    );
    let previous = first(ScriptKind::Wsh);
    let mut draft = full_draft(&previous);
    let without = parsed(&draft);
    gina(&mut draft);
    let back = diff(&parsed(&draft), &without);
    assert_eq!(back.len(), 1);
    assert_eq!(back[0].direction, Direction::Tightened);
}
