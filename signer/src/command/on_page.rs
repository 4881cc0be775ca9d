//! What `approve --page` and `keygen --passkey` do on the tool's own page.

use super::Context;
use super::approve::About;
use crate::approving::{ApprovingError, Prepared, SignedApproval, summary};
use crate::failure::{Class, Failure};
use crate::home::{Home, KeyName};
use crate::keystore::{Kind, fresh};
use crate::page::{Ask, Document, Judged, Loopback, RegistrationAnswer, asserted};
use crate::passkey::{DEFAULT_PORT, Passkey, RP_ID, origin, passkeys, port_of_page, usable};
use policies::Policy;
use policies::intent::RelyingParty;
use policies::words::{verdict_button, verdict_done, verdict_title};

/// Registers a passkey and answers with its record for the policy.
pub(super) fn register(
    context: &mut Context,
    home: &Home,
    name: &KeyName,
    port: u16,
) -> Result<(), Failure> {
    if Passkey::exists(home, name) {
        let message = format!("this home holds a passkey {name} already");
        return Err(Failure::because(Class::Usage, "KEY_EXISTS", message)
            .hinted("a key is never overwritten; give another name"));
    }
    let (challenge, user) = (*fresh::<32>()?, *fresh::<16>()?);
    let here = RelyingParty {
        rp_id: RP_ID.to_owned(),
        origins: vec![origin(port)],
        synced: true,
    };
    let ask = Ask::Register {
        challenge,
        user,
        name: name.to_string(),
    };
    let summary = format!(
        "Make the passkey {name}. It approves withdrawals on this computer's own page, at {}, and \
         nowhere else.",
        origin(port)
    );
    let html = Document {
        title: &format!("Make the passkey {name}"),
        summary: &summary,
        told: &[],
        texts: &[],
        button: "Make the passkey",
        decline: "Do not make one",
        ask: &ask,
        back: None,
        browser: None,
    }
    .html();
    let judge = move |body: &[u8]| {
        let answer = match RegistrationAnswer::read(body) {
            Ok(answer) => answer,
            Err(error) => return Judged::Again(error.to_string()),
        };
        let (client, object) = (&answer.client_data_json, &answer.attestation_object);
        match here.read_registration(&challenge, client, object) {
            Ok(registered) => Judged::Done(
                registered,
                "The passkey is made. You may close this page.".to_owned(),
            ),
            Err(error) => Judged::Again(format!("The passkey cannot be used: {error}.")),
        }
    };
    let place = Loopback::at(port)?;
    let registered = place.ask(html, judge, |url| context.terminal.talk(&open(url)))?;
    let passkey = Passkey::new(name.clone(), registered, &origin(port));
    passkey.store(home)?;
    let record = format!(
        "[[approvers]]\nname = \"{name}\"\nperson = \"{name}\"\ngroups = []\nkeys = [{{ key = \"{}\", \
         tool = \"own\", rp_id = \"{RP_ID}\", origins = [\"{}\"], synced = {} }}]\n",
        passkey.key,
        origin(port),
        passkey.used.synced
    );
    let value = serde_json::json!({
        "kind": "approver",
        "name": name.to_string(),
        "key": passkey.key,
        "key_id": passkey.key.id(),
        "pinned": passkey.draft(),
        "record": record,
    });
    context.terminal.answer(&record, &value)
}

/// Shows the intents on the page, and signs with what answers there: a passkey if the policy names one
/// of this home, else the key of the file.
pub(super) fn approve(
    about: &About<'_>,
    home: &Home,
    key: Option<&KeyName>,
    context: &mut Context,
) -> Result<SignedApproval, Failure> {
    let About {
        candidates,
        told,
        verdict,
        policy,
        expires,
    } = about;
    let prepared = Prepared::new(candidates, *verdict, policy, *expires)?;
    let usable = usable(policy, passkeys(home)?, key);
    let file_key = if usable.is_empty() {
        let opened = context.person_key(Kind::Approval, key)?;
        let public = opened.public();
        policy
            .approver_of_key(public.id())
            .ok_or(ApprovingError::NotAnApprover(public))?;
        Some(opened)
    } else {
        None
    };
    let port = port_of_page(&usable).unwrap_or(DEFAULT_PORT);
    let ask = match &file_key {
        Some(_) => Ask::Confirm,
        None => Ask::Assert {
            challenge: prepared.message(),
            credentials: usable.iter().map(|one| one.credential_id.clone()).collect(),
        },
    };
    let done = verdict_done(*verdict);
    let title = verdict_title(*verdict, candidates.len());
    let button = verdict_button(*verdict, file_key.is_none());
    let html = Document {
        title: &title,
        summary: &summary(candidates, *verdict, policy, *expires),
        told,
        texts: &[],
        button: &button,
        decline: "Sign nothing",
        ask: &ask,
        back: None,
        browser: None,
    }
    .html();
    let policy: Policy = (*policy).clone();
    let judge = move |body: &[u8]| {
        let judged = match &file_key {
            Some(key) => prepared
                .sign(&policy, key.secret())
                .map_err(|error| error.to_string()),
            None => asserted(&prepared, &policy, &usable, body),
        };
        match judged {
            Ok(signed) => Judged::Done(signed, done.to_owned()),
            Err(words) => Judged::Again(words),
        }
    };
    let place = Loopback::at(port)?;
    Ok(place.ask(html, judge, |url| context.terminal.talk(&open(url)))?)
}

fn open(url: &str) -> String {
    format!("Open this page in a browser on this computer:\n  {url}")
}
