//! Where people reach the pages: one origin, which browsers name, passkeys belong to, and links begin with.

use std::net::SocketAddr;

use axum::http::Uri;

use super::proxies::Proxies;

/// The origin of the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    origin: String,
    host: String,
    rp_id: String,
    secure: bool,
    proxies: Proxies,
}

/// Why an address is none that pages can be served at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "public_url is https://NAME or https://NAME:PORT, or http://localhost:PORT where nobody else can listen; not {found:?}"
)]
pub struct PublicError {
    /// What it is.
    pub found: String,
}

impl Public {
    /// Reads the configured address. Only this host itself may be spoken to without TLS: browsers give
    /// passkeys to no other (WebAuthn Level 3 §5.1.3, secure contexts).
    ///
    /// # Errors
    /// [`PublicError`] for anything but an origin.
    pub fn parse(url: &str) -> Result<Self, PublicError> {
        let wrong = || PublicError {
            found: url.to_owned(),
        };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if authority.host() == "localhost" => false,
            Some(_) | None => return Err(wrong()),
        };
        let plain = uri.query().is_none()
            && uri.path() == "/"
            && !authority.as_str().contains('@')
            && authority.as_str() == authority.as_str().to_ascii_lowercase();
        if !plain || url.contains('#') {
            return Err(wrong());
        }
        let standard = authority.port_u16() == Some(443) && secure;
        let host = if standard {
            authority.host()
        } else {
            authority.as_str()
        };
        Ok(Self {
            origin: format!("{}://{host}", if secure { "https" } else { "http" }),
            host: host.to_owned(),
            rp_id: authority.host().to_owned(),
            secure,
            proxies: Proxies::default(),
        })
    }

    /// This host itself, where nothing else is configured.
    pub fn of_listener(listen: SocketAddr) -> Self {
        let host = format!("localhost:{}", listen.port());
        Self {
            origin: format!("http://{host}"),
            host,
            rp_id: "localhost".to_owned(),
            secure: false,
            proxies: Proxies::default(),
        }
    }

    /// The same origin, behind these proxies.
    #[must_use]
    pub fn behind(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// The proxies that are believed when they say where a request comes from.
    pub(super) fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// As browsers write it: scheme, name, and the port unless it is the scheme's own.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What requests name in `Host`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The domain that passkeys belong to.
    pub fn rp_id(&self) -> &str {
        &self.rp_id
    }

    /// Whether browsers speak TLS to it.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The address of a page.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_that_passkeys_work_at_are_taken() {
        for (url, origin) in [
            ("https://treasury.example", "https://treasury.example"),
            ("https://treasury.example/", "https://treasury.example"),
            ("https://treasury.example:443", "https://treasury.example"),
            (
                "https://treasury.example:8443",
                "https://treasury.example:8443",
            ),
            ("http://localhost:7540", "http://localhost:7540"),
        ] {
            assert_eq!(Public::parse(url).expect(url).origin(), origin);
        }
        for url in [
            "",
            "treasury.example",
            "http://treasury.example",
            "http://127.0.0.1:7540",
            "https://treasury.example/pages",
            "https://treasury.example/?a=b",
            "https://treasury.example/#a",
            "https://user@treasury.example",
            "https://Treasury.example",
            "ftp://localhost",
        ] {
            Public::parse(url).expect_err(url);
        }
    }
}
