//! Signing in with a passkey.

use super::passkeys::{self, AssertionAnswer, Ceremony, Purpose, Site};
use super::sessions::{self, NewSession};
use super::{PeopleError, Service, ServiceError, throttling};
use crate::store::people::{credentials, persons};

/// Asks for a passkey. `from` is the address that asks, `former` the secret of the session that the browser brought.
///
/// # Errors
/// [`PeopleError::TooManyTries`].
pub async fn begin_sign_in(
    service: &Service,
    from: &str,
    site: &Site,
    former: Option<&str>,
) -> Result<Ceremony, ServiceError> {
    let known = match former {
        Some(secret) => sessions::former(service, secret).await?,
        None => None,
    };
    throttling::begin_sign_in(service, from, known.as_deref()).await?;
    let (secret, challenge) = passkeys::begin(service, Purpose::SignIn, None, None).await?;
    Ok(Ceremony {
        ceremony: secret,
        options: passkeys::request_options(site, &challenge),
    })
}

/// Begins a session for whoever's passkey signed the challenge. Its secret is new, and a session that the browser
/// brought along (`former`) is over: what was known before signing in opens nothing afterwards. Each challenge was
/// counted when it was made: an answer to one that is open is never refused for the number of tries.
///
/// # Errors
/// [`PeopleError::SignInRefused`], the same whatever is wrong.
pub async fn finish_sign_in(
    service: &Service,
    site: &Site,
    answer: &AssertionAnswer,
    (former, user_agent): (Option<&str>, &str),
) -> Result<NewSession, ServiceError> {
    let refused = || ServiceError::from(PeopleError::SignInRefused);
    let challenge = passkeys::take(service, &answer.ceremony, Purpose::SignIn, None, None)
        .await?
        .ok_or_else(refused)?;
    let id = passkeys::bytes_of(&answer.id).ok_or_else(refused)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let credential = credentials::lookup(&mut tx, &id)
        .await?
        .filter(|credential| credential.revoked_at.is_none() && credential.rp_id == site.rp_id)
        .ok_or_else(refused)?;
    let key = credential.public_key.parse().map_err(|_| refused())?;
    if !passkeys::has_signed(site, &key, &challenge, answer) {
        return Err(refused());
    }
    let person = persons::lookup(&mut tx, &credential.person)
        .await?
        .filter(|person| person.ended_at.is_none())
        .ok_or_else(refused)?;
    credentials::used(&mut tx, &id, now).await?;
    if let Some(former) = former {
        sessions::end_of_secret(&mut tx, former, now, "signed in anew").await?;
    }
    let session = sessions::begin(service, &mut tx, &person.name, user_agent).await?;
    tx.commit().await?;
    Ok(session)
}
